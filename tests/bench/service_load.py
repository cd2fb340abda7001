"""Puts a generated desk into the service's own tables, on both databases.

The schema is the migrations'. Keys, indexes and triggers are taken off for the load and put back
after it, from what the database itself says of them. Putting them back proves the foreign keys on
PostgreSQL; on SQLite `PRAGMA foreign_key_check` does, where the desk is small.
"""

from __future__ import annotations

import asyncio
import io
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Uuid, make_url

from service.accounts import key_commands
from service.config import Settings
from service.domain import access, ids
from service.domain.access import Role
from service.store import migrate, tables
from service.store.engine import Database
from service.store.tables import INDEXES
from service.store.types import Instant
from tests.bench.generate import World
from tests.bench.service_rows import SEARCHED, Rows, Teller, columns, shared
from tests.bench.shapes import Claim

CHECKED = 400_000_000  # bytes of a SQLite file up to which foreign keys are checked after a load
BUILDERS = 2  # keys and indexes that are built at a time on PostgreSQL
_WAITING = "bench_definitions"  # the table where what was taken off waits


class _Chunk:
    """The rows of the chunk at hand, made once for both databases."""

    def __init__(self) -> None:
        self._of: Sequence[Claim] | None = None
        self._rows: Rows = {}

    def rows(self, world: World, claims: Sequence[Claim], number: int, made_copies: int) -> Rows:
        if self._of is not claims:
            self._of, self._rows = claims, Teller(world, number, made_copies).tell(claims)
        return self._rows


_CHUNK = _Chunk()


def settings(url: str) -> Settings:
    return Settings(database_url=url, _env_file=None)


# --- PostgreSQL ---

_KEYS = """
    SELECT conrelid::regclass::text AS "table", conname AS name, contype = 'f' AS refers,
           pg_get_constraintdef(oid) AS definition
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f')
      AND conrelid::regclass::text = ANY($1)
    ORDER BY refers DESC, conname"""
_INDEXES = """
    SELECT indexname AS name, indexdef AS definition FROM pg_indexes
    WHERE schemaname = 'public' AND tablename = ANY($1) ORDER BY indexname"""


NUMBERS_GIVEN_UP = """
    INSERT INTO installation (name, value)
    SELECT 'numbers_given_up', CAST(max(seq) - count(*) AS VARCHAR(20)) FROM events"""
"""Each chunk has a range of numbers of its own and leaves some: `claimdesk verify` is told."""


class _PostgreSQL:
    """COPY by chunks, several at a time."""

    def begin(self, url: str, world: World) -> None:
        migrate.upgrade(settings(url))

        async def prepare(connection: asyncpg.Connection) -> None:
            async with connection.transaction():
                await _copy(connection, shared(world))
                names = [*tables.metadata.tables]
                keys = await connection.fetch(_KEYS, names)
                for key in keys:  # foreign keys first: they stand on the others
                    await connection.execute(
                        f'ALTER TABLE {key["table"]} DROP CONSTRAINT "{key["name"]}"'
                    )
                indexes = await connection.fetch(_INDEXES, names)
                for index in indexes:
                    await connection.execute(f'DROP INDEX "{index["name"]}"')
                adding = {
                    refers: [
                        f'ALTER TABLE {k["table"]} ADD CONSTRAINT "{k["name"]}" {k["definition"]}'
                        for k in keys
                        if k["refers"] is refers
                    ]
                    for refers in (False, True)
                }
                together = [*adding[False], *(i["definition"] for i in indexes)]
                await connection.execute(
                    f"CREATE TABLE {_WAITING} (position serial, sql text, together boolean)"
                )
                await connection.executemany(
                    f"INSERT INTO {_WAITING} (sql, together) VALUES ($1, $2)",
                    [
                        *((sql, True) for sql in together),
                        *((sql, False) for sql in ("ANALYZE", *adding[True])),
                    ],
                )

        _with(url, prepare)

    def chunk(
        self, url: str, world: World, claims: Sequence[Claim], number: int, made_copies: int
    ) -> None:
        rows = _CHUNK.rows(world, claims, number, made_copies)

        async def load(connection: asyncpg.Connection) -> None:
            async with connection.transaction():
                await _copy(connection, rows)

        _with(url, load)

    def finish(self, url: str) -> None:
        async def build(statements: list[str]) -> None:
            connection = await asyncpg.connect(url)
            try:
                await connection.execute("SET maintenance_work_mem = '1GB'")
                while statements:
                    await connection.execute(statements.pop(0))
            finally:
                await connection.close()

        async def index(connection: asyncpg.Connection) -> None:
            rows = await connection.fetch(f"SELECT sql, together FROM {_WAITING} ORDER BY position")
            side_by_side = [row["sql"] for row in rows if row["together"]]
            await asyncio.gather(*(build(side_by_side) for _ in range(BUILDERS)))
            # Of the rest, some wait for two tables at once.
            await build([row["sql"] for row in rows if not row["together"]])
            await connection.execute(f"DROP TABLE {_WAITING}")
            last = await connection.fetchval("SELECT max(seq) FROM events")
            await connection.execute(f"SELECT setval('events_seq_seq', {last})")
            await connection.execute(NUMBERS_GIVEN_UP)
            for table in SEARCHED:
                last = await connection.fetchval(f"SELECT max(number) FROM {table}")
                await connection.execute(f"SELECT setval('{table}_number_seq', {last})")

        _with(url, index)


async def _copy(connection: asyncpg.Connection, rows: Rows) -> None:
    for table, records in rows.items():
        if table in SEARCHED:
            # asyncpg has tsvectors as text only, in whose lines only a backslash needs an escape.
            dialect = make_url("postgresql://").get_dialect()()
            kinds = [tables.metadata.tables[table].c[name].type for name in columns(table)]
            writers = [kind.dialect_impl(dialect).bind_processor(dialect) for kind in kinds]
            lines = (
                "\t".join(
                    str(w(v) if w else v).replace("\\", "\\\\")
                    for w, v in zip(writers, record, strict=True)
                )
                for record in records
            )
            source = io.BytesIO("\n".join(lines).encode())
            await connection.copy_to_table(table, source=source, columns=columns(table))
        else:
            await connection.copy_records_to_table(table, records=records, columns=columns(table))


def _with(url: str, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def open_connection() -> None:
        connection = await asyncpg.connect(url)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(open_connection())


# --- SQLite ---


class _SQLite:
    """One writer at a time, without journal or syncing: there is nothing to lose yet."""

    def begin(self, url: str, world: World) -> None:
        migrate.upgrade(settings(url))
        with _file(url) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")  # from WAL, for all connections
            connection.execute("BEGIN IMMEDIATE")
            common = {table: _bind_rows(table, rows) for table, rows in shared(world).items()}
            _insert(connection, common)
            parts = connection.execute(
                "SELECT type, name, sql FROM sqlite_master "
                "WHERE type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, name"
            ).fetchall()
            connection.execute(f"CREATE TABLE {_WAITING} (sql TEXT)")
            for kind, name, sql in parts:
                connection.execute(f'DROP {kind} "{name}"')
                connection.execute(f"INSERT INTO {_WAITING} VALUES (?)", (sql,))
            connection.execute("COMMIT")
        connection.close()

    def chunk(
        self, url: str, world: World, claims: Sequence[Claim], number: int, made_copies: int
    ) -> None:
        rows = {
            table: _bind_rows(table, rows_of_table)
            for table, rows_of_table in _CHUNK.rows(world, claims, number, made_copies).items()
        }
        with _file(url) as connection:
            connection.execute("BEGIN IMMEDIATE")
            _insert(connection, rows)
            connection.execute("COMMIT")
        connection.close()

    def finish(self, url: str) -> None:
        with _file(url) as connection:
            for pragma in ("cache_size=-1048576", "threads=2"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN IMMEDIATE")
            for (sql,) in connection.execute(f"SELECT sql FROM {_WAITING}").fetchall():
                connection.execute(sql)
            for index in INDEXES.values():
                connection.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")
            connection.execute(f"DROP TABLE {_WAITING}")
            connection.execute(NUMBERS_GIVEN_UP)
            connection.execute("COMMIT")
            if Path(sqlite_path(url)).stat().st_size <= CHECKED:
                broken_rows = connection.execute("PRAGMA foreign_key_check").fetchall()
                if broken_rows:
                    raise ValueError(f"rows without what they refer to: {broken_rows[:3]}")
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()


def sqlite_path(url: str) -> str:
    return url.removeprefix("sqlite:///")


def _file(url: str) -> sqlite3.Connection:
    connection = sqlite3.connect(sqlite_path(url), timeout=600, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-262144"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _insert(connection: sqlite3.Connection, rows: Rows) -> None:
    for table, records in rows.items():
        names = columns(table)
        column_names, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
        connection.executemany(f'INSERT INTO "{table}" ({column_names}) VALUES ({marks})', records)


def _bind_rows(table: str, rows: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Ids as 32 digits and instants as text of fixed width, as `store/types.py` binds them."""
    columns_of_table = tables.metadata.tables[table].columns
    by_column: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for position, name in enumerate(columns(table) if rows else ()):
        values, kind = by_column[position], columns_of_table[name].type
        if isinstance(kind, Uuid):
            by_column[position] = [v and v.replace("-", "") for v in values]
        elif isinstance(kind, Instant):
            by_column[position] = [v and _instant(v) for v in values]
    return list(zip(*by_column, strict=True))


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


POSTGRESQL, SQLITE = _PostgreSQL(), _SQLite()


def new_key(url: str) -> str:
    """An editor's key to the desk at `url`."""

    async def make() -> str:
        database = Database(settings(url))
        await database.start()
        try:
            key = await database.write(
                key_commands.create_key,
                name=f"measurement {ids.make_id()}",  # a name is used once
                role=Role.EDITOR,
                actor=access.SYSTEM,
                now=datetime.now(UTC),
            )
        finally:
            await database.stop()
        return key.key

    return asyncio.run(make())
