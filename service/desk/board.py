"""The board: claims by status, and the list of one status or of what was filtered."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from service.desk import listed
from service.desk.rendering import render
from service.domain.access import Action
from service.queries import board, stories
from service.queries import claims as claim_queries
from service.queries.paging import Window
from service.store.tail import newest
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
    database = call.services.database
    after_event = await call.read(newest)
    filters = web_claims.filters(asked, call)
    claimant = await web_claims.family(call, filters.claimant, "claimant", filters.as_of)
    party = await web_claims.family(call, filters.party, "party", filters.as_of)
    context: dict[str, Any] = {
        "filters": {name: request.query_params.get(name) for name in FILTERS},
        "narrowed": any(request.query_params.get(name) for name in FILTERS),
        "stories": await call.read(stories.page, window=Window(STORIES, None)),
        "as_of": filters.as_of,
    }
    if filters.statuses:
        rows, cursor = await _list(call, request, asked, filters, claimant, party)
        context |= {
            "only": asked.status[0] if len(asked.status) == 1 else None,
            "groups": None,
            "rows": await listed.rows(call, rows),
            "next": None if cursor is None else _with(request, cursor=cursor),
        }
    else:
        found = await board.groups(database, filters, claimant=claimant, party=party)
        every = await listed.rows(call, [row for group in found for row in group.rows])
        taken = iter(every)
        context |= {
            "only": None,
            "next": None,
            "groups": [
                {
                    "status": group.status,
                    "rows": [next(taken) for _ in group.rows],
                    "count": group.count,
                    "counted": board.COUNTED,
                    "all": _with(request, status=group.status),
                }
                for group in found
            ],
        }
    return render(
        request,
        "board.html",
        caller=call.caller,
        now=call.now,
        live=None if filters.as_of else live(after_event, filters.story),
        **context,
    )


def live(after: int, story: str | None = None, claim: str | None = None) -> str:
    """The address of the events that a page is kept true by."""
    query: dict[str, Any] = {"after": after}
    if story is not None:
        query["story"] = story
    if claim is not None:
        query["claim"] = claim
    return f"/v1/events/stream?{urlencode(query)}"


async def _list(
    call: Call,
    request: Request,
    asked: web_claims.ListQuery,
    filters: claim_queries.Filters,
    claimant: claim_queries.Family | None,
    party: claim_queries.Family | None,
) -> tuple[list[tuple[str, str | None]], str | None]:
    cursors, scope = call.services.cursors, list_scope("board", request)
    after = None
    if asked.cursor is not None:
        after = cursors.read(asked.cursor, scope, now=call.now)
    query = claim_queries.listing(filters, limit=FLAT, after=after, claimant=claimant, party=party)
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
