"""One bad row ends no command that reads: it is said what cannot be read, without a traceback."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import Column, Table

import service.store.webhook_tables  # noqa: F401 -- makes its tables known
from service.store.tables import metadata
from service.store.types import Instant
from tests.support.damage import damage

COMMANDS = [
    ("verify",),
    ("export", "-"),
    ("doctor",),
    ("webhooks", "list"),
    ("keys", "list"),
    ("users", "list"),
    ("export", "-", "--format", "csv"),
    ("clock", "show"),
    ("epoch", "show"),
]
NOBODY = "00000000-0000-7000-8000-000000000abc"


def is_id(column: Column) -> bool:
    return column.type.__visit_name__ == "uuid"


def is_converted(column: Column) -> bool:
    return is_id(column) or isinstance(column.type, Instant)


def leads_elsewhere(column: Column) -> bool:
    return bool(column.foreign_keys)


def tables_with(holds) -> list[Table]:
    return [table for table in metadata.sorted_tables if any(map(holds, table.columns))]


on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def seeded(run, run_json, migrated: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A desk with a row in most tables."""
    monkeypatch.setenv("CLAIMDESK_WEBHOOK_ALLOW_HTTP", "on")
    monkeypatch.setenv("CLAIMDESK_WEBHOOK_ALLOW_CIDRS", "127.0.0.0/8")
    assert run("seed").exit_code == 0
    for command in (
        ("keys", "create", "--name", "key", "--role", "reader"),
        ("users", "create", "--email", "ana@example.org", "--name", "Ana", "--role", "checker"),
        ("webhooks", "create", "http://127.0.0.1:9", "--party", "nato"),
    ):
        made = run(*command)
        assert made.exit_code == 0, made.stderr
    (webhook,) = run_json("webhooks", "list")
    assert run("webhooks", "ping", webhook["id"]).exit_code == 0
    return migrated


def read_everything(run, commands=COMMANDS) -> dict[str, int]:
    codes = {}
    for command in commands:
        result = run(*command)
        name = " ".join(command)
        assert result.exception is None or isinstance(result.exception, SystemExit), (
            f"{name}: {result.exception!r}"
        )
        assert "Traceback" not in result.output, name
        assert result.exit_code in {0, 1}, f"{name}: {result.stderr}"
        if result.exit_code:
            assert result.output.strip(), name
        codes[name] = result.exit_code
    return codes


@pytest.mark.parametrize("table", tables_with(leads_elsewhere), ids=lambda table: table.name)
def test_a_row_that_leads_nowhere_ends_no_command(run, seeded: str, table: Table) -> None:
    for column in filter(leads_elsewhere, table.columns):
        value = NOBODY if is_id(column) else "nobody"
        if seeded.startswith("sqlite"):
            value = value.replace("-", "")
        target = f'(SELECT min(CAST("{column.name}" AS VARCHAR(64))) FROM {table.name})'
        damage(
            seeded,
            f"UPDATE {table.name} SET \"{column.name}\" = '{value}' "
            f'WHERE CAST("{column.name}" AS VARCHAR(64)) = {target}',
        )
    codes = read_everything(run)
    assert codes["clock show"] == codes["epoch show"] == 0


@on_sqlite
@pytest.mark.parametrize("table", tables_with(is_converted), ids=lambda table: table.name)
def test_a_value_that_cannot_be_read_ends_no_command(run, seeded: str, table: Table) -> None:
    path = Path(seeded.removeprefix("sqlite:///"))
    whole = path.with_name("whole.db")
    shutil.copy(path, whole)
    for column in filter(is_converted, table.columns):
        shutil.copy(whole, path)
        value = "x'00ff'" if column.primary_key else "'no id'"
        damage(
            seeded,
            f'UPDATE {table.name} SET "{column.name}" = {value} '
            f"WHERE {next(iter(table.primary_key.columns)).name} = "
            f"(SELECT min({next(iter(table.primary_key.columns)).name}) FROM {table.name})",
        )
        read_everything(run, COMMANDS[:4])


@on_sqlite
@pytest.mark.parametrize(
    ("table", "column"),
    [("claims", "state"), ("claims", "document"), ("events", "data"), ("events", "actor")],
)
@pytest.mark.parametrize("value", ["{half", "[]", '{"id": 1}'])
def test_a_document_that_cannot_be_read_ends_no_command(
    run, seeded: str, table: str, column: str, value: str
) -> None:
    damage(seeded, f"UPDATE {table} SET {column} = '{value}'")
    assert read_everything(run)["verify"] == 1
