"""Compare this machine's clock with the record, and accept it where an operator vouches for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection, Select, func, select, text, update
from typing_extensions import TypedDict

from service.domain import backoff
from service.domain.claims import format_instant
from service.domain.clocks import ClockGuard, ClockReference
from service.domain.errors import DatabaseDamaged
from service.domain.webhooks import DeliveryState
from service.store import installation, wakeups
from service.store.engine import Database
from service.store.installation import CLOCK_ACCEPTED, LAST_SEEN
from service.store.tables import events
from service.store.webhook_tables import webhook_deliveries, webhooks

LONGEST_WAIT = timedelta(days=7) * (1 + backoff.JITTER)
"""No delivery waits longer: this is the longest step that a schedule may have (config.py)."""
log = structlog.get_logger("database")


class Acceptance(TypedDict, total=False):
    """The note that the clock is right."""

    at: str
    up_to: str
    server_ahead: float


def read_clock_reference(connection: Connection, *, now: datetime | None = None) -> ClockReference:
    """Return what a clock is compared with; with `now`, the database server's clock too.

    Values that cannot be read are left out: another check reports them.
    """
    acceptance = _read_acceptance(connection)
    return ClockReference(
        newest_event=_read_newest(connection),
        last_seen=_parse_instant(installation.read_value(connection, LAST_SEEN)),
        server_ahead=None if now is None else _measure_server_clock(connection, now=now),
        accepted_at=_parse_instant(acceptance.get("at")),
        accepted_up_to=_parse_instant(acceptance.get("up_to")),
        accepted_server_ahead=timedelta(seconds=acceptance.get("server_ahead", 0)),
    )


async def compare_clock(database: Database, guard: ClockGuard) -> None:
    """Read again what the clock is compared with, and tell the guard."""
    now = guard.clock() if guard.stopwatch is not None else None
    guard.compare_with(await database.read(read_clock_reference, now=now), measured_at=now)


def accept_clock(connection: Connection, *, now: datetime) -> ClockReference:
    """Record that the clock is right as it is; return what it was compared with until now.

    Deliveries that wait for an instant that a wrong clock has set are due at once.
    """
    before = read_clock_reference(connection, now=now)
    latest = [
        instant
        for instant in (_read_latest(connection), before.last_seen, before.accepted_up_to, now)
        if instant is not None
    ]
    ahead = before.server_ahead or timedelta()
    acceptance: Acceptance = {
        "at": format_instant(now),
        "up_to": format_instant(max(latest)),
        "server_ahead": ahead.total_seconds(),
    }
    installation.write_value(connection, CLOCK_ACCEPTED, dict(acceptance))
    installation.write_value(connection, LAST_SEEN, format_instant(now))
    free_stuck_deliveries(connection, now=now)
    log.warning("somebody said that the clock is right", now=format_instant(now))
    return before


def excuse_imported_events(connection: Connection, *, now: datetime) -> None:
    """Ignore imported events of the future when the clock is compared: another desk's clock was
    wrong when it recorded them, which says nothing about this one's."""
    latest, acceptance = _read_latest(connection), _read_acceptance(connection)
    up_to = _parse_instant(acceptance.get("up_to"))
    if latest is None or latest <= now or (up_to is not None and latest <= up_to):
        return
    acceptance["up_to"] = format_instant(latest)
    installation.write_value(connection, CLOCK_ACCEPTED, dict(acceptance))
    log.warning("events of a time to come were imported", latest=format_instant(latest))


def free_stuck_deliveries(
    connection: Connection, *, now: datetime, longest: timedelta = LONGEST_WAIT
) -> int:
    """Make deliveries due that would wait longer than any schedule says, because a clock was wrong;
    return how many."""
    limit = now + longest
    delivery = webhook_deliveries.c
    delivery_count = connection.execute(
        update(webhook_deliveries)
        .where(
            # Their endpoint leads to them by an index.
            delivery.webhook.in_(select(webhooks.c.id)),
            delivery.state == DeliveryState.PENDING,
            delivery.visible_at > limit,
        )
        .values(visible_at=now)
    ).rowcount
    connection.execute(
        update(webhooks).where(webhooks.c.blocked_until > limit).values(blocked_until=None)
    )
    connection.execute(update(webhooks).where(webhooks.c.served_at > limit).values(served_at=now))
    if delivery_count:
        wakeups.notify_after_commit(connection)
        log.warning("deliveries that a wrong clock had put off are due", deliveries=delivery_count)
    return delivery_count


def _read_newest(connection: Connection) -> datetime | None:
    # Only claims: a migration records events of other things at its own time.
    of_claims = select(events.c.recorded_at).where(events.c.claim.is_not(None))
    return _read_instant(connection, of_claims.order_by(events.c.seq.desc()).limit(1))


def _read_latest(connection: Connection) -> datetime | None:
    """Return the latest instant of any event: a claim with one in the future keeps that instant."""
    return _read_instant(connection, select(func.max(events.c.recorded_at)))


def _read_instant(connection: Connection, query: Select[Any]) -> datetime | None:
    try:
        instant: datetime | None = connection.scalar(query)
    except DatabaseDamaged:
        return None
    return instant


def _read_acceptance(connection: Connection) -> Acceptance:
    value = installation.read_value(connection, CLOCK_ACCEPTED)
    try:
        acceptance: Acceptance | None = None if value is None else orjson.loads(value)
    except ValueError:
        return {}
    return acceptance or {}


def _measure_server_clock(connection: Connection, *, now: datetime) -> timedelta | None:
    if connection.dialect.name != "postgresql":
        return None
    server: datetime = connection.scalar(text("SELECT clock_timestamp()"))
    return server - now


def _parse_instant(value: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo is not None else None
