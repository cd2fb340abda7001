"""Routes of feeds, in Atom and in JSON Feed: what happened to claims, and the corrections log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from service.domain import directions
from service.domain.access import Action
from service.domain.claims import Precision, to_utc
from service.domain.errors import NotFound
from service.domain.print_phrases import Language, format_date
from service.publishing import atom_feed, correction_queries, feed_queries, json_feed
from service.publishing.correction_queries import LogFilters
from service.publishing.corrections import CorrectionEntry
from service.publishing.feed import NEVER, Feed, FeedEntry
from service.publishing.feed_queries import Place
from service.store.engine import Connection
from service.store.paging import Window, cut_page
from service.views import JsonObject
from service.web import fields, published
from service.web.calls import Call, Paged, allow, build_link_header
from service.web.fields import SlugPath
from service.web.shared import LIST_COST

router = APIRouter(prefix="/feeds", tags=["feeds"], default_response_class=Response)

Responses = dict[int | str, JsonObject]
"""What FastAPI takes as the documented answers of a route."""
Reading = Annotated[Call, allow(Action.READ_CLAIMS)]


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """A format of feeds: the ending of its addresses, and how it is rendered."""

    ending: str
    media_type: str
    render: Callable[[Feed], bytes]


ATOM = FeedFormat("atom", atom_feed.MEDIA_TYPE, atom_feed.render_atom)
JSON = FeedFormat("json", json_feed.MEDIA_TYPE, json_feed.render_json_feed)


Paging = Annotated[tuple[Window, str], Depends(Paged("feed"))]


def describe_responses(format: FeedFormat) -> Responses:
    """Return the documented answers of a feed."""
    kind = "object" if format is JSON else "string"
    return {
        200: {
            "description": "Newest first; `next` leads to earlier ones",
            "content": {format.media_type: {"schema": {"type": kind}}},
        },
        304: {"description": "As you have it"},
    }


@router.get(
    "/claims.atom",
    operation_id="read_claims_atom",
    summary="Changes of status, as Atom",
    responses=describe_responses(ATOM),
)
async def read_claims_atom(
    call: Reading, paging: Paging, as_of: fields.AsOf = None, lang: fields.Lang = Language.EN
) -> Response:
    """An entry for each status that a claim was given, its first included, with what could be
    printed from then on. Entries never change."""
    return await answer_feed(ATOM, call, paging, as_of, lang)


@router.get(
    "/claims.json",
    operation_id="read_claims_json",
    summary="Changes of status, as JSON Feed",
    responses=describe_responses(JSON),
)
async def read_claims_json(
    call: Reading, paging: Paging, as_of: fields.AsOf = None, lang: fields.Lang = Language.EN
) -> Response:
    """The same entries, in JSON Feed 1.1."""
    return await answer_feed(JSON, call, paging, as_of, lang)


@router.get(
    "/stories/{slug}.atom",
    operation_id="read_story_atom",
    summary="A story's changes of status, as Atom",
    responses=describe_responses(ATOM),
)
async def read_story_atom(
    slug: SlugPath,
    call: Reading,
    paging: Paging,
    as_of: fields.AsOf = None,
    lang: fields.Lang = Language.EN,
) -> Response:
    """The entries of one story's claims."""
    return await answer_feed(ATOM, call, paging, as_of, lang, slug)


@router.get(
    "/stories/{slug}.json",
    operation_id="read_story_json",
    summary="A story's changes of status, as JSON Feed",
    responses=describe_responses(JSON),
)
async def read_story_json(
    slug: SlugPath,
    call: Reading,
    paging: Paging,
    as_of: fields.AsOf = None,
    lang: fields.Lang = Language.EN,
) -> Response:
    """The entries of one story's claims, in JSON Feed 1.1."""
    return await answer_feed(JSON, call, paging, as_of, lang, slug)


@router.get(
    "/corrections.atom",
    operation_id="read_corrections_atom",
    summary="What the desk took back or put right, as Atom",
    responses=describe_responses(ATOM),
)
async def read_corrections_atom(
    call: Reading, paging: Paging, lang: fields.Lang = Language.EN
) -> Response:
    """The corrections log: each with its class, the sentence that may be printed, and what may be
    printed of the claim before and after."""
    return await answer_corrections(ATOM, call, paging, lang)


@router.get(
    "/corrections.json",
    operation_id="read_corrections_json",
    summary="What the desk took back or put right, as JSON Feed",
    responses=describe_responses(JSON),
)
async def read_corrections_json(
    call: Reading, paging: Paging, lang: fields.Lang = Language.EN
) -> Response:
    """The same corrections, in JSON Feed 1.1."""
    return await answer_corrections(JSON, call, paging, lang)


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of a feed before anything on it is read."""

    title: str
    home: str
    places: Sequence[Place]
    """One more than the limit, if any."""
    changed_at: datetime | None = None
    """When something else than its entries changed."""


async def answer_corrections(
    format: FeedFormat, call: Call, paging: tuple[Window, str], language: Language
) -> Response:
    """Answer with a page of the corrections log, rendered once for all strangers."""

    def read(connection: Connection, numbers: Sequence[int]) -> Sequence[FeedEntry]:
        corrections = correction_queries.read_corrections(connection, numbers, language=language)
        return [CorrectionEntry(correction) for correction in corrections]

    async def render() -> Response:
        window, _ = paging
        places = await call.read(correction_queries.list_places, LogFilters(), window=window)
        publisher = directions.isolate_text(call.services.settings.publisher)
        page = FeedPage(f"{publisher}: corrections", "/corrections", places)
        return await _render_page(format, call, paging, page, read)

    return await call.share(render, cost=LIST_COST)


async def answer_feed(
    format: FeedFormat,
    call: Call,
    paging: tuple[Window, str],
    as_of: datetime | None,
    language: Language,
    story: str | None = None,
    follower: str | None = None,
) -> Response:
    """Answer with a page of a feed: of all claims, a story, or what a person follows; rendered once
    for all strangers."""

    def read(connection: Connection, numbers: Sequence[int]) -> Sequence[FeedEntry]:
        return feed_queries.read_entries(connection, numbers, language=language)

    async def render() -> Response:
        window, _ = paging
        page = await call.read(
            feed_queries.list_places, story=story, as_of=as_of, window=window, follower=follower
        )
        if page is None:
            raise NotFound(f"There is no story '{story}'.")
        subject = directions.isolate_text(page.title) if page.title else "claims and their status"
        if follower is not None:
            subject = "claims that you follow"
        title = _build_title(call.services.settings.publisher, subject, as_of)
        home = "/" if story is None else f"/stories/{story}"
        feed_page = FeedPage(title, home, page.places, page.changed_at)
        return await _render_page(format, call, paging, feed_page, read, as_of)

    return await call.share(render, cost=LIST_COST)


async def _render_page(
    format: FeedFormat,
    call: Call,
    paging: tuple[Window, str],
    page: FeedPage,
    read: Callable[[Connection, Sequence[int]], Sequence[FeedEntry]],
    as_of: datetime | None = None,
) -> Response:
    """Render a page of a feed.

    Entries never change, so which of them are on it says whether the caller has it already: nothing
    is read or rendered for a 304.
    """
    services, (window, scope) = call.services, paging
    places, last = cut_page(page.places, window, feed_queries.choose_cursor_keys(as_of))
    next_cursor = services.cursors.write(scope, last, now=None) if last else None
    last_change = max([page.changed_at or NEVER, *(place.moment for place in places)])
    feed = Feed(
        title=page.title,
        updated=last_change,
        home=page.home,
        path=call.request.url.path.removesuffix(f".{format.ending}"),
        query=tuple(
            (name, value)
            for name, value in call.request.query_params.multi_items()
            if name != "cursor"
        ),
        cursor=call.request.query_params.get("cursor"),
        next_cursor=next_cursor,
        publisher=services.settings.publisher,
        base_url=services.settings.base_url,
        entries=(),
    )
    tag = published.compute_tag(call.request.app.version, format.ending, feed, places)
    not_modified = published.answer_unmodified(call, tag, last_change)
    if not_modified is not None:
        return not_modified
    entries = await call.read(read, [place.seq for place in places])
    return Response(
        format.render(replace(feed, entries=entries)),
        headers=published.build_cache_headers(call, tag, last_change)
        | build_link_header(call.request, next_cursor),
        media_type=format.media_type,
    )


def _build_title(publisher: str, subject: str, as_of: datetime | None) -> str:
    title = f"{directions.isolate_text(publisher)}: {subject}"
    if as_of is None:
        return title
    return f"{title}, as of {format_date(to_utc(as_of), Precision.SECOND)}"
