"""Running commands and queries on the database, from the shell."""

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from service.cli import shell

if TYPE_CHECKING:
    from service.domain.clocks import ClockGuard
    from service.store.engine import Database

T = TypeVar("T")

interruption = threading.Event()
"""Set by Ctrl-C: a query that runs in a thread has to end by itself."""

UNREADABLE = (
    "Something in the database cannot be read as it should be ({reason}).  "
    "Which row it is, and what to do, says: claimdesk doctor"
)
UPGRADE = "Run: claimdesk db upgrade"


def write(command: Callable[..., T], /, **arguments: Any) -> T:
    """Run a command in one transaction, on a database that is upgraded or created first."""
    return run_writing(lambda database: database.write(command, **arguments), create=True)


def write_without_clock_check(command: Callable[..., T], /, **arguments: Any) -> T:
    """Run a command in one transaction, though the clock may be wrong."""
    prepare_schema(create=False)
    return _run(lambda database: database.write(command, **arguments), check_clock=False)


def write_to_known_schema(command: Callable[..., T], /, **arguments: Any) -> T:
    """Run a command in one transaction, on a database whose schema the caller has checked: nothing
    else of it is changed."""
    return _run(lambda database: database.write(command, **arguments))


def read(query: Callable[..., T], /, **arguments: Any) -> T:
    """Run a query on a database that is only read: it is not migrated, and may lie on a read-only
    disk.  Raises CommandError if there is no database yet, or one of another schema."""
    require_readable()

    async def run(database: "Database") -> T:
        return await read_sound(database, query, **arguments)

    return run_reading(run)


async def read_sound(database: "Database", query: Callable[..., T], /, **arguments: Any) -> T:
    """Run a query.  Raises CommandError where something in the database is not as it should be."""
    try:
        return await database.read(query, **arguments)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
        raise shell.CommandError(UNREADABLE.format(reason=reason)) from error


def run_reading(work: "Callable[[Database], Awaitable[T]]") -> T:
    """Run several reads, on a database whose schema the caller has checked."""
    return _run(work, read_only=True)


def run_writing(work: "Callable[[Database], Awaitable[T]]", *, create: bool) -> T:
    """Run several transactions.  With `create`, an embedded database is created if missing."""
    prepare_schema(create=create)
    return _run(work)


def _run(
    work: "Callable[[Database], Awaitable[T]]", *, read_only: bool = False, check_clock: bool = True
) -> T:
    import asyncio

    from service.store.engine import Database

    async def run() -> T:
        database = Database(shell.load_settings(), read_only=read_only)
        try:
            await database.start()
            if check_clock and not read_only:
                await guard_clock(database)
            return await work(database)
        except asyncio.CancelledError:
            interruption.set()
            raise
        finally:
            await database.stop()

    return asyncio.run(run())


async def guard_clock(
    database: "Database", *, stopwatch: Callable[[], float] | None = None
) -> "ClockGuard":
    """Let the database refuse changes while the clock is wrong.  Raises ClockWrong if it is wrong
    now."""
    from datetime import timedelta

    from service.domain.clocks import ClockGuard
    from service.operations import clock

    tolerance = timedelta(seconds=shell.load_settings().clock_tolerance_seconds)
    guard = ClockGuard(shell.read_clock, tolerance=tolerance, stopwatch=stopwatch)
    now = shell.read_clock()
    reference = await database.read(clock.read_clock_reference, now=now)
    guard.compare_with(reference, measured_at=now)
    guard.require()
    database.clock_guard = guard
    return guard


def prepare_schema(*, create: bool, check_index: bool = True) -> None:
    """Make sure that the database has the schema that this code needs, and its search index.

    An embedded database is upgraded here.  On PostgreSQL the operator does that: other processes
    may still need the old schema.
    """
    from service.store import migrate

    settings = shell.load_settings()
    if settings.embedded and not create:
        require_file()
    require_no_lost_database()
    head, current = migrate.find_head(), migrate.read_current(settings)
    if current != head:
        require_known_schema(current)
        if not settings.embedded:
            _refuse_schema(current, head)
        migrate.upgrade(settings)
    if not check_index:
        return
    if settings.embedded:
        bring_index_up_to_date()
    elif not _is_index_current():
        raise shell.CommandError(
            f"The search index is of an older release.  {UPGRADE}\n  {shell.describe_database()}"
        )


def bring_index_up_to_date() -> None:
    """Build the search index again where it is of an older release."""
    from service.search.index import index_rebuild

    if _is_index_current():
        return
    shell.print_note("Building the search index again …")

    async def rebuild(database: "Database") -> int:
        return await index_rebuild.bring_up_to_date(database)

    rows = _run(rebuild, check_clock=False)
    shell.print_note(f"The search index is current ({rows:,} rows were built).")


def rebuild_index() -> None:
    """Build the search index again, whatever it holds."""
    from service.search.index import index_rebuild

    async def forget(database: "Database") -> None:
        await database.write(index_rebuild.forget_version)

    prepare_schema(create=False, check_index=False)
    _run(forget, check_clock=False)
    bring_index_up_to_date()


def _is_index_current() -> bool:
    from service.search.index import index_rebuild

    async def ask(database: "Database") -> bool:
        return await database.read(index_rebuild.is_current)

    return _run(ask, check_clock=False)


def require_readable() -> None:
    """Raise CommandError if the database does not have the schema that this code reads.  A command
    that reads changes nothing, so it does not upgrade an older schema."""
    from service.store import migrate

    require_file()
    head, current = migrate.find_head(), migrate.read_current(shell.load_settings())
    if current != head:
        require_known_schema(current)
        _refuse_schema(current, head)


def _refuse_schema(current: str | None, head: str) -> NoReturn:
    what = "is empty" if current is None else f"has an older schema ({current}, needed: {head})"
    raise shell.CommandError(f"The database {what}.  {UPGRADE}\n  {shell.describe_database()}")


def require_known_schema(current: str | None) -> None:
    """Raise CommandError if a newer Claimdesk made the database's schema."""
    from alembic.script import ScriptDirectory

    from service.store import migrate

    if current is None:
        return
    revisions = {
        script.revision for script in ScriptDirectory(str(migrate.find_scripts())).walk_revisions()
    }
    if current not in revisions:
        raise shell.CommandError(
            f"The database has a newer schema ({current}) than Claimdesk {shell.read_version()} "
            f"knows (up to {migrate.find_head()}): run the version that made it, or a later one.\n"
            f"  {shell.describe_database()}"
        )


def find_file() -> Path | None:
    """Return the path of the embedded database; None for PostgreSQL and for one in memory."""
    settings = shell.load_settings()
    path = settings.database_url.get_secret_value().partition(":///")[2].partition("?")[0]
    return Path(path) if settings.embedded and path not in {"", ":memory:"} else None


def require_no_lost_database() -> None:
    """Raise CommandError if the database is gone and a server has left a copy of it: an empty one
    in its place would look as if everything were lost."""
    from service.store import file_guard

    path = find_file()
    if path is None:
        return
    if Path(f"{path}.restoring").exists():
        raise shell.CommandError(
            f"A restore of {path.absolute()} was cut off.  Run it again: claimdesk restore FILE"
        )
    if path.exists():
        return
    copy = file_guard.find_rescued_copy(path.absolute())
    if copy is not None:
        raise shell.CommandError(
            f"There is no database at {path.absolute()}, but a server that had it open when it "
            f"went left a copy: {copy}\n  To go on with it, move it to {path.name} while no "
            f"server runs.\n"
            f"  To begin an empty one, move the copy to another folder."
        )


def require_file() -> None:
    path = find_file()
    if path is not None and not path.exists():
        raise shell.CommandError(f"There is no database yet at {path.absolute()}.  {UPGRADE}")
