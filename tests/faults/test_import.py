"""An import that is killed with `kill -9` at any moment can be continued."""

import asyncio
import json
import random
import shutil
import signal
from pathlib import Path

from service.config import Settings
from service.store.engine import Database
from tests.exchange.desks import export_desk, fill_desk
from tests.faults.served import run_command

FATAL = """
import os, signal
from service.exchange import export_files, export_loading
export_files.BATCH = 5
left, really = {left}, export_loading.write_batch
def write(*given, **more):
    global left
    really(*given, **more)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
export_loading.write_batch = write
"""
"""A process that is killed when so many batches were written: the last is not committed yet."""


def test_killed_import_can_be_continued(
    database_url: str, migrated_sqlite: Path, tmp_path: Path, long: bool
) -> None:
    """After every kill the record holds as far as it is; in the end the desk is the one exported,
    byte for byte, and nothing is there twice."""
    whole = asyncio.run(_make_export(migrated_sqlite, tmp_path))
    file = tmp_path / "desk.jsonl"
    file.write_bytes(whole)
    progress: list[int] = []
    for _ in range(12 if long else 3):
        dying = FATAL.format(left=random.randint(1, 15))
        killed_import = run_command(database_url, tmp_path, "import", str(file), prelude=dying)
        assert killed_import.returncode == -signal.SIGKILL or (
            progress and not killed_import.returncode
        )
        verification = run_command(database_url, tmp_path, "verify", "--json")
        assert verification.returncode == 0, verification.stderr
        so_far = run_command(database_url, tmp_path, "export", "-").stdout
        progress.append(so_far.count('"record":"event"'))
    assert progress == sorted(progress)
    second_import = run_command(database_url, tmp_path, "import", str(file), "--json")
    assert second_import.returncode == 0, second_import.stderr
    report = json.loads(second_import.stdout)
    assert report["records"]["event"]["known"] == progress[-1]
    second_export = run_command(database_url, tmp_path, "export", "-")
    assert second_export.stdout.encode() == whole
    print(f"events after each kill: {progress}")


FATAL_SHEET = """
import os, signal
from service.cli import importing
from service.exchange import import_recording
importing.ROWS = 5
left, really = {left}, import_recording.record_rows
def record_rows(*given, **more):
    global left
    done = really(*given, **more)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return done
import_recording.record_rows = record_rows
"""
ROWS = 60


def test_killed_import_of_a_sheet_can_be_continued(database_url: str, tmp_path: Path) -> None:
    """In the end each row is one claim, also rows with the same content."""
    (tmp_path / "map.toml").write_text(
        'name = "x"\ncolumns = {text = "Claim", date = "Date"}\n'
        'defaults = {url = "https://example.org/"}\n'
    )
    rows = "".join(f"claim {n % 50},2020-08-25\n" for n in range(ROWS))
    (tmp_path / "claims.csv").write_text(f"Claim,Date\n{rows}")
    command = ("import", "claims.csv", "--format", "csv", "--mapping", "map.toml", "--json")
    for remaining in (2, 3):
        killed_import = run_command(
            database_url, tmp_path, *command, prelude=FATAL_SHEET.format(left=remaining)
        )
        assert killed_import.returncode == -signal.SIGKILL, killed_import.stderr
    report = json.loads(run_command(database_url, tmp_path, *command).stdout)
    # One batch was committed before the first kill, another before the second.
    assert report["records"]["claim"] == {"new": ROWS - 10, "known": 10, "refused": 0}
    second_report = json.loads(run_command(database_url, tmp_path, *command).stdout)
    assert second_report["records"]["claim"] == {"new": 0, "known": ROWS, "refused": 0}
    verification = json.loads(run_command(database_url, tmp_path, "verify", "--json").stdout)
    assert (verification["ok"], verification["claims"]) == (True, ROWS)


async def _make_export(migrated_sqlite: Path, folder: Path) -> bytes:
    path = folder / "exported.db"
    shutil.copy(migrated_sqlite, path)
    database = Database(Settings(database_url=f"sqlite:///{path}"))
    await database.start()
    await database.write(fill_desk)
    export = await export_desk(database)
    await database.stop()
    return export
