"""The embedded database, opened only to be read: without locks that a writer waits for, and without
writing to it.

A reader of a write-ahead log needs the memory that is shared with writers (`-shm`).  So there are
three ways, and the first that is possible is taken:

- Without a log beside it, the main file alone is read, as one that nobody changes.  At the end it
  is checked whether somebody did, because a server was started meanwhile.
- With a log, the file is opened as a server's readers open it, which creates a missing `-shm`.
- Where that cannot be created, as on a read-only disk, both files are copied to a temporary folder:
  the main file without its log would be an older state.
"""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.pool import NullPool

from service.domain.errors import Unavailable
from service.store.compiled_statements import Lookup, Parameters
from service.store.sqlite import BUSY_SECONDS, find_path

T = TypeVar("T")
Row = tuple[Any, ...]
CHANGED = (
    "The database was changed while it was read, because a server was started meanwhile: what was "
    "read may be in part older and in part newer. Run the command again."
)


class ReadOnlyFile:
    """A database file that is read through `engine`; `close` it at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._changed_at: int | None = None
        place = self._choose_place()

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                place,
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )

        self.connect = connect
        self.engine: Engine = create_engine(
            "sqlite://", hide_parameters=True, poolclass=NullPool, creator=connect
        )

        @event.listens_for(self.engine, "connect")
        def configure(connection: sqlite3.Connection, _record: Any) -> None:
            for pragma in ("query_only=ON", "cache_size=-65536", "temp_store=MEMORY"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(self.engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")

    def close(self) -> None:
        """Close the file.  Raises Unavailable if it was changed while it was read as unchanging."""
        self.engine.dispose()
        if self._folder is not None:
            self._folder.cleanup()
        if self._changed_at is not None and self._path.stat().st_mtime_ns != self._changed_at:
            raise Unavailable(CHANGED)

    def _choose_place(self) -> str:
        log = Path(f"{self._path}-wal")
        if not any(Path(f"{self._path}{suffix}").exists() for suffix in ("-wal", "-journal")):
            self._changed_at = self._path.stat().st_mtime_ns
            return f"{self._path.as_uri()}?mode=ro&immutable=1"
        beside_writers = f"{self._path.as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(beside_writers, uri=True)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            if not log.exists():
                raise
        else:
            return beside_writers
        self._folder = tempfile.TemporaryDirectory(prefix="claimdesk-read-")
        copy = Path(self._folder.name) / self._path.name
        shutil.copyfile(self._path, copy)
        shutil.copyfile(log, f"{copy}-wal")
        return f"{copy.as_uri()}?mode=ro"


class ReadOnlySQLite:
    """The backend of `Database` for an embedded database that is only read."""

    def __init__(self, url: URL) -> None:
        path = find_path(url)
        assert path is not None, "a database in memory has nothing to read yet"
        self._path = path
        self._file: ReadOnlyFile | None = None
        self._threads = ThreadPoolExecutor(1, "claimdesk-reader")

    async def start(self) -> None:
        self._file = await self._in_thread(lambda: ReadOnlyFile(self._path))

    async def stop(self) -> None:
        self._threads.shutdown()
        if self._file is not None:
            self._file.close()

    @property
    def dialect(self) -> Dialect:
        return self._engine().dialect

    async def run(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        assert not writing, "this database was opened to be read"

        def read() -> T:
            with self._engine().begin() as connection:
                return work(connection)

        return await self._in_thread(read)

    async def look_up(self, lookup: Lookup, parameters: Parameters) -> list[Row]:
        engine = self._engine()
        sql, arguments = lookup.prepare(engine.dialect, parameters)

        def fetch() -> list[Row]:
            with engine.begin() as connection:
                rows = connection.exec_driver_sql(sql, tuple(arguments)).all()
                return [tuple(row) for row in rows]

        return await self._in_thread(fetch)

    def _engine(self) -> Engine:
        assert self._file is not None, "the database was not started"
        return self._file.engine

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
