"""Reads of several statements that see one instant of the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection


@contextmanager
def hold_snapshot(connection: Connection) -> Iterator[None]:
    """Let all queries within this block see the same instant of the database.

    For reads of several statements that must agree, such as an export or a verification.  On
    PostgreSQL each statement of `Database.read` otherwise sees what was committed before it.  On
    SQLite a read is one transaction, which sees one instant anyway.
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
