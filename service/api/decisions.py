"""The four-eyes queue and the review queue."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Response

from service.claims import decision_commands, decision_queries, decision_views, documents
from service.claims.decision_queries import Review
from service.domain.access import Action
from service.domain.claims import ClaimState, format_instant
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import Window
from service.views import Page
from service.web.bodies import decision_inputs
from service.web.calls import (
    Call,
    Paged,
    allow,
    allow_writing,
    answer_json,
    build_answer,
    require_found,
)
from service.web.conditions import OptionalIfMatch, format_etag
from service.web.fields import DecisionId, Id
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/decisions", tags=["decisions"], route_class=JsonRoute)
queue_router = APIRouter(prefix="/v1/review-queue", tags=["decisions"], route_class=JsonRoute)

Desk = Annotated[Call, allow(Action.READ_INTERNALS)]
Approving = Annotated[Call, allow_writing(Action.APPROVE)]
Deciding = Annotated[Call, allow_writing(Action.CHANGE_STATUS)]
WAITS = {"model": decision_views.DecisionView, "description": "Waits for a second person"}
DecisionAnswer = {
    "model": decision_views.DecisionView,
    "description": "The decision; ETag is the claim's",
}


@router.get(
    "",
    operation_id="list_decisions",
    summary="List decisions",
    responses={200: {"model": Page[decision_views.DecisionView], "description": "Oldest first"}},
)
async def list_decisions(
    call: Desk,
    paging: Annotated[tuple[Window, str], Depends(Paged("decisions"))],
    state: Annotated[
        decision_views.DecisionState | None, Query(description="Only in this state")
    ] = None,
    claim: Annotated[Id | None, Query(description="Only on this claim")] = None,
) -> Response:
    window, scope = paging
    rows = await call.read(decision_queries.list_decisions, state=state, claim=claim, window=window)
    return call.page(rows, window, scope, keys=lambda row: [row["proposed_at"], row["id"]])


@router.get(
    "/{decision_id}",
    operation_id="read_decision",
    summary="Read a decision",
    responses={200: DecisionAnswer},
)
async def read_decision(decision_id: DecisionId, call: Desk) -> Response:
    row = await call.read(decision_queries.read_decision, decision_id)
    return answer_json(require_found(row, "There is no decision with this id."))


@router.post(
    "/{decision_id}/approval",
    operation_id="approve_decision",
    summary="Approve a decision",
    responses={200: DecisionAnswer},
)
async def approve_decision(
    decision_id: DecisionId,
    call: Approving,
    versions: OptionalIfMatch,
    body: decision_inputs.ApprovalIn | None = None,
) -> Response:
    """Carry it out as the second person, as long as what prints is what was proposed on: where that
    has changed since, 409 `decision-outdated` says what. With `If-Match` nothing at all may have
    changed."""
    approval = await call.write(
        decision_commands.approve_decision,
        decision_id,
        note=body.note if body else None,
        versions=versions,
        answer=_answer_settled(decision_id),
    )
    call.services.renamer.wake()
    return approval


@router.post(
    "/{decision_id}/rejection",
    operation_id="reject_decision",
    summary="Reject a decision",
    responses={200: DecisionAnswer},
)
async def reject_decision(
    decision_id: DecisionId, body: decision_inputs.RejectionIn, call: Approving
) -> Response:
    return await call.write(
        decision_commands.reject_decision,
        decision_id,
        comment=body.comment,
        answer=_answer_settled(decision_id),
    )


@router.post(
    "/{decision_id}/withdrawal",
    operation_id="withdraw_decision",
    summary="Take one's own proposal back",
    responses={200: DecisionAnswer},
)
async def withdraw_decision(
    decision_id: DecisionId,
    call: Deciding,
    body: decision_inputs.DecisionWithdrawalIn | None = None,
) -> Response:
    return await call.write(
        decision_commands.withdraw_decision,
        decision_id,
        reason=body.reason if body else None,
        answer=_answer_settled(decision_id),
    )


def _answer_settled(decision_id: str) -> Any:
    def answer(connection: Connection, state: ClaimState) -> Answer:
        return build_answer(
            decision_queries.read_decision(connection, decision_id), ETag=format_etag(state.version)
        )

    return answer


@queue_router.get(
    "",
    operation_id="list_review_queue",
    summary="Claims that want attention",
    responses={
        200: {"model": Page[decision_views.ReviewView], "description": "Longest unchanged first"}
    },
)
async def list_review_queue(
    call: Desk,
    paging: Annotated[tuple[Window, str], Depends(Paged("review-queue"))],
    reason: Annotated[
        decision_views.ReviewReason | None, Query(description="Only for this reason")
    ] = None,
    assignee: Annotated[
        str | None, Query(max_length=64, description="A user or key; `me`: the caller")
    ] = None,
) -> Response:
    """`drift`: evidence and status disagree. `challenged`: a denial stands against a confirmed
    claim. `waiting_approval`: a second person is needed. `stale`: awaiting too long."""
    window, scope = paging
    stale_after = timedelta(hours=call.services.settings.stale_after_hours)
    rows = await call.read(
        decision_queries.list_review_queue,
        reason=reason,
        assignee=call.actor.id if assignee == "me" else assignee,
        stale_before=call.now - stale_after,
        window=window,
    )
    return call.page(
        rows,
        window,
        scope,
        keys=lambda row: [format_instant(row.since), row.id],
        shape=lambda row: _build_review(row, call.now),
    )


def _build_review(row: Review, now: datetime) -> Mapping[str, object]:
    return {
        "claim": orjson.Fragment(
            documents.add_internals(
                documents.complete_document(row.claim.document, now), row.claim.internals
            )
        ),
        "reasons": row.reasons,
        "since": format_instant(row.since),
    }
