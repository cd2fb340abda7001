"""Changing a desk's database behind its back, and asking `verify` what it makes of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, Table, select, text, update

from service.store import tables
from service.store.engine import Database
from service.verification import verification
from service.verification.verification import Report

Tamper = Callable[[Connection], object]


async def verify(database: Database) -> Report:
    return await database.read(verification.verify)


async def verify_tampered(database: Database, change: Tamper) -> Report:
    """What is found after `change`, made with the database's own guards switched off.

    Rolled back: the next test finds the desk as this one did.
    """

    def tamper(connection: Connection) -> None:
        unlock(connection)
        change(connection)
        raise Found(verification.compare_with_record(connection))

    with pytest.raises(Found) as findings:
        await database.write(tamper)
    return findings.value.report


class Found(Exception):
    def __init__(self, report: Report) -> None:
        self.report = report


def unlock(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        for name in ("update", "delete", "replace"):
            connection.execute(text(f"DROP TRIGGER events_no_{name}"))
    else:
        connection.execute(text("ALTER TABLE events DISABLE TRIGGER USER"))


@contextmanager
def allow_changes(connection: Connection) -> Iterator[None]:
    """Switch the guards of the record off, and on again."""
    guards: list[str] = []
    if connection.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'events_no_%'"
        guards = list(connection.scalars(text(query)))
    unlock(connection)
    yield
    if connection.dialect.name != "sqlite":
        guards = ["ALTER TABLE events ENABLE TRIGGER USER"]
    for guard in guards:
        connection.exec_driver_sql(guard)


async def read_lines(database: Database, claim_text: str = "a part, worded otherwise") -> list[Any]:
    """The events of the claim with this text now."""

    def read(connection: Connection) -> list[Any]:
        for row in connection.execute(select(tables.claims)):
            if orjson.loads(row.state)["text"] == claim_text:
                query = select(tables.events).where(tables.events.c.claim == row.id)
                return list(connection.execute(query.order_by(tables.events.c.number)).all())
        raise AssertionError(claim_text)

    return await database.read(read)


def change_rows(table: Table, condition: Any, **values: Any) -> Tamper:
    def change(connection: Connection) -> None:
        assert connection.execute(update(table).where(condition).values(**values)).rowcount >= 1

    return change
