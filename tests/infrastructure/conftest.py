"""What stands between Claimdesk and its database."""

from collections.abc import Iterator

import pytest

from tests.support.pooler import Pooler
from tests.support.postgres import PostgresServer

MODES = ("session", "transaction")


@pytest.fixture(scope="session", params=MODES)
def pooler(request: pytest.FixtureRequest, postgres: PostgresServer) -> Iterator[Pooler]:
    """A pgbouncer in each mode."""
    pooler = Pooler(str(request.param), postgres.url("postgres"))
    yield pooler
    pooler.close()
