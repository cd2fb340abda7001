"""The tables that both yardsticks read and write, and their loader."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.bench.generate import World
from tests.bench.shapes import Claim

metadata = sa.MetaData()
_DIALECT = sa.make_url("postgresql+asyncpg://").get_dialect()()
_instant = sa.DateTime(timezone=True)

claim = sa.Table(
    "ref_claim",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("claimant", sa.Text),
    sa.Column("claimed_at", _instant, nullable=False),
    sa.Column("precision", sa.Text, nullable=False),
    sa.Column("story", sa.Text),
    sa.Column("tags", ARRAY(sa.Text), nullable=False),
    sa.Column("origin", UUID(as_uuid=True), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_since", _instant, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", _instant, nullable=False),
    sa.Column("updated_at", _instant, nullable=False),
)
statement = sa.Table(
    "ref_statement",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("party", sa.Text),
    sa.Column("said_at", _instant, nullable=False),
    sa.Column("precision", sa.Text, nullable=False),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("quote", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("recorded_at", _instant, nullable=False),
)
link = sa.Table(
    "ref_link",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("claim", UUID(as_uuid=True), nullable=False),
    sa.Column("statement", UUID(as_uuid=True), nullable=False),
    sa.Column("party", sa.Text, nullable=False),
    sa.Column("stance", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("conditional", sa.Boolean, nullable=False),
    sa.Column("recorded_at", _instant, nullable=False),
    sa.Column("retracted_at", _instant),
)
status_change = sa.Table(
    "ref_status_change",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("claim", UUID(as_uuid=True), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", _instant, nullable=False),
)
_INDEXES = (
    sa.Index("ref_claim_changed", claim.c.updated_at.desc(), claim.c.id.desc()),
    sa.Index(
        "ref_claim_filtered",
        claim.c.claimant,
        claim.c.status,
        claim.c.updated_at.desc(),
        claim.c.id.desc(),
    ),
    sa.Index("ref_link_claim", link.c.claim),
    sa.Index("ref_status_change_claim", status_change.c.claim, status_change.c.recorded_at.desc()),
)


def _sql(construct: sa.ExecutableDDLElement) -> str:
    return str(construct.compile(dialect=_DIALECT))


async def _copy(connection: asyncpg.Connection, claims: Sequence[Claim]) -> None:
    rows: dict[sa.Table, list[tuple[object, ...]]] = {table: [] for table in metadata.sorted_tables}
    urls: dict[object, str] = {}
    for c in claims:
        urls.update((source.id, source.url) for source in c.sources)
        last = c.changes[-1]
        rows[claim].append(
            (
                c.id,
                c.text,
                c.kind,
                c.claimant,
                c.claimed_at,
                c.precision,
                c.story,
                list(c.tags),
                c.origin.id,
                last.status,
                last.recorded_at,
                len(c.changes),
                c.created_at,
                c.updated_at,
            )
        )
        rows[statement].extend(
            (
                s.id,
                s.party,
                s.said_at,
                s.precision,
                s.basis,
                s.quotes[0].text,
                urls[s.quotes[0].source],
                s.recorded_at,
            )
            for s in c.statements
        )
        rows[link].extend(
            (
                x.id,
                c.id,
                x.statement,
                x.party,
                x.stance,
                x.scope,
                x.conditional,
                x.recorded_at,
                x.retracted_at,
            )
            for x in c.links
        )
        rows[status_change].extend(
            (x.id, c.id, version, x.status, x.reason, x.recorded_at)
            for version, x in enumerate(c.changes, 1)
        )
    async with connection.transaction():
        for table, records in rows.items():
            await connection.copy_records_to_table(
                table.name, records=records, columns=list(table.columns.keys())
            )


def _with(url: str, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def open_connection() -> None:
        connection = await asyncpg.connect(url)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(open_connection())


class _Loader:
    """Tables first, COPY by chunks, indexes last."""

    def begin(self, url: str, world: World) -> None:
        async def create(connection: asyncpg.Connection) -> None:
            for table in metadata.sorted_tables:
                await connection.execute(_sql(CreateTable(table)))

        _with(url, create)

    def chunk(
        self, url: str, world: World, claims: Sequence[Claim], number: int, made_copies: int
    ) -> None:
        _with(url, lambda connection: _copy(connection, claims))

    def finish(self, url: str) -> None:
        async def index(connection: asyncpg.Connection) -> None:
            for statement in _INDEXES:
                await connection.execute(_sql(CreateIndex(statement)))

        _with(url, index)


LOADER = _Loader()
