"""Adds notes to the desk's own discussion of a claim, and changes them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from service.claims import existence
from service.domain import access, ids, mentions
from service.domain.access import Action, Actor
from service.domain.errors import Forbidden, Invalid, NotFound
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.record import audit, writer
from service.store.tables import notes, users


def add_note(
    connection: Connection,
    claim_id: str,
    *,
    text: str,
    reply_to: str | None = None,
    actor: Actor,
    now: datetime,
) -> str:
    """Add a note on a claim, or a reply to one, and return its id.  It is not in the claim's
    record, and never public.

    A reply to a reply belongs to the note that began the thread.  Raises Invalid for a note that
    is not there, or is on another claim.
    """
    access.require_permission(actor, Action.RECORD)
    existence.require_claim(connection, claim_id)
    row = {
        "id": ids.make_id(),
        "claim": claim_id,
        "text": text,
        "author": actor.id,
        "author_name": actor.name,
        "recorded_at": now,
    }
    if reply_to is not None:
        row["reply_to"] = _find_thread(connection, claim_id, reply_to)
    connection.execute(insert(notes), row)
    data = {**row, **_describe_mentions(connection, text)}
    audit.begin_record(connection, SubjectKind.NOTE, str(row["id"]), data, actor=actor, now=now)
    return str(row["id"])


def change_note(
    connection: Connection, note_id: str, *, text: str, actor: Actor, now: datetime
) -> None:
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
    data = {"text": text, **_describe_mentions(connection, text)}
    writer.extend_chain(connection, chain, [Draft("note.changed", data)], actor=actor, now=now)
    connection.execute(update(notes).where(notes.c.id == note_id).values(text=text))


def _find_thread(connection: Connection, claim_id: str, note_id: str) -> str:
    """Return the note that began the thread of a note on this claim.  Raises Invalid."""
    row = connection.execute(
        select(notes.c.id, notes.c.reply_to).where(notes.c.id == note_id, notes.c.claim == claim_id)
    ).first()
    if row is None:
        raise Invalid("there is no note with this id on the claim", loc=("body", "reply_to"))
    return str(row.reply_to or row.id)


def _describe_mentions(connection: Connection, text: str) -> Mapping[str, Any]:
    """Return whom a text mentions, as event data; nothing where it mentions nobody."""
    if "@" not in text:
        return {}
    rows = connection.execute(select(users.c.id, users.c.name).where(users.c.disabled_at.is_(None)))
    mentioned_ids = mentions.list_mentioned(text, {row.id: row.name for row in rows})
    return {"mentions": list(mentioned_ids)} if mentioned_ids else {}
