"""A long read that sees one instant of the database, whatever is written meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection


@contextmanager
def frozen(connection: Connection) -> Iterator[None]:
    """One snapshot for all that a connection of `Database.read` reads in here.

    On PostgreSQL its statements otherwise stand alone, or in a transaction where each sees what was
    committed before it (through a pooler).  On SQLite a read is one transaction, and that is one
    snapshot.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        # The driver begins another transaction with the next statement.
        driver = connection.connection
        driver.rollback()
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        try:
            yield
        finally:
            driver.rollback()
        return
    connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    try:
        yield
    finally:
        connection.exec_driver_sql("ROLLBACK")
