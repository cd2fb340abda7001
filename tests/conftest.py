"""Both databases, every run: each test that asks for one gets its own, migrated and empty."""

import asyncio
import gc
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import SecretStr

from service.config import Settings
from service.store import migrate
from service.store.engine import Database
from service.web import passwords
from tests.support import desk as support
from tests.support import dialects
from tests.support.desk import Desk
from tests.support.lengths import IS_LONG, TABLES
from tests.support.pooler import Pooler
from tests.support.postgres import PostgresServer, find_memory, provide_server
from tests.verification.workday import link_to_many_statements, work_a_day

KINDS = ("sqlite", "postgresql")
POOLED = os.environ.get("CLAIMDESK_TEST_POOLER")
"""`make pooled`: the mode of a pgbouncer through which every test reaches PostgreSQL."""


def pytest_configure() -> None:
    """Keep files of tests in memory where there is room: each commit of SQLite waits for a disk.

    What is proved outlasts the process that wrote, killed or not; no test cuts the power.
    """
    if memory := find_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", memory)
    dialects.share_dialects()


def pytest_collection_finish() -> None:
    """What thousands of collected tests hold is there to the end: looking through it for garbage
    again and again took a tenth of the time."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured, in the long form."""
    if IS_LONG:
        for table in TABLES:
            terminalreporter.write_line(table)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> None:
    """Hash passwords at the least cost; `test_passwords_are_hashed_at_full_cost` has the full."""
    passwords.choose_hasher(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def long() -> bool:
    """`make faults`, `make scale`: the same tests, with many times the load."""
    return IS_LONG


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; missing, it fails the run and says what to install."""
    server = provide_server()
    if server.owned:  # it has no certificate: each connection would ask for TLS, and go on without
        os.environ.setdefault("PGSSLMODE", "disable")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer) -> str:
    """A migrated database to copy."""
    url = postgres.create_database()
    migrate.upgrade(Settings(database_url=url))
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy."""
    path = tmp_path_factory.mktemp("template") / "claimdesk.db"
    migrate.upgrade(Settings(database_url=f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def worked_sqlite(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("worked") / "claimdesk.db"
    shutil.copy(migrated_sqlite, path)
    return asyncio.run(work_on(f"sqlite:///{path}"))


@pytest.fixture(scope="session")
def worked_postgresql(postgres: PostgresServer, migrated_postgres: str) -> str:
    return asyncio.run(work_on(postgres.create_database(template=migrated_postgres)))


async def work_on(url: str) -> str:
    database = Database(Settings(database_url=url))
    await database.start()
    await database.write(work_a_day)
    await database.write(link_to_many_statements)
    await database.stop()
    return url


@pytest.fixture
def worked_url(database_kind: str, request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"worked_{database_kind}")
    return url


@pytest.fixture
async def worked_database(worked_url: str) -> AsyncIterator[Database]:
    """A desk after a day's work, shared by the tests: none of them may commit to it."""
    database = Database(Settings(database_url=worked_url))
    await database.start()
    yield database
    await database.stop()


@pytest.fixture(scope="session")
def common_pooler(postgres: PostgresServer) -> Iterator[Pooler | None]:
    if POOLED is None:
        yield None
        return
    pooler = Pooler(POOLED, postgres.url("postgres"))
    yield pooler
    pooler.close()


@pytest.fixture(params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """The address of a migrated, empty database of the test's own."""
    if database_kind == "sqlite":
        path = tmp_path / "claimdesk.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database(template=request.getfixturevalue("migrated_postgres"))
    pooler: Pooler | None = request.getfixturevalue("common_pooler")
    yield url if pooler is None else pooler.url(url)
    server.drop_database(url)


@pytest.fixture(scope="session")
def common_settings() -> Settings:
    """What all tests set alike: to look for each of the other settings takes 10 ms."""
    return Settings(
        rate_limit="off",
        log_level="error",
        dispatch="off",  # tests of webhooks run a dispatcher of their own
        webhook_allow_http="on",
        webhook_allow_cidrs="127.0.0.0/8",
    )


@pytest.fixture
def settings(common_settings: Settings, database_url: str) -> Settings:
    return common_settings.model_copy(update={"database_url": SecretStr(database_url)})


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A started database."""
    database = Database(settings)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
def seldom_upkeep(monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk that is started after this tidies up once an hour. With `Desk.stop_workers`, only
    requests ask the database."""
    monkeypatch.setattr("service.app.HOUSEKEEPING_SECONDS", 3600.0)
    monkeypatch.setattr("service.web.shared_limits.SYNC_SECONDS", 3600.0)


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """A running application with a client for each role."""
    async with support.run_desk(settings) as desk:
        yield desk
