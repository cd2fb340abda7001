"""INSERT … ON CONFLICT DO NOTHING, which SQLAlchemy spells per dialect."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from service.store.batches import bound
from service.store.prepared import Prepared


def insert_or_ignore(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert `row` unless one like it stands there already; says whether it was inserted."""
    prepared = _statement(table, connection.dialect.name, tuple(row))
    parameters = {f"new_{name}": value for name, value in row.items()}
    return prepared.run(connection, parameters).rowcount == 1


@lru_cache
def _statement(table: Table, dialect: str, columns: tuple[str, ...]) -> Prepared:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return Prepared(insert(table).values(bound(table, columns, "new")).on_conflict_do_nothing())
