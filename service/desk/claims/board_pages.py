"""The board: claims by status, and the list of one status or of what was filtered."""

import asyncio
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from service.claims import board_queries
from service.claims.claim_queries import Family, Filters, build_list_query
from service.desk.claims import claim_rows
from service.desk.claims.claim_rows import Drawn
from service.desk.layout.rendering import direction, render
from service.domain import access
from service.domain.access import Action
from service.domain.claims import Lifecycle
from service.web import claim_requests
from service.web.calls import Call, allow, build_list_scope
from service.web.direct_routes import DirectRoute

router = APIRouter(include_in_schema=False, route_class=DirectRoute)

FILTERS = (
    "story",
    "claimant",
    "party",
    "stance",
    "tag",
    "kind",
    "lifecycle",
    "assignee",
    "drift",
    "as_of",
    "claimed_since",
    "claimed_until",
    "sort",
)
FLAT = 50


@router.get("/")
async def show_board(call: Annotated[Call, allow(Action.READ_CLAIMS, page=True)]) -> Response:
    """Every status has its newest claims; with `status`, the list of that status goes on."""
    request = call.request
    asked = claim_rows.asked(request)
    filters = claim_requests.build_filters(asked, call)
    database = call.services.database
    (after_event, settled), known = await asyncio.gather(
        board_queries.read_newest_event(database),
        database.look_up(board_queries.RECENT_STORIES, {}),
    )
    context: dict[str, Any] = {
        "filters": {name: request.query_params.get(name) for name in FILTERS},
        "narrowed": any(request.query_params.get(name) for name in FILTERS),
        "stories": _options(tuple((row[0], row[1]) for row in known), filters.story),
        "as_of": filters.as_of,
    }
    if filters.statuses or filters.lifecycle:
        found, cursor = await _list(call, request, asked, filters)
        rows = await claim_rows.rows(call, found)
        shown = claim_rows.draw(
            "_rows.html",
            rows,
            rows=rows,
            with_status=len(asked.status) != 1,
            only=asked.status[0] if len(asked.status) == 1 else None,
            narrowed=context["narrowed"],
            next=None if cursor is None else _with(request, cursor=cursor),
        )
    else:
        # A user who is renamed is no event of the record: names are a minute old at most.
        minute = call.now.replace(second=0, microsecond=0) if call.sees_internals else None
        part = "board", filters, minute, request.url.query
        kept = call.services.page_parts.find(part, after_event) if settled else None
        shown = kept or await _groups(call, request, filters, narrowed=context["narrowed"])
        if settled and kept is None:
            call.services.page_parts.keep(part, after_event, shown)
    return render(
        request,
        "board.html",
        caller=call.caller,
        now=call.now,
        live=None if filters.as_of else live(after_event, filters.story),
        only=asked.status[0] if len(asked.status) == 1 else None,
        shown=shown.at(call.now),
        **context,
    )


async def _groups(call: Call, request: Request, filters: Filters, *, narrowed: bool) -> Drawn:
    in_force = replace(filters, lifecycle=Lifecycle.ACTIVE)
    found = await board_queries.list_groups(
        call.services.database, in_force, **await _families(call, filters)
    )
    taken = iter(await claim_rows.rows(call, [row for group in found for row in group.rows]))
    groups: list[dict[str, Any]] = [
        {
            "status": group.status.value,
            "rows": [next(taken) for _ in group.rows],
            "count": group.count,
            "counted": board_queries.COUNT_LIMIT,
            "all": _with(request, status=group.status, lifecycle=Lifecycle.ACTIVE),
        }
        for group in found
    ]
    rows = [row for group in groups for row in group["rows"]]
    may_record = access.is_allowed(call.caller, Action.RECORD)
    return claim_rows.draw(
        "_groups.html",
        rows,
        groups=groups,
        narrowed=narrowed,
        record=may_record,
        withdrawn=_with(request, lifecycle=Lifecycle.WITHDRAWN),
    )


@lru_cache
def _options(known: tuple[tuple[str, str], ...], chosen: str | None) -> Markup:
    """The stories to choose from; one that is chosen is among them whenever it changed."""
    others = () if chosen is None or chosen in dict(known) else ((chosen, chosen),)
    option = Markup('<option{} value="{}"{}>{}</option>')
    selected = Markup(" selected")
    return Markup("").join(
        option.format(direction(title), slug, selected if slug == chosen else "", title)
        for slug, title in (*others, *known)
    )


async def _families(call: Call, filters: Filters) -> dict[str, Family | None]:
    """The parties that are asked for.  Raises Invalid where there is no such party."""
    return {
        "claimant": await claim_requests.find_family(
            call, filters.claimant, "claimant", filters.as_of
        ),
        "party": await claim_requests.find_family(call, filters.party, "party", filters.as_of),
    }


def live(after: int, story: str | None = None, claim: str | None = None) -> str:
    """The address of the events that a page is kept true by."""
    query: dict[str, Any] = {"after": after}
    if story is not None:
        query["story"] = story
    if claim is not None:
        query["claim"] = claim
    return f"/v1/events/stream?{urlencode(query)}"


async def _list(
    call: Call, request: Request, asked: claim_requests.ListQuery, filters: Filters
) -> tuple[list[tuple[str, str | None]], str | None]:
    cursors = call.services.cursors
    scope = claim_requests.build_claims_scope(build_list_scope("board", request), asked)
    after = None
    if asked.cursor is not None:
        after = cursors.read(asked.cursor, scope, now=call.now)
    query = build_list_query(filters, limit=FLAT, after=after, **await _families(call, filters))
    rows = await call.services.database.look_up(query.statement, query.parameters)
    cursor = None
    if len(rows) > FLAT:
        rows = rows[:FLAT]
        cursor = cursors.write(scope, claim_requests.read_sort_keys(rows[-1]), now=call.now)
    return [(row[0], row[1]) for row in rows], cursor


def _with(request: Request, **changes: str) -> str:
    """The address of this list with other parameters."""
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if value and name not in changes and name not in ("cursor", "done")
    ]
    return f"{request.url.path}?{urlencode([*kept, *changes.items()])}"
