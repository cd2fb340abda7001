"""A rename that was under way at the export continues after the import."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from service.claims import party_changes, rename_batches
from service.cli import shell
from service.store import states
from service.store.engine import Database
from service.store.rename_tables import renames
from service.store.tables import claims, events
from tests.exchange.desks import LateDay, count_proved_claims, export_desk, import_lines
from tests.verification.workday import work_a_day

BATCH = 4


def begin_rename(connection: Connection) -> None:
    """Rename Belgrade, up to the first few of its claims."""
    work_a_day(connection)
    day = LateDay(connection)
    for number in range(3 * BATCH):
        day.claim(f"Troops were seen at gate {number}")
    party_changes.change_party(connection, "belgrade", {"name": "Beograd"}, **day.by())
    for _ in range(2):
        rename_batches.continue_rename(connection, now=day.time + timedelta(minutes=1), most=BATCH)


def read_names(connection: Connection) -> Counter[str]:
    """Return how many claims show each name of Belgrade."""
    states_now = map(states.parse, connection.scalars(select(states.select_whole(claims))))
    return Counter(
        claim.claimant.name
        for claim in states_now
        if claim.claimant and claim.claimant.party == "belgrade"
    )


def count_events(connection: Connection) -> Counter[str]:
    """Return how often each claim recorded the rename."""
    has_old_name = events.c.data.contains("Beograd") & (events.c.type == "party.changed")
    return Counter(
        connection.scalars(select(events.c.claim).where(has_old_name, events.c.claim.is_not(None)))
    )


async def test_a_rename_under_way_continues_after_the_import(
    database: Database, other_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A batch that a few claims fill; the renamer runs within the application.
    monkeypatch.setattr(rename_batches, "BATCH", BATCH)
    monkeypatch.setattr(rename_batches, "BATCH_SECONDS", 60.0)
    await database.write(begin_rename)
    before = await database.read(read_names)
    assert before["Beograd"] > 0
    assert before["Belgrade"] > BATCH
    assert await count_proved_claims(database)
    result = await import_lines(other_database, await export_desk(database))
    assert result.refusal_pairs == []
    assert await count_proved_claims(other_database)
    assert await other_database.read(read_names) == before
    while await other_database.write(rename_batches.continue_rename, now=shell.read_clock()):
        pass
    assert await other_database.read(read_names) == Counter(Beograd=before.total())
    assert set((await other_database.read(count_events)).values()) == {1}
    assert await count_proved_claims(other_database)


async def test_a_finished_rename_is_not_begun_again(
    database: Database, other_database: Database
) -> None:
    """Few claims show the name: all of them have it in the export."""
    await database.write(begin_rename)
    assert set(await database.read(read_names)) == {"Beograd"}
    data = await export_desk(database)
    await import_lines(other_database, data)
    assert await export_desk(other_database) == data
    assert (
        await other_database.read(lambda connection: connection.execute(select(renames)).all())
        == []
    )
