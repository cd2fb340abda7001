"""A desk after a day's work, made once for each kind of database."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.config import Settings
from service.store.engine import Database
from tests.commands.workday import a_days_work, link_to_many_statements
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="session")
def worked_sqlite(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("worked") / "claimdesk.db"
    shutil.copy(migrated_sqlite, path)
    return asyncio.run(worked_on(f"sqlite:///{path}"))


@pytest.fixture(scope="session")
def worked_postgresql(postgres: PostgresServer, migrated_postgres: str) -> str:
    return asyncio.run(worked_on(postgres.create_database(template=migrated_postgres)))


async def worked_on(url: str) -> str:
    database = Database(Settings(database_url=url))
    await database.start()
    await database.write(a_days_work)
    await database.write(link_to_many_statements)
    await database.stop()
    return url


@pytest.fixture
def worked_url(database_kind: str, request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"worked_{database_kind}")
    return url


@pytest.fixture
async def worked(worked_url: str) -> AsyncIterator[Database]:
    """A desk after a day's work, shared by the tests: none of them may commit to it."""
    database = Database(Settings(database_url=worked_url))
    await database.start()
    yield database
    await database.stop()
