"""The schema's migrations: one Alembic chain for both databases."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, make_url

from service.config import Settings
from service.store import releases
from service.store.connector import Connector
from service.store.failures import translate_errors
from service.store.read_only import ReadOnlyFile
from service.store.sqlite import create_sqlite_engine, find_path

T = TypeVar("T")


def find_scripts() -> Path:
    """Return the folder of migrations."""
    return releases.find_scripts()


def upgrade(settings: Settings, revision: str = "head") -> None:
    """Upgrade the schema to `revision`; at the head, refuse releases that do not know it."""

    def work(connection: Connection) -> None:
        releases.drop_triggers(connection)
        command.upgrade(_build_config(connection), revision)
        if MigrationContext.configure(connection).get_current_revision() == find_head():
            releases.create_triggers(connection)

    _run(settings, work)


def downgrade(settings: Settings, revision: str) -> None:
    def work(connection: Connection) -> None:
        releases.drop_triggers(connection)
        command.downgrade(_build_config(connection), revision)

    _run(settings, work)


def find_head() -> str:
    """Return the revision that this code needs: migrations are named by their revisions, and
    Alembic would load them all to find the last."""
    return f"{releases.find_newest_schema():04}"


def read_current(settings: Settings) -> str | None:
    """Return the revision of the database; None if it is empty, or not there yet."""
    return _read(
        settings, lambda connection: MigrationContext.configure(connection).get_current_revision()
    )


def find_differences(settings: Settings) -> list[Any]:
    """Return Alembic's differences between the schema and the tables of the store."""
    from alembic.autogenerate import compare_metadata

    import service.store.rename_tables
    import service.store.webhook_tables  # noqa: F401 -- makes its tables known
    from service.store.tables import INDEXES, metadata

    # The tables do not describe full-text indexes, nor the tables that FTS5 creates for them.
    ignored_tables = ("alembic_version", *INDEXES.values())

    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: (
                    not (
                        kind in ("table", "index")
                        and name is not None
                        and name.startswith(ignored_tables)
                    )
                )
            },
        )
        differences: list[Any] = compare_metadata(context, metadata)
        return differences

    return _read(settings, compare) or []


def _build_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(find_scripts()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _read(settings: Settings, work: Callable[[Connection], T | None]) -> T | None:
    """Run `work` on a connection that writes nothing; None if an embedded database has no file."""
    if not settings.embedded:
        return _run(settings, work)
    path = find_path(make_url(settings.database_url.get_secret_value()))
    if path is None:
        return _run(settings, work)
    with translate_errors():
        if not path.exists():
            return None
        file = ReadOnlyFile(path)
        try:
            with file.engine.begin() as connection:
                return work(connection)
        finally:
            file.close()


def _run(settings: Settings, work: Callable[[Connection], T]) -> T:
    """Run `work` in one transaction.

    On SQLite foreign keys are off, and are checked at the end: batch mode rebuilds tables, and
    dropping the old one would otherwise delete the rows that refer to it.
    """
    if settings.embedded:
        url = make_url(settings.database_url.get_secret_value())
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_sqlite_engine(url, writing=True, foreign_keys=False, create=True)
        try:
            with translate_errors(), engine.begin() as connection:
                result = work(connection)
                if inspect(connection).has_table("claims"):
                    broken_rows = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                    if broken_rows:
                        raise RuntimeError(
                            f"the migration would break foreign keys: {broken_rows[:3]}"
                        )
                return result
        finally:
            engine.dispose()
    return asyncio.run(_run_async(settings, work))


async def _run_async(settings: Settings, work: Callable[[Connection], T]) -> T:
    connector = Connector(settings.database_url.get_secret_value(), settings.database_pooler)
    with translate_errors():
        await connector.start()
        engine = connector.create_engine()
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()
