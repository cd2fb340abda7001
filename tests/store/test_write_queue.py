"""Changes of an embedded database that share a transaction: each succeeds or fails by itself."""

import asyncio
import itertools
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert, select
from sqlalchemy.exc import IntegrityError

from service.config import Settings
from service.domain.errors import DatabaseFull, Invalid
from service.store.engine import Database
from service.store.sqlite import SQLiteBackend
from service.store.tables import stories
from service.store.write_queue import SAVEPOINT_STATEMENTS

NOW = datetime(2023, 10, 2, tzinfo=UTC)


class Commits:
    """Counts the commits of the writer, and fails those to come while `error` is set."""

    def __init__(self, database: Database) -> None:
        assert isinstance(database._backend, SQLiteBackend)
        self.count = 0
        self.error: Exception | None = None
        event.listen(database._backend.writer, "commit", self._count)

    def _count(self, _connection: Connection) -> None:
        if self.error is not None:
            raise self.error
        self.count += 1


@pytest.fixture
async def embedded(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Database]:
    path = tmp_path / "claimdesk.db"
    await asyncio.to_thread(shutil.copy, migrated_sqlite, path)
    database = Database(Settings(database_url=f"sqlite:///{path}"))
    await database.start()
    yield database
    await database.stop()


def record_story(connection: Connection, slug: str) -> str:
    row = {"slug": slug, "title": slug, "created_at": NOW, "updated_at": NOW}
    connection.execute(insert(stories), row)
    return slug


def refuse_story(connection: Connection, slug: str) -> str:
    record_story(connection, slug)
    raise Invalid(f"{slug} is refused", loc=("body",))


def end_transaction(connection: Connection, slug: str) -> str:
    """Fail as SQLite does where an error ends the whole transaction."""
    record_story(connection, slug)
    connection.exec_driver_sql("ROLLBACK")
    raise Invalid(f"{slug} ends the transaction", loc=("body",))


@asynccontextmanager
async def hold_writer(database: Database) -> AsyncIterator[None]:
    """Hold the writer with a change, so that those begun meanwhile wait in line behind it."""
    has_started, goes_on = threading.Event(), threading.Event()

    def wait(_connection: Connection) -> None:
        has_started.set()
        assert goes_on.wait(10)

    holder = asyncio.create_task(database.write(wait))
    await asyncio.to_thread(has_started.wait, 10)
    yield
    await asyncio.sleep(0)  # tasks that were made join the line
    goes_on.set()
    await asyncio.gather(holder, return_exceptions=True)


async def run_together(
    database: Database, *changes: tuple[Callable[[Connection, str], str], str]
) -> list[str | BaseException]:
    """Run changes that wait in line together."""
    async with hold_writer(database):
        tasks = [asyncio.create_task(database.write(work, slug)) for work, slug in changes]
    return await asyncio.gather(*tasks, return_exceptions=True)


async def list_stories(database: Database) -> list[str]:
    def query(connection: Connection) -> list[str]:
        return list(connection.scalars(select(stories.c.slug).order_by(stories.c.slug)))

    return await database.read(query)


async def test_changes_in_line_share_a_commit(embedded: Database) -> None:
    commits = Commits(embedded)
    slugs = [f"story-{i:02}" for i in range(20)]
    assert await run_together(embedded, *((record_story, slug) for slug in slugs)) == slugs
    assert await list_stories(embedded) == slugs
    assert commits.count < 5


async def test_refused_change_leaves_nothing_and_the_others_stand(embedded: Database) -> None:
    answers = await run_together(
        embedded, (record_story, "a"), (refuse_story, "b"), (record_story, "c"), (record_story, "a")
    )
    assert answers[0] == "a"
    assert isinstance(answers[1], Invalid)
    assert answers[2] == "c"
    assert "UNIQUE" in str(answers[3])
    assert await list_stories(embedded) == ["a", "c"]


async def test_change_that_ends_the_transaction_does_not_fail_the_others(
    embedded: Database,
) -> None:
    answers = await run_together(
        embedded, (record_story, "a"), (end_transaction, "b"), (record_story, "c")
    )
    assert (answers[0], answers[2]) == ("a", "c")
    assert isinstance(answers[1], Exception)
    assert await list_stories(embedded) == ["a", "c"]
    assert await embedded.write(record_story, "d") == "d"


async def test_failed_commit_is_the_answer_to_every_change_of_it(embedded: Database) -> None:
    commits = Commits(embedded)
    commits.error = DatabaseFull("no room")
    answers = await run_together(embedded, *((record_story, slug) for slug in "abc"))
    commits.error = None
    assert [type(answer) for answer in answers] == [DatabaseFull] * 3
    assert await list_stories(embedded) == []
    assert await embedded.write(record_story, "d") == "d"


async def test_rehearsal_among_changes_leaves_nothing(embedded: Database) -> None:
    async with hold_writer(embedded):
        rehearsal = asyncio.create_task(embedded.rehearse(record_story, "a"))
        change = asyncio.create_task(embedded.write(record_story, "b"))
    assert (await rehearsal, await change) == ("a", "b")
    assert await list_stories(embedded) == ["b"]


async def test_large_change_shares_no_transaction_that_began_before(embedded: Database) -> None:
    """It is rolled back from the savepoint, where it would be slow, and made first in the next
    transaction: nothing of it twice, and what stood beside it in line is made too."""
    slugs = [f"story-{i:03}" for i in range(SAVEPOINT_STATEMENTS + 1)]
    attempts = 0

    def record_all(connection: Connection, last: str) -> str:
        nonlocal attempts
        attempts += 1
        for slug in slugs:
            record_story(connection, slug)
        return record_story(connection, last)

    answers = await run_together(
        embedded, (record_story, "a"), (record_all, "b"), (record_story, "c"), (record_all, "d")
    )
    assert answers[:3] == ["a", "b", "c"]
    assert isinstance(answers[3], IntegrityError), "its stories are there already"
    assert attempts == 3
    assert await list_stories(embedded) == ["a", "b", "c", *slugs]


async def test_another_process_has_its_turn_between_groups(embedded: Database) -> None:
    """An import beside a server that always has changes in line is not refused, nor waits long."""
    numbers = itertools.count()
    other = Database(Settings(database_url=str(embedded.url)))
    await other.start()

    def take_a_while(connection: Connection, slug: str) -> None:
        record_story(connection, slug)
        time.sleep(0.002)

    async def keep_writing() -> None:
        while True:
            await embedded.write(take_a_while, f"story-{next(numbers)}")

    writers = [asyncio.create_task(keep_writing()) for _ in range(40)]
    began = time.monotonic()
    for place in range(10):
        await other.write(record_story, f"other-{place}")
    assert time.monotonic() - began < 5
    for writer in writers:
        writer.cancel()
    await asyncio.gather(*writers, return_exceptions=True)
    await other.stop()


async def test_change_whose_caller_has_gone_is_still_made(embedded: Database) -> None:
    async with hold_writer(embedded):
        change = asyncio.create_task(embedded.write(record_story, "a"))
        await asyncio.sleep(0)
        change.cancel()
    with pytest.raises(asyncio.CancelledError):
        await change
    assert await embedded.write(record_story, "b") == "b"
    assert await list_stories(embedded) == ["a", "b"]
