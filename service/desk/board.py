"""The board: claims by status, and the list of one status or of what was filtered."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from service.desk import listed
from service.desk.rendering import render
from service.domain.access import Action
from service.queries import board, stories
from service.queries.claims import Family, Filters, listing
from service.queries.paging import Window
from service.web import claims as web_claims
from service.web.calls import Call, list_scope, reading

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, reading(Action.READ_CLAIMS, strict=False)]
FILTERS = (
    "story",
    "claimant",
    "party",
    "stance",
    "tag",
    "kind",
    "assignee",
    "drift",
    "as_of",
    "claimed_since",
    "claimed_until",
    "sort",
)
FLAT = 50
STORIES = 200


@router.get("/")
async def show_board(request: Request, call: Reading) -> Response:
    """Every status has its newest claims; with `status`, the list of that status goes on."""
    asked = listed.asked(request)
    filters = web_claims.filters(asked, call)
    (after_event, settled), known = await call.read(_beside)
    context: dict[str, Any] = {
        "filters": {name: request.query_params.get(name) for name in FILTERS},
        "narrowed": any(request.query_params.get(name) for name in FILTERS),
        "stories": known,
        "as_of": filters.as_of,
        "only": None,
        "rows": None,
        "groups": None,
        "next": None,
    }
    if filters.statuses:
        rows, cursor = await _list(call, request, asked, filters)
        context |= {
            "only": asked.status[0] if len(asked.status) == 1 else None,
            "rows": await listed.drawn(call, rows, with_status=len(asked.status) > 1),
            "next": None if cursor is None else _with(request, cursor=cursor),
        }
    else:
        part = "board", filters, call.internals
        groups = call.services.remembered.of(part, after_event) if settled else None
        if groups is None:
            groups = await _groups(call, filters)
            if settled:
                call.services.remembered.keep(part, after_event, groups)
        context["groups"] = [
            group | {"all": _with(request, status=group["status"])} for group in groups
        ]
    return render(
        request,
        "board.html",
        caller=call.caller,
        now=call.now,
        live=None if filters.as_of else live(after_event, filters.story),
        **context,
    )


def _beside(session: Any) -> tuple[tuple[int, bool], list[dict[str, Any]]]:
    """How far the record has come, and the stories to choose from."""
    reached = board.reached(session)
    return reached, stories.page(session, window=Window(STORIES, None))


async def _groups(call: Call, filters: Filters) -> list[dict[str, Any]]:
    found = await board.groups(call.services.database, filters, **await _families(call, filters))
    every = [row for group in found for row in group.rows]
    taken = iter(await listed.drawn(call, every, with_status=False))
    return [
        {
            "status": group.status.value,
            "rows": [next(taken) for _ in group.rows],
            "count": group.count,
            "counted": board.COUNTED,
        }
        for group in found
    ]


async def _families(call: Call, filters: Filters) -> dict[str, Family | None]:
    """The parties that are asked for.  Raises Invalid where there is no such party."""
    return {
        "claimant": await web_claims.family(call, filters.claimant, "claimant", filters.as_of),
        "party": await web_claims.family(call, filters.party, "party", filters.as_of),
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
    call: Call, request: Request, asked: web_claims.ListQuery, filters: Filters
) -> tuple[list[tuple[str, str | None]], str | None]:
    cursors, scope = call.services.cursors, list_scope("board", request)
    after = None
    if asked.cursor is not None:
        after = cursors.read(asked.cursor, scope, now=call.now)
    query = listing(filters, limit=FLAT, after=after, **await _families(call, filters))
    rows = await call.services.database.look_up(query.lookup, query.parameters)
    cursor = None
    if len(rows) > FLAT:
        rows = rows[:FLAT]
        cursor = cursors.write(scope, web_claims.keys(rows[-1]), now=call.now)
    return [(row[0], row[1]) for row in rows], cursor


def _with(request: Request, **changes: str) -> str:
    """The address of this list with other parameters."""
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if value and name not in changes and name not in ("cursor", "done")
    ]
    return f"{request.url.path}?{urlencode([*kept, *changes.items()])}"
