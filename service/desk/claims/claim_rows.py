"""Claims in lists, as pages show them: where each party stands, and who works on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from fastapi import Request
from markupsafe import Markup
from starlette.datastructures import QueryParams

from service.accounts import account_queries
from service.desk.layout.rendering import ago, environment
from service.directory import directory_queries
from service.domain.claims import Stance, parse_instant
from service.web import claim_requests
from service.web.calls import Call

STANCES = (Stance.SUPPORTS, Stance.CONTRADICTS, Stance.REQUESTS_CONFIRMATION)
AGE = Markup("<age>")
"""Stands for how long since: no text of a claim comes into a page with a `<` of its own."""
KNOWN = {*claim_requests.ListQuery.model_fields}


def asked(request: Request) -> claim_requests.ListQuery:
    """The filters in a page's address: empty ones, as a form sends them, and those of other
    programs (utm_source …) are none.  Raises Invalid."""
    given = [
        (name, value.strip())
        for name, value in request.query_params.multi_items()
        if name in KNOWN and value.strip() and name != "limit"
    ]
    return claim_requests.parse_list_query(QueryParams(given))


async def rows(call: Call, stored: Iterable[tuple[str, str | None]]) -> list[dict[str, Any]]:
    """Claims as stored, as a template shows them: with `stands`, the parties other than the
    claimant's that stand somewhere, and with `assignee`, a name, for the desk."""
    found = [(orjson.loads(document), assignee) for document, assignee in stored]
    slugs = {root for claim, _ in found for one in STANCES for root in claim["evidence"][one]}
    names = await parties_named(call, slugs)
    people: dict[str, str] = {}
    if call.sees_internals:
        assignees = {assignee for _, assignee in found if assignee is not None}
        people = await call.read(account_queries.read_names, assignees) if assignees else {}
    for claim, assignee in found:
        claim["stands"] = _stands(claim, names)
        claim["assignee"] = people.get(assignee, "somebody") if people and assignee else None
    return [claim for claim, _ in found]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Claims in a list as HTML: all of it but how long each has been in its status."""

    pieces: list[str]
    since: list[datetime]

    def at(self, now: datetime) -> Markup:
        told = [*(ago(one, now) for one in self.since), ""]
        pairs = zip(self.pieces, told, strict=True)
        return Markup("".join(part for pair in pairs for part in pair))  # noqa: S704 - a template's


def draw(template: str, claims: Iterable[dict[str, Any]], **context: Any) -> Drawn:
    """The `template` that lists `claims`, each once and in this order."""
    html = environment().get_template(template).render(context | {"age": AGE})
    return Drawn(html.split(AGE), [parse_instant(one["status_since"]) for one in claims])


def _stands(claim: Mapping[str, Any], names: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"stance": one.value, "name": names.get(root, root)}
        for one in STANCES
        for root in claim["evidence"][one]
    ]


async def parties_named(call: Call, slugs: Iterable[str]) -> dict[str, str]:
    """The names of parties by slug."""
    wanted = set(slugs)
    return await call.read(directory_queries.read_names, wanted) if wanted else {}
