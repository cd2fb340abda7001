"""One command or query on the database, from the shell, with the schema seen to."""

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from service.cli import shell

if TYPE_CHECKING:
    from service.store.engine import Database

T = TypeVar("T")

interrupted = threading.Event()
"""Set by Ctrl-C: a query in a thread has to end by itself before the command can."""

UPGRADE = "Run: claimdesk db upgrade"


def write(command: Callable[..., T], /, **arguments: Any) -> T:
    """Run a command in one transaction."""
    ready(create=True)
    return _once("write", command, arguments)


def read(query: Callable[..., T], /, **arguments: Any) -> T:
    """Run a query.  Stops where there is no database to read yet."""
    ready(create=False)
    return _once("read", query, arguments)


def using(work: "Callable[[Database], Awaitable[T]]", *, create: bool) -> T:
    """Run what takes several transactions."""
    ready(create=create)
    return _during(work)


def _once(kind: Literal["write", "read"], work: Callable[..., T], arguments: dict[str, Any]) -> T:
    async def once(database: "Database") -> T:
        transact = database.write if kind == "write" else database.read
        return await transact(work, **arguments)

    return _during(once)


def _during(work: "Callable[[Database], Awaitable[T]]") -> T:
    import asyncio

    from service.store.engine import Database

    async def started() -> T:
        database = Database(shell.settings())
        try:
            await database.start()
            return await work(database)
        except asyncio.CancelledError:
            interrupted.set()
            raise
        finally:
            await database.stop()

    return asyncio.run(started())


def ready(*, create: bool) -> None:
    """See that the database has the schema which this code needs.

    The embedded database is brought up to date here and now.  On PostgreSQL that is the
    operator's to do: other processes may still need the old schema.
    """
    from service.store import migrate

    settings = shell.settings()
    if settings.embedded and not create:
        require_file()
    head, current = migrate.head(), migrate.current(settings)
    if current == head:
        return
    require_known(current)
    if settings.embedded:
        migrate.upgrade(settings)
        return
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


def require_file() -> None:
    path = file()
    if path is not None and not path.exists():
        raise shell.Stopped(f"There is no database yet at {path.absolute()}.  {UPGRADE}")
