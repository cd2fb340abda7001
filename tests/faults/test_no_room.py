"""A full disk under a database is reported and logged, and over once there is room."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.served import create_key, run_command, serve
from tests.support.desk import build_claim


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("not run: mounting a small file system takes root")
    place = tmp_path / "disk"
    place.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode:
        pytest.skip(f"not run: no file system can be mounted here ({mount.stderr.strip()})")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def record(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/claims", json=build_claim())


def test_full_disk_is_reported_and_survived(
    small_disk: Path, migrated_sqlite: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{small_disk}/claimdesk.db"
    shutil.copy(migrated_sqlite, small_disk / "claimdesk.db")
    token = create_key(url, tmp_path, "editor")["key"]
    with (
        serve(url, tmp_path) as server,
        httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=30
        ) as client,
    ):
        client.post("/v1/parties", json={"slug": "belgrade", "name": "Belgrade"})
        claim_ids = [record(client).json()["id"]]
        filler = small_disk / "filler"
        with filler.open("wb") as file:
            file.write(bytes(shutil.disk_usage(small_disk).free - 200_000))
        for _ in range(200):
            answer = record(client)
            if answer.status_code != 201:
                break
            claim_ids.append(answer.json()["id"])
        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (507, "/problems/database-full")
        assert "database or disk is full" in problem["detail"]
        assert "nothing was changed" in problem["detail"]
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["type"]) == (507, "/problems/database-full")
        assert client.get(f"/v1/claims/{claim_ids[-1]}").status_code == 200
        assert "SQLITE_FULL" in server.output
        filler.unlink()
        claim_ids.append(record(client).json()["id"])
        for claim in claim_ids:
            assert client.get(f"/v1/claims/{claim}").status_code == 200
    verification = run_command(url, tmp_path, "verify")
    assert verification.returncode == 0, verification.stderr
