"""Desks to export and import."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from service.config import Settings
from service.store.engine import Database
from tests.exchange.desks import export_desk, fill_desk
from tests.support.postgres import PostgresServer


@pytest.fixture
async def full_desk(database: Database) -> Database:
    """A desk with every kind of event, text and person."""
    await database.write(fill_desk)
    return database


@pytest.fixture(scope="session")
def full_export(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The export of such a desk, made once."""
    path = tmp_path_factory.mktemp("full") / "claimdesk.db"
    shutil.copy(migrated_sqlite, path)

    async def make_export() -> bytes:
        database = Database(Settings(database_url=f"sqlite:///{path}"))
        await database.start()
        await database.write(fill_desk)
        export = await export_desk(database)
        await database.stop()
        return export

    return asyncio.run(make_export())


@pytest.fixture
def other_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database of the other kind."""
    if database_kind == "postgresql":
        path = tmp_path / "other.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database(template=request.getfixturevalue("migrated_postgres"))
    yield url
    server.drop_database(url)


@pytest.fixture
async def other_database(other_url: str) -> AsyncIterator[Database]:
    database = Database(Settings(database_url=other_url))
    await database.start()
    yield database
    await database.stop()
