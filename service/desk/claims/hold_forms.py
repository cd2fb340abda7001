"""The forms of a claim's page that hold it, and end that."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from service.claims import hold_commands
from service.desk.claims import claim_pages
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.domain.access import Action
from service.domain.errors import Conflict, Invalid, PreconditionFailed
from service.web.bodies import claim_inputs
from service.web.fields import ClaimId

router = APIRouter(include_in_schema=False)

Holding = Annotated[Form, accept_form(Action.HOLD)]


@router.post("/claims/{claim_id}/hold")
async def hold(claim_id: ClaimId, form: Holding) -> Response:
    """Say that nobody is to use the claim, until somebody ends that or its hour comes."""
    try:
        body = forms.parse_body(
            claim_inputs.HoldIn,
            {
                "reason": form.get_text("hold_reason") or "",
                "until": forms.complete_instant(form.get_text("until")),
            },
        )
        return await form.carry_out(
            hold_commands.place_hold,
            claim_id,
            reason=body.reason,
            until=body.until,
            versions=form.versions,
            redirect_to=f"/claims/{claim_id}?done=held",
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await claim_pages.render_refusal(form, claim_id, error, "hold")


@router.post("/claims/{claim_id}/hold/end")
async def end_hold(claim_id: ClaimId, form: Holding) -> Response:
    """Say that the claim may be used again."""
    try:
        return await form.carry_out(
            hold_commands.end_hold,
            claim_id,
            versions=form.versions,
            redirect_to=f"/claims/{claim_id}?done=hold-ended",
        )
    except (Conflict, PreconditionFailed) as error:
        return await claim_pages.render_refusal(form, claim_id, error, "hold")
