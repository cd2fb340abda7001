"""The form of a claim's page that says when the claim is due."""

from typing import Annotated

from fastapi import APIRouter, Response

from service.claims import claim_commands
from service.desk.claims import claim_pages
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.domain.access import Action
from service.domain.errors import Conflict, Invalid, PreconditionFailed
from service.web.bodies import claim_inputs
from service.web.fields import ClaimId

router = APIRouter(include_in_schema=False)


@router.post("/claims/{claim_id}/due-time")
async def set_due_time(
    claim_id: ClaimId, form: Annotated[Form, accept_form(Action.AMEND)]
) -> Response:
    """Say when the claim is due, or that it is not."""
    due_at = None if form.get_text("clear") else form.get_text("due_at")
    try:
        change = forms.parse_body(
            claim_inputs.ClaimChange, {"due_at": forms.complete_instant(due_at)}
        )
        return await form.carry_out(
            claim_commands.amend_claim,
            claim_id,
            {"due_at": change.due_at},
            material=False,
            four_eyes=form.call.services.four_eyes,
            versions=form.versions,
            redirect_to=f"/claims/{claim_id}?done=due",
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await claim_pages.render_refusal(form, claim_id, error, "due")
