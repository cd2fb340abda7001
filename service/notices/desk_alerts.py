"""Tells administrators what is wrong with the desk itself: webhooks that are late, a full disk, a
record that does not hold.

Of what they were told, rows of `installation` say so, so that they are told once, and once more
when it is over.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection

from service.domain.claims import format_instant
from service.domain.diagnosis import LEAST_ROOM
from service.domain.notices import NoticeKind
from service.notices import event_reading, notice_jobs, people
from service.notices.notice_plan import Notice
from service.store import installation
from service.webhooks import figures
from service.webhooks.webhook_checks import BEHIND

LATE_WEBHOOKS = "alert:dispatcher"
FULL_DISK = "alert:disk"
CAUGHT_UP = timedelta(minutes=1)
"""What is late no longer than that has been caught up with: less than BEHIND, so that nobody is
told to and fro."""
MUCH_ROOM = 2 * LEAST_ROOM
"""Likewise."""
Change = tuple[str, bool, str]
"""What of, whether it begins, and the sentence that people are told."""


def has_change(connection: Connection, *, free: int | None, now: datetime) -> bool:
    """Say whether there is something to tell; `free` are the bytes on the disk, if it has one."""
    return bool(_list_changes(connection, free=free, now=now))


def tell_changes(connection: Connection, *, free: int | None, now: datetime) -> None:
    """Tell all administrators what begins to be wrong, or is no longer."""
    position = event_reading.read_position(connection, lock=True)
    changes = _list_changes(connection, free=free, now=now)
    administrators = people.list_administrators(connection)
    instant = format_instant(now)
    for name, begins, _ in changes:
        if begins:
            installation.write_value(connection, name, instant)
        else:
            installation.delete_value(connection, name)
    messages = [
        _build_notice(person, f"{name}:{instant}", words, position, now)
        for name, _, words in changes
        for person in administrators
    ]
    notice_jobs.insert_notices(connection, messages, now=now)


def tell_of_break(connection: Connection, *, what: str, now: datetime) -> bool:
    """Tell all administrators that a verification found a break; of the same one, once.

    Returns whether there are any.
    """
    position = event_reading.read_position(connection, lock=True)
    administrators = people.list_administrators(connection)
    key = f"verify:{sha256(what.encode()).hexdigest()}"
    words = f"claimdesk verify: the record does not hold: {what}"
    messages = [_build_notice(person, key, words, position, now) for person in administrators]
    notice_jobs.insert_notices(connection, messages, now=now)
    return bool(administrators)


def _list_changes(connection: Connection, *, free: int | None, now: datetime) -> list[Change]:
    was_late = installation.read_value(connection, LATE_WEBHOOKS) is not None
    was_full = installation.read_value(connection, FULL_DISK) is not None
    oldest = figures.find_oldest_due(connection, now=now)
    late = now - oldest if oldest is not None else timedelta(0)
    changes = []
    is_late = late > (CAUGHT_UP if was_late else BEHIND)
    if is_late != was_late:
        changes.append((LATE_WEBHOOKS, is_late, _describe_lateness(late if is_late else None)))
    is_full = free is not None and free < (MUCH_ROOM if was_full else LEAST_ROOM)
    if is_full != was_full:
        changes.append((FULL_DISK, is_full, _describe_room(free if is_full else None)))
    return changes


def _describe_lateness(late: timedelta | None) -> str:
    if late is None:
        return "Webhooks go out in time again"
    minutes = round(late.total_seconds() / 60)
    return f"Webhooks are late: one in health is due for {minutes} minutes"


def _describe_room(free: int | None) -> str:
    if free is None:
        return "The disk of the database has room again"
    return (
        f"The disk of the database is nearly full: {free // (1024 * 1024)} MiB are free, and "
        "changes are refused once nothing is"
    )


def _build_notice(person: str, key: str, words: str, position: int, now: datetime) -> Notice:
    return Notice(
        person,
        NoticeKind.WEBHOOK,
        None,
        key,
        words,
        internal=True,
        position=position,
        at=now,
    )
