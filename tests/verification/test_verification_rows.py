"""Every column of what is derived from the record is proved, in every table."""

from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, insert, select

from service.domain import ids
from service.store import tables
from service.store.engine import Database
from tests.verification.tampering import change_rows, read_lines, verify_tampered
from tests.verification.workday import BEGIN

CLAIMS = {
    "status": "confirmed",
    "version": 99,
    "kind": "figure",
    "lifecycle": "withdrawn",
    "story": None,
    "claimant": "nato",
    "claimant_root": "nato",
    "agrees": False,
    "challenged": True,
    "pending": True,
    "assignee": "anna",
    "claimed_at": BEGIN,
    "status_since": BEGIN,
    "changed_at": BEGIN,
    "created_at": BEGIN,
    "last_hash": "f" * 64,
}


@pytest.mark.parametrize("column", CLAIMS)
async def test_every_column_of_a_claim_is_proved(worked_database: Database, column: str) -> None:
    other = column in ("claimant", "claimant_root")
    one_like = (
        tables.claims.c.kind == "attribution" if other else tables.claims.c.claimant == "nato"
    )
    row = (
        await worked_database.read(
            lambda connection: connection.execute(select(tables.claims).where(one_like)).all()
        )
    )[0]
    report = await verify_tampered(
        worked_database,
        change_rows(tables.claims, tables.claims.c.id == row.id, **{column: CLAIMS[column]}),
    )
    assert report.broken == 1, report.breaks
    assert report.breaks[0].claim == row.id
    assert report.breaks[0].what == f"claims.{column}"


async def test_the_story_of_an_event_is_proved(worked_database: Database) -> None:
    """It is no part of what is hashed: the claim's record says what it has to be."""
    line = (await read_lines(worked_database, "the whole"))[1]
    assert line.story == "kosovo-border-2023"
    report = await verify_tampered(
        worked_database, change_rows(tables.events, tables.events.c.seq == line.seq, story=None)
    )
    assert report.broken == 1, report.breaks
    first_break = report.breaks[0]
    assert (first_break.claim, first_break.event, first_break.what) == (
        line.claim,
        line.number,
        "events.story",
    )


@pytest.mark.parametrize("column", ["document", "state"])
async def test_a_changed_document_or_state_names_the_key(
    worked_database: Database, column: str
) -> None:
    line = (await read_lines(worked_database))[0]
    stored_text = await worked_database.read(
        lambda connection: connection.execute(
            select(tables.claims.c[column]).where(tables.claims.c.id == line.claim)
        ).scalar_one()
    )
    wrong_text = stored_text.replace("a part, worded otherwise", "a part, worded as somebody likes")
    report = await verify_tampered(
        worked_database,
        change_rows(tables.claims, tables.claims.c.id == line.claim, **{column: wrong_text}),
    )
    assert report.broken == 1
    assert report.breaks[0].what == f"claims.{column}"
    assert report.breaks[0].expected == '{"text":"a part, worded otherwise"}'
    assert report.breaks[0].found == '{"text":"a part, worded as somebody likes"}'


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("links", {"stance": "comments"}),
        ("links", {"scope": "partial"}),
        ("links", {"conditional": True}),
        ("links", {"root": "belgrade"}),
        ("links", {"note": "another note"}),
        ("links", {"linked_by": "Mallory"}),
        ("links", {"retracted_at": BEGIN}),
        ("decisions", {"state": "pending"}),
        ("decisions", {"to": "asserted"}),
        ("decisions", {"reason": "because"}),
        ("decisions", {"proposed_by": "boris"}),
        ("decisions", {"settled_by_name": "Mallory"}),
        ("decisions", {"comment": "another comment"}),
        ("claim_tags", {"removed_at": BEGIN}),
        ("claim_tags", {"tag": "water"}),
        ("claim_versions", {"status": "disputed"}),
        ("claim_versions", {"lifecycle": "withdrawn"}),
        ("claim_versions", {"agrees": False}),
        ("claim_versions", {"part_of": ids.make_id()}),
        ("claim_versions", {"assignee": "anna"}),
        ("claim_versions", {"recorded_at": BEGIN}),
        ("claim_versions", {"superseded_at": BEGIN}),
        ("claim_versions", {"document": "{}"}),
    ],
)
async def test_a_changed_row_beside_a_claim_is_found(
    worked_database: Database, table: str, values: dict[str, Any]
) -> None:
    t = tables.metadata.tables[table]
    (claim, key) = await worked_database.read(lambda connection: pick(connection, t))
    report = await verify_tampered(worked_database, change_rows(t, key, **values))
    assert not report.ok
    assert {break_found.claim for break_found in report.breaks} == {claim}
    (column,) = values
    if column != "tag":
        assert [break_found.what for break_found in report.breaks] == [f"{table}.{column}"]
    else:
        assert [(break_found.expected, break_found.found) for break_found in report.breaks] == [
            (f"a row {old}", "no row") for old in [report.breaks[0].expected[6:]]
        ] + [("no row", report.breaks[1].found)]


def pick(connection: Connection, table: Table) -> tuple[str, Any]:
    """A claim, and a condition for one row of it that none of the changes above leaves alike."""
    query = select(table)
    if table is tables.links:
        query = query.where(
            table.c.stance == "supports", table.c.root == "washington", table.c.party == "nato"
        )
    elif table is tables.decisions:
        query = query.where(table.c.state == "approved", table.c.to == "confirmed")
    elif table is tables.claim_versions:
        query = query.where(
            table.c.agrees,
            table.c.status == "asserted",
            # Not one of the seeds', which held for no time: all of them came at one instant.
            table.c.superseded_at > table.c.recorded_at,
        )
    row = connection.execute(query.order_by(*table.primary_key.columns).limit(1)).one()
    condition = True
    for column in table.primary_key.columns:
        condition = (column == row._mapping[column.name]) & condition
    return str(row.claim), condition


@pytest.mark.parametrize("table", ["links", "decisions", "claim_tags", "claim_versions"])
async def test_a_deleted_row_beside_a_claim_is_found(worked_database: Database, table: str) -> None:
    t = tables.metadata.tables[table]
    claim, key = await worked_database.read(lambda connection: pick(connection, t))
    report = await verify_tampered(
        worked_database, lambda connection: connection.execute(delete(t).where(key))
    )
    # A claim is found by the words of what is linked to it, too.
    first_break, *other_breaks = report.breaks
    assert {break_found.what for break_found in other_breaks} <= {
        "claim_search.words",
        "claim_search.fields",
    }
    assert (first_break.claim, first_break.what, first_break.found) == (claim, table, "no row")


@pytest.mark.parametrize("table", ["links", "decisions", "claim_tags", "claim_versions"])
async def test_an_added_row_beside_a_claim_is_found(worked_database: Database, table: str) -> None:
    t = tables.metadata.tables[table]
    claim, key = await worked_database.read(lambda connection: pick(connection, t))

    def add(connection: Connection) -> None:
        row = dict(connection.execute(select(t).where(key)).one()._mapping)
        changes: dict[str, dict[str, Any]] = {
            "links": {"id": ids.make_id()},
            "decisions": {"id": ids.make_id()},
            "claim_tags": {"tag": "water"},
            "claim_versions": {"version": 999, "superseded_at": BEGIN},
        }
        connection.execute(insert(t), row | changes[table])

    report = await verify_tampered(worked_database, add)
    assert report.broken == 1
    assert (report.breaks[0].claim, report.breaks[0].what) == (claim, table)
    assert report.breaks[0].expected == "no row"
