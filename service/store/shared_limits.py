"""What callers have spent of their limits, added up by all processes on one PostgreSQL.

An embedded database is served by one process, which counts by itself.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, text

from service.store.tables import request_limits

# In the order of the keys, so that two processes cannot deadlock.  Nothing waits for the disk: what
# a crash loses is a minute's counts.
ADD = text(
    """
    INSERT INTO request_limits (key_hash, free_at)
    SELECT key_hash, now() + seconds * INTERVAL '1 second'
    FROM unnest(CAST(:keys AS text[]), CAST(:seconds AS float8[])) AS spent(key_hash, seconds)
    ORDER BY key_hash
    ON CONFLICT (key_hash) DO UPDATE
    SET free_at = greatest(request_limits.free_at, now()) + (excluded.free_at - now())
    RETURNING key_hash, CAST(extract(epoch FROM free_at - now()) AS float8) AS seconds
    """
)


def add_spending(connection: Connection, spending: Mapping[str, float]) -> dict[str, float]:
    """Add what callers have spent in this process, in seconds of their allowance, by the digests
    that name them.  Return for each how many seconds it has spent in all processes."""
    connection.execute(text("SET LOCAL synchronous_commit TO off"))
    parameters = {"keys": list(spending), "seconds": list(spending.values())}
    return {row.key_hash: row.seconds for row in connection.execute(ADD, parameters)}


def delete_old_spending(connection: Connection, *, now: datetime) -> None:
    """Delete the rows of callers who have all of their allowance again."""
    connection.execute(delete(request_limits).where(request_limits.c.free_at < now))
