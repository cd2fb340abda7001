"""Commands that read write nothing: no migration, no lock, no file, and a read-only disk is
enough."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.config import Settings
from service.store import migrate
from tests.cli.conftest import Run, RunJson

COMMANDS = [
    ("verify",),
    ("export", "-"),
    ("export", "-", "--format", "csv"),
    ("keys", "list"),
    ("users", "list"),
    ("webhooks", "list"),
    ("db", "current"),
    ("db", "check"),
]
by_name = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def seeded_desk(run: Run, migrated_database: str) -> Path:
    """The seed article, and a key that stands in the write-ahead log alone."""
    assert run("seed").exit_code == 0
    return Path(migrated_database.removeprefix("sqlite:///"))


@pytest.fixture(params=[False, True], ids=["alone", "with its log"])
def on_read_only_disk(
    request: pytest.FixtureRequest,
    run: Run,
    seeded_desk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """The database on a disk that takes no writes; with a log, as a server that was killed leaves
    it."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("not run: mounting a read-only file system takes root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"not run: no file system can be mounted here ({mount.stderr.strip()})")
    try:
        with closing(sqlite3.connect(seeded_desk)) as connection:
            connection.execute("SELECT count(*) FROM events").fetchone()
            if request.param:  # while somebody has it open, no checkpoint is made
                assert run("keys", "create", "--name", "k", "--role", "reader").exit_code == 0
                shutil.copy(f"{seeded_desk}-wal", disk / "desk.db-wal")
            shutil.copy(seeded_desk, disk / "desk.db")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        monkeypatch.setenv("CLAIMDESK_DATABASE_URL", f"sqlite:///{disk}/desk.db")
        yield disk / "desk.db"
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@on_sqlite
@by_name
def test_reading_commands_work_on_a_read_only_disk(
    run: Run, on_read_only_disk: Path, command: tuple[str, ...]
) -> None:
    result = run(*command)
    assert result.exit_code == 0, result.stderr


@on_sqlite
def test_rows_in_the_write_ahead_log_are_read(run_json: RunJson, on_read_only_disk: Path) -> None:
    expected = ["k"] if Path(f"{on_read_only_disk}-wal").exists() else []
    assert [each["name"] for each in run_json("keys", "list")] == expected


@on_sqlite
def test_change_on_a_read_only_disk_is_refused_with_the_reason(
    run: Run, on_read_only_disk: Path
) -> None:
    refusal = run("keys", "create", "--name", "k", "--role", "reader")
    assert refusal.exit_code == 1
    assert "Traceback" not in refusal.output
    assert str(on_read_only_disk) in refusal.stderr


@on_sqlite
@by_name
def test_reading_waits_for_no_writer_and_leaves_nothing_behind(
    run: Run, seeded_desk: Path, command: tuple[str, ...]
) -> None:
    before = {path.name: path.read_bytes() for path in seeded_desk.parent.glob("claimdesk.db*")}
    assert list(before) == ["claimdesk.db"]
    result = run(*command)
    assert result.exit_code == 0, result.stderr
    assert {
        path.name: path.read_bytes() for path in seeded_desk.parent.glob("claimdesk.db*")
    } == before
    with closing(sqlite3.connect(seeded_desk, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert run(*command).exit_code == 0


@by_name
def test_reading_does_not_migrate(
    run: Run, run_json: RunJson, migrated_database: str, command: tuple[str, ...]
) -> None:
    migrate.downgrade(Settings(database_url=migrated_database), "-1")
    older = run_json("db", "current")["current"]
    assert older != migrate.find_head()
    result = run(*command)
    assert run_json("db", "current")["current"] == older
    if command != ("db", "current"):
        assert result.exit_code == 1
        assert "claimdesk db upgrade" in result.stderr


def test_no_database_is_created_in_place_of_a_rescued_one(run: Run, folder: Path) -> None:
    rescued_file = folder / "claimdesk.db.rescued-123"
    rescued_file.touch()
    for command in (("keys", "create", "--name", "k", "--role", "reader"), ("serve",)):
        refusal = run(*command)
        assert refusal.exit_code == 1
        assert str(rescued_file) in "".join(refusal.stderr.split("\n"))
    assert not (folder / "claimdesk.db").exists()


@on_sqlite
def test_checkpoint_during_immutable_reading_is_noticed(seeded_desk: Path) -> None:
    """A file that is read as immutable and changed meanwhile may give wrong rows."""
    from service.domain.errors import Unavailable
    from service.store.read_only import ReadOnlyFile

    file = ReadOnlyFile(seeded_desk)
    with closing(sqlite3.connect(seeded_desk)) as connection, connection:
        connection.execute("INSERT INTO installation VALUES ('test', '1')")
    with pytest.raises(Unavailable, match="Run the command again"):
        file.close()
