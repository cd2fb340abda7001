"""A desk after a day's work, made once for each kind of database."""

from collections.abc import AsyncIterator

import pytest

from service.config import Settings
from service.store.engine import Database


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
