"""Changes notes of the desk's own discussion of a claim."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from service.domain import access
from service.domain.access import Action, Actor
from service.domain.errors import Forbidden, Invalid, NotFound
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.store.tables import notes


def change_note(
    connection: Connection, note_id: str, *, text: str, actor: Actor, now: datetime
) -> Mapping[Any, Any]:
    """Give a note another text; the note's record keeps the former one.

    Raises NotFound, Forbidden for anybody but the author, and Invalid if the text stays the same.
    """
    access.require_permission(actor, Action.RECORD)
    row = connection.execute(select(notes).where(notes.c.id == note_id).with_for_update()).first()
    if row is None:
        raise NotFound("There is no such note.")
    if row.author != actor.id:
        raise Forbidden("Only its author may change a note: add a note of your own.")
    if row.text == text:
        raise Invalid("this is what the note says already", loc=("body", "text"))
    chain = writer.lock_chain(connection, Subject(SubjectKind.NOTE, note_id))
    writer.extend_chain(
        connection, chain, [Draft("note.changed", {"text": text})], actor=actor, now=now
    )
    connection.execute(update(notes).where(notes.c.id == note_id).values(text=text))
    return {**row._mapping, "text": text}
