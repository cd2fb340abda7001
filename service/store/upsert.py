"""INSERT … ON CONFLICT DO NOTHING, which SQLAlchemy spells per dialect."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_or_ignore(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert `row` unless one like it stands there already; says whether it was inserted."""
    return connection.execute(_statement(table, connection.dialect.name), row).rowcount == 1


@lru_cache
def _statement(table: Table, dialect: str) -> Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing()
