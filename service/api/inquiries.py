"""Requests for comment: whom the desk asked, until when, and what came of it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from service.claims import inquiry_commands, inquiry_queries, inquiry_views
from service.claims.inquiry_commands import AskedClaim
from service.domain.access import Action
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import Window
from service.views import Page
from service.web import fields, redaction
from service.web.bodies.inquiry_inputs import InquiryChangeIn, InquiryIn
from service.web.calls import (
    Call,
    Paged,
    allow,
    allow_writing,
    answer_json,
    build_answer,
)
from service.web.conditions import OptionalIfMatch, format_etag
from service.web.fields import ClaimId, InquiryId
from service.web.json_bodies import JsonRoute
from service.web.shared import LIST_COST

router = APIRouter(prefix="/v1/claims", tags=["claims"], route_class=JsonRoute)
inquiry_router = APIRouter(prefix="/v1/inquiries", tags=["claims"], route_class=JsonRoute)

Recording = Annotated[Call, allow_writing(Action.RECORD)]
Changing = Annotated[Call, allow(Action.RECORD)]
Reading = Annotated[Call, allow(Action.READ_CLAIMS)]


@router.get(
    "/{claim_id}/inquiries",
    operation_id="list_inquiries",
    summary="List a claim's requests for comment",
    responses={200: {"model": Page[inquiry_views.InquiryView], "description": "Oldest first"}},
)
async def list_inquiries(
    claim_id: ClaimId,
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("inquiries"))],
    as_of: fields.AsOf = None,
) -> Response:
    """Which parties were asked, until when, and what came of it. Whom exactly, by which way, and
    notes are the desk's own."""
    window, scope = paging

    async def build() -> Response:
        rows = await call.read(inquiry_queries.list_inquiries, claim_id, window, moment=as_of)
        views = redaction.redact_inquiries(rows, call.audience)
        return call.page(views, window, scope, keys=lambda row: [row["id"]])

    return await call.share(build, cost=LIST_COST)


@router.post(
    "/{claim_id}/inquiries",
    operation_id="create_inquiry",
    status_code=201,
    summary="Record that somebody was asked for comment",
    responses={
        201: {"model": inquiry_views.InquiryView, "description": "Recorded; ETag is the claim's"}
    },
)
async def create_inquiry(
    claim_id: ClaimId, body: InquiryIn, call: Recording, versions: OptionalIfMatch
) -> Response:
    """It stands beside the evidence and counts for nothing in it. Once the deadline has passed and
    nothing has come of it, the print line says that the party did not answer."""
    return await call.write(
        inquiry_commands.create_inquiry,
        claim_id,
        body.to_command(),
        versions=versions,
        answer=lambda _, result: _answer_inquiry(result, status=201),
    )


@inquiry_router.get(
    "/{inquiry_id}",
    operation_id="read_inquiry",
    summary="Read a request for comment",
    responses={200: {"model": inquiry_views.InquiryView, "description": "The request"}},
)
async def read_inquiry(inquiry_id: InquiryId, call: Reading) -> Response:
    inquiry = await call.read(inquiry_queries.read_inquiry, inquiry_id)
    (view,) = redaction.redact_inquiries([inquiry], call.audience)
    return answer_json(view)


@inquiry_router.patch(
    "/{inquiry_id}",
    operation_id="change_inquiry",
    summary="Say what came of a request for comment",
    responses={
        200: {"model": inquiry_views.InquiryView, "description": "Changed; ETag is the claim's"}
    },
)
async def change_inquiry(
    inquiry_id: InquiryId, body: InquiryChangeIn, call: Changing, versions: OptionalIfMatch
) -> Response:
    """The outcome, or a correction of what was recorded. `no_answer` can be said once the deadline
    has passed; whoever was given more time is not silent until that has passed too."""

    def answer(_: Connection, result: AskedClaim) -> Answer:
        return _answer_inquiry(result, status=200)

    return await call.write(
        inquiry_commands.change_inquiry,
        inquiry_id,
        body.to_command(),
        versions=versions,
        answer=answer,
    )


def _answer_inquiry(result: AskedClaim, *, status: int) -> Answer:
    return build_answer(
        inquiry_views.build_inquiry(result.state.id, result.inquiry),
        status=status,
        ETag=format_etag(result.state.version),
        Location=f"/v1/inquiries/{result.inquiry.id}",
    )
