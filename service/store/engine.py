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

import structlog
from sqlalchemy import Connection as Connection
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from service.config import Settings
from service.domain.clocks import ClockGuard
from service.domain.errors import Unavailable
from service.store.compiled_statements import Lookup as Lookup
from service.store.connector import ENGINE_URL, Connector
from service.store.failures import RETRIED, translate_errors
from service.store.location import describe_file, describe_server
from service.store.postgresql import PostgreSQLBackend
from service.store.read_only import ReadOnlySQLite
from service.store.sqlite import SQLiteBackend
from service.store.wakeups import Bell, Wire, marked

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[Any, ...]

ATTEMPTS = 5
BASE_URL = "claimdesk_base_url"
POOLED = (
    "A connection pooler is in front of the database, and taken to be in transaction mode. "
    "Where it is in session mode, CLAIMDESK_DATABASE_POOLER=session is faster."
)
log = structlog.get_logger("database")


class Database:
    """The database behind `settings.database_url`.  `start` before use, `stop` at the end."""

    def __init__(
        self, settings: Settings, *, report: bool = False, read_only: bool = False
    ) -> None:
        """`report`: log what the database says when it fails, in its own words.  `read_only`: open
        an embedded database without writing to it; `write` may not be called then."""
        self.report = report
        address = settings.database_url.get_secret_value()
        self.embedded = settings.embedded
        self.url = make_url(address if self.embedded else ENGINE_URL)
        """Where an embedded database is; of PostgreSQL, only that it is one."""
        self.bell = Bell()
        self.clock_guard: ClockGuard | None = None
        """Asked before every change."""
        self.commits = 0
        """How many transactions this process has committed."""
        options = {BASE_URL: settings.base_url}
        self._backend: SQLiteBackend | ReadOnlySQLite | PostgreSQLBackend
        self._direct = settings.database_direct_url
        if not self.embedded:
            connector = Connector(address, settings.database_pooler)
            self._backend = PostgreSQLBackend(connector, settings.database_connections, options)
        elif read_only:
            self._backend = ReadOnlySQLite(self.url, options)
        else:
            self._backend = SQLiteBackend(self.url, options)

    async def start(self) -> None:
        with translate_errors(report=self.report):
            await self._backend.start()
        backend = self._backend
        if self.report and isinstance(backend, PostgreSQLBackend) and backend.connector.guessed:
            log.info(POOLED)

    def carry_bell(self) -> None:
        """Ring, and hear, in the other processes on this database too: on PostgreSQL, and not
        through a pooler that keeps no sessions."""
        if not isinstance(self._backend, PostgreSQLBackend):
            return
        connector = self._backend.connector
        if self._direct is not None:
            connector = Connector(self._direct.get_secret_value(), "none")
        if connector.keeps_sessions:
            self.bell.wire = Wire(connector, self.bell)

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
        if self.clock_guard is not None:
            self.clock_guard.require()
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


def base_url(connection: Connection) -> str:
    """How others reach this service, for addresses that are written down."""
    found: str = connection.get_execution_options()[BASE_URL]
    return found


def now_after(previous: datetime | None, now: datetime) -> datetime:
    """`now`, or `previous` where a clock went back: a claim's record never runs backwards."""
    return now if previous is None or now >= previous else previous
