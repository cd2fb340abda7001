"""One `Database` for both kinds: `write`, `read`, `look_up`.

Commands and queries are plain functions that take a SQLAlchemy connection first.  A whole
transaction runs in one go: on PostgreSQL in one greenlet over asyncpg (`run_sync`), on SQLite in
one hop to a thread.  It is committed before `write` returns, so nothing can be acknowledged that
is not durable, and no network call can be awaited inside a transaction
(docs/decisions/0002-synchronous-commands.md).

`look_up` is the hot path: a statement that SQLAlchemy compiled once, run on the bare driver.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import asyncpg
from sqlalchemy import Connection, Engine, SelectBase, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from service.config import Settings
from service.domain.errors import Unavailable
from service.store.bell import Bell, Wire, marked
from service.store.prepared import Prepared

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[Any, ...]

BUSY_SECONDS = 15
READER_THREADS = 4
READ_ONLY = {"default_transaction_read_only": "on"}
RETRIED = {"40001", "40P01"}
"""Serialization failure and deadlock: PostgreSQL asks for the transaction again."""
ATTEMPTS = 5
PASSING = ("08", "53", "57P", "55P03", "57014", "25P03", "25006")
"""How the codes of what passes without our doing begin (PostgreSQL, appendix A): a connection that
broke; none left, nor memory nor disk; a server that stops or starts; a lock or a statement that
took too long; a transaction that idled; a server that takes no writes, as one that was failed over
from."""
BASE_URL = "claimdesk_base_url"
UNKNOWN = (
    "The database cannot be reached or is busy. Whether the change was recorded is not known: send "
    "it again with the same Idempotency-Key."
)


class Database:
    """The database behind `settings.database_url`.  `start` before use, `stop` at the end."""

    def __init__(self, settings: Settings) -> None:
        self.url = make_url(settings.database_url.get_secret_value())
        self.embedded = settings.embedded
        self.bell = Bell()
        options = {BASE_URL: settings.base_url}
        self._backend: _SQLite | _PostgreSQL = (
            _SQLite(self.url, options)
            if self.embedded
            else _PostgreSQL(self.url, settings.database_connections, options)
        )

    async def start(self) -> None:
        with _reachable():
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
        if rung:
            self.bell.ring()
        return result

    async def _in_turn(self, work: Callable[[Connection], T]) -> T:
        """Run `work` as a transaction on a writing connection, again after a deadlock."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with _reachable():
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
        with _reachable():
            return await self._backend.run(
                lambda connection: query(connection, *args, **kwargs), writing=False
            )

    async def look_up(self, lookup: "Lookup", parameters: dict[str, Any]) -> list[Row]:
        """The rows of a prepared statement, straight from the driver."""
        try:
            with _reachable():
                return await self._backend.look_up(lookup, parameters)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The database does not answer: {error}.") from error


class Lookup(Prepared):
    """A SELECT for the hot path.

    Its columns must be text or whole numbers: results come as the driver gives them.  `point`
    says that it reads a handful of rows by key, so that SQLite may answer on the event loop's
    own thread: that takes less time than handing it to another.
    """

    def __init__(self, statement: SelectBase, *, point: bool = False) -> None:
        super().__init__(statement)
        self.point = point


@contextmanager
def _reachable() -> Iterator[None]:
    """Say Unavailable for what a driver raises when the server is gone or the lock is held."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("The database is busy; try again in a moment.") from error
    except (OperationalError, InterfaceError) as error:
        if getattr(error.orig, "sqlstate", None) in RETRIED:
            raise
        raise Unavailable(UNKNOWN) from error
    except DBAPIError as error:
        if not (error.connection_invalidated or _passes(error.orig)):
            raise
        raise Unavailable(UNKNOWN) from error
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        # The last is what asyncpg says of a connection that broke while it was preparing.
        raise Unavailable(f"The database cannot be reached: {error}.") from error
    except asyncpg.PostgresError as error:
        if not _passes(error):
            raise
        raise Unavailable(f"The database does not answer: {error}.") from error


def _passes(error: BaseException | None) -> bool:
    return (getattr(error, "sqlstate", None) or "").startswith(PASSING)


class _SQLite:
    """One file, two engines: a single writer that begins IMMEDIATE, and readers that cannot write.

    SQLAlchemy's default transactions lost 59 of 60 concurrent read-then-write changes in
    stack.md's measurement; one immediate writer lost none.
    """

    def __init__(self, url: URL, options: dict[str, Any]) -> None:
        self.writer = sqlite_engine(url, writing=True).execution_options(**options)
        self.reader = sqlite_engine(url, writing=False)
        self._writing = ThreadPoolExecutor(1, "claimdesk-writer")
        self._reading = ThreadPoolExecutor(READER_THREADS, "claimdesk-reader")
        self._local = threading.local()
        self._held: list[PoolProxiedConnection] = []

    async def start(self) -> None:
        await self.run(lambda connection: connection.execute(text("SELECT 1")), writing=True)

    async def stop(self) -> None:
        self._writing.shutdown()
        self._reading.shutdown()
        for held in self._held:
            held.close()
        self.writer.dispose()
        self.reader.dispose()

    async def run(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        engine, threads = (self.writer, self._writing) if writing else (self.reader, self._reading)

        def transact() -> T:
            with engine.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(threads, transact)

    async def look_up(self, lookup: Lookup, parameters: dict[str, Any]) -> list[Row]:
        sql, arguments = lookup.prepare(self.reader.dialect, parameters)
        if lookup.point:
            return self._fetch(sql, arguments)
        return await asyncio.get_running_loop().run_in_executor(
            self._reading, self._fetch, sql, arguments
        )

    def _fetch(self, sql: str, arguments: list[Any]) -> list[Row]:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # One for each thread that asks, held until the end.
            held = self.reader.raw_connection()
            self._held.append(held)
            connection = self._local.connection = cast(sqlite3.Connection, held.driver_connection)
        return connection.execute(sql, arguments).fetchall()


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


def sqlite_engine(url: URL, *, writing: bool, foreign_keys: bool = True) -> Engine:
    """An engine on the file with the pragmas of stack.md.

    `foreign_keys` is off for migrations only: batch mode rebuilds tables, which would cascade.
    """
    engine = create_engine(
        url.set(drivername="sqlite"),
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=1 if writing else 2 * READER_THREADS + 1,
        max_overflow=0,
        connect_args={
            "timeout": BUSY_SECONDS,
            "isolation_level": None,
            "check_same_thread": False,
        },
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            "cache_size=-65536",
            "temp_store=MEMORY",
            *(() if writing else ("query_only=ON", "mmap_size=1073741824")),
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def base_url(session: Connection) -> str:
    """How others reach this service, for addresses that are written down."""
    found: str = session.get_execution_options()[BASE_URL]
    return found


def now_after(previous: datetime | None, now: datetime) -> datetime:
    """`now`, or `previous` where a clock went back: a claim's record never runs backwards."""
    return now if previous is None or now >= previous else previous
