"""The record of one claim: its events, changes of status and findings, and its state over time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import orjson
from sqlalchemy import Connection, Row, func, select

from service.claims.existence import build_not_found, require_claim
from service.claims.history_views import FindingChangeView, StatusChangeView
from service.domain import history
from service.domain.claims import ClaimState, format_instant
from service.domain.errors import NotYetRecorded
from service.domain.history import Event
from service.record.canonical import read_salts
from service.record.event_queries import is_disclosed, is_exposed
from service.store import states
from service.store.paging import Window, select_page
from service.store.tables import claims, events

RecordedEvent = dict[str, Any]
"""An event as it is recorded, of which `web/redaction.py` makes an `EventView`."""
MERGED_LIMIT = 20
"""How many merged claims a page lists at most."""
SINCE_LIMIT = 20
"""How many later events a page shows at most."""


def list_events(connection: Connection, claim_id: str, window: Window) -> list[RecordedEvent]:
    """List a claim's events, oldest first, one more than the limit.  Raises NotFound."""
    return [build_event(row) for row in _read_rows(connection, claim_id, window)]


def find_first_sealed(connection: Connection, claim_id: str) -> int | None:
    """Find the number of a claim's first event that has withheld fields and a hash that covers them
    without a commitment; None if there is none."""
    query = select(func.min(events.c.number)).where(events.c.claim == claim_id, is_exposed())
    first: int | None = connection.execute(query).scalar_one()
    return first


def list_latest_events(
    connection: Connection,
    claim_id: str,
    *,
    limit: int,
    internal: bool = True,
    ahead_of: int | None = None,
) -> tuple[list[RecordedEvent], int]:
    """List the last events of a claim, oldest first, and count those before them.

    Internal events are left out unless `internal`.  With `ahead_of`, the last events before that
    number.
    """
    conditions = [events.c.claim == claim_id]
    if not internal:
        conditions.append(is_disclosed())
    if ahead_of is not None:
        conditions.append(events.c.number < ahead_of)
    rows = connection.execute(
        select(events).where(*conditions).order_by(events.c.number.desc()).limit(limit)
    ).all()
    before = rows[-1].number - 1 if rows else 0
    if before and not internal:
        earlier = select(func.count()).where(*conditions, events.c.number <= before)
        before = connection.execute(earlier).scalar_one()
    return [build_event(row) for row in rows[::-1]], before


def list_events_since(connection: Connection, claim_id: str, version: int) -> list[RecordedEvent]:
    """List the first events after a version of a claim, oldest first."""
    return list_events(connection, claim_id, Window(SINCE_LIMIT, [version]))


def list_status_changes(
    connection: Connection, claim_id: str, window: Window
) -> list[StatusChangeView]:
    """List a claim's changes of status, oldest first, one more than the limit.  Raises NotFound."""
    rows = _read_rows(connection, claim_id, window, "claim.status_changed")
    return [build_status_change(claim_id, parse_event(row)) for row in rows]


def list_finding_changes(
    connection: Connection, claim_id: str, window: Window
) -> list[FindingChangeView]:
    """List the changes of a claim's finding, oldest first, one more than the limit.

    Raises NotFound.
    """
    rows = _read_rows(connection, claim_id, window, "finding.changed")
    return [build_finding_change(claim_id, parse_event(row)) for row in rows]


def _read_rows(
    connection: Connection, claim_id: str, window: Window, event_type: str | None = None
) -> Sequence[Row[Any]]:
    query = select(events).where(events.c.claim == claim_id)
    if event_type is not None:
        query = query.where(events.c.type == event_type)
    rows = connection.execute(select_page(query, window, events.c.number)).all()
    if not rows:
        require_claim(connection, claim_id)
    return rows


def list_merged_claims(connection: Connection, claim_id: str) -> Sequence[str]:
    """List the documents of the claims that were merged into one, and are not separated."""
    query = select(claims.c.document).where(claims.c.merged_into == claim_id)
    return connection.scalars(query.order_by(claims.c.id).limit(MERGED_LIMIT)).all()


def build_event(row: Row[Any]) -> RecordedEvent:
    """Build the view of an event; `seq` counts within the claim."""
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


def build_status_change(claim_id: str, event: Event) -> StatusChangeView:
    """Build the view of a `claim.status_changed`; `decision` is the id of the decision that a
    second person approved, if one did."""
    return cast(StatusChangeView, _describe_change(claim_id, event))


def build_finding_change(claim_id: str, event: Event) -> FindingChangeView:
    """Build the view of a `finding.changed`."""
    return cast(FindingChangeView, _describe_change(claim_id, event))


def _describe_change(claim_id: str, event: Event) -> Mapping[str, Any]:
    return event.data | {
        "claim": claim_id,
        "version": event.number,
        "occurred_at": format_instant(event.recorded_at),
    }


def read_state(connection: Connection, claim_id: str) -> ClaimState | None:
    """A claim's stored state, unlocked."""
    stored_state = connection.scalar(
        select(states.select_whole(claims)).where(claims.c.id == claim_id)
    )
    return None if stored_state is None else states.parse(stored_state)


def read_state_as_of(connection: Connection, claim_id: str, moment: datetime) -> ClaimState | None:
    """A claim as the desk knew it at `moment`, folded from its record."""
    rows = connection.execute(
        select(events)
        .where(events.c.claim == claim_id, events.c.recorded_at <= moment)
        .order_by(events.c.number)
    ).all()
    return history.fold(claim_id, (parse_event(row) for row in rows))


def read_state_before_last(connection: Connection, claim_id: str, type: str) -> ClaimState:
    """Read a claim as it was before its last event of this type, folded from its record.  The claim
    must have one."""
    is_of_claim = events.c.claim == claim_id
    last = (
        select(func.max(events.c.number))
        .where(is_of_claim, events.c.type == type)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(events).where(is_of_claim, events.c.number < last).order_by(events.c.number)
    ).all()
    state = history.fold(claim_id, (parse_event(row) for row in rows))
    assert state is not None, f"claim {claim_id} has no {type}"
    return state


def require_state(connection: Connection, claim_id: str, moment: datetime | None) -> ClaimState:
    """Read a claim as it is, or as the desk knew it at `moment`.

    Raises NotFound, NotYetRecorded where it was recorded only later.
    """
    if moment is None:
        state = read_state(connection, claim_id)
    else:
        state = read_state_as_of(connection, claim_id, moment)
    if state is not None:
        return state
    created_at = connection.scalar(select(claims.c.created_at).where(claims.c.id == claim_id))
    if created_at is None:
        raise build_not_found("claim")
    raise NotYetRecorded(
        "The desk recorded this claim only later.", recorded_at=format_instant(created_at)
    )


def parse_event(row: Row[Any]) -> Event:
    """Parse a stored event."""
    return Event(row.number, row.type, row.recorded_at, orjson.loads(row.data))
