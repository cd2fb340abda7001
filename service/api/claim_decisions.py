"""What the desk decides of a claim: its changes of status, its findings, the suggestion."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from service.api import claims, decisions
from service.claims import (
    claim_commands,
    decision_queries,
    decision_views,
    history_queries,
    history_views,
)
from service.claims.proposal_commands import Outcome
from service.domain.access import Action
from service.domain.claims import ClaimState
from service.record.idempotency import Answer
from service.store.paging import Window
from service.views import Page
from service.web import fields, redaction
from service.web.bodies import decision_inputs
from service.web.calls import (
    Call,
    Paged,
    allow,
    allow_writing,
    answer_json,
    build_answer,
)
from service.web.conditions import IfMatch, OptionalIfMatch, format_etag
from service.web.fields import ClaimId
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/claims", tags=["claims"], route_class=JsonRoute)

Deciding = Annotated[Call, allow_writing(Action.CHANGE_STATUS)]
Reading = Annotated[Call, allow(Action.READ_CLAIMS)]


@router.get(
    "/{claim_id}/status-changes",
    operation_id="list_status_changes",
    summary="List a claim's changes of status",
    responses={200: {"model": Page[history_views.StatusChangeView], "description": "Oldest first"}},
)
async def list_status_changes(
    claim_id: ClaimId,
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("status-changes"))],
) -> Response:
    window, scope = paging
    rows = await call.read(history_queries.list_status_changes, claim_id, window)
    return call.page(
        [redaction.redact_status_change(row, call.audience) for row in rows],
        window,
        scope,
        keys=lambda row: [row["version"]],
    )


@router.post(
    "/{claim_id}/status-changes",
    operation_id="change_status",
    status_code=201,
    summary="Change a claim's status",
    responses={
        201: {"model": history_views.StatusChangeView, "description": "Applied"},
        202: decisions.WAITS,
    },
)
async def change_status(
    claim_id: ClaimId, body: decision_inputs.StatusChangeIn, call: Deciding, versions: IfMatch
) -> Response:
    """Decide. What the evidence does not allow is refused with what is missing; a confirmation or
    an override waits for a second person."""

    return await call.write(
        claim_commands.change_status,
        claim_id,
        body.to_command(),
        four_eyes=call.services.four_eyes,
        source=body.read_source(),
        versions=versions,
        answer=lambda connection, outcome: claims.answer_outcome(
            connection, outcome, _show_change(outcome)
        ),
    )


def _show_change(outcome: Outcome) -> Callable[[ClaimState], Answer]:
    """The change of status or of a finding that was recorded, with the claim's ETag."""

    def show(state: ClaimState) -> Answer:
        assert outcome.change is not None, "what is not proposed is recorded"
        shape = history_queries.build_status_change(state.id, outcome.change)
        return build_answer(shape, status=201, ETag=format_etag(state.version))

    return show


@router.get(
    "/{claim_id}/findings",
    operation_id="list_findings",
    summary="List what was found of a claim",
    responses={
        200: {"model": Page[history_views.FindingChangeView], "description": "Oldest first"}
    },
)
async def list_findings(
    claim_id: ClaimId,
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("findings"))],
) -> Response:
    window, scope = paging
    rows = await call.read(history_queries.list_finding_changes, claim_id, window)
    return call.page(
        [redaction.redact_status_change(row, call.audience) for row in rows],
        window,
        scope,
        keys=lambda row: [row["version"]],
    )


@router.post(
    "/{claim_id}/findings",
    operation_id="change_finding",
    status_code=202,
    summary="Say what the desk concludes",
    responses={
        201: {
            "model": history_views.FindingChangeView,
            "description": "Applied: four eyes are off",
        },
        202: decisions.WAITS,
    },
)
async def change_finding(
    claim_id: ClaimId, body: decision_inputs.FindingIn, call: Deciding, versions: OptionalIfMatch
) -> Response:
    """A finding, or null to take one back, is a decision that a second person approves. `refuted`
    rests on a contradiction by an independent party that knows it at first hand, `conflicting` on
    such a contradiction and on support that counts; what is missing is said."""
    return await call.write(
        claim_commands.change_finding,
        claim_id,
        body.to_command(),
        four_eyes=call.services.four_eyes,
        versions=versions,
        answer=lambda connection, outcome: claims.answer_outcome(
            connection, outcome, _show_change(outcome)
        ),
    )


@router.get(
    "/{claim_id}/suggestion",
    operation_id="read_suggestion",
    summary="What the evidence suggests, and why",
    responses={200: {"model": decision_views.SuggestionView, "description": "Status and trace"}},
)
async def read_suggestion(claim_id: ClaimId, call: Reading, as_of: fields.AsOf = None) -> Response:
    return answer_json(
        decision_queries.build_suggestion(
            await call.read(history_queries.require_state, claim_id, as_of)
        )
    )
