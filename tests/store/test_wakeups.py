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


class WakeupCounter:
    """Counts the wakeups of a database."""

    def __init__(self, database: Database) -> None:
        self.count = 0
        self._arrival = asyncio.Event()
        database.wakeups.subscribe(self._count_wakeup)

    def _count_wakeup(self) -> None:
        self.count += 1
        self._arrival.set()

    async def wait_for_next(self) -> None:
        async with asyncio.timeout(15):
            await self._arrival.wait()
        self._arrival.clear()


@pytest.fixture
async def other(settings: Settings) -> AsyncIterator[Database]:
    """Another process on the same database."""
    database = Database(settings)
    await database.start()
    yield database
    await database.stop()


async def start_relay(database: Database) -> None:
    """Have the database relay wakeups, and return once it receives them."""
    counter = WakeupCounter(database)
    database.relay_wakeups()
    await counter.wait_for_next()


async def list_relays(url: str) -> list[int]:
    """Return the ids of the server's processes that relays are connected to."""
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
    counter = WakeupCounter(database)

    def ask_for_wakeup(connection: Connection) -> None:
        wakeups.notify_after_commit(connection)
        wakeups.notify_after_commit(connection)
        assert counter.count == 0

    await database.write(ask_for_wakeup)
    assert counter.count == 1
    await database.write(lambda connection: connection.execute(text("SELECT 1")))
    assert counter.count == 1


async def test_rolled_back_transaction_wakes_nobody(database: Database) -> None:
    """Not at the rollback, and not with the next transaction on the same connection."""
    counter = WakeupCounter(database)

    def ask_and_fail(connection: Connection) -> None:
        wakeups.notify_after_commit(connection)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.write(ask_and_fail)
    await database.write(lambda connection: connection.execute(text("SELECT 1")))
    assert counter.count == 0


async def test_retried_command_asks_for_its_wakeup_again(database: Database) -> None:
    """A deadlock undoes the first run, and its wakeup with it."""
    counter = WakeupCounter(database)
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
    assert (runs, counter.count) == (2, 0)


async def test_wakeup_reaches_every_listener_of_the_process(database: Database) -> None:
    """In one process several may listen; without PostgreSQL's NOTIFY no other process is told."""
    first, second = WakeupCounter(database), WakeupCounter(database)
    database.wakeups.notify()
    assert (first.count, second.count) == (1, 1)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_sqlite_sends_no_notifications(database: Database) -> None:
    """Processes on one file find changes by polling."""
    database.relay_wakeups()
    assert database.wakeups.relay is None


@ON_POSTGRESQL
async def test_wakeup_reaches_another_process_once(database: Database, other: Database) -> None:
    """A notification wakes the other process; the sender was woken at once, and not again."""
    await start_relay(other)
    await start_relay(database)
    own_counter, other_counter = WakeupCounter(database), WakeupCounter(other)
    await database.write(wakeups.notify_after_commit)
    assert own_counter.count == 1
    await other_counter.wait_for_next()
    for _ in range(3):
        other.wakeups.notify()
        await own_counter.wait_for_next()
    assert own_counter.count <= 4


@ON_POSTGRESQL
async def test_many_wakeups_become_few_notifications(database: Database, other: Database) -> None:
    """Wakeups during a notification are one, and the last is never lost."""
    await start_relay(other)
    await start_relay(database)
    other_counter = WakeupCounter(other)
    for _ in range(200):
        database.wakeups.notify()
    await other_counter.wait_for_next()
    await asyncio.sleep(0.1)
    assert other_counter.count <= 3


@ON_POSTGRESQL
async def test_lost_notification_connection_is_opened_again(
    database: Database, other: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends the relay's connection, and for a while takes no other: when it is back, a
    wakeup stands for those that were missed, and later ones are relayed again."""
    # A relay belongs to its database, which does not choose how often it tries.
    monkeypatch.setattr(wakeups, "RECONNECT_SECONDS", 0.05)
    await start_relay(other)
    other_counter = WakeupCounter(other)
    connect, refusals = asyncpg.connect, 2

    async def refuses(*args: Any, **kwargs: Any) -> Any:
        nonlocal refusals
        if kwargs.get("server_settings") and refusals:
            refusals -= 1
            raise OSError("connection refused")
        return await connect(*args, **kwargs)

    monkeypatch.setattr(asyncpg, "connect", refuses)
    (pid,) = await list_relays(database_url)
    connection = await connect(database_url)
    await connection.execute("SELECT pg_terminate_backend($1)", pid)
    await connection.close()
    await other_counter.wait_for_next()
    assert refusals == 0
    await start_relay(database)
    database.wakeups.notify()
    await other_counter.wait_for_next()
    assert len(await list_relays(database_url)) == 2


@ON_POSTGRESQL
async def test_stopped_database_keeps_no_notification_connection(
    settings: Settings, database_url: str
) -> None:
    """Also if the connection was never made."""
    database = Database(settings)
    await database.start()
    database.relay_wakeups()
    await database.stop()
    assert await list_relays(database_url) == []


@pytest.mark.parametrize("turns", range(4))
async def test_whoever_waits_can_be_stopped_in_the_turn_of_a_wakeup(turns: int) -> None:
    """A worker that forgot it would run on, and whoever stops it would wait for ever."""
    wakeup = asyncio.Event()

    async def wait_again_and_again() -> None:
        while True:
            wakeup.clear()
            await wakeups.wait_for_wakeup(wakeup, 60)

    worker = asyncio.create_task(wait_again_and_again())
    await asyncio.sleep(0.01)
    wakeup.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    worker.cancel()
    await asyncio.wait([worker], timeout=1)
    assert worker.cancelled()


async def test_wait_for_a_wakeup_ends_by_itself() -> None:
    async with asyncio.timeout(15):
        await wakeups.wait_for_wakeup(asyncio.Event(), 0.01)
