"""A desk that is exported and imported elsewhere is the same desk, on either database."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, case, select

from service.config import Settings
from service.domain.access import SYSTEM
from service.exchange import export, seeds
from service.exchange.export_check import Tally
from service.store import tables, webhook_tables
from service.store.engine import Database
from service.store.installation import SECRET_SETTINGS
from service.webhooks import webhook_commands
from tests.exchange import desks
from tests.exchange.desks import (
    count_proved_claims,
    downgrade_to_version_1,
    export_desk,
    import_lines,
)
from tests.verification.workday import BEGIN

MOON = """
[[parties]]
slug = "moon"
name = "The Moon"
[[parties]]
slug = "belgrade"
name = "Belgrade"
full_name = "Government of Serbia"
kind = "government"
country = "RS"
"""
EXPORTED = {
    "users": {"password_hash"},
    "api_keys": {"secret_hash", "expires_at", "revoked_at", "last_used_at"},
    "parties": set(),
    "party_versions": set(),
    "speakers": set(),
    "sources": set(),
    "stories": set(),
    "statements": set(),
    "quotes": set(),
    "notes": set(),
    "uses": {"contact"},
    "events": {"seq", "salts"},
}
"""The tables that lines stand for, and the columns that no line has."""
DERIVED = {
    *("claims", "state_links", "claim_versions", "claim_tags", "links", "decisions"),
    *("inquiries", "former_claims", "former_links", "former_quotes"),
}
"""What is rebuilt by folding the record."""
INDEXES = {"claim_search", "statement_search"}
"""Likewise; each database has its own form of them, which `verify` proves."""
OWN = {
    "alembic_version",
    "contact_addresses",
    "correction_requests",
    "endpoint_alerts",
    "follows",
    "idempotency",
    "installation",
    "intakes",
    "notice_jobs",
    "notice_mailings",
    "notice_position",
    "notice_settings",
    "notices",
    "personal_feeds",
    "rename_claims",
    "renames",
    "request_limits",
    "saved_views",
    "sessions",
    "sign_in_links",
    "sign_in_tries",
    "use_contacts",
    "webhook_attempts",
    "webhook_deliveries",
    "webhook_filters",
    "webhook_messages",
    "webhook_parties",
    "webhooks",
}
"""What stays a desk's own: its secrets, whom it tells, and what it is at work on."""


def test_every_table_is_accounted_for() -> None:
    """Each table is exported, derived, or stays with the desk; a new table is added to one of the
    sets."""
    assert (
        set(tables.metadata.tables) | {"alembic_version"}
        == EXPORTED.keys() | DERIVED | INDEXES | OWN
    )


async def test_an_export_of_the_import_has_the_same_bytes(
    full_desk: Database, other_database: Database
) -> None:
    """Every row is there again, derived rows too, and `verify` finds nothing wrong."""
    first = await export_desk(full_desk)
    result = await import_lines(other_database, first)
    assert result.refusal_pairs == []
    assert result.new == len(first.splitlines()) - 2
    assert await count_proved_claims(other_database) == await count_proved_claims(full_desk)
    assert await other_database.read(read_content) == await full_desk.read(read_content)
    assert await export_desk(other_database) == first


async def test_a_second_import_changes_nothing(
    full_desk: Database, other_database: Database
) -> None:
    first = await export_desk(full_desk)
    await import_lines(other_database, first)
    before = await other_database.read(read_content)
    second_result = await import_lines(other_database, first)
    assert (second_result.new, second_result.refusal_pairs) == (0, [])
    assert await other_database.read(read_content) == before
    assert (await import_lines(full_desk, first)).new == 0


async def test_a_dry_run_writes_nothing(full_export: bytes, database: Database) -> None:
    would = await import_lines(database, full_export, dry_run=True)
    assert would.new == len(full_export.splitlines()) - 2
    assert await count_proved_claims(database) == 0
    assert (await export_desk(database)).count(b"\n") == 2


@pytest.mark.parametrize("size", [1, 7])
async def test_the_size_of_batches_and_pages_does_not_matter(
    full_desk: Database, other_database: Database, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Even where it separates the changes of one instant."""
    whole = await export_desk(full_desk)
    # Pages and batches that a small desk fills; whoever exports chooses neither.
    monkeypatch.setattr(export, "PAGE", size)
    assert await export_desk(full_desk) == whole
    # Likewise.
    monkeypatch.setattr("service.exchange.export_files.BATCH", size)
    assert (await import_lines(other_database, whole)).refusal_pairs == []
    await count_proved_claims(other_database)
    assert await other_database.read(read_content) == await full_desk.read(read_content)


async def test_no_secret_leaves_the_desk(full_desk: Database) -> None:
    """No password, key, session, sign-in link or webhook secret, nor the hash of one."""
    data = (await export_desk(full_desk)).decode()
    secrets = await full_desk.read(list_secrets)
    assert len(secrets) == 9
    assert [secret for secret in secrets if secret in data] == []
    assert "cms.example" not in data


async def test_imported_users_and_keys_have_names_and_open_nothing(
    full_export: bytes, database: Database
) -> None:
    """A key has no secret, and a user no password."""
    await import_lines(database, full_export)
    users, keys = await database.read(
        lambda connection: (
            connection.execute(select(tables.users)).all(),
            connection.execute(select(tables.api_keys)).all(),
        )
    )
    assert {user.email: bool(user.disabled_at) for user in users} == {
        "ana@example.org": False,
        "eva@example.org": False,
        "gone@example.org": True,
    }
    assert all(user.password_hash is None for user in users)
    assert {(key.name, key.secret_hash, key.revoked_at is None) for key in keys} == {
        ("bot", "", False),
        ("robot", "", False),
    }


async def test_restored_history_sends_no_webhooks(full_export: bytes, database: Database) -> None:
    await database.write(
        lambda connection: webhook_commands.create_webhook(
            connection, desks.ENDPOINT, actor=SYSTEM, now=BEGIN
        )
    )
    await import_lines(database, full_export)
    messages = await database.read(
        lambda connection: connection.execute(select(webhook_tables.webhook_messages)).all()
    )
    assert messages == []


async def test_two_desks_are_merged(full_desk: Database, other_database: Database) -> None:
    """Things of the same content are the same, whenever they were recorded; the rest is added."""
    await other_database.write(
        seeds.load_plan, seeds.parse_seed_file(MOON), actor=SYSTEM, now=BEGIN
    )
    result = await import_lines(full_desk, await export_desk(other_database))
    assert (result.tallies["party"], result.refusal_pairs) == (Tally(new=1, known=1), [])
    assert b'"slug":"moon"' in await export_desk(full_desk)
    await count_proved_claims(full_desk)


async def test_two_imports_of_one_export_at_once_refuse_nothing(
    full_export: bytes, database: Database, settings: Settings
) -> None:
    """The desk is the one that was exported."""
    second = Database(settings)
    await second.start()
    try:
        results = await asyncio.gather(
            import_lines(database, full_export), import_lines(second, full_export)
        )
    finally:
        await second.stop()
    assert [result.refusal_pairs for result in results] == [[], []]
    await count_proved_claims(database)
    assert await export_desk(database) == full_export


async def test_an_export_is_of_one_instant(full_desk: Database, settings: Settings) -> None:
    """What is written while it runs is not in it."""
    before = await export_desk(full_desk)
    out = io.BytesIO()

    async def meddle() -> None:
        database = Database(settings)
        await database.start()
        await database.write(lambda connection: desks.LateDay(connection).claim("meanwhile"))
        await database.stop()

    def write_during_export(count: int, _total: int) -> None:
        if count <= 3:  # the people are written, nothing else is
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, meddle()).result()

    await full_desk.read(export.write_export, write=out.write, progress=write_during_export)
    assert out.getvalue() == before
    assert b"meanwhile" in await export_desk(full_desk)


async def test_several_spellings_of_one_address_are_all_imported(
    full_desk: Database, other_database: Database
) -> None:
    """An older desk recorded them as several sources, and statements rest on each."""
    t = tables.sources

    def spell(connection: Connection) -> None:
        ids = connection.scalars(select(t.c.id).order_by(t.c.id).limit(2)).all()
        for number, source in enumerate(ids):
            url = f"https://example.org/twice#{number}"
            connection.execute(t.update().where(t.c.id == source).values(url=url, sha256=None))

    await full_desk.write(spell)
    export = downgrade_to_version_1(await export_desk(full_desk))
    assert (await import_lines(other_database, export)).refusal_pairs == []
    assert downgrade_to_version_1(await export_desk(other_database)) == export
    assert (await import_lines(other_database, export)).new == 0


def read_content(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Return every row that has to be the same on both desks, claims' events in their order."""
    content = {}
    for name in (*EXPORTED, *DERIVED):
        table = tables.metadata.tables[name]
        absent_columns = EXPORTED.get(name, set())
        query = select(table)
        if name == "events":
            of_claim = table.c.claim.is_not(None)
            # Accounts begin their record anew wherever they are brought.
            query = query.where(table.c.kind.not_in(("person", "key", "webhook", "setting")))
            query = query.order_by(
                of_claim,
                case((of_claim, table.c.seq), else_=0),
                table.c.kind,
                table.c.subject,
                table.c.number,
            )
        rows: list[dict[str, Any]] = [
            {key: value for key, value in row._mapping.items() if key not in absent_columns}
            for row in connection.execute(query)
        ]
        for row in rows if name == "events" else ():
            if row["type"] == "use.recorded":
                row["data"] = {**orjson.loads(row["data"]), "contact": "withheld"}
        content[name] = rows if name == "events" else sorted(rows, key=repr)
    return content


def list_secrets(connection: Connection) -> list[str]:
    """Return whatever is secret in the tables."""
    t = tables
    columns = (
        t.users.c.password_hash,
        t.api_keys.c.secret_hash,
        t.sign_in_links.c.token_hash,
        t.sessions.c.token_hash,
        webhook_tables.webhooks.c.secret,
    )
    secrets = [
        secret for column in columns for secret in connection.scalars(select(column)) if secret
    ]
    keys = select(t.installation.c.value).where(t.installation.c.name.in_(SECRET_SETTINGS))
    return [*secrets, *connection.scalars(keys)]
