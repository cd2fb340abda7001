"""Whoever tails the record by number misses no event and sees none twice, whatever is written."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, select

from service.claims import claim_commands, claim_writer
from service.config import Settings
from service.domain.access import SYSTEM
from service.domain.claims import Basis, Kind, Precision, Rendering
from service.domain.errors import EpochEnded
from service.domain.history import Draft
from service.domain.inputs import NewClaim, NewQuote, NewSource, NewStatement
from service.record import event_queries
from service.record.event_queries import RecordedEvent
from service.store import tables
from service.store.engine import Database

NOW = datetime(2023, 10, 5, 9, 0, tzinfo=UTC)
WRITERS = 10
ROUNDS = 12
SHARED = 4
"""Claims that all writers write to, beside one of each writer's own."""


class Undone(Exception):
    """A writer that changes its mind."""


def create_claim(connection: Connection, text: str) -> str:
    quote = NewQuote(text, "en", Rendering.VERBATIM, NewSource("https://example.org/paper"))
    statement = NewStatement(None, None, NOW, Precision.DAY, Basis.UNSTATED, (quote,))
    new = NewClaim(text, Kind.EVENT, None, None, NOW, Precision.DAY, statement)
    return claim_commands.create_claim(connection, new, actor=SYSTEM, now=NOW).id


def write(
    connection: Connection, claims: list[str], *, text: str, before: float, after: float, undo: bool
) -> None:
    """Amend some claims; wait between drawing a number and committing; perhaps roll back.

    PostgreSQL waits in the server: there a sleeping thread would hold up every other writer.
    """
    # In one order, so that two writers wait for each other instead of dying of it.
    for claim in sorted(claims):
        loaded_claim = claim_writer.load_claim(connection, claim, now=NOW)
        pause(connection, before)
        draft = Draft("claim.amended", {"text": text, "material": False})
        claim_writer.record_events(connection, loaded_claim, [draft], actor=SYSTEM, now=NOW)
    pause(connection, after)
    if undo:
        raise Undone


def pause(connection: Connection, seconds: float) -> None:
    if not seconds:
        return
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_sleep({seconds})")
    else:
        time.sleep(seconds / 10)  # there is one writer at a time: waiting only makes it slow


async def read_on(database: Database, after: int, limit: int) -> tuple[list[RecordedEvent], int]:
    return await database.read(event_queries.list_events_after, after=after, limit=limit)


@pytest.fixture
def settings(database_url: str) -> Settings:
    """A connection for each writer, and some."""
    return Settings(database_url=database_url, database_connections=2 * WRITERS + 8)


@pytest.mark.parametrize("seed", [1, 2])
async def test_tail_misses_no_event_of_concurrent_writers(database: Database, seed: int) -> None:
    """Ten writers, slow ones and ones that roll back among them, two readers from the start and a
    late one: each reads what is recorded, once, in order, and each claim's numbers in order."""
    chance = random.Random(seed)
    shared_claims = [await database.write(create_claim, f"shared {n}") for n in range(SHARED)]
    event_count = 0
    is_done = asyncio.Event()

    async def keep_writing(number: int) -> None:
        nonlocal event_count
        own = await database.write(create_claim, f"of writer {number}")
        for n in range(ROUNDS):
            own_claims = [own] if chance.random() < 0.6 else [own, chance.choice(shared_claims)]
            undo = chance.random() < 0.25
            slow = chance.choice([0, 0, 0.005, 0.03])
            try:
                await database.write(
                    write,
                    own_claims,
                    text=f"{number} writes {n}",
                    before=chance.choice([0, 0.002]),
                    after=slow,
                    undo=undo,
                )
                event_count += len(own_claims)
            except Undone:
                assert undo

    async def keep_reading(limit: int) -> list[RecordedEvent]:
        events: list[RecordedEvent] = []
        after = 0
        while True:
            last = is_done.is_set()
            numbers_of_claim, after = await read_on(database, after, limit)
            events += numbers_of_claim
            if numbers_of_claim:
                assert after >= numbers_of_claim[-1].seq
            elif last:
                return events
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(keep_reading(limit)) for limit in (1, 7)]
        async with asyncio.TaskGroup() as writers:
            for number in range(WRITERS):
                writers.create_task(keep_writing(number))
        is_done.set()
    late, _ = await read_on(database, 0, 100_000)
    rows = await database.read(
        lambda connection: connection.execute(
            select(tables.events.c.seq, tables.events.c.claim, tables.events.c.number)
            .where(tables.events.c.claim.is_not(None))
            .order_by(tables.events.c.seq)
        ).all()
    )
    recorded_rows = [tuple(row) for row in rows]
    assert len(recorded_rows) == SHARED + WRITERS + event_count
    for events in (late, *(reader.result() for reader in readers)):
        assert [(event.seq, event.claim, event.number) for event in events] == recorded_rows
        numbers = defaultdict(list)
        for event in events:
            numbers[event.claim].append(event.number)
        assert all(
            numbers_of_claim == list(range(1, len(numbers_of_claim) + 1))
            for numbers_of_claim in numbers.values()
        )
    # The writers did meet: otherwise none of this was put to the test.
    assert (
        max(Counter(claim for _, claim, _ in recorded_rows if claim in shared_claims).values()) > 3
    )


async def test_tail_passes_numbers_that_were_rolled_back(database: Database) -> None:
    """A number that a rolled-back writer drew is waited for only as long as the writer lives."""
    first = await database.write(create_claim, "first")
    with pytest.raises(Undone):
        await database.write(write, [first], text="undone", before=0, after=0, undo=True)
    await database.write(write, [first], text="done", before=0, after=0, undo=False)
    events, _ = await read_on(database, 0, 10)
    assert [(event.claim, event.number) for event in events] == [(first, 1), (first, 2)]


async def test_number_that_the_record_has_not_reached_has_ended(database: Database) -> None:
    """The reader had it of a database that was here before."""
    with pytest.raises(EpochEnded):
        await database.read(event_queries.list_events_after, after=999_999, limit=5)
