"""The inbox: what a person was told."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from service.domain.notices import NoticeKind
from service.notices import inbox
from service.notices.notice_views import InboxView, ReadingView
from service.store.paging import Window, cut_page
from service.web.bodies.notice_inputs import ReadIn
from service.web.calls import Allow, AllowWriting, Call, Paged, build_answer
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/inbox", tags=["notices"], route_class=JsonRoute)

Asking = Annotated[Call, Depends(Allow(None), scope="function")]
Writing = Annotated[Call, Depends(AllowWriting(None), scope="function")]


@router.get(
    "",
    operation_id="read_inbox",
    summary="Read what you were told",
    responses={200: {"model": InboxView, "description": "Newest first"}},
)
async def read_inbox(
    call: Asking,
    paging: Annotated[tuple[Window, str], Depends(Paged("inbox"))],
    unread: Annotated[bool, Query(description="Only what you have not read")] = False,
    kind: Annotated[NoticeKind | None, Query(description="Only of this kind")] = None,
) -> Response:
    """Changes of what you follow, by others than yourself, and what waits for you. Several changes
    of a claim within three seconds are one notice. What was read is kept for 30 days, the rest for
    180."""
    window, scope = paging
    rows, count = await call.services.database.read(
        inbox.list_notices, caller=call.actor, window=window, unread=unread, kind=kind
    )
    page, last = cut_page(rows, window, lambda row: [row["id"]])
    return call.answer_items(list(page), last, scope, unread=count)


@router.post(
    "/read",
    operation_id="mark_read",
    summary="Mark what you were told as read",
    responses={200: {"model": ReadingView, "description": "What that has changed"}},
)
async def mark_read(body: ReadIn, call: Writing) -> Response:
    """Ids that are not yours, or are read already, change nothing."""
    return await call.write(
        inbox.mark_read,
        ids=body.ids,
        until=body.until,
        answer=lambda _connection, reading: build_answer(reading),
    )
