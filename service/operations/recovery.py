"""What happens to a desk that was put back or copied: a new epoch begins, and no webhook is sent
until somebody says that this is the desk."""

import secrets
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, func, select

from service.accounts.account_commands import SYSTEM
from service.domain.claims import format_instant
from service.operations import clock
from service.record import audit
from service.record.canonical import canonical
from service.store import installation, wakeups
from service.store.installation import EPOCH, HELD, HOME, LAST_SEEN, RESTORED
from service.store.tables import events

log = structlog.get_logger("database")
COPIED = (
    "this database was served from another place before ({place}): it is a copy, or was moved or "
    "put back by hand"
)


def begin_epoch(connection: Connection, *, reason: str, now: datetime) -> str:
    """Begin a new epoch of the record; gives its id.  Clients that hold a place in an earlier one
    are told to start again."""
    epoch = secrets.token_hex(4)
    before = installation.read_document(connection, EPOCH) or {}
    begun = {
        "id": epoch,
        "number": before.get("number", 1) + 1,
        "began_at": format_instant(now),
        "after_event": connection.scalar(select(func.coalesce(func.max(events.c.seq), 0))),
        "reason": reason,
    }
    audit.record_setting(connection, EPOCH, canonical(begun), actor=SYSTEM, now=now)
    return epoch


def hold_webhooks(connection: Connection, *, reason: str, copy: bool, now: datetime) -> None:
    """Send nothing until `release_webhooks`; what is recorded meanwhile waits."""
    held = {"reason": reason, "copy": copy, "since": format_instant(now)}
    audit.record_setting(connection, HELD, canonical(held), actor=SYSTEM, now=now)


def release_webhooks(connection: Connection, *, now: datetime) -> bool:
    """Say that this is the desk: what waits is sent.  Says whether anything was held."""
    if installation.read_value(connection, HELD) is None:
        return False
    audit.record_setting(connection, HELD, None, actor=SYSTEM, now=now)
    wakeups.ring_after_commit(connection)
    return True


def restart_after_restore(
    connection: Connection, *, reason: str, answer: str | None, now: datetime
) -> str:
    """Make what was put back a desk of its own epoch; gives the epoch's id.

    `answer` is what the operator said it is: `desk`, `copy`, or None.
    """
    epoch = begin_epoch(connection, reason=reason, now=now)
    installation.forget_value(connection, RESTORED)
    installation.forget_value(connection, HOME)
    installation.forget_value(connection, LAST_SEEN)
    if answer == "desk":
        release_webhooks(connection, now=now)
    else:
        hold_webhooks(
            connection,
            reason=reason,
            copy=answer == "copy",
            now=now,
        )
    return epoch


def describe_restore(source: str) -> str:
    """The reason of an epoch that a restore begins."""
    return f"this desk was restored from {source}"


def settle_in(connection: Connection, *, home: dict[str, Any], now: datetime) -> str:
    """Compare where the database is served with where it was; gives the epoch's id.

    A file that was renamed on one machine is the same file.  What was copied begins a new epoch,
    and sends nothing until somebody says that it is the desk.
    """
    restored = installation.read_document(connection, RESTORED)
    if restored is not None:  # and whoever did it was cut off before it was written down
        reason = describe_restore(str(restored.get("source")))
        restart_after_restore(connection, reason=reason, answer=None, now=now)
    before = installation.read_document(connection, HOME)
    if before != home:
        if before is not None and is_elsewhere(before, home):
            reason = COPIED.format(place=before.get("path") or before.get("database"))
            begin_epoch(connection, reason=reason, now=now)
            hold_webhooks(connection, reason=reason, copy=False, now=now)
            log.error("webhooks are held until somebody says that this is the desk", reason=reason)
        installation.write_value(connection, HOME, home)
    installation.write_value(connection, LAST_SEEN, format_instant(now))
    clock.free_stuck_deliveries(connection, now=now)
    return read_epoch(connection)


def is_elsewhere(before: dict[str, Any], home: dict[str, Any]) -> bool:
    """A path may change, not what it leads to; what is not known is not compared."""
    return any(
        before.get(name) is not None and value is not None and before[name] != value
        for name, value in home.items()
        if name != "path"
    )


def read_epoch(connection: Connection) -> str:
    """The id of the epoch; empty in the first."""
    document = installation.read_document(connection, EPOCH)
    return "" if document is None else str(document["id"])


def describe_epoch(connection: Connection) -> dict[str, Any]:
    """The epoch, why and when it began, and whether webhooks are held."""
    document = installation.read_document(connection, EPOCH) or {}
    return {
        "id": document.get("id"),
        "number": document.get("number", 1),
        "began_at": document.get("began_at"),
        "reason": document.get("reason"),
        "webhooks_held": read_hold(connection) is not None,
    }


def read_hold(connection: Connection) -> dict[str, Any] | None:
    """Why webhooks are held, and since when; None where they are sent."""
    return installation.read_document(connection, HELD)
