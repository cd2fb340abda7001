"""The record of one claim: its history, its status changes, its state then and now."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, select

from service.domain import history
from service.domain.claims import ClaimState, format_instant
from service.domain.errors import NotFound, NotYetRecorded
from service.domain.history import Event
from service.record.canonical import read_salts
from service.record.event_queries import disclosed, exposed
from service.store import states
from service.store.paging import Window
from service.store.tables import claims, events

SINCE_LIMIT = 20


def list_events(
    connection: Connection, claim_id: str, window: Window
) -> list[dict[str, Any]] | None:
    """A claim's events, oldest first, one more than the limit; None where there is no claim."""
    query = select(events).where(events.c.claim == claim_id).order_by(events.c.number)
    if window.after is not None:
        query = query.where(events.c.number > window.after[0])
    rows = connection.execute(query.limit(window.limit + 1)).all()
    if not rows and not _exists(connection, claim_id):
        return None
    return [build_event(row) for row in rows]


def find_first_sealed(connection: Connection, claim_id: str) -> int | None:
    """The number of the first event of a claim of which others than the desk are not told
    everything, and whose hash covers that without a commitment; None where there is none."""
    query = select(func.min(events.c.number)).where(events.c.claim == claim_id, exposed())
    first: int | None = connection.execute(query).scalar_one()
    return first


def list_latest_events(
    connection: Connection,
    claim_id: str,
    *,
    limit: int,
    internal: bool = True,
    ahead_of: int | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """The last events of a claim, oldest first, and how many came before them; the desk's own are
    neither shown nor counted unless `internal`.  With `ahead_of`, the last before that number."""
    mine = [events.c.claim == claim_id]
    if not internal:
        mine.append(disclosed())
    if ahead_of is not None:
        mine.append(events.c.number < ahead_of)
    rows = connection.execute(
        select(events).where(*mine).order_by(events.c.number.desc()).limit(limit)
    ).all()
    before = rows[-1].number - 1 if rows else 0
    if before and not internal:
        earlier = select(func.count()).where(*mine, events.c.number <= before)
        before = connection.execute(earlier).scalar_one()
    return [build_event(row) for row in rows[::-1]], before


def list_events_since(connection: Connection, claim_id: str, version: int) -> list[dict[str, Any]]:
    """A claim's events after a version of it, oldest first, as far as a page tells of them."""
    return list_events(connection, claim_id, Window(SINCE_LIMIT, [version])) or []


def list_status_changes(
    connection: Connection, claim_id: str, window: Window
) -> list[dict[str, Any]] | None:
    """A claim's changes of status, oldest first; None where there is no claim."""
    rows = _read_of_type(connection, claim_id, "claim.status_changed", window)
    return (
        None if rows is None else [build_status_change(claim_id, parse_event(row)) for row in rows]
    )


def list_finding_changes(
    connection: Connection, claim_id: str, window: Window
) -> list[dict[str, Any]] | None:
    """What the desk found of a claim, and no longer found, oldest first; None where there is no
    claim."""
    rows = _read_of_type(connection, claim_id, "finding.changed", window)
    return (
        None if rows is None else [build_status_change(claim_id, parse_event(row)) for row in rows]
    )


def _read_of_type(
    connection: Connection, claim_id: str, kind: str, window: Window
) -> list[Row[Any]] | None:
    query = (
        select(events)
        .where(events.c.claim == claim_id, events.c.type == kind)
        .order_by(events.c.number)
    )
    if window.after is not None:
        query = query.where(events.c.number > window.after[0])
    rows = list(connection.execute(query.limit(window.limit + 1)).all())
    return None if not rows and not _exists(connection, claim_id) else rows


def build_event(row: Row[Any]) -> dict[str, Any]:
    """One event as the history shows it: `seq` counts within the claim."""
    return {
        "seq": row.number,
        "type": row.type,
        "recorded_at": format_instant(row.recorded_at),
        "actor": orjson.loads(row.actor),
        "data": orjson.loads(row.data),
        "previous_hash": row.previous_hash,
        "hash": row.hash,
        "salts": read_salts(row.salts),
    }


def build_status_change(claim_id: str, event: Event) -> dict[str, Any]:
    """A `claim.status_changed` or `finding.changed` as it is served; `decision` is the id of the
    decision that a second person approved, if one did."""
    return event.data | {
        "claim": claim_id,
        "version": event.number,
        "occurred_at": format_instant(event.recorded_at),
    }


def read_state(connection: Connection, claim_id: str) -> ClaimState | None:
    """A claim's stored state, unlocked."""
    stored = connection.scalar(select(states.whole(claims)).where(claims.c.id == claim_id))
    return None if stored is None else states.parse(stored)


def read_state_as_of(connection: Connection, claim_id: str, moment: datetime) -> ClaimState | None:
    """A claim as the desk knew it at `moment`, folded from its record."""
    rows = connection.execute(
        select(events)
        .where(events.c.claim == claim_id, events.c.recorded_at <= moment)
        .order_by(events.c.number)
    ).all()
    return history.fold(claim_id, (parse_event(row) for row in rows))


def require_state(connection: Connection, claim_id: str, moment: datetime | None) -> ClaimState:
    """A claim as it is, or as the desk knew it at `moment`.

    Raises NotFound, NotYetRecorded where it was recorded only later.
    """
    if moment is None:
        found = read_state(connection, claim_id)
    else:
        found = read_state_as_of(connection, claim_id, moment)
        created_at = None
        if found is None:
            created_at = connection.scalar(
                select(claims.c.created_at).where(claims.c.id == claim_id)
            )
        if created_at is not None:
            raise NotYetRecorded(
                "The desk recorded this claim only later.", recorded_at=format_instant(created_at)
            )
    if found is None:
        raise NotFound("There is no claim with this id.")
    return found


def parse_event(row: Row[Any]) -> Event:
    return Event(row.number, row.type, row.recorded_at, orjson.loads(row.data))


def _exists(connection: Connection, claim_id: str) -> bool:
    return connection.scalar(select(claims.c.id).where(claims.c.id == claim_id)) is not None
