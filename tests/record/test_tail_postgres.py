"""Numbers come to light out of order on PostgreSQL: told step by step, on raw connections."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest
from sqlalchemy import Connection, text

from service.record import event_queries
from service.store.engine import Database
from tests.record.test_tail import create_claim, write

NOW = datetime(2023, 10, 5, 9, 0, tzinfo=UTC)
LINE = """
INSERT INTO events (id, kind, claim, number, type, recorded_at, actor, data, previous_hash, hash)
VALUES (gen_random_uuid(), 'claim', $1, $2, 'claim.amended', now(), '{}', '{}', '', '')
"""
MADE = 7
"""The number of the newest event before the writers begin."""
NAIVE = "SELECT seq FROM events WHERE seq > $1 ORDER BY seq"
ANNOUNCED = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() "
    "AND classid::bigint >= 2147483648"
)


@pytest.fixture
def database_kind() -> str:
    """SQLite has one writer: its commits come in the order of their numbers."""
    return "postgresql"


class Writer:
    """A transaction on a connection of its own."""

    def __init__(self, connection: asyncpg.Connection, claim: str) -> None:
        self.connection = connection
        self.claim = claim
        self.number = 1

    async def begin(self) -> None:
        await self.connection.execute("BEGIN")

    async def take_xid(self) -> int:
        return int(await self.connection.fetchval("SELECT pg_current_xact_id()::text::bigint"))

    async def draw(self) -> None:
        self.number += 1
        await self.connection.execute(LINE, self.claim, self.number)

    async def commit(self) -> None:
        await self.connection.execute("COMMIT")


@pytest.fixture
async def writers(database: Database, database_url: str) -> AsyncIterator[tuple[Writer, Writer]]:
    """Two writers, each of a claim of its own; with the settings, the statements and the source
    that they rest on, those are the numbers up to `MADE`."""
    pair = []
    for name in ("a", "b"):
        claim = await database.write(create_claim, name)
        pair.append(Writer(await asyncpg.connect(database_url), claim))
    yield pair[0], pair[1]
    for item in pair:
        await item.connection.close()


async def read_tail(database: Database, after: int = MADE) -> list[int]:
    events, _ = await database.read(event_queries.list_events_after, after=after, limit=100)
    return [row.seq for row in events]


async def read_naively(database_url: str, after: int) -> list[int]:
    connection = await asyncpg.connect(database_url)
    try:
        return [row["seq"] for row in await connection.fetch(NAIVE, after)]
    finally:
        await connection.close()


@pytest.mark.parametrize("first", ["a takes its xid first", "b takes its xid first"])
async def test_naive_reader_misses_events_that_the_tail_reads(
    database: Database, database_url: str, writers: tuple[Writer, Writer], first: str
) -> None:
    """`a` draws 6 and dawdles, `b` draws 7 and commits.  Whoever takes 7 and goes on from there
    never sees 6, whichever of the two PostgreSQL saw first."""
    a, b = writers
    await a.begin()
    await b.begin()
    order = (a, b) if first.startswith("a") else (b, a)
    xids = [await writer.take_xid() for writer in order]
    assert xids == sorted(xids)
    await a.draw()
    await b.draw()
    await b.commit()

    assert await read_naively(database_url, MADE) == [9]
    assert await read_tail(database) == []
    await a.commit()
    assert await read_naively(database_url, MADE + 2) == [], "the first is missed for ever"
    assert await read_tail(database) == [8, 9]


async def test_events_below_an_open_number_are_read_meanwhile(
    database: Database, writers: tuple[Writer, Writer]
) -> None:
    """A slow writer holds back what comes after it, nothing before."""
    a, b = writers
    await b.draw()
    await a.begin()
    await a.draw()
    await b.draw()
    assert await read_tail(database) == [8]
    await a.draw()
    assert await read_tail(database) == [8]
    await a.commit()
    assert await read_tail(database) == [8, 9, 10, 11]


async def test_a_rolled_back_savepoint_announces_anew(
    database: Database, writers: tuple[Writer, Writer]
) -> None:
    """Going back to a savepoint gives the announcement up; the next number is announced again."""
    a, b = writers
    await a.begin()
    await a.connection.execute("SAVEPOINT here")
    await a.draw()
    await a.connection.execute("ROLLBACK TO SAVEPOINT here")
    await b.draw()
    assert await read_tail(database) == [9]
    await a.draw()
    await b.draw()
    assert await read_tail(database) == [9]
    await a.commit()
    assert await read_tail(database) == [9, 10, 11]


async def test_a_writer_that_dies_holds_nothing_back(
    database: Database, writers: tuple[Writer, Writer]
) -> None:
    a, b = writers
    await a.begin()
    await a.draw()
    await b.draw()
    assert await read_tail(database) == []
    a.connection.terminate()
    for _ in range(100):
        if await read_tail(database):
            break
        await b.connection.execute("SELECT pg_sleep(0.05)")
    assert await read_tail(database) == [9]


async def test_other_locks_hold_nothing_back(
    database: Database, writers: tuple[Writer, Writer]
) -> None:
    """Neither advisory locks with other keys nor a transaction that draws no number."""
    a, b = writers
    await a.begin()
    await a.take_xid()
    await a.connection.execute("SELECT pg_advisory_xact_lock(1), pg_advisory_xact_lock_shared(3)")
    await b.draw()
    assert await read_tail(database) == [8]


async def test_each_transaction_announces_its_numbers_once(database: Database) -> None:
    """Commands draw numbers by the announcing default, and take one lock however many they draw."""

    def work(connection: Connection) -> list[int]:
        counts = [connection.execute(ANNOUNCED).scalar_one()]
        claims = [create_claim(connection, str(n)) for n in range(20)]
        counts.append(connection.execute(ANNOUNCED).scalar_one())
        write(connection, claims, text="more", before=0, after=0, undo=False)
        counts.append(connection.execute(ANNOUNCED).scalar_one())
        return counts

    assert await database.write(work) == [0, 1, 1]
    numbers = await read_tail(database, after=0)
    assert len(numbers) == 40
    assert numbers == sorted(numbers)
