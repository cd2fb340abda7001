"""`claimdesk verify` finds the same in however many processes, and goes on after `kill -9`."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path

from sqlalchemy import Connection

from service.config import Settings
from service.store.engine import Database
from tests.exchange.desks import fill_desk
from tests.faults.served import run_command

SMALL = """
from service.cli import verifying
from service.verification import parts
parts.CLAIMS, parts.THINGS, verifying.STEPS_OF_A_PROCESS = 4, 9, 1
"""
"""A desk of a day is cut into dozens of parts."""
FATAL = """
import multiprocessing, os, signal
from service.cli import checkpoints
left, really = {left}, checkpoints.Checkpoint.add
def add(*given):
    global left
    really(*given)
    left -= 1
    if left == 0:
        with open("children", "w") as file:
            print(*(child.pid for child in multiprocessing.active_children()), file=file)
        os.kill(os.getpid(), signal.SIGKILL)
checkpoints.Checkpoint.add = add
"""
"""A process that is killed when so many parts are kept."""
TAMPERED = (
    "UPDATE claims SET version = 4711 WHERE id IN (SELECT id FROM claims ORDER BY id LIMIT 1)",
    "UPDATE claims SET last_hash = 'x' WHERE id IN "
    "(SELECT id FROM claims ORDER BY id DESC LIMIT 1)",
    "UPDATE quotes SET text = 'never said' WHERE id IN (SELECT id FROM quotes ORDER BY id LIMIT 2)",
    "UPDATE parties SET name = 'Nobody' WHERE slug IN (SELECT slug FROM parties LIMIT 1)",
    "DELETE FROM claim_search WHERE claim IN (SELECT id FROM claims ORDER BY id LIMIT 1)",
)


def test_number_of_processes_changes_no_finding(database_url: str, tmp_path: Path) -> None:
    """Not their order either: the whole report is the same, to the byte."""
    asyncio.run(_fill(database_url))
    sound = run_command(database_url, tmp_path, "verify", "--json", prelude=SMALL)
    assert json.loads(sound.stdout)["ok"], sound.stdout
    asyncio.run(_tamper(database_url))
    reports = [
        run_command(database_url, tmp_path, "verify", "--json", "--jobs", jobs, prelude=SMALL)
        for jobs in ("1", "2", "3")
    ]
    reports.append(run_command(database_url, tmp_path, "verify", "--json"))
    assert [report.returncode for report in reports] == [1, 1, 1, 1]
    assert len({report.stdout for report in reports}) == 1
    whole_report = json.loads(reports[0].stdout)
    assert whole_report["broken"] >= len(TAMPERED)
    assert whole_report["first_break"]["what"] == "claims.version"


def test_killed_verification_goes_on(database_url: str, tmp_path: Path) -> None:
    """After each kill what was checked is kept; in the end the report is that of one run."""
    asyncio.run(_fill(database_url))
    asyncio.run(_tamper(database_url))
    whole = run_command(database_url, tmp_path, "verify", "--json", "--jobs", "1")
    command = ("verify", "--json", "--resume", "checked.jsonl", "--jobs")
    file = tmp_path / "checked.jsonl"
    kept_count = 0
    for jobs in ("2", "1"):
        prelude = SMALL + FATAL.format(left=4)
        killed_run = run_command(database_url, tmp_path, *command, jobs, prelude=prelude)
        assert killed_run.returncode == -signal.SIGKILL, killed_run.stderr
        _wait_for_end((tmp_path / "children").read_text().split())
        kept_count += 4
        lines = file.read_text().splitlines()
        assert len(lines) == 1 + kept_count
        # As a kill in the middle of a line leaves it.
        with file.open("a") as out:
            out.write(lines[-1][:20])
    verification = run_command(database_url, tmp_path, *command, "2", prelude=SMALL)
    assert (verification.returncode, verification.stdout) == (1, whole.stdout)
    assert f"Going on: {kept_count} of " in verification.stderr
    assert not file.exists()


def test_a_file_of_something_else_is_not_gone_on_with(database_url: str, tmp_path: Path) -> None:
    """Neither is it overwritten."""
    asyncio.run(_fill(database_url))
    command = ("verify", "--resume", "checked.jsonl")
    file = tmp_path / "checked.jsonl"
    prelude = SMALL + FATAL.format(left=4)
    assert run_command(database_url, tmp_path, *command, prelude=prelude).returncode < 0
    header, *rest = file.read_text().splitlines(keepends=True)
    other = json.dumps(json.loads(header) | {"database": "another one"}) + "\n" + "".join(rest)
    for text, reason in (
        (other, "another one"),
        ("my notes\n", "is not what"),
        ("x", "is not what"),
    ):
        file.write_text(text)
        refusal = run_command(database_url, tmp_path, *command)
        assert (refusal.returncode, refusal.stdout) == (2, "")
        assert reason in refusal.stderr
        assert file.read_text() == text


def _wait_for_end(pids: list[str]) -> None:
    """The processes that checked notice that the first is gone."""
    deadline = time.monotonic() + 20
    while running := [pid for pid in pids if _is_running(int(pid))]:
        assert time.monotonic() < deadline, f"they run on: {running}"
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


async def _fill(url: str) -> None:
    database = Database(Settings(database_url=url))
    await database.start()
    await database.write(fill_desk)
    await database.stop()


async def _tamper(url: str) -> None:
    def tamper(connection: Connection) -> None:
        for statement in TAMPERED:
            connection.exec_driver_sql(statement)

    database = Database(Settings(database_url=url))
    await database.start()
    await database.write(tamper)
    await database.stop()
