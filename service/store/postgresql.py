"""The backend of `Database` for PostgreSQL."""

from collections.abc import Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection, make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from service.store.compiled_statements import Lookup, Parameters
from service.store.connector import ENGINE_URL, STANDBY_SECONDS, Connector

T = TypeVar("T")
Row = tuple[Any, ...]

BUSY_SECONDS = 15


class PostgreSQLBackend:
    """SQLAlchemy over asyncpg for commands and queries, and a small pool of asyncpg's own for
    look-ups: four connections gave more throughput and half the p99 of sixteen."""

    writer: AsyncEngine
    reader: AsyncEngine

    def __init__(self, connector: Connector, connections: int) -> None:
        self.connector = connector
        self.dialect = make_url(ENGINE_URL).get_dialect()()
        # Half for changes, which wait for each other's locks, a quarter each for queries and
        # look-ups.
        self.lookups = connections // 4
        self._writers = connections - 2 * self.lookups
        self._pool: asyncpg.Pool | None = None

    async def start(self) -> None:
        await self.connector.start()
        self.writer = self._create_engine(self._writers, read_only=False)
        self.reader = self._create_engine(self.lookups, read_only=True)
        if self.connector.keeps_sessions:
            # Every statement on its own: READ COMMITTED would give each its own snapshot anyway,
            # and BEGIN and COMMIT are two round trips.
            self.reader = self.reader.execution_options(isolation_level="AUTOCOMMIT")
        # Look-ups only read: there is nothing to reset, and asking costs a round trip.
        self._pool = await self.connector.open_pool(size=self.lookups, reset=_skip_reset)

    async def stop(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            await self.writer.dispose()
            await self.reader.dispose()

    async def terminate(self) -> None:
        """End all connections: what waits on one fails at once."""
        if self._pool is not None:
            self._pool.terminate()
            self.connector.terminate()
            await self.writer.dispose()
            await self.reader.dispose()

    async def run(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        if self._pool is None:  # the first attempt failed
            await self.start()
        async with (self.writer if writing else self.reader).begin() as connection:
            return await connection.run_sync(work)

    async def look_up(self, lookup: Lookup, parameters: Parameters) -> list[Row]:
        sql, arguments = lookup.prepare(self.dialect, parameters)
        assert self._pool is not None, "the database was not started"
        rows: list[Row]
        if self.connector.keeps_sessions:
            rows = await self._pool.fetch(sql, *arguments)
            return rows
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(sql, *arguments)
        return rows

    def _create_engine(self, connections: int, *, read_only: bool) -> AsyncEngine:
        return self.connector.create_engine(
            read_only=read_only,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=STANDBY_SECONDS if self.connector.standby else BUSY_SECONDS,
        )


async def _skip_reset(connection: Any) -> None:
    """Do nothing, instead of the query by which asyncpg resets a connection."""
