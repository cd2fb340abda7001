"""Feeds at private addresses, for readers that send no key."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from service.api.feeds import ATOM, JSON, FeedFormat, Paging, answer_feed, describe_responses
from service.domain.access import Action
from service.domain.errors import NotFound
from service.domain.print_phrases import Language
from service.notices import feed_addresses
from service.notices.feed_addresses import LONGEST_TOKEN
from service.notices.notice_views import FeedView
from service.record.idempotency import Answer
from service.store.paging import Window
from service.views import Page
from service.web import fields, replica_choice
from service.web.bodies.notice_inputs import FeedIn
from service.web.calls import Allow, AllowWriting, Call, Paged, build_answer
from service.web.fields import FeedId
from service.web.json_bodies import JsonRoute
from service.web.service_container import get_services

router = APIRouter(prefix="/v1/me/feeds", tags=["feeds"], route_class=JsonRoute)
feed_router = APIRouter(prefix="/feeds", tags=["feeds"], default_response_class=Response)

Asking = Annotated[Call, Depends(Allow(None), scope="function")]
Writing = Annotated[Call, Depends(AllowWriting(None), scope="function")]
Token = Annotated[str, Path(max_length=LONGEST_TOKEN)]
PRIVACY = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
"""Where an entry leads is not told the address, and no search engine keeps it."""


@router.get(
    "",
    operation_id="list_private_feeds",
    summary="List your private addresses of feeds",
    responses={200: {"model": Page[FeedView], "description": "In the order of their ids"}},
)
async def list_private_feeds(
    call: Asking, paging: Annotated[tuple[Window, str], Depends(Paged("private-feeds"))]
) -> Response:
    """With when each was last read. The addresses themselves are not kept."""
    window, scope = paging
    rows = await call.services.database.read(
        feed_addresses.list_feeds, caller=call.actor, window=window
    )
    return call.page(rows, window, scope, keys=lambda row: [row["id"]])


@router.post(
    "",
    operation_id="make_private_feed",
    status_code=201,
    summary="Make a private address of a feed",
    responses={201: {"model": FeedView, "description": "With its `url`, which is shown once"}},
)
async def make_private_feed(body: FeedIn, call: Writing) -> Response:
    """Whoever has the address reads this feed, and nothing else, without a key, until you delete it
    or may no longer read it yourself. Editors make one of a story."""
    return await call.write(
        feed_addresses.make_feed,
        story=body.story,
        answer=lambda _connection, feed: build_answer(feed, status=201),
        shown_once="url",
    )


@router.delete(
    "/{feed_id}",
    operation_id="delete_private_feed",
    status_code=204,
    summary="Delete a private address of a feed",
    responses={204: {"description": "It leads nowhere from now on"}},
)
async def delete_private_feed(feed_id: FeedId, call: Asking) -> Response:
    return await call.write(
        feed_addresses.delete_feed,
        feed_id,
        answer=lambda _connection, _none: Answer(204, b"", {}),
    )


@feed_router.get(
    "/mine/{token}.atom",
    operation_id="read_followed_atom",
    summary="What somebody follows, as Atom",
    responses=describe_responses(ATOM),
)
async def read_followed_atom(
    token: Token, request: Request, paging: Paging, lang: fields.Lang = Language.EN
) -> Response:
    """The entries of the claims that the owner of the address follows. Needs no key."""
    return await _answer_private_feed(ATOM, request, token, paging, lang)


@feed_router.get(
    "/mine/{token}.json",
    operation_id="read_followed_json",
    summary="What somebody follows, as JSON Feed",
    responses=describe_responses(JSON),
)
async def read_followed_json(
    token: Token, request: Request, paging: Paging, lang: fields.Lang = Language.EN
) -> Response:
    """The same entries, in JSON Feed 1.1."""
    return await _answer_private_feed(JSON, request, token, paging, lang)


@feed_router.get(
    "/shared/{token}.atom",
    operation_id="read_shared_atom",
    summary="A story at a private address, as Atom",
    responses=describe_responses(ATOM),
)
async def read_shared_atom(
    token: Token, request: Request, paging: Paging, lang: fields.Lang = Language.EN
) -> Response:
    """The entries of one story's claims. Needs no key."""
    return await _answer_private_feed(ATOM, request, token, paging, lang, is_shared=True)


@feed_router.get(
    "/shared/{token}.json",
    operation_id="read_shared_json",
    summary="A story at a private address, as JSON Feed",
    responses=describe_responses(JSON),
)
async def read_shared_json(
    token: Token, request: Request, paging: Paging, lang: fields.Lang = Language.EN
) -> Response:
    """The same entries, in JSON Feed 1.1."""
    return await _answer_private_feed(JSON, request, token, paging, lang, is_shared=True)


async def _answer_private_feed(
    format: FeedFormat,
    request: Request,
    token: str,
    paging: tuple[Window, str],
    language: Language,
    *,
    is_shared: bool = False,
) -> Response:
    """Answer with the feed that a token opens, as its owner may read it now; it is looked up each
    time, so that a deleted one is gone at once.  Raises NotFound, RateLimited."""
    services = get_services(request)
    now = services.clock()
    feed = await services.database.read(feed_addresses.open_feed, token, is_shared=is_shared)
    if feed is None:
        services.callers.count_stranger(request)
        raise NotFound("There is no feed at this address, or there is none any more.")
    services.callers.count_feed(request, feed.id, now=now)
    reader = replica_choice.choose_reader(
        request, services.database, services.settings, Action.READ_CLAIMS, now=now
    )
    call = Call(request, services, feed.owner, now, reader)
    follower = None if is_shared else feed.owner.id
    response = await answer_feed(format, call, paging, None, language, feed.story, follower)
    response.headers.update(PRIVACY)
    return response
