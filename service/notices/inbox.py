"""A person's inbox: what they were told, and what of it they have read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, literal, select, update

from service.domain.access import Actor, Audience
from service.domain.claims import format_instant
from service.domain.disclosure import find_audience
from service.domain.notices import RETENTION, RETENTION_READ, NoticeKind
from service.notices import people
from service.notices.notice_views import NoticeView, ReadingView
from service.store import wakeups
from service.store.paging import Window, select_page
from service.store.tables import notice_mailings, notices

MOST_COUNTED = 1_000
"""Unread notices are counted up to so many, so that a count costs little whoever asks."""
BATCH = 1_000
NO_NOTICE = "00000000-0000-0000-0000-000000000000"
"""Before all ids."""


def list_notices(
    connection: Connection,
    *,
    caller: Actor,
    window: Window,
    unread: bool = False,
    kind: NoticeKind | None = None,
) -> tuple[list[NoticeView], int]:
    """List a person's notices, the newest first, one more than the limit, and count all that are
    unread.  Raises KeyWithoutPerson."""
    query = select(notices).where(*_are_readable(caller))
    if unread:
        query = query.where(notices.c.read_at.is_(None))
    if kind is not None:
        query = query.where(notices.c.kind == kind.value)
    rows = connection.execute(select_page(query, window, notices.c.id, newest_first=True)).all()
    return [_build_notice(row) for row in rows], count_unread(connection, caller=caller)


def count_unread(connection: Connection, *, caller: Actor) -> int:
    """Count a person's unread notices, up to `MOST_COUNTED`.  Raises KeyWithoutPerson."""
    unread = (
        select(literal(1))
        .select_from(notices)
        .where(*_are_readable(caller), notices.c.read_at.is_(None))
        .limit(MOST_COUNTED)
        .subquery()
    )
    return connection.execute(select(func.count()).select_from(unread)).scalar_one()


def list_reached(
    connection: Connection, *, after: str | None, persons: Sequence[str]
) -> tuple[Sequence[str], str]:
    """List those of these people who have a notice after the one with the id `after`, and return
    the newest id.  Without `after`, nobody: all that is there is old."""
    newest: str = (
        connection.scalar(select(notices.c.id).order_by(notices.c.id.desc()).limit(1)) or NO_NOTICE
    )
    if after is None or newest <= after:
        return [], newest
    reached_users = connection.scalars(
        select(notices.c.user)
        .where(notices.c.user.in_(persons), notices.c.id > after, notices.c.id <= newest)
        .distinct()
    ).all()
    return reached_users, newest


def list_readings(
    connection: Connection, *, after: datetime | None, persons: Sequence[str]
) -> tuple[set[tuple[str, datetime]], datetime | None]:
    """List who of these people marked notices as read later than `after`, and when, and return the
    newest instant of all.  Without `after`, nobody."""
    newest = connection.scalar(
        select(notices.c.read_at)
        .where(notices.c.read_at.is_not(None))
        .order_by(notices.c.read_at.desc())
        .limit(1)
    )
    if after is None or newest is None or newest <= after:
        return set(), newest
    readings = connection.execute(
        select(notices.c.user, notices.c.read_at)
        .where(notices.c.user.in_(persons), notices.c.read_at > after)
        .distinct()
    )
    return {(row.user, row.read_at) for row in readings}, newest


def mark_read(
    connection: Connection,
    *,
    ids: Sequence[str] | None,
    until: datetime | None,
    actor: Actor,
    now: datetime,
) -> ReadingView:
    """Mark a person's notices as read: those with these ids, or all of what happened up to an
    instant.  Ids that are not theirs, or read already, change nothing.  Their other windows are
    told at once.  Raises KeyWithoutPerson."""
    unread = [*_are_readable(actor), notices.c.read_at.is_(None)]
    is_chosen = notices.c.id.in_(ids or ()) if until is None else notices.c.at <= until
    marked_count = connection.execute(
        update(notices).where(*unread, is_chosen).values(read_at=now)
    ).rowcount
    if marked_count:
        wakeups.notify_after_commit(connection)
    return {"marked": marked_count, "unread": count_unread(connection, caller=actor)}


def delete_old_notices(connection: Connection, *, now: datetime) -> int:
    """Delete a batch of notices that were read, or made, long ago; returns how many."""
    read_long_ago = notices.c.read_at < now - RETENTION_READ
    made_long_ago = notices.c.at < now - RETENTION
    delete_count = 0
    for condition in (read_long_ago, made_long_ago):
        old = select(notices.c.id).where(condition).limit(BATCH).scalar_subquery()
        connection.execute(delete(notice_mailings).where(notice_mailings.c.notice.in_(old)))
        delete_count += connection.execute(delete(notices).where(notices.c.id.in_(old))).rowcount
    return delete_count


def _are_readable(caller: Actor) -> list[ColumnElement[bool]]:
    """Return the conditions for notices that somebody may read as they are now: who no longer
    belongs to the desk reads no more of what is the desk's own."""
    is_own = notices.c.user == people.require_person(caller)
    if find_audience(caller) is Audience.DESK:
        return [is_own]
    return [is_own, notices.c.internal.is_(False)]


def _build_notice(row: Row[Any]) -> NoticeView:
    return {
        "id": row.id,
        "kind": NoticeKind(row.kind),
        "claim": row.claim,
        "summary": row.summary,
        "at": format_instant(row.at),
        "read": row.read_at is not None,
    }
