"""One damaged row ends no command that reads: it is reported without a traceback."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Integer, LargeBinary, Table

import service.store.webhook_tables  # noqa: F401 -- makes its tables known
from service.store.tables import metadata
from service.store.types import Instant
from tests.cli.conftest import Run
from tests.support.damage import damage
from tests.support.postgres import PostgresServer

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


def is_id(column: Column[Any]) -> bool:
    return column.type.__visit_name__ == "uuid"


def is_converted(column: Column[Any]) -> bool:
    return is_id(column) or isinstance(column.type, Instant)


def leads_elsewhere(column: Column[Any]) -> bool:
    return bool(column.foreign_keys)


def list_tables_with(condition: Callable[[Column[Any]], bool]) -> list[Table]:
    return [table for table in metadata.sorted_tables if any(map(condition, table.columns))]


on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def desk_url(
    folder: Path,
    database_kind: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[str]:
    """A copy of a desk with rows in every table, in the settings."""
    server: PostgresServer | None = None
    template: str = request.getfixturevalue(f"worked_{database_kind}")
    if database_kind == "sqlite":
        path = tmp_path / "worked.db"
        shutil.copy(template.removeprefix("sqlite:///"), path)
        url = f"sqlite:///{path}"
    else:
        server = request.getfixturevalue("postgres")
        url = server.create_database(template=template)
    monkeypatch.setenv("CLAIMDESK_DATABASE_URL", url)
    yield url
    if server is not None:
        server.drop_database(url)


def fill_where_empty(url: str, table: Table) -> None:
    """Put a row into a table in which a day's work leaves none."""
    values = {
        f'"{column.name}"': build_sample(column) for column in table.columns if not column.nullable
    }
    damage(
        url,
        f"INSERT INTO {table.name} ({', '.join(values)}) SELECT {', '.join(values.values())} "
        f"WHERE NOT EXISTS (SELECT * FROM {table.name})",
    )


def build_sample(column: Column[Any]) -> str:
    """A value that SQLite takes for the column, as SQL."""
    if is_id(column):
        return f"'{NOBODY.replace('-', '')}'"
    if isinstance(column.type, Instant | Integer | Boolean):
        return "1"
    return "x'00'" if isinstance(column.type, LargeBinary) else "'1'"


def read_everything(run: Run, commands: Sequence[tuple[str, ...]] = COMMANDS) -> dict[str, int]:
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


@pytest.mark.parametrize("table", list_tables_with(leads_elsewhere), ids=lambda table: table.name)
def test_row_with_a_dangling_reference_ends_no_command(
    run: Run, desk_url: str, table: Table
) -> None:
    for column in filter(leads_elsewhere, table.columns):
        value = NOBODY if is_id(column) else "nobody"
        if desk_url.startswith("sqlite"):
            value = value.replace("-", "")
        target = f'(SELECT min(CAST("{column.name}" AS VARCHAR(64))) FROM {table.name})'
        damage(
            desk_url,
            f"UPDATE {table.name} SET \"{column.name}\" = '{value}' "
            f'WHERE CAST("{column.name}" AS VARCHAR(64)) = {target}',
        )
    codes = read_everything(run)
    assert codes["clock show"] == codes["epoch show"] == 0


@on_sqlite
@pytest.mark.parametrize("table", list_tables_with(is_converted), ids=lambda table: table.name)
def test_unreadable_value_ends_no_command(run: Run, desk_url: str, table: Table) -> None:
    """Each column in a row of its own, as many at a time as there are rows: a fault in one column
    of a row hides a fault in the next."""
    path = Path(desk_url.removeprefix("sqlite:///"))
    fill_where_empty(desk_url, table)
    whole = path.with_name("whole.db")
    shutil.copy(path, whole)
    with closing(sqlite3.connect(path)) as connection:
        key = [f'"{column.name}"' for column in table.primary_key.columns]
        selection = f"SELECT {', '.join(f'quote({name})' for name in key)} FROM {table.name}"
        rows = [
            " AND ".join(f"{name} = {value}" for name, value in zip(key, row, strict=True))
            for row in connection.execute(selection)
        ]
    columns = list(filter(is_converted, table.columns))
    for first in range(0, len(columns), len(rows)):
        shutil.copy(whole, path)
        for column, row in zip(columns[first:], rows, strict=False):
            value = "x'00ff'" if column.primary_key else "'no id'"
            damage(desk_url, f'UPDATE {table.name} SET "{column.name}" = {value} WHERE {row}')
        read_everything(run, COMMANDS[:4])


@on_sqlite
@pytest.mark.parametrize(
    ("table", "column"),
    [("claims", "state"), ("claims", "document"), ("events", "data"), ("events", "actor")],
)
@pytest.mark.parametrize("value", ["{half", "[]", '{"id": 1}'])
def test_unreadable_document_ends_no_command(
    run: Run, desk_url: str, table: str, column: str, value: str
) -> None:
    damage(desk_url, f"UPDATE {table} SET {column} = '{value}'")
    assert read_everything(run)["verify"] == 1
