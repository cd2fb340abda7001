"""Holds: "do not use while the desk checks", beside the status of a claim."""

from typing import Annotated

from fastapi import APIRouter, Response

from service.api import claims
from service.claims import claim_views, hold_commands
from service.domain.access import Action
from service.web.bodies.claim_inputs import HoldIn
from service.web.calls import Call, allow
from service.web.conditions import OptionalIfMatch
from service.web.fields import ClaimId
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/claims", tags=["claims"], route_class=JsonRoute)

Holding = Annotated[Call, allow(Action.HOLD)]


@router.put(
    "/{claim_id}/hold",
    operation_id="hold_claim",
    summary="Say that a claim is not to be used while the desk checks",
    responses={200: {"model": claim_views.ClaimView, "description": "On hold"}},
)
async def hold_claim(
    claim_id: ClaimId, body: HoldIn, call: Holding, versions: OptionalIfMatch
) -> Response:
    """Its print line begins with HOLD, and badge, feeds and lists say so first; its status stays.
    With `until` it ends by itself. A claim on hold goes on being held for the new reason."""
    return await call.write(
        hold_commands.place_hold,
        claim_id,
        reason=body.reason,
        until=body.until,
        versions=versions,
        answer=lambda _, state: claims.answer_claim(state),
    )


@router.delete(
    "/{claim_id}/hold",
    operation_id="end_hold",
    summary="Say that a claim may be used again",
    responses={200: {"model": claim_views.ClaimView, "description": "No longer on hold"}},
)
async def end_hold(claim_id: ClaimId, call: Holding, versions: OptionalIfMatch) -> Response:
    """What prints is what the claim's status and evidence say by now."""
    return await call.write(
        hold_commands.end_hold,
        claim_id,
        versions=versions,
        answer=lambda _, state: claims.answer_claim(state),
    )
