"""Builds claims in lists, as pages show them: the stance of each party, and the assignee."""

from collections.abc import Collection, Iterable
from datetime import datetime

from fastapi import Request
from markupsafe import Markup
from starlette.datastructures import QueryParams
from typing_extensions import TypedDict

from service.accounts import account_queries
from service.claims import documents
from service.claims.claim_views import ClaimView
from service.claims.documents import Internals, StoredClaim
from service.directory import directory_queries
from service.domain.claims import Lifecycle, Stance, parse_instant
from service.web import claim_requests
from service.web.calls import Call

PARAMETERS = frozenset(claim_requests.ListQuery.model_fields)


class SharedStance(TypedDict):
    """The parties, by name, that take the same stance on a claim."""

    stance: Stance
    names: list[str]


class ClaimRow(ClaimView):
    """A claim in a list. Its `assignee` is a name, and None for whoever is not of the desk."""

    stands: list[SharedStance]
    overdue: bool
    shown: list[Markup]
    """Where the words that were searched for were found."""


def read_list_query(request: Request) -> claim_requests.ListQuery:
    """Read the filters in a page's address. Raises Invalid.

    Empty ones, as a form sends them, and those of other programs (utm_source …) are left out.
    """
    parameters = [
        (name, value.strip())
        for name, value in request.query_params.multi_items()
        if name in PARAMETERS and value.strip() and name != "limit"
    ]
    return claim_requests.parse_list_query(QueryParams(parameters))


async def build_rows(
    call: Call, stored_claims: Iterable[StoredClaim], moment: datetime | None = None
) -> list[ClaimRow]:
    """Build the rows of claims that are given as stored."""
    return await complete_rows(
        call,
        [
            (documents.parse_document(claim.document, moment or call.now), claim.internals)
            for claim in stored_claims
        ],
        moment,
    )


async def complete_rows(
    call: Call, claims: Iterable[tuple[ClaimView, Internals]], moment: datetime | None = None
) -> list[ClaimRow]:
    """Build the rows of claims: each as it is served, and what the desk alone may read of it."""
    rows: list[ClaimRow] = []
    assignees: list[str | None] = []
    for claim, internals in claims:
        if call.sees_internals:
            claim = documents.set_internals(claim, internals)
        due_at = claim["due_at"]
        overdue = due_at is not None and parse_instant(due_at) < (moment or call.now)
        is_active = claim["lifecycle"] == Lifecycle.ACTIVE
        assignees.append(claim["assignee"])
        rows.append({**claim, "stands": [], "shown": [], "overdue": overdue and is_active})
    party_names = await read_party_names(
        call, {root for row in rows for _, roots in _list_roots(row) for root in roots}
    )
    ids = {assignee for assignee in assignees if assignee is not None}
    people = await call.read(account_queries.read_names, ids) if ids else {}
    for row, assignee in zip(rows, assignees, strict=True):
        row["stands"] = [
            {"stance": stance, "names": [party_names.get(root, root) for root in roots]}
            for stance, roots in _list_roots(row)
            if roots
        ]
        row["assignee"] = people.get(assignee, "somebody") if people and assignee else None
    return rows


def _list_roots(row: ClaimRow) -> list[tuple[Stance, list[str]]]:
    """List the root parties that take each stance."""
    evidence = row["evidence"]
    return [
        (Stance.SUPPORTS, evidence["supports"]),
        (Stance.CONTRADICTS, evidence["contradicts"]),
        (Stance.REQUESTS_CONFIRMATION, evidence["requests_confirmation"]),
    ]


async def read_party_names(call: Call, slugs: Collection[str]) -> dict[str, str]:
    """Read the names of parties by slug."""
    return await call.read(directory_queries.read_names, slugs) if slugs else {}
