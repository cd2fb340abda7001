"""Stories: what is followed together, who stands where in it, and what happened when."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Response

from service.domain.access import Action
from service.store.paging import Window
from service.stories import (
    matrix_queries,
    matrix_views,
    story_commands,
    story_queries,
    story_views,
    timeline_queries,
    timeline_views,
)
from service.views import Page
from service.web.bodies import directory_inputs
from service.web.calls import (
    JSON,
    PRIVATE,
    Call,
    Paged,
    allow,
    allow_writing,
    answer_json,
    build_answer,
    build_link_header,
)
from service.web.fields import AsOf, SlugPath, read_sent_fields
from service.web.json_bodies import JsonRoute
from service.web.shared import PAGE_COST

router = APIRouter(prefix="/v1/stories", tags=["stories"], route_class=JsonRoute)

Recording = Annotated[Call, allow_writing(Action.RECORD)]
Changing = Annotated[Call, allow(Action.CHANGE_PARTIES)]
Reading = Annotated[Call, allow(Action.READ_CLAIMS)]


@router.get(
    "",
    operation_id="list_stories",
    summary="List stories",
    responses={200: {"model": Page[story_views.StoryView], "description": "By slug"}},
)
async def list_stories(
    call: Reading, paging: Annotated[tuple[Window, str], Depends(Paged("stories"))]
) -> Response:
    window, scope = paging
    rows = await call.read(story_queries.list_stories, window=window)
    return call.page(rows, window, scope, keys=lambda row: [row["slug"]])


@router.post(
    "",
    operation_id="create_story",
    status_code=201,
    summary="Record a story",
    responses={201: {"model": story_views.StoryWithPartiesView, "description": "The story"}},
)
async def create_story(body: directory_inputs.StoryIn, call: Recording) -> Response:
    return await call.write(
        story_commands.create_story,
        **body.model_dump(),
        answer=lambda connection, _: build_answer(
            story_queries.read_story(connection, body.slug),
            status=201,
            Location=f"/v1/stories/{body.slug}",
        ),
    )


@router.get(
    "/{slug}",
    operation_id="read_story",
    summary="Read a story, with the parties in it",
    responses={200: {"model": story_views.StoryWithPartiesView, "description": "The story"}},
)
async def read_story(slug: SlugPath, call: Reading, as_of: AsOf = None) -> Response:
    """Its claims are at `/v1/claims?story=`. With `as_of`, the parties that were in it then, as
    they were; title and description are those of now."""
    return answer_json(await call.read(story_queries.read_story, slug, moment=as_of))


@router.patch(
    "/{slug}",
    operation_id="change_story",
    summary="Change a story",
    responses={200: {"model": story_views.StoryWithPartiesView, "description": "The story"}},
)
async def change_story(
    slug: SlugPath, body: directory_inputs.StoryChange, call: Changing
) -> Response:
    return await call.write(
        story_commands.change_story,
        slug,
        read_sent_fields(body),
        answer=lambda connection, _: build_answer(story_queries.read_story(connection, slug)),
    )


@router.get(
    "/{slug}/matrix",
    operation_id="read_matrix",
    summary="Who stands where in a story",
    responses={200: {"model": matrix_views.MatrixView, "description": "Claims by root parties"}},
)
async def read_matrix(
    slug: SlugPath,
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("matrix"))],
    as_of: AsOf = None,
) -> Response:
    """A row for each claim, those claimed first on top and components below their parents; a
    column for each root party, those with most claims first; a cell where a party stands
    somewhere. Every page has all the columns."""
    window, scope = paging

    async def build() -> Response:
        shape, last = await call.read(matrix_queries.read_matrix, slug, moment=as_of, window=window)
        return _answer_page(call, shape, scope, last)

    return await call.share(build, cost=PAGE_COST)


@router.get(
    "/{slug}/timeline",
    operation_id="read_timeline",
    summary="What happened in a story",
    responses={200: {"model": timeline_views.TimelineView, "description": "Oldest first"}},
)
async def read_timeline(
    slug: SlugPath,
    call: Reading,
    paging: Annotated[
        tuple[Window, str],
        Depends(Paged("timeline", by_end=lambda query: query.get("clock") == "said")),
    ],
    as_of: AsOf = None,
    clock: Annotated[
        timeline_views.Clock, Query(description="When the desk knew, or the world heard")
    ] = "recorded",
) -> Response:
    """In the order in which the desk recorded it, or, with `clock=said`, in which the world heard
    what was said: claims and the statements linked to them. `lanes` has the statuses, by the desk's
    clock, of every claim on the page."""
    window, scope = paging

    async def build() -> Response:
        shape, last = await call.read(
            timeline_queries.read_timeline, slug, clock=clock, moment=as_of, window=window
        )
        return _answer_page(call, shape, scope, last)

    return await call.share(build, cost=PAGE_COST)


def _answer_page(
    call: Call, excerpt: Mapping[str, object], scope: str, last: list[Any] | None
) -> Response:
    """A page that has more to it than its items."""
    cursor = None if last is None else call.cursors.write(scope, last, now=call.now)
    return Response(
        orjson.dumps({**excerpt, "next_cursor": cursor}),
        headers=PRIVATE | build_link_header(call.request, cursor),
        media_type=JSON,
    )
