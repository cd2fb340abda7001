"""One `Database` for both kinds: `write`, `read`, `look_up`.

Commands and queries are plain functions that take a SQLAlchemy connection first.  A whole
transaction runs in one go: on PostgreSQL in one greenlet over asyncpg (`run_sync`), on SQLite in
one hop to a thread.  It is committed before `write` returns, so nothing can be acknowledged that
is not durable, and no network call can be awaited inside a transaction
(docs/decisions/0002-synchronous-commands.md).

`look_up` is the hot path: a statement that SQLAlchemy compiled once, run on the bare driver.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

import asyncpg
from sqlalchemy import Connection, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.config import Settings
from service.domain.errors import Unavailable
from service.store.bell import Bell, Wire, marked
from service.store.failures import RETRIED, translate_errors
from service.store.home import describe_file, describe_server
from service.store.lookups import Lookup as Lookup
from service.store.reading import ReadOnlySQLite
from service.store.sqlite import SQLiteBackend

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[Any, ...]

BUSY_SECONDS = 15
READ_ONLY = {"default_transaction_read_only": "on"}
ATTEMPTS = 5
BASE_URL = "claimdesk_base_url"


class Database:
    """The database behind `settings.database_url`.  `start` before use, `stop` at the end."""

    def __init__(
        self, settings: Settings, *, report: bool = False, read_only: bool = False
    ) -> None:
        """`report`: log what the database says when it fails, in its own words.  `read_only`: open
        an embedded database without writing to it; `write` may not be called then."""
        self.report = report
        self.url = make_url(settings.database_url.get_secret_value())
        self.embedded = settings.embedded
        self.bell = Bell()
        self.commits = 0
        """How many transactions this process has committed."""
        options = {BASE_URL: settings.base_url}
        self._backend: SQLiteBackend | ReadOnlySQLite | _PostgreSQL
        if not self.embedded:
            self._backend = _PostgreSQL(self.url, settings.database_connections, options)
        elif read_only:
            self._backend = ReadOnlySQLite(self.url, options)
        else:
            self._backend = SQLiteBackend(self.url, options)

    async def start(self) -> None:
        with translate_errors(report=self.report):
            await self._backend.start()

    def carry_bell(self) -> None:
        """Ring, and hear, in the other processes on this database too; PostgreSQL only."""
        if isinstance(self._backend, _PostgreSQL):
            self.bell.wire = Wire(self._backend.dsn, self.bell)

    async def stop(self) -> None:
        if self.bell.wire is not None:
            await self.bell.wire.stop()
        await self._backend.stop()

    async def write(
        self,
        command: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `command` in one transaction and commit it.

        A deadlock or serialization failure runs it again, so a command must have no effect but
        on its connection.  Raises Unavailable where the database cannot be reached.
        """

        def work(connection: Connection) -> tuple[T, bool]:
            marked(connection)  # of a transaction that was rolled back, perhaps
            return command(connection, *args, **kwargs), marked(connection)

        result, rung = await self._in_turn(work)
        self.commits += 1
        if rung:
            self.bell.ring()
        return result

    async def describe_home(self) -> dict[str, Any]:
        """What tells this database from a copy of it."""
        if isinstance(self._backend, SQLiteBackend) and self._backend.guard is not None:
            return describe_file(self._backend.guard.path)
        return {} if self.embedded else await self.read(describe_server)

    def require_room(self) -> None:
        """Raises DatabaseFull where an embedded database's disk is as good as full."""
        if isinstance(self._backend, SQLiteBackend):
            with translate_errors(report=self.report):
                self._backend.require_room()

    async def _in_turn(self, work: Callable[[Connection], T]) -> T:
        """Run `work` as a transaction on a writing connection, again after a deadlock."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with translate_errors(report=self.report):
                    return await self._backend.run(work, writing=True)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in RETRIED:
                    raise
                if attempt == ATTEMPTS:
                    raise Unavailable("The database is busy; nothing was changed.") from error
                await asyncio.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    async def rehearse(
        self,
        command: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """What `command` would give: run as `write` runs it, then rolled back."""

        def work(connection: Connection) -> T:
            result = command(connection, *args, **kwargs)
            transaction = connection.get_transaction()
            assert transaction is not None, "a command does not end its transaction"
            transaction.rollback()
            marked(connection)  # nothing happened that anybody should look for
            return result

        return await self._in_turn(work)

    async def read(
        self,
        query: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `query` on a connection that cannot write."""
        with translate_errors(report=self.report):
            return await self._backend.run(
                lambda connection: query(connection, *args, **kwargs), writing=False
            )

    async def look_up(self, lookup: Lookup, parameters: dict[str, Any]) -> list[Row]:
        """The rows of a prepared statement, straight from the driver."""
        with translate_errors(report=self.report):
            return await self._backend.look_up(lookup, parameters)


class _PostgreSQL:
    """SQLAlchemy over asyncpg for commands and queries, a small pool of asyncpg's own for
    look-ups: four connections gave more throughput and half the p99 of sixteen
    (performance.md)."""

    def __init__(self, url: URL, connections: int, options: dict[str, Any]) -> None:
        self.dialect = postgresql_url(url).get_dialect()()
        # Half for changes, which wait for each other's locks, a quarter each for queries and
        # look-ups.
        quarter = connections // 4
        self.lookups = quarter
        self.writer = _postgresql_engine(
            url, connections - 2 * quarter, _server_settings()
        ).execution_options(**options)
        # Every statement on its own: READ COMMITTED would give each its own snapshot anyway, and
        # BEGIN and COMMIT are two round trips.
        self.reader = _postgresql_engine(
            url, quarter, _server_settings() | READ_ONLY
        ).execution_options(isolation_level="AUTOCOMMIT")
        self.dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._pool: asyncpg.Pool | None = None

    async def start(self) -> None:
        self._pool = await asyncpg.create_pool(
            self.dsn,
            min_size=1,
            max_size=self.lookups,
            # Look-ups only read: there is nothing to reset, and asking costs a round trip.
            reset=_nothing_to_reset,
            server_settings=_server_settings() | READ_ONLY,
            timeout=10,
            command_timeout=60,
        )

    async def stop(self) -> None:
        if self._pool is not None:
            await self._pool.close()
        await self.writer.dispose()
        await self.reader.dispose()

    async def run(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        async with (self.writer if writing else self.reader).begin() as connection:
            return await connection.run_sync(work)

    async def look_up(self, lookup: Lookup, parameters: dict[str, Any]) -> list[Row]:
        sql, arguments = lookup.prepare(self.dialect, parameters)
        assert self._pool is not None, "the database was not started"
        rows: list[Row] = await self._pool.fetch(sql, *arguments)
        return rows


def _postgresql_engine(url: URL, connections: int, settings: dict[str, str]) -> AsyncEngine:
    return create_async_engine(
        postgresql_url(url),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,  # an error is logged, what was sent is not
        connect_args={"server_settings": settings, "timeout": 10},
    )


async def _nothing_to_reset(connection: Any) -> None:
    """See `reset=` above."""


def _server_settings() -> dict[str, str]:
    return {
        "application_name": "claimdesk",
        "jit": "off",
        # A worker that hangs inside a transaction must not hold claims locked for ever.
        "idle_in_transaction_session_timeout": "60000",
        "lock_timeout": "15000",
        "timezone": "UTC",
    }


def postgresql_url(url: URL) -> URL:
    return url.set(drivername="postgresql+asyncpg")


def base_url(session: Connection) -> str:
    """How others reach this service, for addresses that are written down."""
    found: str = session.get_execution_options()[BASE_URL]
    return found


def now_after(previous: datetime | None, now: datetime) -> datetime:
    """`now`, or `previous` where a clock went back: a claim's record never runs backwards."""
    return now if previous is None or now >= previous else previous
