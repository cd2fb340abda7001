"""Endpoints and deliveries put straight into the tables: synthetic rows, quickly made.

They are what the outbox writes, but for the events behind them: no event has the messages' ids.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import Table

from service.domain.webhooks import EndpointState, EventType, Ordering, make_secret
from service.store.webhook_tables import (
    webhook_attempts,
    webhook_deliveries,
    webhook_messages,
    webhooks,
)
from service.webhooks.outbox import NEW_DELIVERY
from tests.bench import desk
from tests.bench.service_load import sqlite_path

SECRET = make_secret()
LANES = 1_000  # claims that deliveries are about, in turn
# As long as a status change with one statement cited.
BODY = (
    b'{"type":"claim.status_changed","timestamp":"2026-11-25T00:00:00.000000Z","data":{"claim":"'
    + b"x" * 1_300
    + b'"}}'
)
Row = dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    url: str
    event_types: tuple[str, ...] = (EventType.CLAIM_STATUS_CHANGED,)
    max_in_flight: int = 8


def clear(url: str) -> None:
    """No endpoint, no message, no delivery."""
    tables = (webhook_attempts, webhook_deliveries, webhook_messages, webhooks)
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(sqlite_path(url), timeout=60)) as file, file:
            for table in tables:
                file.execute(f"DELETE FROM {table.name}")
    else:
        names = ", ".join(table.name for table in tables)
        asyncio.run(desk.execute(url, f"TRUNCATE {names} CASCADE"))


def endpoints(url: str, endpoints_wanted: Sequence[Endpoint]) -> list[str]:
    """Their ids."""
    now = datetime.now(UTC)
    endpoint_rows: list[Row] = [
        {
            "id": str(uuid4()),
            "url": each.url,
            "event_types": f",{','.join(each.event_types)},",
            "ordering": Ordering.CLAIM,
            "state": EndpointState.ACTIVE,
            "max_in_flight": each.max_in_flight,
            "timeout_s": 15.0,
            "headers": "{}",
            "secret": SECRET,
            "previous_secrets": "[]",
            "created_at": now,
            "created_by": "bench",
            "updated_at": now,
            "failures": 0,
            "served_at": now,
        }
        for each in endpoints_wanted
    ]
    _insert(url, webhooks, endpoint_rows)
    return [row["id"] for row in endpoint_rows]


def deliveries(url: str, to: Sequence[str], count: int) -> None:
    """`count` messages, each due now to every one of `to`, about 1,000 claims in turn."""
    due = datetime.now(UTC) - timedelta(hours=1)
    claims = [str(uuid4()) for _ in range(LANES)]
    ids = [str(uuid4()) for _ in range(count)]
    kind = EventType.CLAIM_STATUS_CHANGED
    _insert(
        url,
        webhook_messages,
        [{"id": key, "type": kind, "body": BODY, "created_at": due} for key in ids],
    )
    _insert(
        url,
        webhook_deliveries,
        [
            {
                "webhook": webhook,
                "message": key,
                "type": kind,
                "claim": claims[number % LANES],
                "position": number // LANES + 1,
                **NEW_DELIVERY,
                "visible_at": due + timedelta(milliseconds=number),
                "created_at": due,
            }
            for number, key in enumerate(ids)
            for webhook in to
        ],
    )


def settle_all(url: str) -> None:
    """Statistics, as autovacuum brings them within a minute, and nothing left to flush."""
    if url.startswith("sqlite"):
        desk.settle(url)
    else:
        asyncio.run(desk.execute(url, "VACUUM ANALYZE", "CHECKPOINT"))


def pending(url: str) -> int:
    return count(url, "state = 'pending'")


def count(url: str, condition: str = "true") -> int:
    """Deliveries."""
    query = f"SELECT count(*) FROM webhook_deliveries WHERE {condition}"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(sqlite_path(url), timeout=60)) as file:
            return int(file.execute(query).fetchone()[0])
    return int(asyncio.run(desk.execute(url, query)))


def _insert(url: str, table: Table, rows: Sequence[Row]) -> None:
    if not rows:
        return
    names = list(rows[0])
    if url.startswith("sqlite"):
        lines = [tuple(_as_sqlite(name, row[name]) for name in names) for row in rows]
        marks = ", ".join("?" * len(names))
        column_names = ", ".join(names)
        with closing(sqlite3.connect(sqlite_path(url), timeout=60)) as file, file:
            file.executemany(f"INSERT INTO {table.name} ({column_names}) VALUES ({marks})", lines)
    else:
        records = [tuple(_as_postgresql(name, row[name]) for name in names) for row in rows]
        asyncio.run(_copy(url, table.name, names, records))


async def _copy(url: str, table: str, names: list[str], records: list[tuple[Any, ...]]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table(table, records=records, columns=names)
    finally:
        await connection.close()


IDS = {"id", "webhook", "message", "claim"}


def _as_sqlite(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S.%f}Z"
    return value.replace("-", "") if name in IDS and value else value


def _as_postgresql(name: str, value: Any) -> Any:
    return UUID(value) if name in IDS and value else value
