"""A desk exported and imported elsewhere is the same desk, whichever databases they are on."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, case, select

from service.accounts.account_commands import SYSTEM
from service.config import Settings
from service.exchange import export, seeds
from service.exchange.export_check import Tally
from service.store import tables, webhook_tables
from service.store.engine import Database
from service.store.installation import SECRET_SETTINGS
from service.webhooks import webhook_commands
from tests.exchange import desks
from tests.exchange.desks import as_version_1, bring, dump, proved
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
    "events": {"seq"},
}
"""The tables that lines stand for, and the columns that no line has."""
DERIVED = {"claims", "state_links", "claim_versions", "claim_tags", "links", "decisions"}
"""What is rebuilt by folding the record."""
INDEXES = {"claim_search", "statement_search"}
"""Likewise; each database has its own form of them, which `verify` proves."""
OWN = {
    "alembic_version",
    "idempotency",
    "installation",
    "intakes",
    "rename_claims",
    "renames",
    "sessions",
    "sign_in_links",
    "sign_in_tries",
    "webhook_attempts",
    "webhook_deliveries",
    "webhook_messages",
    "webhook_parties",
    "webhooks",
}
"""What stays a desk's own: its secrets, whom it tells, and what it is at work on."""


def test_every_table_is_accounted_for() -> None:
    """Whoever adds a table says here whether it is exported, rebuilt, or stays where it is."""
    assert (
        set(tables.metadata.tables) | {"alembic_version"}
        == EXPORTED.keys() | DERIVED | INDEXES | OWN
    )


async def test_to_the_other_database_and_back(full: Database, other: Database) -> None:
    """Every row is there again, derived ones too; `verify` finds nothing; the second export has
    the bytes of the first."""
    first = await dump(full)
    brought = await bring(other, first)
    assert brought.refused == []
    assert brought.new == len(first.splitlines()) - 2
    assert await proved(other) == await proved(full)
    assert await other.read(content) == await full.read(content)
    assert await dump(other) == first


async def test_a_second_import_changes_nothing(full: Database, other: Database) -> None:
    first = await dump(full)
    await bring(other, first)
    before = await other.read(content)
    again = await bring(other, first)
    assert (again.new, again.refused) == (0, [])
    assert await other.read(content) == before
    assert (await bring(full, first)).new == 0


async def test_a_dry_run_writes_nothing(whole: bytes, database: Database) -> None:
    would = await bring(database, whole, dry_run=True)
    assert would.new == len(whole.splitlines()) - 2
    assert await proved(database) == 0
    assert (await dump(database)).count(b"\n") == 2


@pytest.mark.parametrize("size", [1, 7])
async def test_nothing_depends_on_where_a_batch_ends(
    full: Database, other: Database, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Nor on the pages in which an export is read: the changes of one instant may be torn."""
    whole = await dump(full)
    monkeypatch.setattr(export, "PAGE", size)
    assert await dump(full) == whole
    monkeypatch.setattr("service.exchange.export_files.BATCH", size)
    assert (await bring(other, whole)).refused == []
    await proved(other)
    assert await other.read(content) == await full.read(content)


async def test_no_secret_leaves_the_desk(full: Database) -> None:
    """No password, key, session, sign-in link or webhook secret, nor the hash of one."""
    data = (await dump(full)).decode()
    secrets = await full.read(secrets_of)
    assert len(secrets) == 9
    assert [one for one in secrets if one in data] == []
    assert "cms.example" not in data


async def test_who_acted_resolves_and_nobody_can_sign_in(whole: bytes, database: Database) -> None:
    """Users and keys come by name; a key opens nothing here, and a user has no password."""
    await bring(database, whole)
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


async def test_restored_history_is_told_to_nobody(whole: bytes, database: Database) -> None:
    await database.write(
        lambda connection: webhook_commands.create_webhook(
            connection, desks.ENDPOINT, actor=SYSTEM, now=BEGIN
        )
    )
    await bring(database, whole)
    told = await database.read(
        lambda connection: connection.execute(select(webhook_tables.webhook_messages)).all()
    )
    assert told == []


async def test_two_desks_become_one(full: Database, other: Database) -> None:
    """What both have is the same where its content is, whenever it was recorded; the rest is
    added."""
    await other.write(seeds.load, seeds.parse(MOON), actor=SYSTEM, now=BEGIN)
    brought = await bring(full, await dump(other))
    assert (brought.tallies["party"], brought.refused) == (Tally(new=1, known=1), [])
    assert b'"slug":"moon"' in await dump(full)
    await proved(full)


async def test_two_imports_at_once(whole: bytes, database: Database, settings: Settings) -> None:
    """Of the same file: neither refuses anything, and the desk is the one exported."""
    second = Database(settings)
    await second.start()
    try:
        both = await asyncio.gather(bring(database, whole), bring(second, whole))
    finally:
        await second.stop()
    assert [one.refused for one in both] == [[], []]
    await proved(database)
    assert await dump(database) == whole


async def test_an_export_is_of_one_instant(full: Database, settings: Settings) -> None:
    """What is written while it runs is not in it, wherever it has come to."""
    before = await dump(full)
    out = io.BytesIO()

    async def meddle() -> None:
        database = Database(settings)
        await database.start()
        await database.write(lambda connection: desks.Late(connection).claim("meanwhile"))
        await database.stop()

    def meanwhile(done: int, _total: int) -> None:
        if done <= 3:  # the people are written, nothing else is
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, meddle()).result()

    await full.read(export.write_export, write=out.write, progress=meanwhile)
    assert out.getvalue() == before
    assert b"meanwhile" in await dump(full)


async def test_an_older_desks_spellings_of_one_address_all_arrive(
    full: Database, other: Database
) -> None:
    """It recorded them as several sources, and statements rest on each."""
    t = tables.sources

    def spell(connection: Connection) -> None:
        ids = connection.scalars(select(t.c.id).order_by(t.c.id).limit(2)).all()
        for number, source in enumerate(ids):
            url = f"https://example.org/twice#{number}"
            connection.execute(t.update().where(t.c.id == source).values(url=url, sha256=None))

    await full.write(spell)
    exported = as_version_1(await dump(full))
    assert (await bring(other, exported)).refused == []
    assert as_version_1(await dump(other)) == exported
    assert (await bring(other, exported)).new == 0


def content(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row that has to be the same on both desks, claims' events in their order."""
    found = {}
    for name in (*EXPORTED, *DERIVED):
        table = tables.metadata.tables[name]
        left = EXPORTED.get(name, set())
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
        rows = [
            {key: value for key, value in row._mapping.items() if key not in left}
            for row in connection.execute(query)
        ]
        found[name] = rows if name == "events" else sorted(rows, key=repr)
    return found


def secrets_of(connection: Connection) -> list[str]:
    """Whatever is secret in the tables."""
    t = tables
    columns = (
        t.users.c.password_hash,
        t.api_keys.c.secret_hash,
        t.sign_in_links.c.token_hash,
        t.sessions.c.token_hash,
        webhook_tables.webhooks.c.secret,
    )
    found = [one for column in columns for one in connection.scalars(select(column)) if one]
    keys = select(t.installation.c.value).where(t.installation.c.name.in_(SECRET_SETTINGS))
    return [*found, *connection.scalars(keys)]
