"""The rows of the search indexes follow from the record, whatever was done."""

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, Table, delete, select, update

from service.claims import party_changes, statement_commands
from service.config import Settings
from service.domain.claims import Rendering
from service.domain.inputs import NewQuote
from service.search.finding import index_pages
from service.search.index import (
    index_rebuild,
    query_parser,
    term_statistics,
)
from service.search.index.index_tables import claim_search, statement_search
from service.search.index.match_expressions import IndexQuery
from service.search.index.searchable_fields import Level
from service.search.index.term_statistics import TermStatistics
from service.search.similar import candidates
from service.store import installation, migrate, tables
from service.store.engine import Database
from tests.support.desk import Desk
from tests.support.upgrading import upgrade_desk
from tests.verification.tampering import verify, verify_tampered
from tests.verification.workday import SOURCE, Day, work_a_day


def change_words(connection: Connection) -> None:
    """What changes words and leaves no event: renderings, full names."""
    day = Day(connection)
    quote = NewQuote("сасвим друге речи", "sr", Rendering.TRANSLATED, SOURCE)
    for statement in connection.scalars(select(tables.statements.c.id)).all():
        statement_commands.add_quote(connection, statement, quote, **day.by())
    party_changes.change_party(
        connection, "washington", {"full_name": "The United States"}, **day.by()
    )
    party_changes.change_party(connection, "nato", {"full_name": "An alliance"}, **day.by())
    party_changes.change_party(connection, "nato", {"full_name": None}, **day.by())
    party_changes.change_party(
        connection, "belgrade", {"name": "Beograd", "full_name": "Srbija"}, **day.by()
    )


def rebuild_indexes(connection: Connection) -> None:
    change_words(connection)
    index_rebuild.rebuild_index(connection)


@pytest.mark.parametrize("change", [change_words, rebuild_indexes])
async def test_index_rows_are_what_the_record_implies(
    worked_database: Database, change: Any
) -> None:
    """This holds for rows written change by change, and for those that are built anew."""
    report = await verify_tampered(worked_database, change)
    assert report.ok, report.breaks


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (claim_search, "words"),
        (claim_search, "former"),
        (claim_search, "fields"),
        (statement_search, "words"),
    ],
)
async def test_verify_finds_a_changed_index_row(
    worked_database: Database, table: Table, column: str
) -> None:
    """`verify` names the column; a word more or less is enough."""

    def change(connection: Connection) -> None:
        first = connection.scalar(select(table.c.number).order_by(table.c.number).limit(1))
        connection.execute(
            update(table).where(table.c.number == first).values({column: "1serbia 7troop"})
        )

    report = await verify_tampered(worked_database, change)
    assert [each.what for each in report.breaks] == [f"{table.name}.{column}"]


@pytest.mark.parametrize("table", [claim_search, statement_search])
async def test_verify_finds_a_missing_index_row(worked_database: Database, table: Table) -> None:
    """What is not indexed would never be found again."""
    report = await verify_tampered(
        worked_database,
        lambda connection: connection.execute(delete(table).where(table.c.number == 1)),
    )
    assert [(each.what, each.found) for each in report.breaks] == [(table.name, "no row")]


async def test_migration_indexes_what_is_recorded(settings: Settings) -> None:
    """A desk from before there was a search is found like any other."""

    async def run(work: Any) -> Any:
        database = Database(settings)
        await database.start()
        try:
            return await work(database)
        finally:
            await database.stop()

    await run(lambda database: database.write(work_a_day))
    await asyncio.to_thread(migrate.downgrade, settings, "0003")
    await upgrade_desk(settings)
    assert await asyncio.to_thread(migrate.find_differences, settings) == []
    report = await run(verify)
    assert report.ok, report.breaks
    rows = await run(
        lambda database: candidates.find_candidates(database, "smaller deployment", limit=5)
    )
    assert len(rows) == 1


async def test_candidates_share_rare_words_newest_first(worked_database: Database) -> None:
    """In any form and accent; a text without words has none; there are no more than asked for."""

    async def texts(text: str, limit: int = 10) -> list[str]:
        rows = await candidates.find_candidates(worked_database, text, limit=limit)
        return [orjson.loads(each.document)["text"] for each in rows]

    assert await texts("ANOTHER thing, matters!") == ["another matter"]
    assert "a third, otherwise" in await texts("thirds twin")
    wholes = await texts("whole parts")
    assert wholes[0] == "part of the twin"
    assert {"the whole", "the whole, again"} <= set(wholes)
    assert await texts("whole parts", limit=2) == wholes[:2]
    assert await texts("… !") == []
    assert await texts("zzz") == []


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_words_unknown_to_statistics_are_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They know the thousand commonest terms: on a large desk any other may still be in thousands
    of claims.  What they know is believed, and so is that a small desk has no such."""
    # A limit that only thousands of claims reach; each query chooses its plan by it.
    monkeypatch.setattr(index_pages, "SORTABLE", 3)
    for number in range(6):
        await desk.record_claim(
            text=f"Regime {number} {'returned' * (number < 3)}", claimant=None, speaker=None
        )

    async def find_known_words(rows: float, **shares: float) -> dict[str, bool]:
        async def read_statistics(*_: object) -> TermStatistics:
            return TermStatistics(rows, {f"1{stem}": share for stem, share in shares.items()}, 0.01)

        monkeypatch.setattr(term_statistics, "read_statistics", read_statistics)
        answers = {}
        for search_text in (
            "regime",
            "returned",
            "regime returned",
            '"regime 1"',
            "retur*",
            "army",
        ):
            query = query_parser.parse_query(search_text)
            index_query = IndexQuery("postgresql", claim_search, query, (), (Level.TEXT,))
            answers[search_text] = await index_pages.is_sortable(desk.database, index_query, "")
        return answers

    few = dict.fromkeys(("returned", "regime returned", "retur*", "army", '"regime 1"'), True)
    assert await find_known_words(1_000_000) == few | {"regime": False}
    assert await find_known_words(1_000_000, regim=0.5) == few | {"regime": False}
    assert await find_known_words(1_000_000, regim=0.5, army=0.2) == few | {
        "regime": False,
        "army": False,
    }
    assert await find_known_words(200) == few | {"regime": True}


async def test_index_of_an_older_release_is_built_again_in_batches(
    worked_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is cut off, the next run goes on; rows keep their numbers, and so results their
    order."""

    def spoil(connection: Connection) -> list[int]:
        installation.write_value(connection, installation.SEARCH_INDEX, {"version": 1})
        for table in (claim_search, statement_search):
            connection.execute(update(table).values(words="1outdated"))
        connection.execute(delete(claim_search).where(claim_search.c.number == 2))
        return list_numbers(connection)

    def list_numbers(connection: Connection) -> list[int]:
        query = select(claim_search.c.number).order_by(claim_search.c.claim)
        return list(connection.scalars(query))

    kept_numbers = await worked_database.write(spoil)
    assert not await worked_database.read(index_rebuild.is_current)
    monkeypatch.setattr(index_rebuild, "BATCH", 2)
    assert await worked_database.write(index_rebuild.rebuild_batch) == 2
    assert not await worked_database.read(index_rebuild.is_current)
    batches: list[int] = []
    count = await index_rebuild.bring_up_to_date(worked_database, report=batches.append)
    assert count == sum(batches)
    assert max(batches) == 2
    assert await worked_database.read(index_rebuild.is_current)
    assert await index_rebuild.bring_up_to_date(worked_database) == 0
    report = await verify(worked_database)
    assert report.ok, report.breaks
    assert set(kept_numbers) < set(await worked_database.read(list_numbers))
