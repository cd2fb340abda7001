"""Reads the desk's notes on a claim, with what they said before they were changed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, select

from service.claims.decision_views import FormerTextView, NoteView
from service.claims.existence import require_claim
from service.domain.claims import format_instant
from service.domain.subjects import SubjectKind
from service.store.paging import Window, select_page
from service.store.tables import events, notes, users


class _Wording(NamedTuple):
    """What a note said from an instant on."""

    since: datetime
    text: str
    mentions: tuple[str, ...]


class Thread(NamedTuple):
    """A note with the replies to it."""

    note: NoteView
    replies: list[NoteView]


def list_notes(connection: Connection, claim_id: str, window: Window) -> list[NoteView]:
    """List a claim's notes, oldest first, one more than the limit.  Raises NotFound."""
    query = select(notes).where(notes.c.claim == claim_id)
    rows = connection.execute(select_page(query, window, notes.c.recorded_at, notes.c.id)).all()
    if not rows:
        require_claim(connection, claim_id)
    return _build_notes(connection, rows, None)


def list_latest_notes(
    connection: Connection, claim_id: str, moment: datetime | None, *, limit: int
) -> list[NoteView]:
    """List the newest of a claim's notes, now or as of an instant, oldest first."""
    query = select(notes).where(notes.c.claim == claim_id)
    if moment is not None:
        query = query.where(notes.c.recorded_at <= moment)
    query = query.order_by(notes.c.recorded_at.desc(), notes.c.id.desc()).limit(limit)
    return _build_notes(connection, connection.execute(query).all()[::-1], moment)


def build_threads(notes: Sequence[NoteView]) -> list[Thread]:
    """Put replies below the notes that they answer; where that is an earlier one, they stand
    alone."""
    threads: dict[str, Thread] = {}
    for note in notes:
        thread = threads.get(note["reply_to"] or "")
        if thread is not None:
            thread.replies.append(note)
        else:
            threads[note["id"]] = Thread(note, [])
    return list(threads.values())


def read_note(connection: Connection, note_id: str) -> NoteView:
    """Read a note that exists, with its former texts."""
    row = connection.execute(select(notes).where(notes.c.id == note_id)).one()
    return _build_notes(connection, [row], None)[0]


def _build_notes(
    connection: Connection, rows: Sequence[Row[Any]], moment: datetime | None
) -> list[NoteView]:
    wordings = _read_wordings(connection, [row.id for row in rows])
    people = _read_people(
        connection,
        {person for past in wordings.values() for wording in past for person in wording.mentions},
    )
    return [_build_note(row._mapping, wordings[row.id], people, moment) for row in rows]


def _build_note(
    row: Mapping[Any, Any],
    wordings: Sequence[_Wording],
    people: Mapping[str, str],
    moment: datetime | None,
) -> NoteView:
    # A record that began with an upgrade is younger than its note: the first wording holds always.
    past = [
        wording
        for place, wording in enumerate(wordings)
        if place == 0 or moment is None or wording.since <= moment
    ]
    note: NoteView = {
        "id": row["id"],
        "claim": row["claim"],
        "text": past[-1].text if past else row["text"],
        "author": {"id": row["author"], "name": row["author_name"]},
        "recorded_at": format_instant(row["recorded_at"]),
        "reply_to": row["reply_to"],
        "mentions": [
            {"id": person, "name": people[person]}
            for person in (past[-1].mentions if past else ())
            if person in people
        ],
    }
    if len(past) > 1:
        note["edited_at"] = format_instant(past[-1].since)
        note["former"] = [
            FormerTextView(text=wording.text, until=format_instant(later.since))
            for wording, later in pairwise(past)
        ]
    return note


def _read_wordings(connection: Connection, ids: Sequence[str]) -> dict[str, list[_Wording]]:
    wordings: dict[str, list[_Wording]] = defaultdict(list)
    query = (
        select(events.c.subject, events.c.recorded_at, events.c.data)
        .where(events.c.kind == SubjectKind.NOTE.value, events.c.subject.in_(ids))
        .order_by(events.c.subject, events.c.number)
    )
    for line in connection.execute(query) if ids else ():
        data = orjson.loads(line.data)
        wording = _Wording(line.recorded_at, data["text"], tuple(data.get("mentions", ())))
        wordings[line.subject].append(wording)
    return wordings


def _read_people(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """Read the present names of people, by id."""
    if not ids:
        return {}
    rows = connection.execute(select(users.c.id, users.c.name).where(users.c.id.in_(ids)))
    return {row.id: row.name for row in rows}
