"""`claimdesk seed` and `claimdesk verify`, and what a person at a terminal sees."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from service.cli import databases, progress, shell
from service.config import Settings
from service.store.engine import Database
from service.store.tables import notices, users
from tests.cli.conftest import Run, RunJson

MINIMAL = """
[[parties]]
slug = "moon"
name = "The Moon"
"""


@pytest.mark.usefixtures("migrated_database")
def test_seed_is_loaded_once(run_json: RunJson) -> None:
    first, second = run_json("seed"), run_json("seed")
    assert first["created"]["claims"] > 0
    assert first["unchanged"] == {}
    assert second == {"created": {}, "unchanged": first["created"]}


def test_seed_can_be_another_file(run: Run, folder: Path) -> None:
    (folder / "moon.toml").write_text(MINIMAL)
    assert run("seed", "moon.toml").stdout == "kind\tcreated\tunchanged\nparties\t1\t0\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("moon", "no TOML"),
        ('[[parties]]\nslug = "a b"\nname = "x"\ncolour = "red"\n', "parties.0.colour: "),
        (
            '[[parties]]\nslug = "aa"\nname = "x"\nparent = "bb"\n',
            "parties.0.parent: there is no 'bb'",
        ),
    ],
)
def test_invalid_seed_file_is_refused(run: Run, folder: Path, text: str, expected: str) -> None:
    (folder / "bad.toml").write_text(text)
    refusal = run("seed", "bad.toml", "--json")
    assert (refusal.exit_code, refusal.stdout) == (1, "")
    assert expected in refusal.stderr


def test_missing_seed_file_is_refused(run: Run) -> None:
    refusal = run("seed", "missing.toml")
    assert refusal.exit_code == 1
    assert refusal.stderr == "error: missing.toml: No such file or directory\n"


@pytest.mark.usefixtures("migrated_database")
def test_verify_succeeds_on_a_sound_record(run: Run, run_json: RunJson) -> None:
    assert run("verify").stdout == "Everything holds: 0 claims, 2 events.\n"
    run("seed")
    report = run_json("verify")
    assert (report["ok"], report["broken"], report["first_break"]) == (True, 0, None)
    assert report["events"] > report["claims"] > 0


def test_verify_names_what_was_changed(run: Run, migrated_database: str) -> None:
    run("seed")
    _tamper(migrated_database)
    plain, as_json = run("verify"), run("verify", "--json")
    assert (plain.exit_code, as_json.exit_code) == (1, 1)
    assert plain.stdout == ""
    assert "found:    4711" in plain.stderr
    report = json.loads(as_json.stdout)
    assert not report["ok"]
    assert report["first_break"]["what"] == "claims.version"
    assert report["first_break"]["claim"] in plain.stderr


def test_break_is_told_in_administrators_inboxes_once(run: Run, migrated_database: str) -> None:
    """A break that is there on the next day too is not told again."""
    run("seed")
    for role in ("admin", "editor"):
        result = run(
            *("users", "create", "--email", f"{role}@desk.example", "--name", role),
            *("--role", role),
        )
        assert result.exit_code == 0, result.output
    assert _read_notices(migrated_database) == []
    _tamper(migrated_database)
    for _ in range(2):
        assert "Administrators are told in their inbox" in run("verify", "--json").stderr
    ((email, kind, summary),) = _read_notices(migrated_database)
    assert (email, kind) == ("admin@desk.example", "webhook")
    assert "the record does not hold: 1 breaks in" in summary
    assert "claims.version" in summary


def test_break_that_cannot_be_told_is_reported_all_the_same(
    run: Run, migrated_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the database takes no changes, as with a clock that is wrong, verify says so."""
    run("seed")
    _tamper(migrated_database)
    early = datetime(2001, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(shell, "read_clock", lambda: early)
    result = run("verify")
    assert result.exit_code == 1
    assert "Administrators could not be told in their inbox" in result.stderr
    assert "found:    4711" in result.stderr


def test_progress_bar_shows_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.ProgressBar("claims") as bar:
        bar.show(1, 2)
        assert bar._progress is None
        # The bar shows after a while, and a test's work takes none.
        monkeypatch.setattr(bar, "AFTER_SECONDS", 0.0)
        bar.show(1, 2)
        assert bar._progress is not None
    output = capsys.readouterr()
    assert output.out == ""
    assert "1/2" in output.err
    with progress.ProgressBar("claims", quiet=True) as bar:
        # The bar shows after a while, and a test's work takes none.
        monkeypatch.setattr(bar, "AFTER_SECONDS", 0.0)
        bar.show(1, 2)
        assert bar._progress is None


def test_interrupt_ends_a_query_in_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases.interruption, "is_set", lambda: True)
    with progress.ProgressBar("claims") as bar, pytest.raises(shell.CommandError) as failure:
        bar.show(1, 2)
    assert failure.value.code == 130


def test_table_on_a_terminal_shows_markup_as_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    rows = [{"id": 1, "name": "[red]Ana[/]", "active": True}]
    shell.print_table(("id", "name", "active"), rows, empty="")
    output = capsys.readouterr().out
    assert "[red]Ana[/]" in output
    assert "yes" in output
    assert "\t" not in output
    shell.print_table(("id",), [], empty="There is nothing.")
    assert capsys.readouterr().err == "There is nothing.\n"


def _tamper(url: str) -> None:
    async def tamper() -> None:
        database = Database(Settings(database_url=url))
        await database.start()
        await database.write(
            lambda connection: connection.exec_driver_sql(
                "UPDATE claims SET version = 4711 WHERE id = (SELECT id FROM claims LIMIT 1)"
            )
        )
        await database.stop()

    asyncio.run(tamper())


def _read_notices(url: str) -> list[tuple[str, str, str]]:
    """Who was told what."""

    async def read() -> list[tuple[str, str, str]]:
        database = Database(Settings(database_url=url))
        await database.start()
        query = select(users.c.email, notices.c.kind, notices.c.summary).join(
            notices, notices.c.user == users.c.id
        )
        rows = await database.read(lambda connection: connection.execute(query).all())
        await database.stop()
        return [(row.email, row.kind, row.summary) for row in rows]

    return asyncio.run(read())


@pytest.mark.usefixtures("migrated_database")
def test_epoch_begins_only_with_a_reason(run: Run, run_json: RunJson) -> None:
    epoch = run_json("epoch", "show")
    refusal = run("epoch", "begin", "--reason", " ")
    assert (refusal.exit_code, refusal.stderr) == (2, "error: --reason: say what happened.\n")
    assert run_json("epoch", "show") == epoch
