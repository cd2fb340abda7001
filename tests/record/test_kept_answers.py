"""Answers that are kept for repeated requests, as `tests/api/test_idempotency.py` has them."""

from datetime import UTC, datetime, timedelta

from service.record import idempotency
from service.record.idempotency import Answer
from service.store.engine import Database

NOW = datetime(2023, 10, 2, 12, tzinfo=UTC)


async def test_answers_of_yesterday_are_deleted(database: Database) -> None:
    for key, age in (("old", timedelta(hours=25)), ("new", timedelta(hours=23))):
        await database.write(
            idempotency.store_answer, key, "same", Answer(201, b"{}", {}), now=NOW - age
        )
    assert await database.write(idempotency.forget_old, now=NOW) == 1
    assert await database.write(idempotency.forget_old, now=NOW) == 0
