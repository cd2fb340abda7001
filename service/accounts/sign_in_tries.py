"""Limits how often passwords may be tried: counted in the database, for all processes together.

It is the generic cell rate algorithm, as for requests (`web/limits.py`): a minute's tries may be
spent at once, and are regained evenly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, select, update

from service.domain.errors import RateLimited
from service.store.compiled_statements import insert_or_ignore
from service.store.tables import sign_in_tries

WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many tries a minute are allowed of what `counted` names."""

    counted: str
    tries: int

    @property
    def key(self) -> str:
        return sha256(self.counted.encode()).hexdigest()

    @property
    def step(self) -> timedelta:
        return WINDOW / self.tries


def require_tries_left(connection: Connection, limits: Sequence[Limit], *, now: datetime) -> None:
    """Raise RateLimited where another try is too early.  Nothing is counted."""
    _require_left(_read(connection, limits, lock=False), limits, now)


def count_try(connection: Connection, limits: Sequence[Limit], *, now: datetime) -> None:
    """Count a try on each of the limits.  Raises RateLimited, and then counts on none of them."""
    # Always in the same order, so that two tries cannot deadlock.
    for limit in sorted(limits, key=lambda limit: limit.key):
        insert_or_ignore(connection, sign_in_tries, {"key_hash": limit.key, "free_at": now})
    free_at = _read(connection, limits, lock=True)
    _require_left(free_at, limits, now)
    for limit in limits:
        later = _next_free(free_at.get(limit.key, now), now) + limit.step
        connection.execute(
            update(sign_in_tries).where(sign_in_tries.c.key_hash == limit.key).values(free_at=later)
        )


def _read(connection: Connection, limits: Sequence[Limit], *, lock: bool) -> dict[str, datetime]:
    query = (
        select(sign_in_tries.c.key_hash, sign_in_tries.c.free_at)
        .where(sign_in_tries.c.key_hash.in_([limit.key for limit in limits]))
        .order_by(sign_in_tries.c.key_hash)
    )
    rows = connection.execute(query.with_for_update() if lock else query)
    return {row.key_hash: row.free_at for row in rows}


def _next_free(free_at: datetime, now: datetime) -> datetime:
    # Never further ahead than a full minute's tries, even if a clock went back meanwhile.
    return min(max(free_at, now), now + WINDOW)


def _require_left(free_at: dict[str, datetime], limits: Sequence[Limit], now: datetime) -> None:
    delays = [
        (_next_free(free_at.get(limit.key, now), now) + limit.step - now - WINDOW, limit)
        for limit in limits
    ]
    wait, limit = max(delays, key=lambda pair: pair[0])
    if wait > timedelta(0):
        seconds = int(wait.total_seconds()) + 1
        raise RateLimited(
            f"{limit.tries} tries a minute are allowed here; wait {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )
