"""Inserts many notices at once: on PostgreSQL as arrays, in one statement that is parsed once."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, text

from service.store.tables import notices

COLUMNS = {
    "id": "uuid",
    "user": "uuid",
    "kind": "text",
    "claim": "uuid",
    "key": "text",
    "summary": "text",
    "internal": "boolean",
    "position": "bigint",
    "at": "timestamptz",
}
"""The columns of a new notice, with their types on PostgreSQL."""
AS_TEXT = frozenset({"uuid"})
"""Types whose values come as text."""


def _build_insert() -> str:
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    values = ", ".join(f'CAST(line."{name}" AS {kind})' for name, kind in COLUMNS.items())
    arrays = ", ".join(
        f"CAST(:{name} AS {'text' if kind in AS_TEXT else kind}[])"
        for name, kind in COLUMNS.items()
    )
    lines = f"SELECT {values} FROM unnest({arrays}) AS line({names})"  # noqa: S608 -- our names
    return f"INSERT INTO notices ({names}) {lines}"


INSERT_ARRAYS = text(_build_insert())


def insert_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of notices that have all of COLUMNS."""
    if connection.dialect.name == "sqlite":
        connection.execute(insert(notices), [dict(row) for row in rows])
    else:
        arrays = {name: [row[name] for row in rows] for name in COLUMNS}
        connection.execute(INSERT_ARRAYS, arrays)
