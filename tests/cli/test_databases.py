"""Which schema a database has, and what is reported if it cannot be used."""

import sqlite3
from pathlib import Path

import pytest

from service.store import migrate
from tests.cli.conftest import Run, RunJson
from tests.support.postgres import PostgresServer

KEY = ("keys", "create", "--name", "k", "--role", "reader")


def test_embedded_database_is_created_on_first_use(
    run: Run, run_json: RunJson, folder: Path
) -> None:
    assert run_json("db", "current") == {"current": None, "head": migrate.find_head()}
    assert not (folder / "claimdesk.db").exists()
    assert run(*KEY).exit_code == 0
    assert run("db", "check").exit_code == 0


@pytest.mark.parametrize("arguments", [("keys", "list"), ("users", "list"), ("verify",)])
def test_reading_creates_no_database(run: Run, folder: Path, arguments: tuple[str, ...]) -> None:
    refusal = run(*arguments)
    assert (refusal.exit_code, refusal.stdout) == (1, "")
    assert f"{folder}/claimdesk.db" in refusal.stderr
    assert "claimdesk db upgrade" in refusal.stderr
    assert not (folder / "claimdesk.db").exists()


@pytest.mark.usefixtures("empty_postgresql")
@pytest.mark.parametrize("arguments", [KEY, ("seed",), ("keys", "list"), ("serve", "--port", "0")])
def test_postgresql_is_upgraded_only_by_command(
    run: Run, run_json: RunJson, arguments: tuple[str, ...]
) -> None:
    refusal = run(*arguments)
    assert (refusal.exit_code, refusal.stdout) == (1, "")
    assert "The database is empty.  Run: claimdesk db upgrade" in refusal.stderr
    assert run_json("db", "current")["current"] is None
    assert run("db", "check").exit_code == 1


@pytest.mark.usefixtures("empty_postgresql")
def test_upgrading_twice_is_harmless(run: Run) -> None:
    first, second = run("db", "upgrade"), run("db", "upgrade")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "The schema is current" in second.stderr
    assert run("db", "check").exit_code == 0


@pytest.mark.parametrize(
    "arguments", [KEY, ("db", "upgrade"), ("db", "check"), ("serve", "--port", "0")]
)
def test_newer_schema_is_refused(
    run: Run, run_json: RunJson, migrated_database: str, arguments: tuple[str, ...]
) -> None:
    _execute(migrated_database, "UPDATE alembic_version SET version_num = '9999'")
    refusal = run(*arguments)
    assert refusal.exit_code == 1
    assert "newer schema (9999)" in refusal.stderr
    assert run_json("db", "current")["current"] == "9999"


def test_lost_search_index_is_built_anew(run: Run, migrated_database: str) -> None:
    assert run("seed").exit_code == 0
    _execute(migrated_database, "DELETE FROM claim_search")
    assert run("verify").exit_code == 1
    assert run("db", "reindex").exit_code == 0
    assert run("verify").exit_code == 0


def test_schema_unlike_the_code_is_reported(run: Run, migrated_database: str) -> None:
    _execute(migrated_database, "ALTER TABLE notes ADD COLUMN mood text")
    check = run("db", "check")
    assert check.exit_code == 1
    assert "mood" in check.stdout
    assert "1 place" in check.stderr


def test_an_unreachable_server_is_named_without_its_password(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMDESK_DATABASE_URL", "postgresql://u:s3cret@127.0.0.1:1/desk")
    for arguments in (KEY, ("db", "current"), ("serve", "--port", "0")):
        refusal = run(*arguments)
        assert (refusal.exit_code, refusal.stdout) == (1, "")
        assert "postgresql://u:***@127.0.0.1:1/desk" in refusal.stderr
        assert "Is the server running there" in refusal.stderr
        assert "s3cret" not in refusal.output


def test_missing_database_is_distinguished_from_a_missing_server(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer
) -> None:
    monkeypatch.setenv("CLAIMDESK_DATABASE_URL", postgres.url("claimdesk_no_such_database"))
    refusal = run(*KEY)
    assert refusal.exit_code == 1
    assert "no such database" in refusal.stderr


def test_file_that_is_no_database_is_named(run: Run, folder: Path) -> None:
    (folder / "claimdesk.db").write_bytes(b"not a database" * 100)
    refusal = run(*KEY)
    assert refusal.exit_code == 1
    assert "file is not a database" in refusal.stderr


def test_unwritable_place_is_named(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").touch()
    for path in ("/proc/nowhere/claimdesk.db", str(folder), "file/claimdesk.db"):
        monkeypatch.setenv("CLAIMDESK_DATABASE_URL", f"sqlite:///{path}")
        refusal = run(*KEY)
        assert (refusal.exit_code, refusal.stdout) == (1, "")
        assert refusal.stderr.startswith("error: ")


def _execute(url: str, statement: str) -> None:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        with connection:
            connection.execute(statement)
        connection.close()
    else:
        import asyncio

        import asyncpg

        async def execute() -> None:
            connection = await asyncpg.connect(url)
            await connection.execute(statement)
            await connection.close()

        asyncio.run(execute())
