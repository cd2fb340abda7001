"""Wakeups: caused by a commit and nothing else, carried between processes, and restored after an
outage."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from service.config import Settings
from service.store import wakeups
from service.store.engine import Database

ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


class Heard:
    """Counts what is heard of a database's bell."""

    def __init__(self, database: Database) -> None:
        self.times = 0
        self.again = asyncio.Event()
        database.wakeups.subscribe(self._hear)

    def _hear(self) -> None:
        self.times += 1
        self.again.set()

    async def once_more(self) -> None:
        async with asyncio.timeout(15):
            await self.again.wait()
        self.again.clear()


@pytest.fixture
async def other(settings: Settings) -> AsyncIterator[Database]:
    """Another process on the same database."""
    database = Database(settings)
    await database.start()
    yield database
    await database.stop()


async def carry_bell(database: Database) -> None:
    """Carry the bell, and return when it hears."""
    heard = Heard(database)
    database.relay_wakeups()
    await heard.once_more()


async def list_bells(url: str) -> list[int]:
    """The server's processes behind the bells' connections."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'claimdesk bell'"
        )
        return [row["pid"] for row in rows]
    finally:
        await connection.close()


async def test_commit_wakes_listeners_once(database: Database) -> None:
    """A transaction that asked for one causes it when it is committed; another causes none."""
    heard = Heard(database)

    def ask_for_wakeup(connection: Connection) -> None:
        wakeups.notify_after_commit(connection)
        wakeups.notify_after_commit(connection)
        assert heard.times == 0

    await database.write(ask_for_wakeup)
    assert heard.times == 1
    await database.write(lambda connection: connection.execute(text("SELECT 1")))
    assert heard.times == 1


async def test_rolled_back_transaction_wakes_nobody(database: Database) -> None:
    """Not at the rollback, and not with the next transaction on the same connection."""
    heard = Heard(database)

    def ask_and_fail(connection: Connection) -> None:
        wakeups.notify_after_commit(connection)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.write(ask_and_fail)
    await database.write(lambda connection: connection.execute(text("SELECT 1")))
    assert heard.times == 0


async def test_retried_command_asks_for_its_wakeup_again(database: Database) -> None:
    """A deadlock undoes the first run, and its wakeup with it."""
    heard = Heard(database)
    runs = 0

    class Deadlock(Exception):
        sqlstate = "40P01"

    def deadlocks(connection: Connection) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            wakeups.notify_after_commit(connection)
            raise OperationalError("", {}, Deadlock())

    await database.write(deadlocks)
    assert (runs, heard.times) == (2, 0)


async def test_wakeup_reaches_every_listener_of_the_process(database: Database) -> None:
    """In one process several may listen; without PostgreSQL's NOTIFY no other process is told."""
    one, two = Heard(database), Heard(database)
    database.wakeups.ring()
    assert (one.times, two.times) == (1, 1)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_sqlite_sends_no_notifications(database: Database) -> None:
    """Processes on one file find changes by polling."""
    database.relay_wakeups()
    assert database.wakeups.relay is None


@ON_POSTGRESQL
async def test_wakeup_reaches_another_process_once(database: Database, other: Database) -> None:
    """A notification wakes the other process; the sender was woken at once, and not again."""
    await carry_bell(other)
    await carry_bell(database)
    mine, theirs = Heard(database), Heard(other)
    await database.write(wakeups.notify_after_commit)
    assert mine.times == 1
    await theirs.once_more()
    for _ in range(3):
        other.wakeups.ring()
        await mine.once_more()
    assert mine.times <= 4


@ON_POSTGRESQL
async def test_many_wakeups_become_few_notifications(database: Database, other: Database) -> None:
    """Wakeups during a notification are one, and the last is never lost."""
    await carry_bell(other)
    await carry_bell(database)
    theirs = Heard(other)
    for _ in range(200):
        database.wakeups.ring()
    await theirs.once_more()
    await asyncio.sleep(0.1)
    assert theirs.times <= 3


@ON_POSTGRESQL
async def test_lost_notification_connection_is_opened_again(
    database: Database, other: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends the bell's connection, and for a while takes no other: when it is back, the
    bell rings for what was missed, and is carried again."""
    # A relay belongs to its database, which does not choose how often it tries.
    monkeypatch.setattr(wakeups, "RECONNECT_SECONDS", 0.05)
    await carry_bell(other)
    theirs = Heard(other)
    connect, refusals = asyncpg.connect, 2

    async def refuses(*args: Any, **kwargs: Any) -> Any:
        nonlocal refusals
        if kwargs.get("server_settings") and refusals:
            refusals -= 1
            raise OSError("connection refused")
        return await connect(*args, **kwargs)

    monkeypatch.setattr(asyncpg, "connect", refuses)
    (pid,) = await list_bells(database_url)
    connection = await connect(database_url)
    await connection.execute("SELECT pg_terminate_backend($1)", pid)
    await connection.close()
    await theirs.once_more()
    assert refusals == 0
    await carry_bell(database)
    database.wakeups.ring()
    await theirs.once_more()
    assert len(await list_bells(database_url)) == 2


@ON_POSTGRESQL
async def test_stopped_database_keeps_no_notification_connection(
    settings: Settings, database_url: str
) -> None:
    """Also if the connection was never made."""
    database = Database(settings)
    await database.start()
    database.relay_wakeups()
    await database.stop()
    assert await list_bells(database_url) == []
