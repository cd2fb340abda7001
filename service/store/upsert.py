"""INSERT … ON CONFLICT DO NOTHING, which SQLAlchemy spells per dialect."""

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_or_ignore(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert `row` unless one like it stands there already; says whether it was inserted."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    result = connection.execute(insert(table).values(row).on_conflict_do_nothing())
    return result.rowcount == 1
