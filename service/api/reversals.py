"""Voids and ways back: what was recorded by mistake, and what was done by mistake."""

from typing import Annotated

from fastapi import APIRouter, Response

from service.api import claims, decisions
from service.claims import claim_views, reversal_commands
from service.claims.claim_writer import Versions
from service.claims.reversal_commands import PlanClaim
from service.domain.access import Action
from service.web.bodies.decision_inputs import ReversalIn
from service.web.calls import Call, allow_writing
from service.web.conditions import OptionalIfMatch
from service.web.fields import ClaimId
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/claims", tags=["claims"], route_class=JsonRoute)

Reversing = Annotated[Call, allow_writing(Action.REVERSE)]


@router.post(
    "/{claim_id}/void",
    operation_id="void_claim",
    summary="Say that a claim was recorded by mistake",
    responses={200: {"model": claim_views.ClaimView, "description": "Void: not to be used"}},
)
async def void_claim(
    claim_id: ClaimId, body: ReversalIn, call: Reversing, versions: OptionalIfMatch
) -> Response:
    """It leaves lists, feeds, the search and its story, and its print line says not to use it. Its
    record stays; `lifecycle=void` lists it. What waits for a second person on it ends."""
    return await _change_claim(call, claim_id, reversal_commands.plan_void, body, versions)


@router.post(
    "/{claim_id}/restoration",
    operation_id="restore_claim",
    summary="Take back that a claim is void",
    responses={
        200: {"model": claim_views.ClaimView, "description": "The claim as it was before"},
        202: decisions.WAITS,
    },
)
async def restore_claim(
    claim_id: ClaimId, body: ReversalIn, call: Reversing, versions: OptionalIfMatch
) -> Response:
    """It is what it was before, as far as its evidence still holds. What two people agreed to of it
    prints again only once two people agree: that is a decision."""
    return await _change_claim(call, claim_id, reversal_commands.plan_restoration, body, versions)


@router.post(
    "/{claim_id}/reinstatement",
    operation_id="reinstate_claim",
    summary="Take back that a claim was withdrawn",
    responses={
        200: {"model": claim_views.ClaimView, "description": "The claim, in force again"},
        202: decisions.WAITS,
    },
)
async def reinstate_claim(
    claim_id: ClaimId, body: ReversalIn, call: Reversing, versions: OptionalIfMatch
) -> Response:
    """The claimant did not take it back after all. Where two people agreed to what prints of it
    again, that is a decision."""
    return await _change_claim(call, claim_id, reversal_commands.plan_reinstatement, body, versions)


async def _change_claim(
    call: Call, claim_id: str, plan: PlanClaim, body: ReversalIn, versions: Versions
) -> Response:
    return await call.write(
        reversal_commands.change_claim,
        claim_id,
        plan,
        reason=body.reason,
        four_eyes=call.services.four_eyes,
        versions=versions,
        answer=lambda connection, done: claims.answer_outcome(
            connection, done, claims.answer_claim
        ),
    )
