"""The embedded database's file is removed, renamed or replaced while a server has it open: from
then on nothing is acknowledged, and what was is found again."""

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.faults.served import Served, create_key, run_command, serve
from tests.support.desk import build_claim

Fault = Callable[[Path], None]


def remove(file: Path) -> None:
    file.unlink()


def remove_all(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{file}{suffix}").unlink()


def rename(file: Path) -> None:
    file.rename(file.with_name("elsewhere.db"))


def rename_folder(file: Path) -> None:
    file.parent.rename(file.parent.with_name("elsewhere"))


def replace(file: Path) -> None:
    """By an older copy, put in its place as editors and rsync do."""
    shutil.copy(file.parent.with_name("older.db"), f"{file}.new")
    os.replace(f"{file}.new", file)


def remove_log(file: Path) -> None:
    Path(f"{file}-wal").unlink()


def remove_shared_memory(file: Path) -> None:
    Path(f"{file}-shm").unlink()


@pytest.fixture
def file(migrated_sqlite: Path, tmp_path: Path) -> Path:
    """A migrated database, and a copy of it from before anything was in it."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(migrated_sqlite, tmp_path / "older.db")
    return Path(shutil.copy(migrated_sqlite, folder / "claimdesk.db"))


@pytest.fixture
def server(file: Path, tmp_path: Path) -> Iterator[Served]:
    with serve(f"sqlite:///{file}", tmp_path) as server:
        yield server
        print(server.output)


@pytest.fixture
def client(server: Served, file: Path, tmp_path: Path) -> Iterator[httpx.Client]:
    token = create_key(f"sqlite:///{file}", tmp_path, "editor")["key"]
    headers = {"Authorization": f"Bearer {token}", "If-Match": "*"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=30) as client:
        client.post("/v1/parties", json={"slug": "belgrade", "name": "Belgrade"})
        yield client


def record(client: httpx.Client, count: int) -> tuple[set[str], list[httpx.Response]]:
    """Record claims; gives the ids of those that were acknowledged, and what refused the others."""
    answers = [client.post("/v1/claims", json=build_claim()) for _ in range(count)]
    claim_ids = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    return claim_ids, [answer for answer in answers if answer.status_code != 201]


def list_ids(file: Path) -> set[str]:
    """The claims in a file, as a server that opened it would find them."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT id FROM claims").fetchall()
    return {f"{i[:8]}-{i[8:12]}-{i[12:16]}-{i[16:20]}-{i[20:]}" for (i,) in rows}


def read_until(client: httpx.Client, status: int) -> httpx.Response:
    """Read claims until the answer is this one, which takes a second or so."""
    deadline = time.monotonic() + 5
    while (answer := client.get("/v1/claims")).status_code != status:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    return answer


@pytest.mark.parametrize(
    ("fault", "found_at", "idle"),
    [
        (remove, "data/claimdesk.db.rescued-*", False),
        (remove, "data/claimdesk.db.rescued-*", True),
        (remove_all, "data/claimdesk.db.rescued-*", False),
        (replace, "data/claimdesk.db.rescued-*", False),
        (rename, "data/elsewhere.db", True),
        (rename_folder, "elsewhere/claimdesk.db", False),
        (remove_log, "data/claimdesk.db", False),
        (remove_log, "data/claimdesk.db", True),
        (remove_shared_memory, "data/claimdesk.db", False),
    ],
    ids=lambda value: (
        getattr(value, "__name__", None) or {True: "idle", False: "writing"}.get(value)
    ),
)
def test_no_change_is_acknowledged_after_the_file_was_moved(
    server: Served,
    client: httpx.Client,
    file: Path,
    tmp_path: Path,
    fault: Fault,
    found_at: str,
    idle: bool,
) -> None:
    before, refusals = record(client, 20)
    assert (len(before), refusals) == (20, [])
    assert client.get("/readyz").status_code == 200
    fault(file)
    if idle:
        read_until(client, 503)
    claim_ids, refusals = record(client, 20)
    assert claim_ids == set()
    for answer in refusals:
        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/database-replaced", answer.text
        assert str(file) in answer.json()["detail"]
    assert read_until(client, 503).json()["type"] == "/problems/database-replaced"
    time.sleep(1.1)
    assert client.get("/readyz").json()["type"] == "/problems/database-replaced"
    assert client.get("/healthz").status_code == 200
    # Not even a clean end could help any more.
    server.signal(signal.SIGKILL)
    [place] = tmp_path.glob(found_at)
    assert list_ids(place) == before
    verification = run_command(f"sqlite:///{place}", tmp_path, "verify")
    assert verification.returncode == 0, verification.stderr
    assert "the database is not at its place any more" in server.output


def test_file_that_is_put_back_is_served_again(client: httpx.Client, file: Path) -> None:
    before, _ = record(client, 3)
    rename(file)
    assert record(client, 5)[0] == set()
    assert not file.exists()
    file.with_name("elsewhere.db").rename(file)
    read_until(client, 200)
    after, refusals = record(client, 3)
    assert refusals == []
    assert list_ids(file) == before | after


def test_overwritten_file_takes_no_changes(
    client: httpx.Client, file: Path, tmp_path: Path
) -> None:
    """An older copy keeps the file's identity, but lacks what was in it."""
    record(client, 3)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    record(client, 1)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    record(client, 1)
    with file.open("r+b") as overwritten:
        overwritten.write((tmp_path / "older.db").read_bytes())
    claim_ids, refusals = record(client, 20)
    assert claim_ids == set()
    assert {each.status_code for each in refusals} == {503}
    assert "was overwritten while the server was running" in refusals[-1].json()["detail"]


def test_touched_file_is_still_served(client: httpx.Client, file: Path) -> None:
    """Backups and people change the time of a file, and nothing in it."""
    before, _ = record(client, 3)
    os.utime(file, (0, 0))
    after, refusals = record(client, 3)
    assert refusals == []
    os.utime(file)
    time.sleep(1)
    assert client.get("/v1/claims").status_code == 200
    assert list_ids(file) == before | after
