"""`claimdesk backup` and `restore` on PostgreSQL, by its own programs."""

import asyncio
import json
import shutil
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from service.config import Settings
from service.operations.dumps import Dumps
from tests.faults.served import CLAIMDESK, Served, build_environment, create_key, run_command, serve
from tests.support.desk import build_claim

pytestmark = [
    pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True),
    pytest.mark.skipif(
        not all(map(shutil.which, ("pg_dump", "pg_restore", "psql"))),
        reason="not run: PostgreSQL's client programs are not installed",
    ),
]


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


def ask(url: str, query: str) -> Any:
    async def fetch() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(fetch())


@pytest.mark.scale
def test_backup_under_load_is_complete_and_a_restore_begins_a_new_epoch(
    url: str, tmp_path: Path, long: bool
) -> None:
    """One client records claims meanwhile; in the long form eight, after a thousand."""
    writers, first = (8, 1000) if long else (1, 5)
    headers = {"Authorization": f"Bearer {create_key(url, tmp_path, 'editor')['key']}"}
    claim_ids: list[str] = []
    over = threading.Event()
    with serve(url, tmp_path) as server:
        client = httpx.Client(base_url=server.url, headers=headers, timeout=30)
        client.post("/v1/parties", json={"slug": "belgrade", "name": "Belgrade"})

        def write() -> None:
            while not over.is_set():
                answer = client.post("/v1/claims", json=build_claim())
                assert answer.status_code == 201
                claim_ids.append(answer.json()["id"])

        threads = [threading.Thread(target=write) for _ in range(writers)]
        for thread in threads:
            thread.start()
        try:
            while len(claim_ids) < first:
                over.wait(0.02)
            before = list(claim_ids)
            backed_up = run_command(url, tmp_path, "backup", "desk.dump")
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert backed_up.returncode == 0, backed_up.stderr
        place = client.get("/v1/events?limit=200").json()["next_after"]
        refusal = run_command(url, tmp_path, "restore", "desk.dump")
        assert refusal.returncode == 1
        assert "is in use" in refusal.stderr
        client.close()
        server.signal(signal.SIGKILL)
        server.wait()
    restoration = run_command(url, tmp_path, "restore", "desk.dump", "--json")
    assert restoration.returncode == 0, restoration.stderr
    report = json.loads(restoration.stdout)
    assert report["webhooks"] == "held"
    assert ask(url, f"SELECT count(*) FROM {report['kept']}.claims") == len(claim_ids)
    assert run_command(url, tmp_path, "verify").returncode == 0
    with (
        serve(url, tmp_path) as server,
        httpx.Client(base_url=server.url, headers=headers, timeout=30) as client,
    ):
        for claim in before:
            assert client.get(f"/v1/claims/{claim}").status_code == 200
        ended_page = client.get(f"/v1/events?after={place}")
        assert (ended_page.status_code, ended_page.json()["type"]) == (410, "/problems/epoch-ended")
        page = client.get("/v1/events?after=0&limit=2").json()
        assert page["next_after"] == f"{report['epoch']}-{page['items'][-1]['seq']}"
        assert client.post("/v1/claims", json=build_claim()).status_code == 201


def test_file_that_is_no_dump_is_not_restored(url: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a dump at all")
    create_key(url, tmp_path, "editor")
    refusal = run_command(url, tmp_path, "restore", "text")
    assert refusal.returncode == 1
    assert "no dump" in refusal.stderr
    assert ask(url, "SELECT count(*) FROM api_keys") == 1


def test_unfinished_restore_begins_an_epoch_when_it_is_served(url: str, tmp_path: Path) -> None:
    """Killed after the dump was put back, before the epoch was begun: the note is in the dump's
    own transaction."""
    create_key(url, tmp_path, "editor")
    dumps = Dumps(Settings(database_url=url))
    dumps.dump(tmp_path / "desk.dump")
    dumps.restore(tmp_path / "desk.dump", now=datetime.now(UTC))
    with serve(url, tmp_path):
        pass
    epoch = json.loads(run_command(url, tmp_path, "epoch", "show", "--json").stdout)
    assert (epoch["number"], epoch["webhooks_held"]) == (2, True)
    assert "desk.dump" in epoch["reason"]


def test_running_server_adopts_a_new_epoch(url: str, tmp_path: Path) -> None:

    headers = {"Authorization": f"Bearer {create_key(url, tmp_path, 'editor')['key']}"}
    prelude = "import service.app\nservice.app.HOUSEKEEPING_SECONDS = 0.2\n"
    server = Served(url, tmp_path, prelude=prelude)
    try:
        with httpx.Client(base_url=server.url, headers=headers, timeout=30) as client:
            client.post("/v1/parties", json={"slug": "belgrade", "name": "Belgrade"})
            assert client.post("/v1/claims", json=build_claim()).status_code == 201
            assert client.get("/v1/events?after=1").status_code == 200
            assert run_command(url, tmp_path, "epoch", "begin").returncode == 0
            deadline = time.monotonic() + 30
            while client.get("/v1/events?after=1").status_code != 410:
                assert time.monotonic() < deadline
                time.sleep(0.1)
    finally:
        server.kill()


def test_missing_programs_are_named(url: str, tmp_path: Path) -> None:
    process = subprocess.run(
        [CLAIMDESK, "backup", "desk.dump"],
        cwd=tmp_path,
        env=build_environment(url) | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 1
    assert "postgresql-client" in process.stderr
