"""The embedded database: one SQLite file."""

import asyncio
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from service.domain.errors import DatabaseFull, DatabaseReplaced, Unavailable
from service.store import releases
from service.store.background_tasks import end_task
from service.store.compiled_statements import Lookup, Parameters
from service.store.failures import FULL, SQLITE_BUSY, log_failure
from service.store.file_guard import FileGuard, identify
from service.store.write_queue import WriteQueue

T = TypeVar("T")
Row = tuple[Any, ...]

BUSY_SECONDS = 15
LOOK_SECONDS = 0.001
"""How often a process that waits to write looks whether it can."""
READER_THREADS = 4
MIN_FREE_BYTES = 2 * 1024 * 1024
"""A body may have 1.5 MB, and takes more once it is recorded."""
WATCH_SECONDS = 0.5
"""How often the files are checked while nothing is written."""


class SQLiteBackend:
    """One file, two engines: a single writer that begins IMMEDIATE, and readers that cannot write.

    SQLAlchemy's default transactions lost 59 of 60 concurrent read-then-write changes when
    measured; one immediate writer lost none.
    """

    def __init__(self, url: URL) -> None:
        path = find_path(url)
        self.guard = None if path is None else FileGuard(path)
        check = None if self.guard is None else self.guard.require
        self.writer = create_sqlite_engine(url, writing=True, check=check)
        self.reader = create_sqlite_engine(url, writing=False, check=check)
        self.dialect = self.reader.dialect
        self._watcher: asyncio.Task[None] | None = None
        self._writing = ThreadPoolExecutor(1, "claimdesk-writer")
        self._queue = WriteQueue(self._writing, self._write)
        event.listen(self.writer, "before_cursor_execute", self._queue.count_statement)
        self._reading = ThreadPoolExecutor(READER_THREADS, "claimdesk-reader")
        self._local = threading.local()
        self._lookup_connections: list[PoolProxiedConnection] = []

    async def start(self) -> None:
        before = None if self.guard is None else identify(self.guard.path)
        await self._in_thread(self._writing, lambda: self._transact(_open_files, writing=True))
        if self.guard is not None:
            await self._in_thread(self._writing, lambda: self._require_guard().begin(before))
            self._watcher = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        await end_task(self._watcher)
        self._writing.shutdown()
        self._reading.shutdown()
        for pooled_connection in self._lookup_connections:
            pooled_connection.close()
        self.writer.dispose()
        self.reader.dispose()

    async def run(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        if not writing:
            if self.guard is not None:
                self.guard.refuse_where_faulty()
            return await self._in_thread(self._reading, lambda: self._transact(work, writing=False))
        return await self._queue.run(work)

    @staticmethod
    async def _in_thread(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    def _transact(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        with (self.writer if writing else self.reader).begin() as connection:
            return work(connection)

    def _write(self, work: Callable[[Connection], T]) -> T:
        """Run a transaction.  Raises DatabaseReplaced if the files were replaced.

        The files are checked before COMMIT, so that nothing is written to files that are lost, and
        after it, so that nothing is acknowledged that was written to them.
        """
        guard = self.guard
        if guard is None:
            return self._transact(work, writing=True)

        def work_in_place(connection: Connection) -> T:
            result = work(connection)
            guard.require()
            return result

        try:
            guard.require()
            result = self._transact(work_in_place, writing=True)
            guard.require()
        except DatabaseReplaced:
            self._rescue()
            raise
        return result

    def measure_room(self) -> int | None:
        """Return how many bytes are free on the disk; None for a database in memory."""
        if self.guard is None:
            return None
        return shutil.disk_usage(self.guard.path.parent).free

    def require_room(self) -> None:
        """Raise DatabaseFull if the disk has no room for what one change may take.

        To try a small change would not tell: it fits into the write-ahead log as it is.
        """
        free = self.measure_room()
        if free is not None and free < MIN_FREE_BYTES:
            raise DatabaseFull(FULL.format(reason=f"{free // 1024} KiB are free on its disk"))

    def _require_guard(self) -> FileGuard:
        assert self.guard is not None, "a database in memory has no file"
        return self.guard

    def _rescue(self) -> None:
        """Save what the writer has open to a place where it can be found again."""
        pooled_connection = self.writer.raw_connection()
        try:
            self._require_guard().rescue(
                cast(sqlite3.Connection, pooled_connection.driver_connection)
            )
        finally:
            pooled_connection.close()

    async def _watch(self) -> None:
        """Check the files now and then, so that reads end soon after their file is gone."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self._in_thread(self._writing, self._check_files)
            except Exception as error:
                # Whatever it is, the next check may tell more, and every commit checks as well.
                log_failure(error, Unavailable("The files of the database were not looked at."))

    def _check_files(self) -> None:
        try:
            self._require_guard().require()
        except DatabaseReplaced:
            self._rescue()

    async def look_up(self, lookup: Lookup, parameters: Parameters) -> list[Row]:
        if self.guard is not None:
            self.guard.refuse_where_faulty()
        sql, arguments = lookup.prepare(self.dialect, parameters)
        if lookup.point:
            return self._fetch(sql, arguments)
        return await asyncio.get_running_loop().run_in_executor(
            self._reading, self._fetch, sql, arguments
        )

    def _fetch(self, sql: str, arguments: list[Any]) -> list[Row]:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # One for each thread that asks, kept until the end.
            pooled_connection = self.reader.raw_connection()
            self._lookup_connections.append(pooled_connection)
            connection = self._local.connection = cast(
                sqlite3.Connection, pooled_connection.driver_connection
            )
        return connection.execute(sql, arguments).fetchall()


def _open_files(connection: Connection) -> None:
    """Open what a transaction opens: the file, its write-ahead log and the shared memory."""
    connection.execute(text("SELECT count(*) FROM sqlite_master"))


def create_sqlite_engine(
    url: URL,
    *,
    writing: bool,
    foreign_keys: bool = True,
    create: bool = False,
    check: Callable[[], None] | None = None,
) -> Engine:
    """Create an engine on the file, with the pragmas that every connection needs.

    `foreign_keys` is off for migrations only: batch mode rebuilds tables, which would cascade.
    Only they `create` a file: a server whose file is gone must not create an empty one in its
    place.  `check` is called for each connection before anything is read through it.
    """
    path = find_path(url)
    # Absolute, since somebody may change the working folder.
    place = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}" if path else ":memory:"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            place,
            uri=path is not None,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    engine = create_engine(
        "sqlite://",
        creator=connect,
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=1 if writing else 2 * READER_THREADS + 1,
        max_overflow=0,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        if check is not None:
            check()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            f"cache_size={releases.compute_cache_size()}",
            "temp_store=MEMORY",
            "trusted_schema=ON",  # its triggers ask for a pragma
            *(() if writing else ("query_only=ON", "mmap_size=1073741824")),
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if writing:
            _begin_writing(cast(sqlite3.Connection, connection.connection.driver_connection))
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _begin_writing(connection: sqlite3.Connection) -> None:
    """Begin a transaction that may write, once no other process has one.

    SQLite's own wait soon looks only ten times a second, and so misses the moments between the
    transactions of a server that has changes in line: an import beside it was refused.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                is_busy = error.sqlite_errorcode & 0xFF == SQLITE_BUSY
                if not is_busy or time.monotonic() > deadline:
                    raise
            time.sleep(LOOK_SECONDS)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")


def find_path(url: URL) -> Path | None:
    """Return the file of an embedded database; None for one in memory."""
    return Path(url.database) if url.database and url.database != ":memory:" else None
