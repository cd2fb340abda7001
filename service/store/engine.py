"""`Database`: the one interface to SQLite and PostgreSQL.

- `write` runs a command in a transaction and commits it.
- `read` runs a query on a connection that cannot write.
- `look_up` runs a compiled SELECT on the bare driver, for the hottest reads.

Commands and queries are plain functions that take a SQLAlchemy connection first.  A whole
transaction runs in one go: on PostgreSQL in one greenlet over asyncpg (`run_sync`), on SQLite in
one hop to a thread.  It is committed before `write` returns, so nothing is acknowledged that is not
durable, and no network call can be awaited inside a transaction
(docs/decisions/0002-synchronous-commands.md).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection as Connection
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from service.config import Settings
from service.domain.clocks import ClockGuard
from service.domain.errors import Unavailable
from service.store import replica
from service.store.compiled_statements import Lookup as Lookup
from service.store.compiled_statements import Parameters, TypedLookup
from service.store.connector import ENGINE_URL, Connector
from service.store.failures import OVERTAKEN, RETRIED, translate_errors
from service.store.location import Location, describe_file, describe_server
from service.store.postgresql import PostgreSQLBackend
from service.store.read_only import ReadOnlySQLite
from service.store.replica import Replica
from service.store.sqlite import SQLiteBackend
from service.store.transaction_context import begin_context
from service.store.wakeups import Relay, Wakeups

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[Any, ...]

ATTEMPTS = 5
POOLED = (
    "A connection pooler is in front of the database, and taken to be in transaction mode. "
    "Where it is in session mode, CLAIMDESK_DATABASE_POOLER=session is faster."
)
log = structlog.get_logger("database")


class _Rehearsed(Exception):
    """Ends the transaction of a rehearsal, which is rolled back as for any error."""


class Database:
    """The database at `settings.database_url`.  `start` it before use, `stop` it at the end."""

    settled: int | None = None
    """The database itself tells up to which number the record is settled (record/tail.py)."""

    def __init__(
        self, settings: Settings, *, report: bool = False, read_only: bool = False
    ) -> None:
        """With `report`, log the driver's own words when the database fails.  With `read_only`,
        open an embedded database without writing to it; `write` may not be called then."""
        self.report = report
        address = settings.database_url.get_secret_value()
        self.embedded = settings.embedded
        self.url = make_url(address if self.embedded else ENGINE_URL)
        """The URL of an embedded database; of PostgreSQL, only the driver."""
        self.wakeups = Wakeups()
        self.clock_guard: ClockGuard | None = None
        """Checked before every change."""
        self.commits = 0
        """How many transactions this process has committed."""
        self._base_url = settings.base_url
        self._backend: SQLiteBackend | ReadOnlySQLite | PostgreSQLBackend
        self._direct = settings.database_direct_url
        self._settings = settings
        self.replica: Replica | None = None
        """Answers reads where `follow_replica` found one in the settings."""
        if not self.embedded:
            connector = Connector(address, settings.database_pooler)
            self._backend = PostgreSQLBackend(connector, settings.database_connections)
        elif read_only:
            self._backend = ReadOnlySQLite(self.url)
        else:
            self._backend = SQLiteBackend(self.url)

    async def start(self) -> None:
        with translate_errors(report=self.report):
            await self._backend.start()
        backend = self._backend
        if self.report and isinstance(backend, PostgreSQLBackend) and backend.connector.guessed:
            log.info(POOLED)

    def relay_wakeups(self) -> None:
        """Ring, and hear, in the other processes on this database too: on PostgreSQL, and not
        through a pooler that keeps no sessions."""
        if not isinstance(self._backend, PostgreSQLBackend):
            return
        connector = self._backend.connector
        if self._direct is not None:
            connector = Connector(self._direct.get_secret_value(), "none")
        if connector.keeps_sessions:
            self.wakeups.relay = Relay(connector, self.wakeups)

    def follow_replica(self, read_settled: Callable[[Connection], int]) -> None:
        """Watch the replica of the settings, if there is one, so that reads may go there."""
        address = self._settings.database_read_url
        if address is None:
            return
        settings = self._settings
        url = address.get_secret_value()
        self.replica = Replica(
            self,
            lambda: Connector(url, settings.database_pooler, standby=True),
            settings.database_connections,
            most_seconds=settings.database_read_lag_seconds,
            read_settled=read_settled,
        )
        self.replica.start()

    async def read_position(self) -> int:
        """Return the position of PostgreSQL's log after everything that is committed by now."""
        return await replica.read_position(self)

    async def stop(self) -> None:
        if self.replica is not None:
            await self.replica.stop()
        if self.wakeups.relay is not None:
            await self.wakeups.relay.stop()
        await self._backend.stop()

    async def write(
        self,
        command: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `command` in one transaction and commit it.

        A deadlock, a serialization failure, or a key that another change took meanwhile runs it
        again, so a command must have no effect but on its connection.  Raises Unavailable where
        the database cannot be reached.
        """

        def work(connection: Connection) -> tuple[T, bool]:
            context = begin_context(connection, self._base_url)
            return command(connection, *args, **kwargs), context.notifies

        result, notifies = await self._run_in_transaction(work)
        self.commits += 1
        if notifies:
            self.wakeups.notify()
        return result

    async def describe_location(self) -> Location:
        """Describe where this database is, which tells it from a copy."""
        if isinstance(self._backend, SQLiteBackend) and self._backend.guard is not None:
            return describe_file(self._backend.guard.path)
        return {} if self.embedded else await self.read(describe_server)

    def measure_room(self) -> int | None:
        """Return how many bytes are free on an embedded database's disk; None for others."""
        return self._backend.measure_room() if isinstance(self._backend, SQLiteBackend) else None

    def require_room(self) -> None:
        """Raise DatabaseFull if an embedded database's disk is nearly full."""
        if isinstance(self._backend, SQLiteBackend):
            with translate_errors(report=self.report):
                self._backend.require_room()

    async def _run_in_transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction on a writing connection, and again after a deadlock."""
        if self.clock_guard is not None:
            self.clock_guard.require()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with translate_errors(report=self.report):
                    return await self._backend.run(work, writing=True)
            except DBAPIError as error:
                code = getattr(error.orig, "sqlstate", None)
                is_overtaken = code == OVERTAKEN and attempt < ATTEMPTS
                if code not in RETRIED and not is_overtaken:
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
        """Run `command` as `write` does, roll it back, and return what it returned."""

        results: list[T] = []

        def work(connection: Connection) -> None:
            begin_context(connection, self._base_url)
            results.append(command(connection, *args, **kwargs))
            raise _Rehearsed

        with suppress(_Rehearsed):
            await self._run_in_transaction(work)
        return results[-1]

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

    async def look_up(self, lookup: Lookup, parameters: Parameters) -> list[Row]:
        """Return the rows of a compiled statement, as the driver gives them."""
        with translate_errors(report=self.report):
            return await self._backend.look_up(lookup, parameters)

    async def look_up_rows(self, lookup: TypedLookup[T], parameters: Parameters) -> list[T]:
        """Return the rows of a compiled statement, with the values of its columns' types."""
        rows = await self.look_up(lookup, parameters)
        return lookup.read_rows(self._backend.dialect, rows)


def clamp_now(previous: datetime | None, now: datetime) -> datetime:
    """Return `now`, or `previous` if the clock went back: a record never runs backwards."""
    return now if previous is None or now >= previous else previous
