"""What happens to a desk that was put back or copied: a new epoch begins, and no webhook is sent
until somebody says that this is the desk."""

import secrets
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, func, select

from service.commands import clock
from service.domain.claims import rfc3339
from service.store import bell, installation
from service.store.installation import EPOCH, HELD, HOME, LAST_SEEN
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
    installation.write_value(
        connection,
        EPOCH,
        {
            "id": epoch,
            "number": before.get("number", 1) + 1,
            "began_at": rfc3339(now),
            "after_event": connection.scalar(select(func.coalesce(func.max(events.c.seq), 0))),
            "reason": reason,
        },
    )
    return epoch


def hold_webhooks(connection: Connection, *, reason: str, copy: bool, now: datetime) -> None:
    """Send nothing until `release_webhooks`; what is recorded meanwhile waits."""
    installation.write_value(
        connection, HELD, {"reason": reason, "copy": copy, "since": rfc3339(now)}
    )


def release_webhooks(connection: Connection) -> bool:
    """Say that this is the desk: what waits is sent.  Says whether anything was held."""
    bell.ring_after_commit(connection)
    return installation.forget_value(connection, HELD)


def restart_after_restore(
    connection: Connection, *, source: str, answer: str | None, now: datetime
) -> str:
    """Make what was restored from `source` a desk of its own epoch; gives the epoch's id.

    `answer` is what the operator said it is: `desk`, `copy`, or None.
    """
    epoch = begin_epoch(connection, reason=f"restored from {source}", now=now)
    installation.forget_value(connection, HOME)
    installation.forget_value(connection, LAST_SEEN)
    if answer == "desk":
        installation.forget_value(connection, HELD)
    else:
        hold_webhooks(
            connection,
            reason=f"this desk was restored from {source}",
            copy=answer == "copy",
            now=now,
        )
    return epoch


def settle_in(connection: Connection, *, home: dict[str, Any], now: datetime) -> str:
    """Compare where the database is served with where it was; gives the epoch's id.

    A file that was renamed on one machine is the same file.  What was copied begins a new epoch,
    and sends nothing until somebody says that it is the desk.
    """
    before = installation.read_document(connection, HOME)
    if before != home:
        if before is not None and is_elsewhere(before, home):
            reason = COPIED.format(place=before.get("path") or before.get("database"))
            begin_epoch(connection, reason=reason, now=now)
            hold_webhooks(connection, reason=reason, copy=False, now=now)
            log.error("webhooks are held until somebody says that this is the desk", reason=reason)
        installation.write_value(connection, HOME, home)
    installation.write_value(connection, LAST_SEEN, rfc3339(now))
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


def read_hold(connection: Connection) -> dict[str, Any] | None:
    """Why webhooks are held, and since when; None where they are sent."""
    return installation.read_document(connection, HELD)
