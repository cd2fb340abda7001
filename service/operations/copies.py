"""Copy the embedded database, and put a copy in the place of the database."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, make_url

from service.domain.errors import Conflict, DatabaseDamaged
from service.store.failures import translate_errors
from service.store.read_only import ReadOnlyFile
from service.store.sqlite import create_sqlite_engine

P = ParamSpec("P")
T = TypeVar("T")
IN_USE = "{path} is in use: a server or a command has it open. Stop it first (nothing was changed)."
RESTORING = ".restoring"
SHARED_FIRST, SHARED_SIZE = 0x40000002, 510
"""The bytes that every connection holds a lock on while it has the file open
(sqlite.org/lockingv3.html)."""


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as it is at one instant, while it is written to, and check the copy.

    `target` is an empty file.  Raises DatabaseDamaged where the copy is not whole.
    """
    with translate_errors():
        source_file = ReadOnlyFile(source)
        try:
            with closing(source_file.connect()) as reader, closing(sqlite3.connect(target)) as copy:
                # In one step: in several it would begin anew with every change in between.
                reader.backup(copy)
                # One file, which a read-only disk is enough for.
                copy.execute("PRAGMA journal_mode=DELETE")
                copy.execute("PRAGMA synchronous=FULL")
                faults = [row[0] for row in copy.execute("PRAGMA integrity_check(5)")]
                tables = {row[0] for row in copy.execute("SELECT name FROM sqlite_master")}
        finally:
            source_file.close()
    if faults != ["ok"]:
        raise DatabaseDamaged(f"{source} is damaged: {'; '.join(faults)}. Take an earlier backup.")
    if not {"events", "claims", "installation", "alembic_version"} <= tables:
        raise Conflict(f"{source} is no database of Claimdesk.")
    with target.open("rb") as file:
        os.fsync(file.fileno())


def change_copy(
    path: Path, command: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a command on a copy that nobody has open."""
    engine = create_sqlite_engine(make_url(f"sqlite:///{path}"), writing=True, create=True)
    try:
        with translate_errors(), engine.begin() as connection:
            return command(connection, *args, **kwargs)
    finally:
        engine.dispose()


def put_in_place(part: Path, target: Path, *, now: datetime) -> Path | None:
    """Rename `part` to the database's name; return where the database of that name is kept.

    Raises Conflict where somebody has it open.  Cut off at any instant, there is the old database
    or the new one, or a note beside it because of which nothing is served until this is done again.
    """
    note = Path(f"{target}{RESTORING}")
    aside: Path | None = None
    with _hold_alone(target):
        if target.exists():
            aside = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%S%fZ}")
            _empty_write_ahead_log(target)
        note.write_text(f"{part.name}\n", encoding="utf-8")
        _sync_folder(target.parent)
        if aside is not None:
            os.link(target, aside)
        for suffix in ("-wal", "-shm", "-journal"):
            # SQLite could not repair the database that they belong to: they are kept with it.
            leftover = Path(f"{target}{suffix}")
            if leftover.exists():
                leftover.rename(f"{leftover}.left" if aside is None else f"{aside}{suffix}")
        part.replace(target)
        _sync_folder(target.parent)
    note.unlink()
    return aside


def _empty_write_ahead_log(path: Path) -> None:
    """Write the write-ahead log into the database, where it is not too damaged for that."""
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path, timeout=0)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()


@contextmanager
def _hold_alone(path: Path) -> Iterator[None]:
    """Keep other processes from opening the database.  Raises Conflict where one has it open."""
    if not path.exists():
        yield
        return
    try:
        import fcntl
    except ImportError:  # Windows lets nobody rename a file that is open
        yield
        return
    handle = os.open(path, os.O_RDWR)
    try:
        try:
            fcntl.lockf(
                handle, fcntl.LOCK_EX | fcntl.LOCK_NB, SHARED_SIZE, SHARED_FIRST, os.SEEK_SET
            )
        except OSError as error:
            raise Conflict(IN_USE.format(path=path)) from error
        yield
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
