"""Follows: what a person is told of when it changes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from service.domain.notices import FollowKind
from service.notices import follow_commands, follow_queries
from service.notices.follow_commands import Followed, Target
from service.notices.notice_views import FollowView
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import Window
from service.views import Page
from service.web import view_queries
from service.web.bodies.notice_inputs import FollowIn
from service.web.calls import Allow, AllowWriting, Call, Paged, build_answer
from service.web.fields import FollowId
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/follows", tags=["notices"], route_class=JsonRoute)

Asking = Annotated[Call, Depends(Allow(None), scope="function")]
Writing = Annotated[Call, Depends(AllowWriting(None), scope="function")]


@router.get(
    "",
    operation_id="list_follows",
    summary="List what you follow",
    responses={200: {"model": Page[FollowView], "description": "In the order of their ids"}},
)
async def list_follows(
    call: Asking, paging: Annotated[tuple[Window, str], Depends(Paged("follows"))]
) -> Response:
    """What you recorded, proposed or were assigned is followed by itself, until you stop that."""
    window, scope = paging
    rows = await call.services.database.read(
        follow_queries.list_follows, caller=call.actor, window=window
    )
    return call.page(rows, window, scope, keys=lambda row: [row["id"]])


@router.post(
    "",
    operation_id="follow_something",
    status_code=201,
    summary="Follow a claim, a story, a party, a tag or a search",
    responses={
        200: {"model": FollowView, "description": "You follow it already"},
        201: {"model": FollowView, "description": "From now on you are told of its changes"},
    },
)
async def follow_something(body: FollowIn, call: Writing) -> Response:
    """You are told of changes of the claims that it finds, by others than yourself. Who follows a
    party follows those below it too; of a search, `as_of`, order and page are left out."""
    [(kind, text)] = body.list_named()
    if kind is FollowKind.SEARCH:
        text = await view_queries.parse_followed_search(call, text)

    def answer(connection: Connection, follow: Followed) -> Answer:
        view = follow_queries.read_follow(connection, follow.id)
        if not follow.is_new:
            return build_answer(view)
        return build_answer(view, status=201, Location=f"/v1/follows/{follow.id}")

    return await call.write(follow_commands.follow_target, Target(kind, text), answer=answer)


@router.delete(
    "/{follow_id}",
    operation_id="stop_following",
    status_code=204,
    summary="Follow something no longer",
    responses={204: {"description": "It is not followed by itself again"}},
)
async def stop_following(follow_id: FollowId, call: Asking) -> Response:
    return await call.write(
        follow_commands.stop_following,
        follow_id,
        answer=lambda _connection, _none: Answer(204, b"", {}),
    )
