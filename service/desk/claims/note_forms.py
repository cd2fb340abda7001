"""The forms of a claim's page for the desk's notes: add one, reply to one, change one's own."""

from typing import Annotated

from fastapi import APIRouter, Response

from service.claims import note_commands
from service.desk.claims import claim_pages
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.domain.access import Action
from service.domain.errors import Invalid
from service.web.bodies import claim_inputs
from service.web.fields import ClaimId, NoteId

router = APIRouter(include_in_schema=False)

Recording = Annotated[Form, accept_form(Action.RECORD)]


@router.post("/claims/{claim_id}/notes")
async def add_note(claim_id: ClaimId, form: Recording) -> Response:
    return await _add_note(form, claim_id, None)


@router.post("/claims/{claim_id}/notes/{note_id}/replies")
async def reply_to_note(claim_id: ClaimId, note_id: NoteId, form: Recording) -> Response:
    return await _add_note(form, claim_id, note_id)


async def _add_note(form: Form, claim_id: str, reply_to: str | None) -> Response:
    try:
        note = forms.parse_body(
            claim_inputs.NewNoteIn, {"text": form.get_text("note") or "", "reply_to": reply_to}
        )
        return await form.carry_out(
            note_commands.add_note,
            claim_id,
            text=note.text,
            reply_to=note.reply_to,
            redirect_to=f"/claims/{claim_id}?done=noted#notes",
        )
    except Invalid as error:
        return await claim_pages.render_refusal(form, claim_id, error, "note")


@router.post("/claims/{claim_id}/notes/{note_id}/text")
async def change_note(claim_id: ClaimId, note_id: NoteId, form: Recording) -> Response:
    """Give a note of one's own another text; the former one stays readable."""
    try:
        note = forms.parse_body(claim_inputs.NoteIn, {"text": form.get_text("note") or ""})
        return await form.carry_out(
            note_commands.change_note,
            note_id,
            text=note.text,
            redirect_to=f"/claims/{claim_id}?done=note-changed#n-{note_id}",
        )
    except Invalid as error:
        return await claim_pages.render_refusal(form, claim_id, error, "note-text")
