"""First answers, kept with the change they belong to so that a retry cannot repeat it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, delete, insert, select, text

from service.domain.errors import KeyReused, StillRunning
from service.store.tables import idempotency

KEPT = timedelta(hours=24)
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller was told: status, headers and body."""

    status: int
    body: bytes
    headers: dict[str, str]


def first_answer(
    connection: Connection, key_hash: str, fingerprint: str, *, now: datetime
) -> Answer | None:
    """The answer that this key got before, if any.

    Raises KeyReused where it belonged to another request, StillRunning where another process is
    just answering it (one process tells for itself, before it asks the database).
    """
    if connection.dialect.name == "postgresql":
        held = connection.scalar(
            text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": int(key_hash[:15], 16)}
        )
        if not held:
            raise still_running()
    row = connection.execute(select(idempotency).where(idempotency.c.key_hash == key_hash)).first()
    if row is None:
        return None
    if row.recorded_at < now - KEPT:
        connection.execute(delete(idempotency).where(idempotency.c.key_hash == key_hash))
        return None
    if row.fingerprint != fingerprint:
        raise KeyReused("This Idempotency-Key came with another request before; use a new one.")
    return Answer(row.status, row.body, orjson.loads(row.headers))


def remember(
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
    """Delete a batch of answers older than a day; says how many."""
    old = select(idempotency.c.key_hash).where(idempotency.c.recorded_at < now - KEPT).limit(BATCH)
    return connection.execute(
        delete(idempotency).where(idempotency.c.key_hash.in_(old.scalar_subquery()))
    ).rowcount


def still_running() -> StillRunning:
    return StillRunning(
        "The first request with this Idempotency-Key is still running; ask again in a moment."
    )
