"""Begin a new epoch and hold webhooks where a desk was restored or copied.

Webhooks are sent again when an operator says that this is the desk.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime

import orjson
import structlog
from sqlalchemy import Connection, func, select
from typing_extensions import TypedDict

from service.domain.access import SYSTEM
from service.domain.claims import format_instant
from service.operations import clock
from service.record import audit
from service.record.canonical import render_canonical
from service.store import installation, wakeups
from service.store.installation import EPOCH, HELD, HOME, LAST_SEEN, RESTORED
from service.store.tables import events

Home = Mapping[str, object]
"""Where a database is: what `store/location.py` describes."""
log = structlog.get_logger("database")
COPIED = (
    "this database was served from another place before ({place}): it is a copy, or was moved or "
    "put back by hand"
)


class Epoch(TypedDict):
    """A stretch of the record, as it is recorded when it begins."""

    id: str
    number: int
    began_at: str
    after_event: int
    reason: str


class Hold(TypedDict):
    """Why webhooks are held, and since when."""

    reason: str
    copy: bool
    since: str


class EpochView(TypedDict):
    """The present epoch as `claimdesk epoch show` prints it; the first one has no id."""

    id: str | None
    number: int
    began_at: str | None
    reason: str | None
    webhooks_held: bool


def begin_epoch(connection: Connection, *, reason: str, now: datetime) -> str:
    """Begin a new epoch of the record; return its id.  Clients that hold a place in an earlier one
    are told to start again."""
    before = installation.read_document(connection, EPOCH) or {}
    last_event = connection.scalar(select(func.coalesce(func.max(events.c.seq), 0)))
    epoch: Epoch = {
        "id": secrets.token_hex(4),
        "number": before.get("number", 1) + 1,
        "began_at": format_instant(now),
        "after_event": last_event or 0,
        "reason": reason,
    }
    audit.record_setting(connection, EPOCH, render_canonical(epoch), actor=SYSTEM, now=now)
    return epoch["id"]


def hold_webhooks(connection: Connection, *, reason: str, copy: bool, now: datetime) -> None:
    """Send nothing until `release_webhooks`; what is recorded meanwhile waits."""
    hold: Hold = {"reason": reason, "copy": copy, "since": format_instant(now)}
    audit.record_setting(connection, HELD, render_canonical(hold), actor=SYSTEM, now=now)


def release_webhooks(connection: Connection, *, now: datetime) -> bool:
    """Send what waits: this is the desk.  Return whether webhooks were held."""
    if installation.read_value(connection, HELD) is None:
        return False
    audit.record_setting(connection, HELD, None, actor=SYSTEM, now=now)
    wakeups.notify_after_commit(connection)
    return True


def restart_after_restore(
    connection: Connection, *, reason: str, answer: str | None, now: datetime
) -> str:
    """Begin a new epoch for a database that was restored; return the epoch's id.

    `answer` is what the operator said that it is: `desk`, `copy`, or None.
    """
    epoch = begin_epoch(connection, reason=reason, now=now)
    installation.delete_value(connection, RESTORED)
    installation.delete_value(connection, HOME)
    installation.delete_value(connection, LAST_SEEN)
    if answer == "desk":
        release_webhooks(connection, now=now)
    else:
        hold_webhooks(connection, reason=reason, copy=answer == "copy", now=now)
    return epoch


def describe_restore(source: str) -> str:
    """Return the reason of an epoch that a restore begins."""
    return f"this desk was restored from {source}"


def register_home(connection: Connection, *, home: Home, now: datetime) -> str:
    """Compare where the database is served with where it was served; return the epoch's id.

    A file that was renamed on one machine is the same file.  A copy begins a new epoch, and sends
    nothing until an operator says that it is the desk.
    """
    restoration = installation.read_document(connection, RESTORED)
    if restoration is not None:  # the restore was cut off before it began the epoch
        reason = describe_restore(str(restoration.get("source")))
        restart_after_restore(connection, reason=reason, answer=None, now=now)
    before = installation.read_document(connection, HOME)
    if before != home:
        if before is not None and is_elsewhere(before, home):
            reason = COPIED.format(place=before.get("path") or before.get("database"))
            begin_epoch(connection, reason=reason, now=now)
            hold_webhooks(connection, reason=reason, copy=False, now=now)
            log.error("webhooks are held until somebody says that this is the desk", reason=reason)
        installation.write_value(connection, HOME, dict(home))
    installation.write_value(connection, LAST_SEEN, format_instant(now))
    clock.free_stuck_deliveries(connection, now=now)
    return read_epoch(connection)


def is_elsewhere(before: Home, home: Home) -> bool:
    """Whether this is another place: a path may change, not what it leads to.

    What is not known is not compared.
    """
    return any(
        before.get(name) is not None and value is not None and before[name] != value
        for name, value in home.items()
        if name != "path"
    )


def read_epoch(connection: Connection) -> str:
    """Return the id of the epoch; empty in the first."""
    document = installation.read_document(connection, EPOCH)
    return "" if document is None else str(document["id"])


def describe_epoch(connection: Connection) -> EpochView:
    """Return the epoch, why and when it began, and whether webhooks are held."""
    document = installation.read_document(connection, EPOCH) or {}
    return {
        "id": document.get("id"),
        "number": document.get("number", 1),
        "began_at": document.get("began_at"),
        "reason": document.get("reason"),
        "webhooks_held": read_hold(connection) is not None,
    }


def read_hold(connection: Connection) -> Hold | None:
    """Return why webhooks are held, and since when; None where they are sent."""
    value = installation.read_value(connection, HELD)
    hold: Hold | None = None if value is None else orjson.loads(value)
    return hold
