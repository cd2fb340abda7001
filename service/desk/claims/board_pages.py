"""The board: claims by status, and the list of one status or of what was filtered."""

import asyncio
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from service.claims import board_queries
from service.claims.claim_queries import Family, Filters, build_list_query
from service.claims.documents import StoredClaim
from service.desk.claims import claim_rows
from service.desk.claims.claim_rows import ClaimRow
from service.desk.layout.rendering import build_direction_attribute, render_page, render_part
from service.desk.work import follow_forms
from service.domain import access
from service.domain.access import Action
from service.domain.claims import Lifecycle
from service.web import claim_requests, time_zones, view_queries
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
    "superseded",
    "assignee",
    "drift",
    "hold",
    "overdue",
    "as_of",
    "claimed_since",
    "claimed_until",
    "sort",
)
LIST_LENGTH = 50


@dataclass(frozen=True, slots=True)
class StatusGroup:
    """The newest claims of one status."""

    status: str
    rows: list[ClaimRow]
    count: int
    url: str
    """The list of all of them."""


@router.get("/")
async def show_board(call: Annotated[Call, allow(Action.READ_CLAIMS, page=True)]) -> Response:
    """Show the newest claims of every status or, with `status` or `lifecycle`, a list page by
    page."""
    request = call.request
    query = claim_rows.read_list_query(request)
    filters = claim_requests.build_filters(query, call)
    database = call.reader
    (after_event, is_settled), stories = await asyncio.gather(
        board_queries.read_newest_event(database),
        database.look_up(board_queries.RECENT_STORIES, {}),
    )
    parameters = {name: request.query_params.get(name) for name in FILTERS}
    is_narrowed = any(parameters.values())
    only_status = query.status[0] if len(query.status) == 1 else None
    if filters.statuses or filters.lifecycle:
        stored_claims, cursor = await _read_list(call, query, filters)
        lists = render_part(
            "_rows.html",
            rows=await claim_rows.build_rows(call, stored_claims, filters.as_of),
            now=call.now,
            with_status=only_status is None,
            only=only_status,
            narrowed=is_narrowed,
            may_record=access.is_allowed(call.caller, Action.AMEND) and not filters.as_of,
            next=None if cursor is None else _build_url(request, cursor=cursor),
        )
    else:
        # Ages, and names of users (to rename one is no event), are a minute old at most.
        minute = call.now.replace(second=0, microsecond=0)
        may_record = access.is_allowed(call.caller, Action.RECORD) and not filters.as_of
        zone = time_zones.read_shown_zone()
        part = zone, call.sees_internals, may_record, filters, minute, request.url.query
        cached_groups: Markup | None = None
        if is_settled:
            cached_groups = call.services.page_parts.find(part, after_event)
        lists = cached_groups or await _render_groups(
            call, filters, is_narrowed=is_narrowed, may_record=may_record
        )
        if is_settled and cached_groups is None:
            call.services.page_parts.keep(part, after_event, lists)
    return render_page(
        call,
        "board.html",
        live=None if filters.as_of else build_stream_url(after_event, filters.story),
        only=only_status,
        lists=lists,
        filters=parameters,
        narrowed=is_narrowed,
        stories=_render_story_options(tuple((row[0], row[1]) for row in stories), filters.story),
        button=await follow_forms.read_search_button(call, query, filters),
        saved_query=view_queries.format_query(query),
        as_of=filters.as_of,
    )


async def _render_groups(
    call: Call, filters: Filters, *, is_narrowed: bool, may_record: bool
) -> Markup:
    """Render a list for each status, of the claims that are in force."""
    groups = await board_queries.list_groups(
        call.reader,
        replace(filters, lifecycle=Lifecycle.ACTIVE, without_superseded=not filters.superseded),
        **await _find_families(call, filters),
    )
    rows = iter(
        await claim_rows.build_rows(
            call, [row for group in groups for row in group.rows], filters.as_of
        )
    )
    return render_part(
        "_groups.html",
        groups=[
            StatusGroup(
                status=group.status.value,
                rows=[next(rows) for _ in group.rows],
                count=group.count,
                url=_build_url(
                    call.request,
                    status=group.status,
                    lifecycle=Lifecycle.ACTIVE,
                    superseded="true" if filters.superseded else "false",
                ),
            )
            for group in groups
        ],
        most_counted=board_queries.COUNT_LIMIT,
        now=call.now,
        narrowed=is_narrowed,
        may_record=may_record,
        withdrawn_url=_build_url(call.request, lifecycle=Lifecycle.WITHDRAWN),
        superseded_url=_build_url(call.request, superseded="true", lifecycle=Lifecycle.ACTIVE),
    )


@lru_cache
def _render_story_options(stories: tuple[tuple[str, str], ...], chosen_story: str | None) -> Markup:
    """Render the stories to choose from; a chosen one is among them whenever it changed."""
    missing = (
        ()
        if chosen_story is None or chosen_story in dict(stories)
        else ((chosen_story, chosen_story),)
    )
    option = Markup('<option{} value="{}"{}>{}</option>')
    selected_mark = Markup(" selected")
    return Markup("").join(
        option.format(
            build_direction_attribute(title),
            slug,
            selected_mark if slug == chosen_story else "",
            title,
        )
        for slug, title in (*missing, *stories)
    )


async def _find_families(call: Call, filters: Filters) -> dict[str, Family | None]:
    """Find the parties that are asked for. Raises Invalid where there is no such party."""
    find = claim_requests.find_family
    return {
        "claimant": await find(call, filters.claimant, "claimant", filters.as_of),
        "party": await find(call, filters.party, "party", filters.as_of),
    }


def build_stream_url(after: int, story: str | None = None, claim: str | None = None) -> str:
    """Build the address of the stream of events that keeps a page up to date."""
    parameters = {"after": str(after), "story": story, "claim": claim}
    query = {name: value for name, value in parameters.items() if value is not None}
    return f"/v1/events/stream?{urlencode(query)}"


async def _read_list(
    call: Call, query: claim_requests.ListQuery, filters: Filters
) -> tuple[list[StoredClaim], str | None]:
    """Read a page of the list, and the cursor of the next."""
    scope = claim_requests.build_claims_scope(build_list_scope("board", call.request), query)
    after = None
    if query.cursor is not None:
        after = call.cursors.read(query.cursor, scope, now=call.now)
    listing = build_list_query(
        filters, limit=LIST_LENGTH, after=after, **await _find_families(call, filters)
    )
    rows = await call.reader.look_up(listing.statement, listing.parameters)
    cursor = None
    if len(rows) > LIST_LENGTH:
        rows = rows[:LIST_LENGTH]
        cursor = call.cursors.write(scope, claim_requests.read_sort_keys(rows[-1]), now=call.now)
    return [StoredClaim(*row[:3]) for row in rows], cursor


def _build_url(request: Request, **changes: str) -> str:
    """Build the address of this list with other parameters."""
    parameters = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if value and name not in changes and name not in ("cursor", "done")
    ]
    return f"{request.url.path}?{urlencode([*parameters, *changes.items()])}"
