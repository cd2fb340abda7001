"""Forms about requests for comment: somebody was asked, and what came of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Response

from service.claims import inquiry_commands, inquiry_queries
from service.claims.claim_views import ClaimView
from service.claims.inquiry_views import InquiryView
from service.desk.layout import forms, instants
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.statements import statement_fields
from service.domain.access import Action
from service.domain.errors import ClaimdeskError, Conflict, Invalid
from service.web import claim_requests
from service.web.bodies.inquiry_inputs import InquiryChangeIn, InquiryIn
from service.web.calls import Call, allow
from service.web.fields import ClaimId, InquiryId

router = APIRouter(include_in_schema=False)

MayRecord = Annotated[Call, allow(Action.RECORD, page=True)]
Recording = Annotated[Form, accept_form(Action.RECORD)]
FIELDS = ("party", "whom", "way", "asked_at", "until", "outcome", "note")


@router.get("/claims/{claim_id}/inquiry")
async def show_new_inquiry(claim_id: ClaimId, call: MayRecord) -> Response:
    return await _render_form(call, claim_id, typed=dict.fromkeys(FIELDS, ""))


@router.post("/claims/{claim_id}/inquiry")
async def create_inquiry(claim_id: ClaimId, form: Recording) -> Response:
    """Record that somebody was asked for comment."""
    try:
        body = forms.parse_body(
            InquiryIn,
            {
                "party": form.get_text("party"),
                "whom": form.get_text("whom"),
                "way": form.get_text("way") or "",
                "asked_at": forms.complete_instant(form.get_text("asked_at")),
                "until": forms.complete_instant(form.get_text("until")) or "",
                "note": form.get_text("note"),
            },
        )
        return await form.carry_out(
            inquiry_commands.create_inquiry,
            claim_id,
            body.to_command(),
            redirect_to=f"/claims/{claim_id}?done=asked#inquiries",
        )
    except (Invalid, Conflict) as error:
        return await _render_form(form.call, claim_id, typed=form.keep(FIELDS), error=error)


@router.get("/inquiries/{inquiry_id}")
async def show_inquiry(inquiry_id: InquiryId, call: MayRecord) -> Response:
    inquiry = await call.read(inquiry_queries.read_inquiry, inquiry_id)
    typed = {
        "whom": inquiry["whom"] or "",
        "way": inquiry["way"] or "",
        "asked_at": _fill_field(inquiry["asked_at"]),
        "until": _fill_field(inquiry["until"]),
        "outcome": inquiry["outcome"] or "",
        "note": inquiry["note"] or "",
    }
    return await _render_form(call, inquiry["claim"], typed=typed, inquiry=inquiry)


@router.post("/inquiries/{inquiry_id}")
async def change_inquiry(inquiry_id: InquiryId, form: Recording) -> Response:
    """Record what came of a request, or what was wrong in it."""
    inquiry = await form.call.read(inquiry_queries.read_inquiry, inquiry_id)
    try:
        body = forms.parse_body(InquiryChangeIn, _read_changes(form, inquiry))
        return await form.carry_out(
            inquiry_commands.change_inquiry,
            inquiry_id,
            body.to_command(),
            redirect_to=f"/claims/{inquiry['claim']}?done=inquiry-changed#i-{inquiry_id}",
        )
    except (Invalid, Conflict) as error:
        return await _render_form(
            form.call, inquiry["claim"], typed=form.keep(FIELDS), error=error, inquiry=inquiry
        )


def _read_changes(form: Form, inquiry: InquiryView) -> dict[str, str | None]:
    """Read what the form changes.  Fields of instants have whole minutes: one that still shows the
    recorded instant leaves its seconds alone."""
    changes = {
        "whom": form.get_text("whom"),
        "way": form.get_text("way") or "",
        "outcome": form.get_text("outcome"),
        "note": form.get_text("note"),
    }
    for name, former_text in (("asked_at", inquiry["asked_at"]), ("until", inquiry["until"])):
        typed = form.get_text(name)
        if typed != _fill_field(former_text):
            changes[name] = forms.complete_instant(typed) or ""
    return changes


def _fill_field(moment: str) -> str:
    return instants.format_field(datetime.fromisoformat(moment))[:16]


async def _render_form(
    call: Call,
    claim_id: str,
    *,
    typed: Mapping[str, str],
    error: ClaimdeskError | None = None,
    inquiry: InquiryView | None = None,
) -> Response:
    row = await claim_requests.look_up_claim(call, claim_id, None)
    claim: ClaimView = orjson.loads(row.document)
    voices = await call.read(statement_fields.list_known_voices)
    return render_page(
        call,
        "inquiry.html",
        error=error,
        claim=claim,
        inquiry=inquiry,
        typed=typed,
        parties=voices.parties,
        faults=forms.describe_faults(error),
    )
