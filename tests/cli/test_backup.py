"""`claimdesk backup` and `restore`: what was acknowledged is in the copy, a place from before a
restore is told to start again, and nothing is sent twice."""

import json
import shutil
import signal
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from service.operations import recovery
from service.store.engine import Database
from tests.faults.served import create_key, run_command, serve
from tests.support.desk import build_claim


@pytest.fixture
def url(migrated_sqlite: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'claimdesk.db')}"


@pytest.mark.scale
def test_backup_under_load_is_complete_and_a_restore_begins_a_new_epoch(
    url: str, tmp_path: Path, long: bool
) -> None:
    """One client records claims meanwhile; in the long form eight, after a thousand."""
    writers, first = (8, 1000) if long else (1, 5)
    token = create_key(url, tmp_path, "editor")["key"]
    headers = {"Authorization": f"Bearer {token}"}
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
            backed_up = run_command(url, tmp_path, "backup", "backup.db", "--json")
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert backed_up.returncode == 0, backed_up.stderr
        assert json.loads(backed_up.stdout)["verified"] is True
        list_page = client.get("/v1/claims?limit=1").json()["next_cursor"]
        place = client.get("/v1/events?limit=200").json()["next_after"]
        assert isinstance(place, int)
        refusal = run_command(url, tmp_path, "restore", "backup.db")
        assert refusal.returncode == 1
        assert "is in use" in refusal.stderr
        client.close()
        server.signal(signal.SIGKILL)
        server.wait()
    restoration = run_command(url, tmp_path, "restore", "backup.db", "--json")
    assert restoration.returncode == 0, restoration.stderr
    report = json.loads(restoration.stdout)
    assert report["webhooks"] == "held"
    with closing(sqlite3.connect(report["kept"])) as kept_file:
        assert kept_file.execute("SELECT count(*) FROM claims").fetchone()[0] >= len(claim_ids)
    assert run_command(url, tmp_path, "verify").returncode == 0
    with (
        serve(url, tmp_path) as server,
        httpx.Client(base_url=server.url, headers=headers, timeout=30) as client,
    ):
        for claim in before:
            assert client.get(f"/v1/claims/{claim}").status_code == 200
        for path in (
            f"/v1/events?after={place}",
            f"/v1/events/stream?after={place}",
            f"/v1/claims?limit=1&cursor={list_page}",
            "/v1/events?after=1",
        ):
            ended_page = client.get(path)
            assert (ended_page.status_code, ended_page.json()["type"]) == (
                410,
                "/problems/epoch-ended",
            ), path
        stream = client.get("/v1/events/stream", headers={"Last-Event-ID": str(place)})
        assert stream.status_code == 410
        page = client.get("/v1/events?after=0&limit=2").json()
        assert page["next_after"] == f"{report['epoch']}-{page['items'][-1]['seq']}"
        assert client.get(f"/v1/events?after={page['next_after']}").status_code == 200


@pytest.mark.usefixtures("url")
def test_file_that_is_no_backup_is_not_restored(url: str, tmp_path: Path) -> None:
    (tmp_path / "half.db").write_bytes((tmp_path / "claimdesk.db").read_bytes()[:5000])
    (tmp_path / "text").write_text("not a database at all")
    before = (tmp_path / "claimdesk.db").read_bytes()
    for name in ("half.db", "text", "missing"):
        assert run_command(url, tmp_path, "restore", name).returncode in (1, 2)
    assert (tmp_path / "claimdesk.db").read_bytes() == before
    assert list(tmp_path.glob("*.before-*")) == list(tmp_path.glob(".*.part")) == []


def test_interrupted_restore_must_be_repeated_before_serving(url: str, tmp_path: Path) -> None:
    assert run_command(url, tmp_path, "backup", "backup.db").returncode == 0
    (tmp_path / "claimdesk.db.restoring").touch()
    refusal = run_command(url, tmp_path, "serve", "--port", "0")
    assert refusal.returncode == 1
    assert "claimdesk restore FILE" in refusal.stderr
    assert run_command(url, tmp_path, "restore", "backup.db", "--desk").returncode == 0
    assert run_command(url, tmp_path, "users", "list").returncode == 0


async def test_copy_begins_an_epoch_and_holds_webhooks_until_they_are_released(
    database: Database, instant: datetime
) -> None:
    home = {"machine": "a", "path": "/one", "file": 1}
    assert await database.write(recovery.register_home, home=home, now=instant) == ""
    moved_home = home | {"path": "/renamed"}
    assert await database.write(recovery.register_home, home=moved_home, now=instant) == ""
    assert await database.read(recovery.read_hold) is None
    epoch = await database.write(recovery.register_home, home=moved_home | {"file": 2}, now=instant)
    assert epoch
    hold = await database.read(recovery.read_hold)
    assert hold is not None
    assert "/renamed" in hold["reason"]
    assert await database.write(recovery.release_webhooks, now=datetime.now(UTC))
    assert await database.read(recovery.read_hold) is None


@pytest.fixture
def instant() -> datetime:
    return datetime(2026, 11, 27, tzinfo=UTC)
