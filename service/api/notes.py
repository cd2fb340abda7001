"""The desk's notes on claims: their authors change them."""

from typing import Annotated

from fastapi import APIRouter, Response

from service.claims import decision_views, note_commands, note_queries
from service.domain.access import Action
from service.web.bodies.claim_inputs import NoteIn
from service.web.calls import Call, allow, build_answer
from service.web.fields import NoteId
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/notes", tags=["claims"], route_class=JsonRoute)


@router.patch(
    "/{note_id}",
    operation_id="change_note",
    summary="Change a note of your own",
    responses={200: {"model": decision_views.NoteView, "description": "With its former texts"}},
)
async def change_note(
    note_id: NoteId, body: NoteIn, call: Annotated[Call, allow(Action.RECORD)]
) -> Response:
    """Only its author may change a note. What it said before stays readable in `former`."""
    return await call.write(
        note_commands.change_note,
        note_id,
        text=body.text,
        answer=lambda connection, _: build_answer(note_queries.read_note(connection, note_id)),
    )
