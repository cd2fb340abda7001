"""Claims in lists, as pages show them: where each party stands, and who works on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from fastapi import Request
from markupsafe import Markup
from starlette.datastructures import QueryParams

from service.desk.rendering import ago, environment
from service.domain.claims import Stance, instant
from service.queries import accounts, directory
from service.web import claims as web_claims
from service.web.calls import Call

STANCES = (Stance.SUPPORTS, Stance.CONTRADICTS, Stance.REQUESTS_CONFIRMATION)
AGE = "\x02"
"""Stands for how long since, which no text of a claim holds."""
DRAWN = 4_096
"""Claims that are kept as they were drawn."""
KNOWN = {*web_claims.ListQuery.model_fields}


def asked(request: Request) -> web_claims.ListQuery:
    """The filters in a page's address: empty ones, as a form sends them, and those of other
    programs (utm_source …) are none.  Raises Invalid."""
    given = [
        (name, value.strip())
        for name, value in request.query_params.multi_items()
        if name in KNOWN and value.strip() and name != "limit"
    ]
    return web_claims.list_query(QueryParams(given))


async def rows(call: Call, stored: Iterable[tuple[str, str | None]]) -> list[dict[str, Any]]:
    """Claims as stored, as a template shows them: with `stands`, the parties other than the
    claimant's that stand somewhere, and with `assignee`, a name, for the desk."""
    found = [(orjson.loads(document), assignee) for document, assignee in stored]
    slugs = {root for claim, _ in found for one in STANCES for root in claim["evidence"][one]}
    names = await parties_named(call, slugs)
    people: dict[str, str] = {}
    if call.internals:
        assignees = {assignee for _, assignee in found if assignee is not None}
        people = await call.read(accounts.named, assignees) if assignees else {}
    for claim, assignee in found:
        claim["stands"] = _stands(claim, names)
        claim["assignee"] = people.get(assignee, "somebody") if people and assignee else None
    return [claim for claim, _ in found]


@dataclass(frozen=True, slots=True)
class Row:
    """A claim in a list as HTML, drawn once for each version of it: all but how long it has been
    in its status."""

    before: Markup
    since: datetime
    after: Markup

    def at(self, now: datetime) -> Markup:
        return self.before + ago(self.since, now) + self.after


async def drawn(
    call: Call, stored: Iterable[tuple[str, str | None]], *, with_status: bool
) -> list[Row]:
    """Claims as stored, drawn.

    A party's name stands in its claims' own record, so that who renames it changes them: what is
    drawn of a claim as stored is drawn for good.
    """
    found = list(stored)
    people: dict[str, str] = {}
    if call.internals and (assignees := {one for _, one in found if one is not None}):
        people = await call.read(accounts.named, assignees)
    names = await parties_named(call, {root for document, _ in found for root in _roots(document)})
    return [
        _draw(
            document,
            people.get(assignee, "somebody") if call.internals and assignee else None,
            with_status,
            tuple((root, names.get(root, root)) for root in _roots(document)),
        )
        for document, assignee in found
    ]


@lru_cache(maxsize=DRAWN)
def _roots(document: str) -> tuple[str, ...]:
    """The parties other than the claimant's that stand somewhere."""
    claim = orjson.loads(document)
    return tuple(root for one in STANCES for root in claim["evidence"][one])


@lru_cache(maxsize=DRAWN)
def _draw(
    document: str, assignee: str | None, with_status: bool, names: tuple[tuple[str, str], ...]
) -> Row:
    claim, known = orjson.loads(document), dict(names)
    claim["stands"] = _stands(claim, known)
    claim["assignee"] = assignee
    module: Any = environment().get_template("_marks.html").module
    html = module.row(claim, None, with_status=with_status, age=AGE)
    before, after = str(html).split(AGE)
    return Row(Markup(before), instant(claim["status_since"]), Markup(after))  # noqa: S704 - a template's


def _stands(claim: Mapping[str, Any], names: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"stance": one.value, "name": names.get(root, root)}
        for one in STANCES
        for root in claim["evidence"][one]
    ]


async def parties_named(call: Call, slugs: Iterable[str]) -> dict[str, str]:
    """The names of parties by slug."""
    wanted = set(slugs)
    return await call.read(directory.names, wanted) if wanted else {}
