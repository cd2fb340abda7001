"""One command or query on the database, from the shell, with the schema seen to."""

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from service.cli import shell

if TYPE_CHECKING:
    from service.domain.clocks import ClockGuard
    from service.store.engine import Database

T = TypeVar("T")

interrupted = threading.Event()
"""Set by Ctrl-C: a query in a thread has to end by itself before the command can."""

UNREADABLE = (
    "Something in the database cannot be read as it should be ({reason}).  "
    "Which row it is, and what to do, says: claimdesk doctor"
)
UPGRADE = "Run: claimdesk db upgrade"


def write(command: Callable[..., T], /, **arguments: Any) -> T:
    """Run a command in one transaction."""
    ready(create=True)
    return _once("write", command, arguments)


def read(query: Callable[..., T], /, **arguments: Any) -> T:
    """Run a query on a database that is only read: it is not migrated, and may lie on a read-only
    disk.  Stops where there is no database to read yet, or one of another schema."""
    require_readable()
    return _once("read", query, arguments)


def write_whatever_the_clock_says(command: Callable[..., T], /, **arguments: Any) -> T:
    """Run a command in one transaction, though the clock may be wrong."""
    ready(create=False)
    return _once("write", command, arguments, check_clock=False)


def look(work: "Callable[[Database], Awaitable[T]]") -> T:
    """Run what only reads, on a database whose schema was seen to."""
    return _during(work, read_only=True)


def using(work: "Callable[[Database], Awaitable[T]]", *, create: bool) -> T:
    """Run what takes several transactions."""
    ready(create=create)
    return _during(work, read_only=False)


def _once(
    kind: Literal["write", "read"],
    work: Callable[..., T],
    arguments: dict[str, Any],
    *,
    check_clock: bool = True,
) -> T:
    async def once(database: "Database") -> T:
        if kind == "write":
            return await database.write(work, **arguments)
        try:
            return await database.read(work, **arguments)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
            raise shell.Stopped(UNREADABLE.format(reason=reason)) from error

    return _during(once, read_only=kind == "read", check_clock=check_clock)


def _during(
    work: "Callable[[Database], Awaitable[T]]", *, read_only: bool, check_clock: bool = True
) -> T:
    import asyncio

    from service.store.engine import Database

    async def started() -> T:
        database = Database(shell.settings(), read_only=read_only)
        try:
            await database.start()
            if check_clock and not read_only:
                await guard_clock(database)
            return await work(database)
        except asyncio.CancelledError:
            interrupted.set()
            raise
        finally:
            await database.stop()

    return asyncio.run(started())


async def guard_clock(
    database: "Database", *, stopwatch: Callable[[], float] | None = None
) -> "ClockGuard":
    """Have changes refused where the clock cannot be right.  Raises ClockWrong where that is so
    now."""
    from datetime import timedelta

    from service.domain.clocks import ClockGuard
    from service.operations import clock

    tolerance = timedelta(seconds=shell.settings().clock_tolerance_seconds)
    guard = ClockGuard(shell.now, tolerance=tolerance, stopwatch=stopwatch)
    now = shell.now()
    reference = await database.read(clock.read_clock_reference, now=now)
    guard.compare_with(reference, measured_at=now)
    guard.require()
    database.clock_guard = guard
    return guard


def ready(*, create: bool) -> None:
    """See that the database has the schema which this code needs.

    The embedded database is brought up to date here and now.  On PostgreSQL that is the
    operator's to do: other processes may still need the old schema.
    """
    from service.store import migrate

    settings = shell.settings()
    if settings.embedded and not create:
        require_file()
    refuse_to_begin_anew()
    head, current = migrate.head(), migrate.current(settings)
    if current == head:
        return
    require_known(current)
    if settings.embedded:
        migrate.upgrade(settings)
        return
    _refuse_schema(current, head)


def require_readable() -> None:
    """Stop where the database does not have the schema which this code reads.  A command that reads
    changes nothing, so it does not bring an older one up to date either."""
    from service.store import migrate

    require_file()
    head, current = migrate.head(), migrate.current(shell.settings())
    if current != head:
        require_known(current)
        _refuse_schema(current, head)


def _refuse_schema(current: str | None, head: str) -> NoReturn:
    what = "is empty" if current is None else f"has an older schema ({current}, needed: {head})"
    raise shell.Stopped(f"The database {what}.  {UPGRADE}\n  {shell.database()}")


def require_known(current: str | None) -> None:
    """Stop where the database has a schema that a newer Claimdesk made."""
    from alembic.script import ScriptDirectory

    from service.store import migrate

    if current is None:
        return
    known = {script.revision for script in ScriptDirectory(str(migrate.scripts())).walk_revisions()}
    if current not in known:
        raise shell.Stopped(
            f"The database has a newer schema ({current}) than Claimdesk {shell.version()} knows "
            f"(up to {migrate.head()}): run the version that made it, or a later one.\n"
            f"  {shell.database()}"
        )


def file() -> Path | None:
    """Where the embedded database is; None for PostgreSQL and for one in memory."""
    settings = shell.settings()
    path = settings.database_url.get_secret_value().partition(":///")[2].partition("?")[0]
    return Path(path) if settings.embedded and path not in {"", ":memory:"} else None


def refuse_to_begin_anew() -> None:
    """Stop where the database is gone and a server has left a copy of it: an empty one in its place
    would look as if everything were lost."""
    from service.store import file_guard

    path = file()
    if path is None:
        return
    if Path(f"{path}.restoring").exists():
        raise shell.Stopped(
            f"A restore of {path.absolute()} was cut off.  Run it again: claimdesk restore FILE"
        )
    if path.exists():
        return
    copy = file_guard.find_rescued_copy(path.absolute())
    if copy is not None:
        raise shell.Stopped(
            f"There is no database at {path.absolute()}, but a server that had it open when it "
            f"went left a copy: {copy}\n  To go on with it, move it to {path.name} while no "
            f"server runs.\n"
            f"  To begin an empty one, move the copy to another folder."
        )


def require_file() -> None:
    path = file()
    if path is not None and not path.exists():
        raise shell.Stopped(f"There is no database yet at {path.absolute()}.  {UPGRADE}")
