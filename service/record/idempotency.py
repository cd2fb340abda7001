"""Keeps the first answer to a request with the change it made, so that no retry repeats it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, delete, insert, select, text

from service.domain.errors import KeyReused, StillRunning
from service.store.tables import idempotency

RETENTION = timedelta(hours=24)
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: status, headers and body."""

    status: int
    body: bytes
    headers: dict[str, str]


def find_first_answer(
    connection: Connection, key_hash: str, fingerprint: str, *, now: datetime
) -> Answer | None:
    """Return the answer that this key got before, if any.

    Raises KeyReused if it came with another request, StillRunning if another process is answering
    it just now.  (Within a process, the caller knows before it asks the database.)
    """
    if connection.dialect.name == "postgresql":
        is_locked = connection.scalar(
            text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": int(key_hash[:15], 16)}
        )
        if not is_locked:
            raise build_still_running_error()
    row = connection.execute(select(idempotency).where(idempotency.c.key_hash == key_hash)).first()
    if row is None:
        return None
    if row.recorded_at < now - RETENTION:
        connection.execute(delete(idempotency).where(idempotency.c.key_hash == key_hash))
        return None
    if row.fingerprint != fingerprint:
        raise KeyReused("This Idempotency-Key came with another request before; use a new one.")
    return Answer(row.status, row.body, orjson.loads(row.headers))


def store_answer(
    connection: Connection, key_hash: str, fingerprint: str, answer: Answer, *, now: datetime
) -> None:
    connection.execute(
        insert(idempotency),
        {
            "key_hash": key_hash,
            "fingerprint": fingerprint,
            "status": answer.status,
            "headers": orjson.dumps(answer.headers).decode(),
            "body": answer.body,
            "recorded_at": now,
        },
    )


def forget_old(connection: Connection, *, now: datetime) -> int:
    """Delete a batch of answers older than a day, and return how many."""
    old = (
        select(idempotency.c.key_hash)
        .where(idempotency.c.recorded_at < now - RETENTION)
        .limit(BATCH)
    )
    return connection.execute(
        delete(idempotency).where(idempotency.c.key_hash.in_(old.scalar_subquery()))
    ).rowcount


def build_still_running_error() -> StillRunning:
    return StillRunning(
        "The first request with this Idempotency-Key is still running; ask again in a moment."
    )
