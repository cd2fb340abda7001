"""The record cannot be rewritten: the database itself refuses, whoever asks."""

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from service.store.engine import Database
from service.verification import verification


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET data = '{}'",
        "UPDATE events SET claim = claim WHERE number = 1",
        "DELETE FROM events",
        "DELETE FROM events WHERE number = 99 OR number = 1",
    ],
)
async def test_the_database_itself_refuses_to_change_the_record(
    worked_database: Database, statement: str
) -> None:
    with pytest.raises(DBAPIError, match="the record is append-only"):
        await worked_database.write(lambda connection: connection.execute(text(statement)))
    assert (await worked_database.read(verification.verify)).ok


async def test_the_database_itself_refuses_to_replace_or_truncate(
    worked_database: Database,
) -> None:
    """The ways round an ordinary trigger: INSERT OR REPLACE on SQLite, TRUNCATE on PostgreSQL."""
    if worked_database.embedded:
        columns = "id, kind, claim, number, type, recorded_at, actor, data, previous_hash, hash"
        ways = [
            f"INSERT OR REPLACE INTO events (seq, {columns}) "
            f"SELECT seq, {columns} FROM events WHERE number = 1 LIMIT 1",
            f"REPLACE INTO events ({columns}) SELECT {columns} FROM events "
            "WHERE claim IS NOT NULL LIMIT 1",
            f"INSERT OR REPLACE INTO events ({columns}) "
            "SELECT '00000000000070008000000000000000', kind, claim, number, type, recorded_at, "
            "actor, '{}', previous_hash, hash FROM events WHERE claim IS NOT NULL LIMIT 1",
            f"INSERT OR REPLACE INTO events ({columns}, subject) "
            "SELECT '00000000000070008000000000000000', kind, claim, number, type, recorded_at, "
            "actor, '{}', previous_hash, hash, subject FROM events WHERE claim IS NULL LIMIT 1",
            "UPDATE OR REPLACE events SET seq = 2 WHERE seq = 1",
            "INSERT INTO events SELECT * FROM events LIMIT 1 "
            "ON CONFLICT (seq) DO UPDATE SET data = '{}'",
        ]
    else:
        ways = [
            "TRUNCATE events",
            "TRUNCATE claims CASCADE",
            "INSERT INTO events SELECT * FROM events LIMIT 1 "
            "ON CONFLICT (seq) DO UPDATE SET data = '{}'",
            "MERGE INTO events USING (SELECT 1) AS one ON number = 1 WHEN MATCHED THEN DELETE",
        ]

    def try_to_change(connection: Connection, way: str) -> None:
        connection.execute(text(way))

    for way in ways:
        with pytest.raises(DBAPIError, match="the record is append-only"):
            await worked_database.write(try_to_change, way)
    assert (await worked_database.read(verification.verify)).ok
