"""A desk of the release before this record (schema 0008), upgraded: the same answers as before.

`tests/fixtures/old_desk` was made by that release: its seed, every kind of act, imported claims,
and what its API answered then.
"""

import asyncio
import gzip
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from service.config import Settings
from service.operations import clock
from service.store import migrate, tables
from service.store.engine import Database
from service.verification import verification
from tests.support import desk as support
from tests.support.desk import BEGIN, Desk
from tests.support.postgres import PostgresServer
from tests.support.upgrading import upgrade_desk

FIXTURES = Path(__file__).parent.parent / "fixtures" / "old_desk"
Json = dict[str, Any]


def unpack(name: str) -> bytes:
    return gzip.decompress((FIXTURES / name).read_bytes())


@pytest.fixture
def old_settings(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Settings]:
    """The settings of an old desk's database, not upgraded yet."""
    if database_kind == "sqlite":
        path = tmp_path / "old.db"
        path.write_bytes(unpack("desk.sqlite.gz"))
        yield Settings(database_url=f"sqlite:///{path}", rate_limit="off", dispatch="off")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database()
    subprocess.run(
        ["psql", "--quiet", "--set", "ON_ERROR_STOP=1", url],
        input=unpack("desk.postgresql.sql.gz"),
        check=True,
        capture_output=True,
    )
    yield Settings(database_url=url, rate_limit="off", dispatch="off")
    server.drop_database(url)


async def test_upgraded_desk_answers_as_its_old_release_did(
    old_settings: Settings, database_kind: str
) -> None:
    """Claims as served, histories with their hashes, as-of answers, events and lists."""
    await upgrade_desk(old_settings)
    assert await asyncio.to_thread(migrate.find_differences, old_settings) == []
    answers = orjson.loads(unpack(f"answers-{database_kind}.json.gz"))
    assert len(answers) > 150
    # The answers are of 2023, when the work on the desk was done by its clock.
    database = Database(old_settings)
    await database.start()
    await database.write(clock.accept_clock, now=BEGIN)
    await database.stop()
    async with support.run_desk(old_settings) as desk:
        report = await desk.database.read(verification.verify)
        assert report.ok, report.breaks
        for address, answer_then in answers.items():
            await require_as_before(desk, address, answer_then)


async def require_as_before(desk: Desk, address: str, answer_then: Json) -> None:
    now = await desk.editor.get(address)
    assert now.status_code == answer_then["status"], address
    if answer_then["body"] is not None:
        missing = list(list_differences(answer_then["body"], now.json(), address))
        assert not missing, missing[:5]


def list_differences(before: Any, after: Any, place: str) -> Iterator[str]:
    """Where `after` does not say what `before` said; what it says in addition may stand."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name not in after:
                yield f"{place}.{name} is gone"
            elif name not in CHANGING:
                yield from list_differences(value, after[name], f"{place}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for position, pair in enumerate(zip(before, after, strict=True)):
            yield from list_differences(*pair, f"{place}.{position}")
    elif before != after:
        yield f"{place} was {before!r}, is {after!r}"


CHANGING = {"next", "next_cursor", "instance"}
"""Cursors, which are sealed with a key."""


async def test_upgrade_records_what_had_no_events_as_found(old_settings: Settings) -> None:
    """Each statement, source, party, speaker and story gets an event that says so."""
    await upgrade_desk(old_settings)
    database = Database(old_settings)
    await database.start()

    def read(connection: Any) -> tuple[dict[str, set[str]], list[Any]]:
        things = {
            "statement": set(connection.scalars(select(tables.statements.c.id))),
            "source": set(connection.scalars(select(tables.sources.c.id))),
            "party": set(connection.scalars(select(tables.parties.c.slug))),
            "speaker": set(connection.scalars(select(tables.speakers.c.id))),
            "story": set(connection.scalars(select(tables.stories.c.slug))),
        }
        events = select(tables.events).where(tables.events.c.claim.is_(None))
        return things, list(connection.execute(events.order_by(tables.events.c.seq)))

    things, lines = await database.read(read)
    last_of_claims = await database.read(
        lambda connection: connection.execute(
            select(tables.events.c.seq)
            .where(tables.events.c.claim.is_not(None))
            .order_by(tables.events.c.seq.desc())
        ).scalar()
    )
    await database.stop()
    subjects: dict[str, set[str]] = {}
    for line in lines:
        if line.kind in things:
            subjects.setdefault(line.kind, set()).add(line.subject)
            assert line.number == 1
            assert line.seq > last_of_claims, "claims' events come first, in their old order"
            assert orjson.loads(line.actor) == {"rule": "migration"}
            assert orjson.loads(line.data)["recorded_as_found"] is True
    assert subjects == things
