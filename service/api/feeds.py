"""Feeds: a status given to a claim is an entry, in Atom and in JSON Feed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from service.api import shapes
from service.domain import directions
from service.domain.access import Action
from service.domain.claims import Precision, to_utc
from service.domain.errors import NotFound
from service.domain.print_line import format_date
from service.publishing import atom_feed, feed_queries, json_feed
from service.publishing.feed import NEVER, Feed
from service.store.paging import Window, cut
from service.web import published
from service.web.calls import Call, Paged, allow, build_link_header
from service.web.fields import SlugPath
from service.web.shared import LIST_COST

router = APIRouter(prefix="/feeds", tags=["feeds"], default_response_class=Response)

Reading = Annotated[Call, allow(Action.READ_CLAIMS)]


@dataclass(frozen=True, slots=True)
class Format:
    ending: str
    media_type: str
    document: Callable[[Feed], bytes]


ATOM = Format("atom", atom_feed.MEDIA_TYPE, atom_feed.document)
JSON = Format("json", json_feed.MEDIA_TYPE, json_feed.document)


Paging = Annotated[tuple[Window, str], Depends(Paged("feed"))]


def served(format: Format) -> dict[int | str, dict[str, Any]]:
    kind = "object" if format is JSON else "string"
    return {
        200: {
            "description": "Newest first; `next` leads to earlier ones",
            "content": {format.media_type: {"schema": {"type": kind}}},
        },
        304: {"description": "As you have it"},
    }


@router.get("/claims.atom", summary="Changes of status, as Atom", responses=served(ATOM))
async def read_claims_atom(call: Reading, paged: Paging, as_of: shapes.AsOf = None) -> Response:
    """An entry for each status that a claim was given, its first included, with what could be
    printed from then on. Entries never change."""
    return await answer(ATOM, call, paged, as_of)


@router.get("/claims.json", summary="Changes of status, as JSON Feed", responses=served(JSON))
async def read_claims_json(call: Reading, paged: Paging, as_of: shapes.AsOf = None) -> Response:
    """The same entries, in JSON Feed 1.1."""
    return await answer(JSON, call, paged, as_of)


@router.get(
    "/stories/{slug}.atom", summary="A story's changes of status, as Atom", responses=served(ATOM)
)
async def read_story_atom(
    slug: SlugPath, call: Reading, paged: Paging, as_of: shapes.AsOf = None
) -> Response:
    """The entries of one story's claims."""
    return await answer(ATOM, call, paged, as_of, slug)


@router.get(
    "/stories/{slug}.json",
    summary="A story's changes of status, as JSON Feed",
    responses=served(JSON),
)
async def read_story_json(
    slug: SlugPath, call: Reading, paged: Paging, as_of: shapes.AsOf = None
) -> Response:
    """The entries of one story's claims, in JSON Feed 1.1."""
    return await answer(JSON, call, paged, as_of, slug)


async def answer(
    format: Format,
    call: Call,
    paged: tuple[Window, str],
    as_of: datetime | None,
    story: str | None = None,
) -> Response:
    """A page of a feed, made once for all strangers."""
    return await call.share(lambda: _make(format, call, paged, as_of, story), cost=LIST_COST)


async def _make(
    format: Format,
    call: Call,
    paged: tuple[Window, str],
    as_of: datetime | None,
    story: str | None,
) -> Response:
    """A page of a feed.  Entries never change, so which of them are on it says whether the caller
    has it already: nothing is read or rendered for a 304."""
    services, (window, scope) = call.services, paged
    page = await call.read(feed_queries.page, story=story, as_of=as_of, window=window)
    if page is None:
        raise NotFound(f"There is no story '{story}'.")
    places, last = cut(page.places, window, feed_queries.keys(as_of))
    following = services.cursors.write(scope, last, now=None) if last else None
    updated = max([page.titled or NEVER, *(one.moment for one in places)])
    feed = Feed(
        title=_title(services.settings.publisher, page.title, as_of),
        updated=updated,
        home="/" if story is None else f"/stories/{story}",
        path=call.request.url.path.removesuffix(f".{format.ending}"),
        query=tuple(one for one in call.request.query_params.multi_items() if one[0] != "cursor"),
        cursor=call.request.query_params.get("cursor"),
        following=following,
        publisher=services.settings.publisher,
        base_url=services.settings.base_url,
        entries=(),
    )
    tag = published.compute_tag(call.request.app.version, format.ending, feed, places)
    unmodified = published.answer_unmodified(call, tag, updated)
    if unmodified is not None:
        return unmodified
    entries = await call.read(feed_queries.entries, [one.seq for one in places])
    return Response(
        format.document(replace(feed, entries=entries)),
        headers=published.build_cache_headers(call, tag, updated)
        | build_link_header(call.request, following),
        media_type=format.media_type,
    )


def _title(publisher: str, story: str | None, as_of: datetime | None) -> str:
    told = directions.isolate_text(story) if story else "claims and their status"
    title = f"{directions.isolate_text(publisher)}: {told}"
    if as_of is None:
        return title
    return f"{title}, as of {format_date(to_utc(as_of), Precision.SECOND)}"
