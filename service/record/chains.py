"""Reads the end of a subject's chain of events, and locks the chain."""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import BigInteger, Connection, bindparam, func, select

from service.domain.subjects import Subject
from service.store.tables import events

LOCK = select(func.pg_advisory_xact_lock(bindparam("key", type_=BigInteger())))
HEAD = (
    select(events.c.number, events.c.hash, events.c.recorded_at)
    .where(events.c.kind == bindparam("kind"), events.c.subject == bindparam("subject"))
    .order_by(events.c.number.desc())
    .limit(1)
)


def lock_chain(connection: Connection, subject: Subject) -> None:
    """Keep other transactions from appending to this chain until this transaction ends.

    SQLite has one writer at a time.  PostgreSQL has no row to lock before a chain begins, so it
    is an advisory lock, whose key is made of the subject.  Keys are positive; negative ones mark
    events that are not settled (record/tail.py).
    """
    lock_name(connection, f"{subject.kind.value} {subject.id}")


def lock_name(connection: Connection, name: str) -> None:
    """Make every other transaction that locks this name wait until this transaction ends."""
    if connection.dialect.name != "sqlite":
        connection.execute(LOCK, {"key": _compute_key(name)})


def read_head(connection: Connection, subject: Subject) -> tuple[int, str, datetime] | None:
    """Return the number, hash and instant of the subject's last event; None if it has none.

    Call it after `lock_chain`, in another statement: an earlier snapshot does not show the events
    for which the lock waited.
    """
    row = connection.execute(HEAD, {"kind": subject.kind.value, "subject": subject.id}).first()
    return None if row is None else (row.number, row.hash, row.recorded_at)


def _compute_key(name: str) -> int:
    digest = sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
