"""The schema's migrations, on both databases, empty and with data in them."""

import ast
import asyncio
import shutil
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Executable, func, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from service.claims import history_queries
from service.config import Settings
from service.domain import ids
from service.domain.access import SYSTEM
from service.domain.claims import ClaimState, format_instant
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.record.canonical import render_canonical
from service.search.index.index_tables import claim_search
from service.store import migrate, states, tables
from service.store.engine import Database
from service.store.tables import INDEXES, events, metadata
from service.verification import verification
from tests.exchange.desks import export_desk
from tests.faults.ledgers import audit
from tests.faults.served import run_command
from tests.support import desk as support
from tests.support.hashes import hash_claim_event
from tests.support.postgres import PostgresServer
from tests.support.upgrading import upgrade_desk
from tests.verification.workday import work_a_day

GUARDS = {
    "sqlite": {"events_no_update", "events_no_delete", "events_no_replace"},
    "postgresql": {"events_append_only", "events_no_truncate"},
}


@pytest.fixture
def empty_settings(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The settings of a database without a schema."""
    if database_kind == "sqlite":
        yield Settings(database_url=f"sqlite:///{tmp_path / 'empty' / 'claimdesk.db'}")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database()
    yield Settings(database_url=url)
    server.drop_database(url)


def test_migrations_import_nothing_of_the_service() -> None:
    """Code that may change later would change what a release's migration does."""
    for path in migrate.find_scripts().rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(f"{'.' * node.level}{node.module or ''}")
            assert not [name for name in names if name.startswith(("service", "."))], path


def test_migrations_have_one_head() -> None:
    """Two heads would have to be merged before anybody could upgrade."""
    assert len(ScriptDirectory(str(migrate.find_scripts())).get_heads()) == 1


async def test_upgrade_of_an_empty_database_gives_the_schema_of_the_tables(
    empty_settings: Settings,
) -> None:
    """Neither more nor less; a second upgrade changes nothing."""
    assert await asyncio.to_thread(migrate.read_current, empty_settings) is None
    await asyncio.to_thread(migrate.upgrade, empty_settings)
    await asyncio.to_thread(migrate.upgrade, empty_settings)
    assert await asyncio.to_thread(migrate.read_current, empty_settings) == migrate.find_head()
    assert await asyncio.to_thread(migrate.find_differences, empty_settings) == []
    await require_guards(empty_settings)


async def test_downgrade_and_upgrade_work_with_data(settings: Settings, tmp_path: Path) -> None:
    """A downgrade takes recorded data; afterwards the schema and its triggers are complete."""
    await record_something(settings)
    await asyncio.to_thread(migrate.downgrade, settings, "base")
    assert await asyncio.to_thread(migrate.read_current, settings) is None
    assert await list_left_over(settings) == {"alembic_version"}
    await upgrade_desk(settings)
    assert await asyncio.to_thread(migrate.find_differences, settings) == []
    await require_guards(settings)
    await record_something(settings)
    await require_append_only(settings)
    assert len(await audit(settings)) == 2


async def test_unnamed_sources_and_months_survive_a_downgrade(settings: Settings) -> None:
    """The rows are put back from the record; then the record proves them."""
    async with support.run_desk(settings) as desk:
        await desk.database.write(work_a_day)
    await asyncio.to_thread(migrate.downgrade, settings, "0027")
    await upgrade_desk(settings)
    later = support.Clock()
    later.advance(days=30)
    async with support.run_desk(settings, later) as desk:
        report = await desk.database.read(verification.verify)
        assert report.ok, report.breaks


async def test_upgrade_keeps_what_is_recorded(settings: Settings) -> None:
    """At the newest schema an upgrade changes nothing."""
    await record_something(settings)
    before = await audit(settings)
    await upgrade_desk(settings)
    assert await audit(settings) == before


async def test_migration_moves_further_links_out_of_the_claim_and_back(
    settings: Settings,
) -> None:
    """A claim whose many links were recorded before 0017 is read as before."""
    async with support.run_desk(settings) as desk:
        await desk.record_parties()
        claim = (await desk.record_claim())["id"]
        for _ in range(states.FIRST + 3):
            await desk.link_statement(claim, "comments", "washington")
    before = await audit(settings)
    whole = await read_state(settings, claim)
    assert len(whole.links) == states.FIRST + 3
    await asyncio.to_thread(migrate.downgrade, settings, "0016")
    engine = Database(settings)
    await engine.start()
    old = await engine.read(lambda connection: connection.scalar(select(tables.claims.c.state)))
    await engine.stop()
    assert states.parse(old or "") == whole
    assert states.FURTHER not in (old or "")
    await upgrade_desk(settings)
    assert await audit(settings) == before
    assert await asyncio.to_thread(migrate.find_differences, settings) == []
    assert await read_state(settings, claim) == whole
    async with support.run_desk(settings) as desk:
        await desk.link_statement(claim, "comments", "washington")
    assert len((await read_state(settings, claim)).links) == states.FIRST + 4
    await audit(settings)


async def test_migration_indexes_long_rows_again(settings: Settings) -> None:
    """Before 0017 rows of the index did not say that they are full; `verify` finds nothing then."""
    async with support.run_desk(settings) as desk:
        await desk.record_parties()
        claim = (await desk.record_claim())["id"]
        for _ in range(3):
            await desk.link_statement(claim, "comments", "washington")
    before = await audit(settings)
    await asyncio.to_thread(migrate.downgrade, settings, "0016")
    database = Database(settings)
    await database.start()
    words = " ".join(f"3word{number}" for number in range(2_000))
    await database.write(
        lambda connection: connection.execute(update(claim_search).values(words=words))
    )
    await database.stop()
    await upgrade_desk(settings)
    assert await audit(settings) == before


async def read_state(settings: Settings, claim: str) -> ClaimState:
    database = Database(settings)
    await database.start()
    state = await database.read(history_queries.read_state, claim)
    await database.stop()
    assert state is not None
    return state


async def test_migration_fills_in_the_story_of_older_events(settings: Settings) -> None:
    """The append-only guard is lifted for the migration, and refuses changes again afterwards."""
    async with support.run_desk(settings) as desk:
        await desk.record_parties()
        await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
        claim = (await desk.record_claim(story="border"))["id"]
        await desk.link_statement(claim, "requests_confirmation", "washington")
        await desk.record_claim()
    before = await audit(settings)
    await asyncio.to_thread(migrate.downgrade, settings, "0002")
    await upgrade_desk(settings)
    assert await audit(settings) == before
    assert await asyncio.to_thread(migrate.find_differences, settings) == []
    await require_guards(settings)
    await require_append_only(settings)
    async with support.run_desk(settings) as desk:
        items = (await desk.reader.get("/v1/events")).json()["items"]
        assert {(each["claim"] == claim, each["story"]) for each in items} == {
            (True, "border"),
            (False, None),
        }


async def test_migrated_versions_answer_questions_as_of_an_instant(settings: Settings) -> None:
    """Also a component's with the claim that it was part of, and the tree of parties."""
    async with support.run_desk(settings) as desk:
        await desk.record_parties()
        parent, other = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
        part = (await desk.record_claim(part_of=parent))["id"]
        instant = desk.clock.now.isoformat()
        await desk.checker.post(
            f"/v1/claims/{parent}/merge", json={"into": other}, headers={"If-Match": "*"}
        )
        await desk.link_statement(other, "supports", "nato", basis="documents")
    before = await audit(settings)
    await asyncio.to_thread(migrate.downgrade, settings, "0004")
    await upgrade_desk(settings)
    assert await audit(settings) == before
    assert await asyncio.to_thread(migrate.find_differences, settings) == []
    async with support.run_desk(settings) as desk:
        for query in ({"part_of": parent}, {"claimant": "belgrade", "part_of": parent}):
            params = query | {"as_of": instant}
            items = (await desk.reader.get("/v1/claims", params=params)).json()["items"]
            assert [each["id"] for each in items] == [part]
        assert (await desk.database.read(verification.verify)).ok


async def test_migration_keeps_several_spellings_of_one_address(settings: Settings) -> None:
    """No source is lost, and the address is not recorded again."""
    url = "https://example.org/page"
    async with support.run_desk(settings) as desk:
        for address in (f"{url}?a=1", f"{url}?b=1", f"{url}?c=1"):
            await desk.post("/v1/sources", {"url": address, "title": "T"})
    await asyncio.to_thread(migrate.downgrade, settings, "0008")
    database = Database(settings)
    await database.start()

    def spell(connection: Connection) -> None:
        for name, new in (("a", "https://EXAMPLE.org/page"), ("b", url), ("c", f"{url}#top")):
            connection.execute(
                text("UPDATE sources SET url = :new WHERE url = :old"),
                {"new": new, "old": f"{url}?{name}=1"},
            )

    await database.write(spell)
    await database.stop()
    await upgrade_desk(settings)
    assert await asyncio.to_thread(migrate.find_differences, settings) == []
    async with support.run_desk(settings) as desk:
        items = (await desk.reader.get("/v1/sources", params={"url": url})).json()["items"]
        assert len(items) == 3
        source = await desk.post("/v1/sources", {"url": url, "title": "Other"}, status=200)
        assert source["url"] == "https://EXAMPLE.org/page"


async def test_migration_keeps_two_spellings_of_one_speaker(
    settings: Settings,
) -> None:
    """New statements get the older speaker; `verify` accepts both, and an export carries both."""

    def record_another_spelling(connection: Connection) -> None:
        """As a desk of schema 18 did, to which these were two names."""
        data = {"party": "belgrade", "name": "Ana Djukić", "role": None}
        subject = Subject(SubjectKind.SPEAKER, ids.make_id())
        draft = Draft("speaker.created", data)
        writer.write_lines(
            connection, writer.build_first_lines(subject, [draft], actor=SYSTEM, now=desk.clock.now)
        )
        row = data | {"id": subject.id, "created_at": desk.clock.now}
        folded_columns = {"folded_name": "ana djukic", "folded_role": ""}
        connection.execute(insert(tables.speakers).values(row | folded_columns))

    async with support.run_desk(settings) as desk:
        await desk.post("/v1/parties", {"slug": "belgrade", "name": "Belgrade"})
        ana = await desk.post("/v1/speakers", {"party": "belgrade", "name": "Ana Đukić"})
        desk.clock.advance(seconds=1)
        await desk.database.write(record_another_spelling)
    await asyncio.to_thread(migrate.downgrade, settings, "0020")
    await upgrade_desk(settings)
    async with support.run_desk(settings, desk.clock) as desk:
        report = await desk.database.read(verification.verify)
        assert report.ok, report.breaks
        items = (await desk.reader.get("/v1/speakers?name=djukic")).json()["items"]
        assert [speaker["name"] for speaker in items] == ["Ana Đukić", "Ana Djukić"]
        other_spelling = {"party": "belgrade", "name": "Ana Dukić"}
        assert (await desk.checker.post("/v1/speakers", json=other_spelling)).json()["id"] == ana[
            "id"
        ]
        export = await export_desk(desk.database)
        assert export.count(b'"record":"speaker"') == 2


async def test_migration_that_breaks_foreign_keys_is_rolled_back(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    """On SQLite they are off during a migration, and checked before its commit."""
    path = shutil.copy(migrated_sqlite, tmp_path / "broken.db")
    settings = Settings(database_url=f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(
            "INSERT INTO parties (slug, name, parent, root, created_at, updated_at)"
            " VALUES ('a', 'A', 'nobody', 'nobody', '2023', '2023')"
        )
    connection.close()
    with pytest.raises(RuntimeError, match="would break foreign keys"):
        await asyncio.to_thread(migrate.upgrade, settings)


def test_two_processes_can_upgrade_at_the_same_time(
    empty_settings: Settings, tmp_path: Path
) -> None:
    """Both succeed, and the schema is created once."""
    url = empty_settings.database_url.get_secret_value()

    def upgrade(_: int) -> subprocess.CompletedProcess[str]:
        return run_command(url, tmp_path, "db", "upgrade")

    with ThreadPoolExecutor(3) as threads:
        upgrades = list(threads.map(upgrade, range(3)))
    assert [each.returncode for each in upgrades] == [0, 0, 0], [each.stderr for each in upgrades]
    assert migrate.read_current(empty_settings) == migrate.find_head()
    assert migrate.find_differences(empty_settings) == []


async def record_something(settings: Settings) -> None:
    quick = settings.model_copy(update={"rate_limit": None, "log_level": "error"})
    async with support.run_desk(quick) as desk:
        await desk.record_parties()
        claim = (await desk.record_claim(tags=["a"]))["id"]
        await desk.record_claim(part_of=claim)
        await desk.confirm_claim(claim)


async def list_left_over(settings: Settings) -> set[str]:
    """The tables, functions and triggers that are there."""
    if settings.embedded:
        path = settings.database_url.get_secret_value().removeprefix("sqlite:///")
        connection = sqlite3.connect(path)
        try:
            rows = connection.execute(
                "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%' ORDER BY name"
            ).fetchall()
        finally:
            connection.close()
        return {row[0] for row in rows}
    server = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        rows = await server.fetch(
            "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' UNION ALL "
            "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' UNION ALL "
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        )
    finally:
        await server.close()
    return {row["name"] for row in rows}


async def require_guards(settings: Settings) -> None:
    """The triggers that keep the record append-only."""
    database = Database(settings)
    await database.start()
    try:
        tables = await database.read(lambda connection: set(inspect(connection).get_table_names()))
        indexes = tuple(INDEXES.values())
        assert {table for table in tables if not table.startswith(indexes)} == {
            *metadata.tables,
            "alembic_version",
        }
        query = (
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            if settings.embedded
            else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        )
        rows = await database.read(lambda connection: connection.exec_driver_sql(query).fetchall())
        kind = "sqlite" if settings.embedded else "postgresql"
        assert {row[0] for row in rows} >= GUARDS[kind]
    finally:
        await database.stop()


async def require_append_only(settings: Settings) -> None:
    """Neither UPDATE nor DELETE nor a replacing INSERT touches an event."""
    database = Database(settings)
    await database.start()

    def first(connection: Connection) -> dict[str, Any]:
        return dict(connection.execute(select(events).limit(1)).mappings().one())

    def try_to_change(connection: Connection, attack: Executable) -> None:
        connection.execute(attack)

    line = await database.read(first)
    attacks: list[Executable] = [
        events.update().values(data="{}"),
        events.delete(),
        insert(events).values(**line).prefix_with("OR REPLACE", dialect="sqlite"),
    ]
    try:
        for attack in attacks:
            with pytest.raises(DBAPIError):
                await database.write(try_to_change, attack)
        assert await database.read(first) == line
        count = await database.read(
            lambda connection: connection.execute(
                select(func.count()).select_from(events)
            ).scalar_one()
        )
        assert count > 2
    finally:
        await database.stop()


async def test_migrated_proposal_is_bound_to_the_print_line_of_its_time(settings: Settings) -> None:
    """It can be approved after the upgrade, and is refused if the claim was reworded since."""
    async with support.run_desk(settings) as desk:
        await desk.record_parties()
        waiting = []
        for _ in range(2):
            claim = (await desk.record_claim())["id"]
            link = await desk.link_statement(claim, "supports", "nato")
            body = (await desk.change_status(claim, "confirmed", cites=[link["id"]])).json()
            waiting.append((claim, body["id"]))
        await desk.database.write(forget_what_printed, [claim for claim, _ in waiting])
    await asyncio.to_thread(migrate.downgrade, settings, "0009")
    await upgrade_desk(settings)
    async with support.run_desk(settings) as desk:
        report = await desk.database.read(verification.verify)
        assert report.ok, report.breaks
        (kept_claim, first), (spoiled_claim, second) = waiting
        decision = (await desk.checker.get(f"/v1/decisions/{first}")).json()
        assert (decision["state"], decision["kind"], decision["printed"]) == (
            "pending",
            "status",
            None,
        )
        rewording = {"text": "Serbia killed 400 civilians", "material": False}
        await desk.checker.patch(
            f"/v1/claims/{spoiled_claim}", json=rewording, headers={"If-Match": "*"}
        )
        refusal = await desk.editor.post(f"/v1/decisions/{second}/approval")
        assert refusal.json()["type"] == "/problems/decision-outdated"
        assert [each["field"] for each in refusal.json()["changed"]] == ["text"]
        approval = await desk.editor.post(f"/v1/decisions/{first}/approval")
        assert approval.status_code == 200
        assert (await desk.read_claim(kept_claim))["status"] == "confirmed"
        report = await desk.database.read(verification.verify)
        assert report.ok, report.breaks


def forget_what_printed(connection: Connection, claims: list[str]) -> None:
    """Make the last event of each claim, a proposal, what the release before would have written,
    with all that is derived from it."""
    new = ("kind", "change", "seen", "prints", "digest")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE events DISABLE TRIGGER events_append_only")
        trigger = "ALTER TABLE events ENABLE TRIGGER events_append_only"
    else:
        guard = "SELECT sql FROM sqlite_master WHERE name = 'events_no_update'"
        trigger = str(connection.exec_driver_sql(guard).scalar_one())
        connection.exec_driver_sql("DROP TRIGGER events_no_update")
    for claim in claims:
        row = connection.execute(
            select(events).where(events.c.claim == claim).order_by(events.c.number.desc()).limit(1)
        ).one()
        assert row.type == "decision.proposed"
        data = orjson.loads(row.data)
        older_data = render_canonical(
            {name: value for name, value in data.items() if name not in new}
        )
        digest = hash_claim_event(
            claim=claim,
            number=row.number,
            type=row.type,
            recorded_at=format_instant(row.recorded_at),
            actor=row.actor,
            data=older_data,
            previous_hash=row.previous_hash,
        )
        connection.execute(
            update(events)
            .where(events.c.seq == row.seq)
            .values(data=older_data, hash=digest, salts=None)
        )
        stored_state = connection.scalar(
            select(tables.claims.c.state).where(tables.claims.c.id == claim)
        )
        state = orjson.loads(stored_state or "")
        state["pending"] = {
            name: value for name, value in state["pending"].items() if name not in new
        }
        connection.execute(
            update(tables.claims)
            .where(tables.claims.c.id == claim)
            .values(state=orjson.dumps(state).decode(), last_hash=digest)
        )
        old = {name: data[name] for name in ("cites", "set_aside", "override")}
        connection.execute(
            update(tables.decisions)
            .where(tables.decisions.c.id == data["id"])
            .values(proposal=render_canonical(old))
        )
    connection.exec_driver_sql(trigger)
