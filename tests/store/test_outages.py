"""A database that is busy, full or gone: 503 with the problem shape, and recovery by itself."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest

from service.config import Settings
from service.domain.errors import Unavailable
from service.store import connector, engine, migrate, postgresql, sqlite
from tests.store.locks import hold_lock, wait_for_waiting
from tests.support import desk as support
from tests.support.desk import Desk
from tests.support.postgres import PostgresServer, provide_server

SOON = 0.3
ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for locks and for connections as short as a test can."""
    # A test cannot wait for a lock as long as a server does, and nobody chooses that.
    monkeypatch.setattr(postgresql, "BUSY_SECONDS", SOON)
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", SOON)


@pytest.fixture
def impatient_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have PostgreSQL give locks up soon."""
    usual = connector.build_session_settings()
    monkeypatch.setattr(
        connector, "build_session_settings", lambda **_: usual | {"lock_timeout": "300"}
    )


def require_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"] == "/problems/unavailable"
    assert "Traceback" not in answer.text


def tag_claim(desk: Desk, claim: str, *tags: str) -> Any:
    return desk.checker.patch(f"/v1/claims/{claim}", json={"tags": tags}, headers={"If-Match": "*"})


@contextmanager
def lock_file(settings: Settings) -> Iterator[None]:
    """Another process is writing to the file."""
    path = settings.database_url.get_secret_value().removeprefix("sqlite:///")
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


@ON_SQLITE
async def test_locked_file_gives_503_for_changes_and_is_still_read(
    settings: Settings, short_timeouts: None
) -> None:
    """A writer that does not get the lock in time says so; readers do not notice."""
    async with support.run_desk(settings) as desk:
        await desk.record_parties()
        claim = (await desk.record_claim())["id"]
        with lock_file(settings):
            require_unavailable(await tag_claim(desk, claim, "late"))
            assert (await desk.read_claim(claim))["tags"] == []
        assert (await tag_claim(desk, claim, "later")).status_code == 200


@ON_POSTGRESQL
async def test_lock_timeout_gives_503(desk_of: Any, impatient_server: None) -> None:
    """Somebody holds the claim; the others are told to try again, and readers do not notice."""
    async with desk_of() as desk:
        await desk.record_parties()
        claim = (await desk.record_claim())["id"]
        url = desk.settings.database_url.get_secret_value()
        async with hold_lock(url, "SELECT 1 FROM claims FOR UPDATE"):
            require_unavailable(await tag_claim(desk, claim, "late"))
            assert (await desk.read_claim(claim))["tags"] == []
        assert (await tag_claim(desk, claim, "later")).status_code == 200


@ON_POSTGRESQL
async def test_exhausted_connection_pool_gives_503(desk_of: Any, short_timeouts: None) -> None:
    """Two wait for a claim with the only two connections; a third is told to try again."""
    async with desk_of(database_connections=4) as desk:
        await desk.record_parties()
        claim, other = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
        url = desk.settings.database_url.get_secret_value()
        async with hold_lock(
            url, "SELECT 1 FROM claims WHERE id = $1 FOR UPDATE", claim
        ) as held_lock:
            waiting = [asyncio.create_task(tag_claim(desk, claim, f"t{i}")) for i in range(2)]
            await wait_for_waiting(url, 2)
            require_unavailable(await tag_claim(desk, other, "late"))
            await held_lock.release()
            assert {(await each).status_code for each in waiting} == {200}
        assert (await tag_claim(desk, other, "later")).status_code == 200


@ON_POSTGRESQL
async def test_server_without_free_connections_gives_503(desk_of: Any) -> None:
    """PostgreSQL refuses the connection itself, and takes it again later."""
    async with desk_of() as desk:
        await desk.record_parties()
        claim = (await desk.record_claim())["id"]
        url = desk.settings.database_url.get_secret_value()
        name = url.rpartition("/")[2]
        limit = f'ALTER DATABASE "{name}" WITH CONNECTION LIMIT 0'
        await run_sql(url, "CREATE ROLE plain LOGIN")
        try:
            await run_sql(url, "GRANT ALL ON ALL TABLES IN SCHEMA public TO plain", limit)
            # A superuser is let in whatever the limit: come as somebody else.
            plain = desk.settings.model_copy(
                update={"database_url": type(desk.settings.database_url)(change_user(url, "plain"))}
            )
            database = engine.Database(plain)
            with pytest.raises(Unavailable):
                await database.start()
            with pytest.raises(Unavailable):
                await database.write(lambda connection: None)
            await database.stop()
        finally:
            await run_sql(url, "DROP OWNED BY plain", "DROP ROLE plain")
        assert (await desk.read_claim(claim))["id"] == claim


def change_user(url: str, user: str) -> str:
    return url.replace(url.partition("://")[2].partition("@")[0] + "@", f"{user}@", 1)


async def run_sql(url: str, *statements: str) -> None:
    async with hold_lock(url, "SELECT 1") as connection:
        await connection.release()
        for statement in statements:
            await connection.execute(statement)


@pytest.fixture
def desk_of(settings: Settings) -> Any:
    """A desk whose settings, or the engine's, are changed first."""

    @asynccontextmanager
    async def run_changed_desk(**changes: Any) -> AsyncIterator[Desk]:
        async with support.run_desk(settings.model_copy(update=changes)) as desk:
            yield desk

    return run_changed_desk


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be restarted, and then has what it acknowledged."""
    server = provide_server(own=True, durable=True)
    yield server
    server.stop()


@pytest.mark.parametrize("immediate", [True, False], ids=["aborted", "stopped"])
async def test_application_survives_a_restart_of_postgresql(
    own_server: PostgresServer, immediate: bool
) -> None:
    """While PostgreSQL restarts, requests are refused with 503, never with 500, and soon after
    everything works again, without a restart of ours."""
    settings = Settings(
        database_url=own_server.create_database(), rate_limit="off", log_level="error"
    )
    await asyncio.to_thread(migrate.upgrade, settings)
    async with support.run_desk(settings) as desk:
        await desk.record_parties()
        claims = [(await desk.record_claim())["id"] for _ in range(8)]
        statuses: Counter[int] = Counter()
        over = asyncio.Event()

        async def keep_asking(claim: str) -> None:
            i = 0
            while not over.is_set():
                i += 1
                for answer in await asyncio.gather(
                    tag_claim(desk, claim, f"t{i}"),
                    desk.reader.get(f"/v1/claims/{claim}"),
                    desk.reader.get("/v1/claims"),
                ):
                    statuses[answer.status_code] += 1
                    if answer.status_code == 503:
                        require_unavailable(answer)
                await asyncio.sleep(0.01)

        asking = [asyncio.create_task(keep_asking(claim)) for claim in claims]
        await asyncio.sleep(0.3)
        await asyncio.to_thread(own_server.restart, immediate=immediate)
        await asyncio.sleep(0.3)
        over.set()
        await asyncio.gather(*asking)
        assert set(statuses) == {200, 503}, statuses
        # No stale connection is left behind: nobody is refused any more.
        for _ in range(3):
            answers = await asyncio.gather(
                *(tag_claim(desk, claim, "after") for claim in claims),
                *(desk.reader.get(f"/v1/claims/{claim}") for claim in claims),
            )
            assert {answer.status_code for answer in answers} == {200}
