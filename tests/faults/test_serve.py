"""`claimdesk serve` with old and new databases, taken ports, and several workers."""

import asyncio
import socket
import subprocess
import time
from pathlib import Path

import asyncpg
import httpx
import pytest

from service.config import Settings
from service.store import migrate
from tests.faults.served import CLAIMDESK, build_environment, create_key, run_command, serve
from tests.support.postgres import PostgresServer


def serve_once(url: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`claimdesk serve` where it is expected to stop by itself."""
    return subprocess.run(
        [CLAIMDESK, "serve", *options],
        cwd=folder,
        env=build_environment(url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def open_client(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def test_first_start_creates_an_embedded_database(tmp_path: Path) -> None:
    """The file, its folder and its schema; nothing has to be set up."""
    url = f"sqlite:///{tmp_path / 'new' / 'claimdesk.db'}"
    with serve(url, tmp_path) as server:
        print(f"cold start on a new file: {server.seconds:.2f} s")
        token = create_key(url, tmp_path, "reader")["key"]
        with open_client(server.url, token) as reader:
            assert reader.get("/readyz").status_code == 200
            assert reader.get("/v1/claims").json()["items"] == []
    assert migrate.read_current(Settings(database_url=url)) == migrate.find_head()
    with serve(url, tmp_path) as server:
        print(f"cold start on a file with its schema: {server.seconds:.2f} s")


def test_empty_postgresql_is_refused_with_the_command_to_run(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """Other servers may be at work on it: the operator decides when it is upgraded."""
    url = postgres.create_database()
    refusal = serve_once(url, tmp_path, "--port", "0")
    assert refusal.returncode == 1
    assert "claimdesk db upgrade" in refusal.stderr
    assert "Traceback" not in refusal.stderr
    assert run_command(url, tmp_path, "db", "upgrade").returncode == 0
    with serve(url, tmp_path) as server:
        print(f"cold start on PostgreSQL: {server.seconds:.2f} s")
        assert httpx.get(f"{server.url}/readyz").status_code == 200
    postgres.drop_database(url)


async def test_newer_schema_is_refused(postgres: PostgresServer, tmp_path: Path) -> None:
    """An unknown revision belongs to a newer Claimdesk; nothing is touched."""
    url = postgres.create_database()
    await asyncio.to_thread(run_command, url, tmp_path, "db", "upgrade")
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    refusal = await asyncio.to_thread(serve_once, url, tmp_path, "--port", "0")
    assert refusal.returncode == 1
    assert "newer schema (9999)" in refusal.stderr
    assert "Traceback" not in refusal.stderr
    postgres.drop_database(url)


def test_port_in_use_is_reported_before_anything_else(tmp_path: Path) -> None:
    """Before any database is touched."""
    path = tmp_path / "claimdesk.db"
    with socket.socket() as listening_socket:
        listening_socket.bind(("127.0.0.1", 0))
        listening_socket.listen()
        port = str(listening_socket.getsockname()[1])
        refusal = serve_once(f"sqlite:///{path}", tmp_path, "--port", port)
    assert refusal.returncode == 1
    assert f"127.0.0.1:{port}" in refusal.stderr
    assert "--port" in refusal.stderr
    assert "Traceback" not in refusal.stderr
    assert not path.exists()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_two_workers_share_the_record_and_revocations(database_url: str, tmp_path: Path) -> None:
    """What one recorded the other has; a key revoked at one is refused by the other, which believes
    it for a second at most without asking again."""
    admin = create_key(database_url, tmp_path, "admin")
    leaked_key = create_key(database_url, tmp_path, "reader")
    with serve(database_url, tmp_path, "--workers", "2") as server:
        print(f"cold start of two workers: {server.seconds:.2f} s")
        connections = [open_client(server.url, leaked_key["key"]) for _ in range(12)]
        try:
            # Each connection stays with the worker that took it; all have the key in memory now.
            assert {connection.get("/v1/claims").status_code for connection in connections} == {200}
            with open_client(server.url, admin["key"]) as administrator:
                # What one worker recorded is there for every other.
                party = administrator.post("/v1/parties", json={"slug": "nato", "name": "NATO"})
                assert party.status_code == 201, party.text
                statuses = [
                    connection.get("/v1/parties/nato").status_code for connection in connections
                ]
                assert set(statuses) == {200}
                answer = administrator.post(f"/v1/keys/{leaked_key['id']}/revocation")
                assert answer.is_success, answer.text
            began = time.monotonic()
            waiting = list(connections)
            while waiting and time.monotonic() < began + 10:
                waiting = [each for each in waiting if each.get("/v1/claims").status_code != 401]
            assert not waiting
            print(f"revoked everywhere after {time.monotonic() - began:.2f} s")
        finally:
            for connection in connections:
                connection.close()
        server.terminate()
        assert server.wait(15) in (0, -15), server.output
