"""ref:core, the lower yardstick: the same routes, tables and answers through SQLAlchemy Core.

Statements are built once; building them for each request would cost up to half of the speed.

Configured by REF_DATABASE_URL and REF_POOL (connections, 16).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
import uuid_utils.compat as uuids
from fastapi import FastAPI, Header, HTTPException, Response
from sqlalchemy.ext.asyncio import create_async_engine

from tests.bench import ref_raw
from tests.bench.ref_bodies import ClaimIn, StatusChangeIn
from tests.bench.ref_raw import answer
from tests.bench.ref_schema import claim, link, statement, status_change

COLUMNS = [column for column in claim.c if column.name != "origin"]
# Rows are zipped with plain names: SQLAlchemy's own `quoted_name` keys cost `to_json` 7 µs each.
NAMES = ref_raw.COLUMNS.split(", ")
EVIDENCE_NAMES = [
    "id",
    "party",
    "stance",
    "scope",
    "conditional",
    "recorded_at",
    "said_at",
    "basis",
    "quote",
    "url",
]


def build_item(row: Sequence[Any], names: Sequence[str] = NAMES) -> dict[str, Any]:
    return dict(zip(names, row, strict=True))


GET = sa.select(*COLUMNS).where(claim.c.id == sa.bindparam("key"))
EVIDENCE = (
    sa.select(
        link.c.id,
        link.c.party,
        link.c.stance,
        link.c.scope,
        link.c.conditional,
        link.c.recorded_at,
        statement.c.said_at,
        statement.c.basis,
        statement.c.quote,
        statement.c.url,
    )
    .join_from(link, statement, statement.c.id == link.c.statement)
    .where(link.c.claim == sa.bindparam("key"), link.c.retracted_at.is_(None))
    .order_by(link.c.recorded_at)
)
_status_then = (
    sa.select(status_change.c.status, status_change.c.recorded_at, status_change.c.version)
    .where(
        status_change.c.claim == claim.c.id,
        status_change.c.recorded_at <= sa.bindparam("at", type_=status_change.c.recorded_at.type),
    )
    .order_by(status_change.c.recorded_at.desc())
    .limit(1)
    .lateral("h")
)
AS_OF = (
    sa.select(
        claim.c.id,
        claim.c.text,
        claim.c.kind,
        claim.c.claimant,
        claim.c.claimed_at,
        claim.c.precision,
        claim.c.story,
        claim.c.tags,
        _status_then.c.status,
        _status_then.c.recorded_at.label("status_since"),
        _status_then.c.version,
        claim.c.created_at,
        _status_then.c.recorded_at.label("updated_at"),
    )
    .join_from(claim, _status_then, sa.true())
    .where(claim.c.id == sa.bindparam("key"))
)
LOCK = (
    sa.select(claim.c.status, claim.c.version)
    .where(claim.c.id == sa.bindparam("key"))
    .with_for_update()
)
UPDATE = (
    sa.update(claim)
    .where(claim.c.id == sa.bindparam("key"))
    .values(
        status=sa.bindparam("to"),
        status_since=sa.bindparam("now"),
        version=sa.bindparam("next"),
        updated_at=sa.bindparam("now"),
    )
)
INSERT_STATEMENT = sa.insert(statement)
INSERT_CLAIM = sa.insert(claim)
INSERT_STATUS_CHANGE = sa.insert(status_change)


@cache
def page_query(by_claimant: bool, by_status: bool, after: bool) -> sa.Select[Any]:
    query = sa.select(*COLUMNS).order_by(claim.c.updated_at.desc(), claim.c.id.desc())
    if by_claimant:
        query = query.where(claim.c.claimant == sa.bindparam("claimant"))
    if by_status:
        query = query.where(claim.c.status == sa.bindparam("status"))
    if after:
        last = (
            sa.bindparam("before", type_=claim.c.updated_at.type),
            sa.bindparam("before_id", type_=claim.c.id.type),
        )
        query = query.where(sa.tuple_(claim.c.updated_at, claim.c.id) < sa.tuple_(*last))
    return query.limit(sa.bindparam("at_most", type_=sa.Integer))


def create_app() -> FastAPI:
    url = sa.make_url(os.environ["REF_DATABASE_URL"]).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(
        url, pool_size=int(os.environ.get("REF_POOL", "16")), max_overflow=0
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.get("/claims/{claim_id}")
    async def get(claim_id: UUID) -> Response:
        async with engine.connect() as connection:
            row = (await connection.execute(GET, {"key": claim_id})).first()
        if row is None:
            raise HTTPException(404)
        return answer(build_item(row), version=row.version)

    @app.get("/claims/{claim_id}/evidence")
    async def get_with_evidence(claim_id: UUID) -> Response:
        async with engine.connect() as connection:
            row = (await connection.execute(GET, {"key": claim_id})).first()
            links = (await connection.execute(EVIDENCE, {"key": claim_id})).all()
        if row is None:
            raise HTTPException(404)
        return answer(
            {**build_item(row), "links": [build_item(x, EVIDENCE_NAMES) for x in links]},
            version=row.version,
        )

    @app.get("/claims")
    async def page(
        limit: int = 50,
        claimant: str | None = None,
        status: str | None = None,
        before: datetime | None = None,
        before_id: UUID | None = None,
    ) -> Response:
        query = page_query(claimant is not None, status is not None, before is not None)
        values = {
            "at_most": limit,
            "claimant": claimant,
            "status": status,
            "before": before,
            "before_id": before_id,
        }
        async with engine.connect() as connection:
            rows = (await connection.execute(query, values)).all()
        last = rows[-1] if len(rows) == limit else None
        following = f"before={last.updated_at.isoformat()}&before_id={last.id}" if last else None
        return answer({"items": [build_item(row) for row in rows], "next_cursor": following})

    @app.get("/claims/{claim_id}/as-of")
    async def as_of(claim_id: UUID, at: datetime) -> Response:
        async with engine.connect() as connection:
            row = (await connection.execute(AS_OF, {"key": claim_id, "at": at})).first()
        if row is None:
            raise HTTPException(404)
        return answer(build_item(row))

    @app.post("/claims")
    async def create(body: ClaimIn) -> Response:
        now, claim_id, origin = datetime.now(UTC), uuids.uuid7(), body.origin
        statement_id, quote = uuids.uuid7(), body.origin.quotes[0]
        async with engine.begin() as connection:
            await connection.execute(
                INSERT_STATEMENT,
                {
                    "id": statement_id,
                    "party": origin.party,
                    "said_at": origin.said_at,
                    "precision": origin.precision,
                    "basis": origin.basis,
                    "quote": quote.text,
                    "url": quote.source.url,
                    "recorded_at": now,
                },
            )
            await connection.execute(
                INSERT_CLAIM,
                {
                    "id": claim_id,
                    "text": body.text,
                    "kind": body.kind,
                    "claimant": body.claimant,
                    "claimed_at": body.claimed_at,
                    "precision": body.precision,
                    "story": body.story,
                    "tags": body.tags,
                    "origin": statement_id,
                    "status": "asserted",
                    "status_since": now,
                    "version": 1,
                    "created_at": now,
                    "updated_at": now,
                },
            )
            await connection.execute(
                INSERT_STATUS_CHANGE,
                {
                    "id": uuids.uuid7(),
                    "claim": claim_id,
                    "version": 1,
                    "status": "asserted",
                    "reason": "created",
                    "recorded_at": now,
                },
            )
        return answer(
            {"id": claim_id, "status": "asserted", "version": 1, **body.model_dump()}, 201, 1
        )

    @app.post("/claims/{claim_id}/status-changes")
    async def transition(
        claim_id: UUID, body: StatusChangeIn, if_match: Annotated[str, Header()]
    ) -> Response:
        now, change_id = datetime.now(UTC), uuids.uuid7()
        async with engine.begin() as connection:
            row = (await connection.execute(LOCK, {"key": claim_id})).first()
            if row is None:
                raise HTTPException(404)
            if if_match != f'"{row.version}"':
                raise HTTPException(412)
            version = row.version + 1
            await connection.execute(
                INSERT_STATUS_CHANGE,
                {
                    "id": change_id,
                    "claim": claim_id,
                    "version": version,
                    "status": body.to,
                    "reason": body.reason,
                    "recorded_at": now,
                },
            )
            await connection.execute(
                UPDATE, {"key": claim_id, "to": body.to, "now": now, "next": version}
            )
        change = {
            "id": change_id,
            "claim": claim_id,
            "previous": row.status,
            "status": body.to,
            "reason": body.reason,
            "version": version,
            "recorded_at": now,
        }
        return answer(change, 201, version)

    return app
