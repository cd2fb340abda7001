"""The embedded database: one SQLite file."""

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from service.domain.errors import DatabaseFull, DatabaseReplaced, Unavailable
from service.store import releases
from service.store.compiled_statements import Lookup
from service.store.failures import FULL, log_failure
from service.store.file_guard import FileGuard, identify

T = TypeVar("T")
Row = tuple[Any, ...]

BUSY_SECONDS = 15
READER_THREADS = 4
LEAST_ROOM = 2 * 1024 * 1024
"""Bytes: a body may have 1.5 MB, and what it becomes more."""
WATCH_SECONDS = 0.5
"""How often the files are looked at while nothing is written."""


class SQLiteBackend:
    """One file, two engines: a single writer that begins IMMEDIATE, and readers that cannot write.

    SQLAlchemy's default transactions lost 59 of 60 concurrent read-then-write changes when
    measured; one immediate writer lost none.
    """

    def __init__(self, url: URL, options: dict[str, Any]) -> None:
        path = find_path(url)
        self.guard = None if path is None else FileGuard(path)
        check = None if self.guard is None else self.guard.require
        self.writer = sqlite_engine(url, writing=True, check=check).execution_options(**options)
        self.reader = sqlite_engine(url, writing=False, check=check)
        self._watcher: asyncio.Task[None] | None = None
        self._writing = ThreadPoolExecutor(1, "claimdesk-writer")
        self._reading = ThreadPoolExecutor(READER_THREADS, "claimdesk-reader")
        self._local = threading.local()
        self._held: list[PoolProxiedConnection] = []

    async def start(self) -> None:
        before = None if self.guard is None else identify(self.guard.path)
        await self._in_thread(self._writing, lambda: self._transact(_touch, writing=True))
        if self.guard is not None:
            await self._in_thread(self._writing, lambda: self._guarded().begin(before))
            self._watcher = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
        self._writing.shutdown()
        self._reading.shutdown()
        for held in self._held:
            held.close()
        self.writer.dispose()
        self.reader.dispose()

    async def run(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        if not writing:
            if self.guard is not None:
                self.guard.refuse_where_faulty()
            return await self._in_thread(self._reading, lambda: self._transact(work, writing=False))
        return await self._in_thread(self._writing, lambda: self._write(work))

    @staticmethod
    async def _in_thread(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    def _transact(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        with (self.writer if writing else self.reader).begin() as connection:
            return work(connection)

    def _write(self, work: Callable[[Connection], T]) -> T:
        """Run a transaction; raises DatabaseReplaced where the file is not the one it went to.

        The files are looked at before COMMIT, so that nothing is written to files that are lost,
        and after it, so that nothing is acknowledged that was.
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

    def require_room(self) -> None:
        """Raises DatabaseFull where the disk has no room for what one change may take: a small one
        still fits into the write-ahead log as it is, and tells nothing."""
        if self.guard is None:
            return
        free = shutil.disk_usage(self.guard.path.parent).free
        if free < LEAST_ROOM:
            raise DatabaseFull(FULL.format(reason=f"{free // 1024} KiB are free on its disk"))

    def _guarded(self) -> FileGuard:
        assert self.guard is not None, "a database in memory has no file"
        return self.guard

    def _rescue(self) -> None:
        """Bring what the writer holds to a place where it can be found again."""
        held = self.writer.raw_connection()
        try:
            self._guarded().rescue(cast(sqlite3.Connection, held.driver_connection))
        finally:
            held.close()

    async def _watch(self) -> None:
        """Look at the files now and then, so that reads end soon after their file is gone."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self._in_thread(self._writing, self._look)
            except Exception as error:
                # Whatever it is, the next look may tell more, and every commit looks by itself.
                log_failure(error, Unavailable("The files of the database were not looked at."))

    def _look(self) -> None:
        try:
            self._guarded().require()
        except DatabaseReplaced:
            self._rescue()

    async def look_up(self, lookup: Lookup, parameters: dict[str, Any]) -> list[Row]:
        if self.guard is not None:
            self.guard.refuse_where_faulty()
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


def _touch(connection: Connection) -> None:
    """Open what a transaction opens: the file, its write-ahead log, the memory that is shared."""
    connection.execute(text("SELECT count(*) FROM sqlite_master"))


def sqlite_engine(
    url: URL,
    *,
    writing: bool,
    foreign_keys: bool = True,
    create: bool = False,
    check: Callable[[], None] | None = None,
) -> Engine:
    """An engine on the file with the pragmas that every connection needs.

    `foreign_keys` is off for migrations only: batch mode rebuilds tables, which would cascade.
    Only they `create` a file: a server whose file is gone must not begin an empty one in its place.
    `check` is called for each connection before anything is read through it.
    """
    connect_args: dict[str, Any] = {
        "timeout": BUSY_SECONDS,
        "isolation_level": None,
        "check_same_thread": False,
    }
    path = find_path(url)
    if path is not None and not create:
        # Whole, since somebody may change the working folder.
        place = f"{path.absolute().as_uri()}?mode=rw"
        engine = _create_engine(
            "sqlite://", writing, creator=lambda: sqlite3.connect(place, uri=True, **connect_args)
        )
    else:
        engine = _create_engine(url.set(drivername="sqlite"), writing, connect_args=connect_args)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        if check is not None:
            check()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            f"cache_size={releases.cache_size()}",
            "temp_store=MEMORY",
            "trusted_schema=ON",  # its triggers ask for a pragma
            *(() if writing else ("query_only=ON", "mmap_size=1073741824")),
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _create_engine(url: URL | str, writing: bool, **options: Any) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=1 if writing else 2 * READER_THREADS + 1,
        max_overflow=0,
        **options,
    )


def find_path(url: URL) -> Path | None:
    """The file of an embedded database; None for one in memory."""
    return Path(url.database) if url.database and url.database != ":memory:" else None
