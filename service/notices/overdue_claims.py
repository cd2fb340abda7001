"""Tells who works on a claim that it is overdue."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, func, select, update

from service.domain import notices as rules
from service.domain.claims import Lifecycle, format_instant
from service.domain.notices import FollowKind, NoticeKind
from service.notices import event_reading, notice_jobs, notice_sentences, people
from service.notices.notice_plan import Notice
from service.store.tables import claims, follows, notice_position

BATCH = 1_000


def find_next_overdue(connection: Connection) -> datetime | None:
    """Return when the next claim is overdue of which nobody was told; None if none has a time."""
    query = select(func.min(claims.c.due_at)).where(*_are_untold(connection))
    moment: datetime | None = connection.execute(query).scalar()
    return moment


def tell_overdue(connection: Connection, *, now: datetime) -> None:
    """Tell whoever a claim is assigned to that it is overdue, or if nobody, those who follow it."""
    event_reading.read_position(connection, lock=True)
    rows = connection.execute(
        select(claims.c.id, claims.c.due_at, claims.c.assignee, claims.c.document)
        .where(*_are_untold(connection), claims.c.due_at <= now)
        .order_by(claims.c.due_at, claims.c.id)
        .limit(BATCH)
    ).all()
    recent = [row for row in rows if row.due_at > now - rules.OLDEST]
    receivers = {row.id: [row.assignee] if row.assignee else [] for row in recent}
    follow_rows = select(follows.c.target, follows.c.user).where(
        follows.c.kind == FollowKind.CLAIM.value,
        follows.c.target.in_([claim for claim, persons in receivers.items() if not persons]),
        follows.c.stopped_at.is_(None),
    )
    for follow in connection.execute(follow_rows):
        receivers[follow.target].append(follow.user)
    known_people = people.read_people(
        connection, {person for persons in receivers.values() for person in persons}
    )
    position = event_reading.read_position(connection)
    messages = [
        _build_notice(row, person, position)
        for row in recent
        for person in receivers[row.id]
        if person in known_people and known_people[person].is_of_desk
    ]
    notice_jobs.insert_notices(connection, messages, now=now)
    until = rows[-1].due_at if len(rows) == BATCH else now
    connection.execute(
        update(notice_position).where(notice_position.c.id == 1).values(due_until=until)
    )


def _build_notice(row: Any, person: str, position: int) -> Notice:
    text = orjson.loads(row.document)["text"]
    return Notice(
        person,
        NoticeKind.DUE,
        row.id,
        f"{NoticeKind.DUE}:{row.id}:{format_instant(row.due_at)}",
        notice_sentences.describe_overdue(text),
        internal=True,
        position=position,
        at=row.due_at,
    )


def _are_untold(connection: Connection) -> list[ColumnElement[bool]]:
    """Return the conditions for claims with a time that nobody was told has passed."""
    until: datetime | None = connection.execute(
        select(notice_position.c.due_until).where(notice_position.c.id == 1)
    ).scalar_one()
    active = claims.c.lifecycle == Lifecycle.ACTIVE.value
    has_time = claims.c.due_at.is_not(None) if until is None else claims.c.due_at > until
    return [active, has_time]
