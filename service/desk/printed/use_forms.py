"""Forms about uses: recording one by hand, saying what was done about it, retiring it."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Response

from service.claims.claim_views import ClaimView
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.printed import printed_page
from service.domain.access import Action
from service.domain.errors import (
    ClaimdeskError,
    ClaimMerged,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
)
from service.uses import printed_queries, use_commands
from service.web import claim_requests
from service.web.bodies.use_inputs import AcknowledgementIn, UseIn
from service.web.calls import Call, allow, require_found
from service.web.fields import UseId

router = APIRouter(include_in_schema=False)

MayRecord = Annotated[Call, allow(Action.RECORD_USE, page=True)]
Reading = Annotated[Call, allow(Action.READ_RECORDS, page=True)]
Recording = Annotated[Form, accept_form(Action.RECORD_USE)]
FIELDS = ("url", "where", "title", "published_at", "wording", "contact", "language")
SETTLEMENT = ("note", "corrected_url")


@router.get("/printed/new")
async def show_new_use(call: MayRecord) -> Response:
    """Show the form for a use; `claim` in its address says of which claim."""
    typed = dict.fromkeys(FIELDS, "") | {"claim": call.request.query_params.get("claim", "")}
    return await _render_form(call, typed=typed)


@router.post("/printed")
async def record_use(form: Recording) -> Response:
    """Record where a claim, given by its id or its address, was printed."""
    try:
        body = forms.parse_body(
            UseIn,
            {name: form.get_text(name) for name in FIELDS}
            | {"published_at": forms.complete_instant(form.get_text("published_at"))},
        )
        claim_id = forms.find_claim_id(form.get_text("claim") or "")
        if claim_id is None:
            raise Invalid("give the address of the claim’s page", loc=("body", "claim"))
        return await form.carry_out(
            use_commands.record_use,
            claim_id,
            body.to_command(),
            asks_contact=form.call.services.settings.smtp_url is not None,
            redirect_to=f"/claims/{claim_id}?done=use-recorded#uses",
        )
    except (Invalid, ClaimMerged, NotFound) as error:
        return await _render_form(form.call, typed=form.keep((*FIELDS, "claim")), error=error)


@router.get("/uses/{use_id}")
async def show_use(use_id: UseId, call: Reading) -> Response:
    return await _render_use(call, use_id)


@router.post("/uses/{use_id}/acknowledgement")
async def acknowledge_use(use_id: UseId, form: Recording) -> Response:
    """Say what was done about an outdated use."""
    try:
        body = forms.parse_body(
            AcknowledgementIn,
            {
                "note": form.get_text("note") or "",
                "corrected_url": form.get_text("corrected_url"),
            },
        )
        return await form.carry_out(
            use_commands.acknowledge_use,
            use_id,
            note=body.note,
            corrected_url=body.corrected_url,
            redirect_to=_build_way_back(form, "use-acknowledged"),
        )
    except (Invalid, Conflict, Forbidden) as error:
        return await _render_use(form.call, use_id, typed=form.keep(SETTLEMENT), error=error)


@router.post("/uses/{use_id}/retirement")
async def retire_use(use_id: UseId, form: Recording) -> Response:
    """Say that a use is no longer anywhere to be read."""
    try:
        return await form.carry_out(
            use_commands.retire_use, use_id, redirect_to=_build_way_back(form, "use-retired")
        )
    except (Conflict, Forbidden) as error:
        return await _render_use(form.call, use_id, error=error)


@router.post("/uses/{use_id}/contact-deletion")
async def delete_contact(use_id: UseId, form: Recording) -> Response:
    """Delete the address of a use's contact."""
    try:
        return await form.carry_out(
            use_commands.delete_contact,
            use_id,
            redirect_to=_build_way_back(form, "contact-deleted"),
        )
    except (Conflict, Forbidden) as error:
        return await _render_use(form.call, use_id, error=error)


def _build_way_back(form: Form, word: str) -> str:
    """Build the address of the page that the form was on."""
    back = form.get_text("back") or ""
    # As our pages wrote it; a header takes nothing else.
    is_ours = back.startswith(("/printed", "/uses/")) and back.isascii() and back.isprintable()
    page = back if is_ours else "/printed"
    return f"{page}{'&' if '?' in page else '?'}done={word}"


async def _render_use(
    call: Call,
    use_id: str,
    *,
    typed: Mapping[str, str] | None = None,
    error: ClaimdeskError | None = None,
) -> Response:
    printed_use = require_found(
        await call.read(printed_queries.read_printed, use_id, caller=call.caller, now=call.now),
        "There is no use with this id.",
    )
    return render_page(
        call,
        "use.html",
        error=error,
        row=printed_page.build_row(printed_use),
        back=f"/uses/{use_id}",
        typed=typed or {},
        faults=forms.describe_faults(error),
    )


async def _render_form(
    call: Call, *, typed: Mapping[str, Any], error: ClaimdeskError | None = None
) -> Response:
    """Render the form; a claim that is known by its id is shown by its words."""
    claim_id = forms.find_claim_id(typed["claim"])
    claim: ClaimView | None = None
    if claim_id is not None and not isinstance(error, NotFound):
        row = await claim_requests.look_up_claim(call, claim_id, None)
        claim = orjson.loads(row.document)
    return render_page(
        call,
        "use_new.html",
        error=error,
        claim=claim,
        typed=typed,
        faults=forms.describe_faults(error),
    )
