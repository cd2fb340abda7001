"""The bell: rung after a commit and not before, carried between processes, mended when broken."""

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


async def listening(database: Database) -> None:
    """Carry the bell, and return when it hears."""
    heard = Heard(database)
    database.relay_wakeups()
    await heard.once_more()


async def bells(url: str) -> list[int]:
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


async def test_it_rings_after_the_commit(database: Database) -> None:
    """A transaction that asked for it rings once, when it is over; one that did not, never."""
    heard = Heard(database)

    def asks(connection: Connection) -> None:
        wakeups.notify_after_commit(connection)
        wakeups.notify_after_commit(connection)
        assert heard.times == 0

    await database.write(asks)
    assert heard.times == 1
    await database.write(lambda connection: connection.execute(text("SELECT 1")))
    assert heard.times == 1


async def test_what_was_rolled_back_does_not_ring(database: Database) -> None:
    """Not then, and not with the next transaction on the same connection."""
    heard = Heard(database)

    def fails(connection: Connection) -> None:
        wakeups.notify_after_commit(connection)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.write(fails)
    await database.write(lambda connection: connection.execute(text("SELECT 1")))
    assert heard.times == 0


async def test_a_command_that_is_run_again_asks_again(database: Database) -> None:
    """A deadlock undoes the first run, and what it asked for with it."""
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


async def test_every_hearer_hears(database: Database) -> None:
    """In one process several may listen; without a wire nobody else is told."""
    one, two = Heard(database), Heard(database)
    database.wakeups.ring()
    assert (one.times, two.times) == (1, 1)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_sqlite_has_no_wire(database: Database) -> None:
    """Processes on one file find out by looking."""
    database.relay_wakeups()
    assert database.wakeups.relay is None


@ON_POSTGRESQL
async def test_another_process_hears_it(database: Database, other: Database) -> None:
    """A ring travels; whoever rang has heard it at once, and not a second time."""
    await listening(other)
    await listening(database)
    mine, theirs = Heard(database), Heard(other)
    await database.write(wakeups.notify_after_commit)
    assert mine.times == 1
    await theirs.once_more()
    for _ in range(3):
        other.wakeups.ring()
        await mine.once_more()
    assert mine.times <= 4


@ON_POSTGRESQL
async def test_many_rings_are_few_notices(database: Database, other: Database) -> None:
    """Rings that come while one is being sent are one; the last is never swallowed."""
    await listening(other)
    await listening(database)
    theirs = Heard(other)
    for _ in range(200):
        database.wakeups.ring()
    await theirs.once_more()
    await asyncio.sleep(0.1)
    assert theirs.times <= 3


@ON_POSTGRESQL
async def test_a_lost_connection_is_made_again(
    database: Database, other: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends the bell's connection, and for a while takes no other: when it is back, the
    bell rings for what was missed, and is carried again."""
    monkeypatch.setattr(wakeups, "RECONNECT_SECONDS", 0.05)
    await listening(other)
    theirs = Heard(other)
    connect, refusals = asyncpg.connect, 2

    async def refuses(*args: Any, **kwargs: Any) -> Any:
        nonlocal refusals
        if kwargs.get("server_settings") and refusals:
            refusals -= 1
            raise OSError("connection refused")
        return await connect(*args, **kwargs)

    monkeypatch.setattr(asyncpg, "connect", refuses)
    (pid,) = await bells(database_url)
    connection = await connect(database_url)
    await connection.execute("SELECT pg_terminate_backend($1)", pid)
    await connection.close()
    await theirs.once_more()
    assert refusals == 0
    await listening(database)
    database.wakeups.ring()
    await theirs.once_more()
    assert len(await bells(database_url)) == 2


@ON_POSTGRESQL
async def test_a_wire_ends_with_its_database(settings: Settings, database_url: str) -> None:
    """Stopping leaves no connection, even where one was never made."""
    database = Database(settings)
    await database.start()
    database.relay_wakeups()
    await database.stop()
    assert await bells(database_url) == []
