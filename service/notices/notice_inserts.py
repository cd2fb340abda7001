"""Inserts many notices at once: on PostgreSQL as arrays, in one statement that is parsed once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from sqlalchemy import Connection, insert, text

from service.store.tables import notices


class NoticeRow(TypedDict):
    """A new row of `notices`."""

    id: str
    user: str
    kind: str
    claim: str | None
    key: str
    summary: str
    internal: bool
    position: int
    at: datetime


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
"""The columns of a `NoticeRow`, with their types on PostgreSQL."""
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


def insert_rows(connection: Connection, rows: Sequence[NoticeRow]) -> None:
    """Insert rows of notices."""
    if connection.dialect.name == "sqlite":
        connection.execute(insert(notices), [dict(row) for row in rows])
    else:
        lines: Sequence[Mapping[str, object]] = rows
        arrays = {name: [line[name] for line in lines] for name in COLUMNS}
        connection.execute(INSERT_ARRAYS, arrays)
