"""Holding locks and seeing who waits for them, so that a race on PostgreSQL always happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


class Held:
    """A transaction of our own that holds what its statement locked until `release`."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._transaction = connection.transaction()

    async def run(self, statement: str, *arguments: Any) -> None:
        await self._transaction.start()
        await self._connection.fetch(statement, *arguments)

    async def execute(self, statement: str) -> None:
        await self._connection.execute(statement)

    async def release(self) -> None:
        await self._transaction.rollback()


@asynccontextmanager
async def hold_lock(url: str, statement: str, *arguments: Any) -> AsyncIterator[Held]:
    """Hold what `statement` locks; it is released at the end at the latest."""
    connection = await asyncpg.connect(url)
    try:
        lock_connection = Held(connection)
        await lock_connection.run(statement, *arguments)
        yield lock_connection
    finally:
        await connection.close()


async def wait_for_waiting(url: str, count: int) -> None:
    """Return when `count` of the database's connections wait for a lock."""
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(20):
            waiting = 0
            while waiting < count:
                await asyncio.sleep(0.01)
                waiting = await connection.fetchval(WAITING)
    finally:
        await connection.close()
