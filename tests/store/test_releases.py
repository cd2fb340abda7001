"""Which releases may write to a database: what the schema refuses, and what readiness says."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import asyncpg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from service.config import Settings
from service.store import migrate, releases
from service.store.tables import INDEXES, metadata
from service.web import readiness
from tests.support import desk as support
from tests.support.desk import Desk

REASON = "upgraded by a newer Claimdesk"
GUARDED = sorted(set(metadata.tables) - releases.DERIVED)


def list_refusals(database_url: str, *, old: bool) -> dict[tuple[str, str], str | None]:
    """What the database says to each act on each table: to a connection that is made as the release
    before this one made its own, or as another program does.  Nothing is left of what it lets
    through."""
    if database_url.startswith("sqlite"):
        return _list_sqlite_refusals(database_url.removeprefix("sqlite:///"), old=old)
    return asyncio.run(_list_postgresql_refusals(database_url, old=old))


def list_acts(table: str) -> list[str]:
    column = next(iter(metadata.tables[table].columns)).name
    return [
        f"INSERT INTO {table} DEFAULT VALUES",
        f'UPDATE {table} SET "{column}" = "{column}"',
        f"DELETE FROM {table}",
    ]


def _list_sqlite_refusals(path: str, *, old: bool) -> dict[tuple[str, str], str | None]:
    refusals: dict[tuple[str, str], str | None] = {}
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if old:
            connection.execute("PRAGMA cache_size=-65536")
        for table in GUARDED:
            for act in list_acts(table):
                connection.execute("BEGIN")
                refusals[table, act] = None
                try:
                    connection.execute(act)
                except sqlite3.Error as error:
                    refusals[table, act] = str(error)
                connection.execute("ROLLBACK")
    return refusals


async def _list_postgresql_refusals(url: str, *, old: bool) -> dict[tuple[str, str], str | None]:
    refusals: dict[tuple[str, str], str | None] = {}
    name = {"application_name": "claimdesk" if old else "psql"}
    connection = await asyncpg.connect(url, server_settings=name)
    try:
        for table in GUARDED:
            for act in list_acts(table):
                transaction = connection.transaction()
                await transaction.start()
                refusals[table, act] = None
                try:
                    await connection.execute(act)
                except asyncpg.PostgresError as error:
                    refusals[table, act] = str(error)
                await transaction.rollback()
    finally:
        await connection.close()
    return refusals


def require_refused(refusals: dict[tuple[str, str], str | None], *, embedded: bool) -> None:
    """Each act is refused with the reason; on SQLite, whose triggers see rows, where there are
    any."""
    let_through = [act for act, words in refusals.items() if words is None]
    if embedded:
        let_through = [act for act in let_through if act[1].startswith("INSERT")]
    assert let_through == []
    assert [words for words in refusals.values() if words is not None and REASON not in words] == []


async def test_older_release_is_refused_every_change_with_the_reason(desk: Desk) -> None:
    """On every table that is not derived, with rows in it."""
    await desk.record_parties()
    await desk.link_statement((await desk.record_claim())["id"], "supports", "nato")
    url = desk.settings.database_url.get_secret_value()
    refusals = await asyncio.to_thread(list_refusals, url, old=True)
    require_refused(refusals, embedded=desk.settings.embedded)
    for table in ("events", "claims", "parties", "statements", "api_keys"):
        for act in list_acts(table):
            assert REASON in (refusals[table, act] or ""), act


async def test_other_programs_are_not_refused_as_older_releases(desk: Desk) -> None:
    """An operator's own tools may be refused for other reasons."""
    url = desk.settings.database_url.get_secret_value()
    refusals = await asyncio.to_thread(list_refusals, url, old=False)
    assert [words for words in refusals.values() if words and REASON in words] == []


async def test_older_release_is_refused_after_the_upgrade_of_an_old_schema(
    settings: Settings,
) -> None:
    """Although migrations rebuilt tables; before the upgrade nobody is refused."""
    await asyncio.to_thread(migrate.downgrade, settings, "0009")
    url = settings.database_url.get_secret_value()
    await asyncio.to_thread(migrate.upgrade, settings, "0010")
    await asyncio.to_thread(migrate.upgrade, settings)
    refusals = await asyncio.to_thread(list_refusals, url, old=True)
    require_refused(refusals, embedded=settings.embedded)


def test_every_table_is_guarded_or_derived() -> None:
    """New tables are guarded by themselves; derived ones are only written together with those."""
    assert {"claim_versions", *INDEXES} == releases.DERIVED - {"alembic_version"}
    assert "events" in GUARDED


def test_schema_is_the_head_of_the_migrations() -> None:
    """The names of files say it as Alembic does, which would take longer than the rest of a
    start."""
    assert migrate.find_head() == ScriptDirectory(str(migrate.find_scripts())).get_current_head()
    assert releases.find_newest_schema() >= releases.OLDEST_WRITER


@pytest.fixture
async def upgrade_schema(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Any]:
    """Bring the database under the desk to a schema that it does not know; the argument is the
    oldest that one has to know to go on."""
    # Nobody chooses how long an answer of /readyz is kept.
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0)

    async def upgrade(oldest: int) -> None:
        def change(connection: Any) -> None:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            # The release that this one may not write beside is a fact of the code.
            monkeypatch.setattr(releases, "OLDEST_WRITER", oldest)
            releases.create_triggers(connection)

        await desk.database.write(change)

    return upgrade


async def test_process_goes_on_with_a_compatible_newer_schema(
    desk: Desk, upgrade_schema: Callable[[int], Any]
) -> None:
    await desk.record_parties()
    await upgrade_schema(releases.find_newest_schema())
    assert (await desk.public.get("/readyz")).status_code == 200
    await desk.record_claim()


async def test_process_is_refused_by_an_incompatible_newer_schema(
    desk: Desk, upgrade_schema: Callable[[int], Any]
) -> None:
    """Readiness says so; changes are refused with the reason, and nothing is changed."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    own = releases.find_newest_schema()
    await upgrade_schema(own + 1)
    response = await desk.public.get("/readyz")
    assert response.status_code == 503
    assert "newer" in response.json()["detail"]
    refusal = await desk.checker.post("/v1/claims", json=support.build_claim(text="too late"))
    assert refusal.status_code == 503, refusal.text
    assert REASON in refusal.json()["detail"]
    assert refusal.headers["retry-after"] == "1"
    items = (await desk.reader.get("/v1/claims")).json()["items"]
    assert [each["id"] for each in items] == [claim]


async def test_schema_behind_the_code_is_not_ready(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody chooses how long an answer of /readyz is kept.
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0)
    await desk.database.write(
        lambda connection: connection.execute(
            text("UPDATE alembic_version SET version_num = '0001'")
        )
    )
    response = await desk.public.get("/readyz")
    assert response.status_code == 503
    assert "claimdesk db upgrade" in response.json()["detail"]
