"""Whatever somebody changes in the database by SQL, `claimdesk verify` notices, or says that it
cannot prove it.

Every column of every table is changed in turn, every table loses a row, and then the edits that
touch more than one row.  No table and no column is left out: a new one is tried as soon as it is in
the schema.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
    delete,
    select,
    text,
    true,
    update,
)

from service.domain import ids
from service.store import tables
from service.store.engine import Database
from service.store.tables import INDEXES
from service.store.types import Instant
from service.verification import verification
from tests.verification.tampering import verify_tampered

ROWS = {"installation": tables.installation.c.name == "cursor_key"}
"""Which rows are tried, where not all are proved."""
TABLES = tuple(tables.metadata.sorted_tables)


def is_unproved(table: str, column: str = "") -> bool:
    """Whether verify does not prove what a table or column holds."""
    return table in verification.UNPROVED or (table, column) in verification.UNPROVED_COLUMNS


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
async def test_change_of_any_column_is_found_or_declared_unprovable(
    worked_database: Database, table: Table
) -> None:
    """Every column on SQLite; one of each type on PostgreSQL, whose rows the same code compares."""
    columns = [column for column in table.c if not is_unproved(table.name, column.name)]
    if not worked_database.embedded:
        columns = [*{type(column.type): column for column in columns}.values()]
    unnoticed_places = []
    for column in columns:
        place = f"{table.name}.{column.name}"
        report = await verify_tampered(worked_database, build_row_change(table, column))
        if report.ok and not (place == "events.seq" and is_gap_remarked(report)):
            unnoticed_places.append(place)
    assert unnoticed_places == []
    if any(is_unproved(table.name, column.name) for column in table.c):
        report = await verify_database(worked_database)
        assert table.name in {remark.table for remark in report.remarks}


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
async def test_deleted_row_is_found(worked_database: Database, table: Table) -> None:
    if is_unproved(table.name):
        report = await verify_database(worked_database)
        assert table.name in {remark.table for remark in report.remarks}
        return

    def take_away(connection: Connection) -> None:
        switch_constraints_off(connection)
        row = connection.execute(select(table).where(ROWS.get(table.name, true()))).first()
        assert row is not None, f"nothing in {table.name}: record something in a_days_work"
        connection.execute(delete(table).where(*is_row(table, row)))

    report = await verify_tampered(worked_database, take_away)
    assert not report.ok


def is_gap_remarked(report: verification.Report) -> bool:
    """PostgreSQL leaves a gap where a transaction is rolled back, so one proves nothing there."""
    return any(remark.table == "events" and "missing" in remark.what for remark in report.remarks)


async def verify_database(database: Database) -> verification.Report:
    return await database.read(verification.verify)


def build_row_change(table: Table, column: Column[Any]) -> Callable[[Connection], None]:
    """Changes the first row that has a value there, or the first, if none has."""

    def change(connection: Connection) -> None:
        switch_constraints_off(connection)
        rows = select(table).where(ROWS.get(table.name, true()))
        row = connection.execute(rows.where(column.is_not(None))).first()
        row = row or connection.execute(rows).first()
        assert row is not None, f"nothing in {table.name}: record something in a_days_work"
        value = make_another_value(column, row._mapping[column.name])
        update_result = connection.execute(
            update(table).where(*is_row(table, row)).values({column.name: value})
        )
        assert update_result.rowcount == 1

    return change


def switch_constraints_off(connection: Connection) -> None:
    """As whoever has the file, or is the database's superuser, can."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
    else:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for name in ("kind", "claim", "subject"):
            connection.execute(text(f"ALTER TABLE events DROP CONSTRAINT ck_events_{name}"))


def is_row(table: Table, row: Any) -> list[Any]:
    return [column == row._mapping[column.name] for column in table.primary_key.columns]


def make_another_value(column: Column[Any], value: Any) -> Any:
    allowed_values = list_allowed_values(column)
    if allowed_values:
        return next(value_allowed for value_allowed in allowed_values if value_allowed != value)
    if isinstance(column.type, Uuid):
        return ids.make_id()
    if isinstance(column.type, Instant):
        return (value or datetime.fromisoformat("2023-10-05T10:00:00Z")) + timedelta(hours=1)
    if isinstance(column.type, Boolean):
        return not value
    if isinstance(column.type, (Integer, Float)):
        return (value or 0) + 1000
    if isinstance(column.type, LargeBinary):
        return (value or b"") + b" "
    if type(column.type).__name__ == "Words":
        return "1somethingelse"
    return change_text(column, value)


def change_text(column: Column[Any], value: str | None) -> str:
    if value is None:
        return "x"
    length = getattr(column.type, "length", None) if isinstance(column.type, String) else None
    if length is not None and len(value) >= length:
        return ("y" if value[0] == "x" else "x") + value[1:]
    return value + "x"


def list_allowed_values(column: Column[Any]) -> list[str]:
    """Those that a check of the table lets pass, where there is one for this column."""
    for check in column.table.constraints:
        if isinstance(check, CheckConstraint):
            match = re.fullmatch(rf'"?{column.name}"? IN \((.*)\)', str(check.sqltext))
            if match:
                return re.findall(r"'([^']*)'", match[1])
    return []


def list_deletions(connection: Connection) -> Iterator[Any]:
    """The deletion of the newest claim, of all that hangs on it, and of its events."""
    claim = connection.execute(
        select(tables.claims.c.id).order_by(tables.claims.c.id.desc()).limit(1)
    ).scalar_one()
    for table in reversed(TABLES):
        for column in table.c:
            if any(key.column is tables.claims.c.id for key in column.foreign_keys):
                yield delete(table).where(column == claim)
    yield delete(tables.claims).where(tables.claims.c.id == claim)


async def test_claim_deleted_with_all_its_rows_leaves_a_gap(worked_database: Database) -> None:
    """A break on SQLite, which numbers events without gaps; PostgreSQL leaves gaps where a
    transaction is rolled back, so there it is a remark: without an anchor outside nobody can tell.
    """

    def take_away(connection: Connection) -> None:
        switch_constraints_off(connection)
        for statement in list_deletions(connection):
            connection.execute(statement)

    report = await verify_tampered(worked_database, take_away)
    if worked_database.embedded:
        assert "events.seq" in {finding.what for finding in report.breaks}
    else:
        assert is_gap_remarked(report)


async def test_deleted_newest_event_is_found(worked_database: Database) -> None:
    def take_away(connection: Connection) -> None:
        newest = select(tables.events.c.seq).order_by(tables.events.c.seq.desc()).limit(1)
        connection.execute(
            delete(tables.events).where(tables.events.c.seq == newest.scalar_subquery())
        )

    assert not (await verify_tampered(worked_database, take_away)).ok


@pytest.mark.parametrize("searched", INDEXES)
async def test_an_emptied_full_text_index_is_noticed(
    worked_database: Database, searched: str
) -> None:
    index = INDEXES[searched]

    def empty_index(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.execute(text(f"INSERT INTO {index}({index}) VALUES ('delete-all')"))
        else:
            connection.execute(text(f"DROP INDEX {index}"))

    report = await verify_tampered(worked_database, empty_index)
    assert searched in {finding.what for finding in report.breaks}
