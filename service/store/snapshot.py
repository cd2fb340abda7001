"""A long read that sees one instant of the database, whatever is written meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection


@contextmanager
def frozen(connection: Connection) -> Iterator[None]:
    """One snapshot for all that a connection of `Database.read` reads in here.

    On PostgreSQL its statements otherwise stand alone.  On SQLite a read is one transaction, and
    that is one snapshot.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    try:
        yield
    finally:
        connection.exec_driver_sql("ROLLBACK")
