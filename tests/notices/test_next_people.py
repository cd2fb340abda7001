"""Whom a job tells next: everybody who follows, once, however many batches they are."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, literal, select

from service.domain import ids
from service.notices import next_people
from service.store.engine import Connection, Database
from service.store.tables import follows, users

NOW = datetime(2023, 10, 2, 12, tzinfo=UTC)
TARGETS = [("tag", "army"), ("tag", "border"), ("story", "raška")]


def add_people(connection: Connection, count: int, targets: list[tuple[str, str]]) -> list[str]:
    """Add people who follow each of these targets, and return their ids."""
    people = [ids.make_id() for _ in range(count)]
    connection.execute(
        insert(users),
        [
            {
                "id": id,
                "email": f"{id}@example.org",
                "name": id,
                "role": "reader",
                "created_at": NOW,
            }
            for id in people
        ],
    )
    connection.execute(
        insert(follows),
        [
            {
                "id": ids.make_id(),
                "user": id,
                "kind": kind,
                "target": target,
                "automatic": False,
                "created_at": NOW,
            }
            for id in people
            for kind, target in targets
        ],
    )
    return people


def read_batches(connection: Connection) -> list[list[str]]:
    """Read batches as a job does, until one is not full."""
    batches: list[list[str]] = []
    done_until = None
    while not batches or len(batches[-1]) == next_people.BATCH:
        query = select(literal(done_until).label("done_until"))
        job: Row[Any] = connection.execute(query).one()
        people = next_people.read_next_followers(connection, job, TARGETS, since=NOW)
        batches.append([person.id for person in people])
        done_until = batches[-1][-1] if batches[-1] else done_until
    return batches


async def test_whoever_follows_by_several_targets_hides_nobody(database: Database) -> None:
    """Two tags of a claim are followed by as many as a batch has; others follow after them."""

    def check(connection: Connection, *, now: datetime) -> None:
        people = add_people(connection, next_people.BATCH, TARGETS[:2])
        people += add_people(connection, 20, TARGETS[1:])
        people += add_people(connection, next_people.BATCH, TARGETS[2:])
        batches = read_batches(connection)
        assert [id for batch in batches for id in batch] == sorted(people)

    await database.write(check, now=NOW)
