"""`claimdesk verify` proves a true record, and names the first place where one was changed."""

import contextlib
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from service.config import Settings
from service.domain import ids
from service.domain.access import SYSTEM
from service.domain.claims import format_instant
from service.domain.history import EVENT_TYPES
from service.exchange import seeds
from service.record.canonical import render_canonical
from service.store import tables
from service.store.engine import Database
from service.verification import claim_checks, search_checks, verification
from tests.support.hashes import hash_claim_event
from tests.verification.tampering import change_rows, read_lines, verify, verify_tampered
from tests.verification.workday import ANNA, BEGIN


async def test_empty_desk_verifies(database: Database) -> None:
    report = await verify(database)
    assert (report.ok, report.claims, report.things, report.events) == (True, 0, 2, 2)


async def test_seeded_desk_verifies(database: Database) -> None:
    plan = seeds.parse_seed_file(seeds.find_default_file().read_bytes())
    await database.write(seeds.load_plan, plan, actor=SYSTEM, now=BEGIN)
    report = await verify(database)
    assert report.ok, report
    assert report.claims == 12


async def test_desk_after_a_days_work_verifies(worked_database: Database) -> None:
    """Every event type folds to what is stored, in every table; progress is told at the end."""
    progress_calls: list[tuple[int, int]] = []
    report = await worked_database.read(
        verification.verify, progress=lambda count, total: progress_calls.append((count, total))
    )
    assert report.ok, report.breaks
    assert report.claims == 36
    event_rows, types = await worked_database.read(
        lambda connection: (
            connection.execute(select(tables.events.c.seq)).all(),
            set(
                connection.scalars(
                    select(tables.events.c.type).where(tables.events.c.claim.is_not(None))
                )
            ),
        )
    )
    assert report.events == len(event_rows)
    assert types == set(EVENT_TYPES), "let all of them happen in tests/verification/workday.py"
    assert [count for count, _ in progress_calls] == sorted({count for count, _ in progress_calls})
    assert {total for _, total in progress_calls} == {progress_calls[-1][0]}
    states = await worked_database.read(
        lambda connection: set(connection.scalars(select(tables.decisions.c.state)))
    )
    assert states == {"approved", "rejected", "withdrawn", "lapsed", "superseded"}


async def test_batches_cover_every_claim_once(
    worked_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing depends on where one batch ends and the next begins."""
    whole = await verify(worked_database)
    for size in (1, 2, 7, 21):
        # Batches that a day's work fills; nobody who verifies chooses their size.
        monkeypatch.setattr(claim_checks, "BATCH", size)
        monkeypatch.setattr(search_checks, "BATCH", size)
        assert await verify(worked_database) == whole
    for versions in (1, 6, 20):
        # Likewise.
        monkeypatch.setattr(claim_checks, "VERSIONS", versions)
        assert await verify(worked_database) == whole


async def test_changed_data_is_found_by_its_hash(worked_database: Database) -> None:
    """A changed event is named by its claim and number, with the hash that it should have."""
    line = (await read_lines(worked_database))[0]
    data = orjson.loads(line.data) | {"text": "something else"}
    change = change_rows(
        tables.events, tables.events.c.seq == line.seq, data=render_canonical(data)
    )
    report = await verify_tampered(worked_database, change)
    first = report.first_break
    assert first is not None
    assert (first.claim, first.event, first.what) == (line.claim, 1, "hash")
    assert first.found == line.hash
    assert first.expected != line.hash
    # What is derived from it differs as well: once per version until the wording was amended, and
    # the former wording by which the claim is still found.
    assert {break_found.what for break_found in report.breaks[1:]} <= {
        "claim_versions.document",
        "claim_search.words",
        "claim_search.former",
    }
    assert not report.ok


async def test_data_that_is_not_canonical_is_found(worked_database: Database) -> None:
    """The same JSON with a space in it is not the bytes that were hashed."""
    line = (await read_lines(worked_database))[1]
    change = change_rows(
        tables.events, tables.events.c.seq == line.seq, data=line.data.replace(":", ": ", 1)
    )
    report = await verify_tampered(worked_database, change)
    # What has salts is hashed in its canonical form, whatever its spelling.
    assert (2, "canonical") in [
        (break_found.event, break_found.what) for break_found in report.breaks
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("type", "link.affirmed"),
        ("actor", '{"id":"mallory","name":"Mallory"}'),
        ("recorded_at", BEGIN + timedelta(minutes=4, seconds=1)),
        ("hash", "f" * 64),
        ("previous_hash", "f" * 64),
        ("data", "no JSON"),
    ],
)
async def test_no_column_of_an_event_can_be_changed(
    worked_database: Database, column: str, value: Any
) -> None:
    line = (await read_lines(worked_database))[2]
    report = await verify_tampered(
        worked_database,
        change_rows(tables.events, tables.events.c.seq == line.seq, **{column: value}),
    )
    first = report.first_break
    assert first is not None
    assert (first.claim, first.event) == (line.claim, 3)
    assert first.what in ("hash", "previous_hash", "canonical")


async def test_a_deleted_event_leaves_a_gap(worked_database: Database) -> None:
    line = (await read_lines(worked_database))[2]
    report = await verify_tampered(
        worked_database,
        lambda connection: connection.execute(
            delete(tables.events).where(tables.events.c.seq == line.seq)
        ),
    )
    first = report.first_break
    assert first is not None
    assert (first.claim, first.event, first.what) == (line.claim, 4, "number")
    assert (first.expected, first.found) == ("3", "4")


async def test_deleted_last_event_is_missed_by_the_claim(worked_database: Database) -> None:
    """The chain of what is left is whole, but the claim is a version further."""
    last = (await read_lines(worked_database, "a third, otherwise"))[-1]
    report = await verify_tampered(
        worked_database,
        lambda connection: connection.execute(
            delete(tables.events).where(tables.events.c.seq == last.seq)
        ),
    )
    first = report.first_break
    assert first is not None
    assert (first.claim, first.what) == (last.claim, "claims.version")
    assert (first.expected, first.found) == (str(last.number - 1), str(last.number))


async def test_two_swapped_events_are_found(worked_database: Database) -> None:
    """Whether their numbers are exchanged or what they say."""
    line_one, two = (await read_lines(worked_database))[2:4]
    seq, number = tables.events.c.seq, tables.events.c.number

    def swap(connection: Connection) -> None:
        for line, value in (
            (line_one.seq, 1000),
            (two.seq, line_one.number),
            (line_one.seq, two.number),
        ):
            connection.execute(update(tables.events).where(seq == line).values({number: value}))

    report = await verify_tampered(worked_database, swap)
    assert report.first_break is not None
    assert (report.first_break.claim, report.first_break.event) == (line_one.claim, 3)
    assert report.first_break.what == "previous_hash"
    assert "order" in {finding.what for finding in report.breaks}


async def test_swapped_contents_are_found(worked_database: Database) -> None:
    line_one, two = (await read_lines(worked_database))[2:4]

    def swap(connection: Connection) -> None:
        for line, with_ in ((line_one, two), (two, line_one)):
            connection.execute(
                update(tables.events)
                .where(tables.events.c.seq == line.seq)
                .values(type=with_.type, data=with_.data, actor=with_.actor)
            )

    report = await verify_tampered(worked_database, swap)
    assert report.first_break is not None
    assert (report.first_break.event, report.first_break.what) == (3, "hash")


def forge_event(line: Any, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """An event after `line` with the hash that it ought to have."""
    values = {
        "claim": line.claim,
        "number": line.number + 1,
        "type": kind,
        "actor": render_canonical({"id": ANNA.id, "name": ANNA.name}),
        "data": render_canonical(data),
        "previous_hash": line.hash,
    }
    digest = hash_claim_event(**values, recorded_at=format_instant(line.recorded_at))
    return values | {
        "kind": "claim",
        "id": ids.make_id(),
        "hash": digest,
        "recorded_at": line.recorded_at,
    }


async def test_a_forged_event_with_a_right_hash_is_found(worked_database: Database) -> None:
    """The chain is whole, yet nothing that is derived from the record knows of the event."""
    last = (await read_lines(worked_database, "another matter"))[-1]
    row = forge_event(last, "claim.amended", {"finding": "refuted"})
    report = await verify_tampered(
        worked_database, lambda connection: connection.execute(insert(tables.events), [row])
    )
    first = report.first_break
    assert first is not None
    assert (first.claim, first.what) == (last.claim, "claims.version")
    assert (first.expected, first.found) == (str(last.number + 1), str(last.number))


async def test_a_forged_event_with_another_state_is_found(worked_database: Database) -> None:
    """Version and hash are as the forged event wants them, but the state says something else."""
    last = (await read_lines(worked_database, "another matter"))[-1]
    row = forge_event(last, "claim.amended", {"finding": "refuted"})

    def forge(connection: Connection) -> None:
        connection.execute(insert(tables.events), [row])
        connection.execute(
            update(tables.claims)
            .where(tables.claims.c.id == last.claim)
            .values(version=row["number"], last_hash=row["hash"])
        )

    report = await verify_tampered(worked_database, forge)
    whats = [break_found.what for break_found in report.breaks]
    assert whats == ["claims.document", "claims.state"]
    assert report.breaks[0].expected == f'{{"version":{row["number"]}}}'


async def test_a_forged_status_change_that_does_not_fit_is_found(worked_database: Database) -> None:
    """Rightly hashed, it begins from a status that the claim did not have."""
    lines = await read_lines(worked_database, "a third, otherwise")
    data = next(orjson.loads(line.data) for line in lines if line.type == "claim.status_changed")
    row = forge_event(lines[-1], "claim.status_changed", data)
    report = await verify_tampered(
        worked_database, lambda connection: connection.execute(insert(tables.events), [row])
    )
    assert report.first_break is not None
    assert report.first_break.what == "fold"
    assert "follows change" in report.first_break.found


async def test_an_event_that_cannot_follow_is_found(worked_database: Database) -> None:
    last = (await read_lines(worked_database, "a third, otherwise"))[-1]
    row = forge_event(last, "claim.painted", {"colour": "red"})
    report = await verify_tampered(
        worked_database, lambda connection: connection.execute(insert(tables.events), [row])
    )
    assert report.first_break is not None
    assert report.first_break.what == "fold"
    assert "unknown event type" in report.first_break.found


async def test_a_claim_without_events_and_events_without_a_claim_are_found(
    worked_database: Database, tmp_path: Path
) -> None:
    """Foreign keys forbid the second, unless somebody switched them off."""
    claim = (await read_lines(worked_database, "a third, otherwise"))[0].claim
    before = await verify(worked_database)
    missing_claim = ids.make_id()
    if worked_database.embedded:
        # A connection of one's own checks no foreign keys unless it asks to.
        path = tmp_path / "copy.db"
        shutil.copy(str(worked_database.url.database), path)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TRIGGER events_no_update")
            parameters = (missing_claim.replace("-", ""), claim.replace("-", ""))
            connection.execute("UPDATE events SET claim = ? WHERE claim = ?", parameters)
            connection.commit()
        copy = Database(Settings(database_url=f"sqlite:///{path}"))
        await copy.start()
        report = await verify(copy)
        await copy.stop()
    else:

        def move(connection: Connection) -> None:
            connection.execute(text("ALTER TABLE events DROP CONSTRAINT fk_events_claim_claims"))
            change_rows(tables.events, tables.events.c.claim == claim, claim=missing_claim)(
                connection
            )

        report = await verify_tampered(worked_database, move)
    assert [
        (break_found.claim, break_found.what, break_found.found) for break_found in report.breaks
    ] == [
        (claim, "events", "none"),
        (missing_claim, "events", "none: rows of no claim"),
    ]
    assert (report.claims, report.events) == (before.claims, before.events)


async def test_all_breaks_are_counted_and_the_first_are_listed(worked_database: Database) -> None:
    report = await verify_tampered(
        worked_database, change_rows(tables.claims, True, last_hash="f" * 64)
    )
    assert report.broken == report.claims == 36
    assert len(report.breaks) == 20
    assert report.breaks[0] == report.first_break
    assert [break_found.claim for break_found in report.breaks] == sorted(
        break_found.claim for break_found in report.breaks
    )
