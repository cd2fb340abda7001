"""ref:core, the lower yardstick: the same routes, tables and answers through SQLAlchemy Core.

Configured by REF_DATABASE_URL and REF_POOL (connections, 16).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
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


def named(row: Sequence[Any], names: Sequence[str] = NAMES) -> dict[str, Any]:
    return dict(zip(names, row, strict=True))


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
            row = (
                await connection.execute(sa.select(*COLUMNS).where(claim.c.id == claim_id))
            ).first()
        if row is None:
            raise HTTPException(404)
        return answer(named(row), version=row.version)

    @app.get("/claims/{claim_id}/evidence")
    async def get_with_evidence(claim_id: UUID) -> Response:
        evidence = (
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
            .where(link.c.claim == claim_id, link.c.retracted_at.is_(None))
            .order_by(link.c.recorded_at)
        )
        async with engine.connect() as connection:
            row = (
                await connection.execute(sa.select(*COLUMNS).where(claim.c.id == claim_id))
            ).first()
            links = (await connection.execute(evidence)).all()
        if row is None:
            raise HTTPException(404)
        return answer(
            {**named(row), "links": [named(x, EVIDENCE_NAMES) for x in links]}, version=row.version
        )

    @app.get("/claims")
    async def page(
        limit: int = 50,
        claimant: str | None = None,
        status: str | None = None,
        before: datetime | None = None,
        before_id: UUID | None = None,
    ) -> Response:
        query = (
            sa.select(*COLUMNS).order_by(claim.c.updated_at.desc(), claim.c.id.desc()).limit(limit)
        )
        if claimant is not None:
            query = query.where(claim.c.claimant == claimant)
        if status is not None:
            query = query.where(claim.c.status == status)
        if before is not None and before_id is not None:
            query = query.where(
                sa.tuple_(claim.c.updated_at, claim.c.id) < sa.tuple_(before, before_id)
            )
        async with engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        last = rows[-1] if len(rows) == limit else None
        following = f"before={last.updated_at.isoformat()}&before_id={last.id}" if last else None
        return answer({"items": [named(row) for row in rows], "next_cursor": following})

    @app.get("/claims/{claim_id}/as-of")
    async def as_of(claim_id: UUID, at: datetime) -> Response:
        then = (
            sa.select(status_change.c.status, status_change.c.recorded_at, status_change.c.version)
            .where(status_change.c.claim == claim.c.id, status_change.c.recorded_at <= at)
            .order_by(status_change.c.recorded_at.desc())
            .limit(1)
            .lateral("h")
        )
        query = (
            sa.select(
                claim.c.id,
                claim.c.text,
                claim.c.kind,
                claim.c.claimant,
                claim.c.claimed_at,
                claim.c.precision,
                claim.c.story,
                claim.c.tags,
                then.c.status,
                then.c.recorded_at.label("status_since"),
                then.c.version,
                claim.c.created_at,
                then.c.recorded_at.label("updated_at"),
            )
            .join_from(claim, then, sa.true())
            .where(claim.c.id == claim_id)
        )
        async with engine.connect() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            raise HTTPException(404)
        return answer(named(row))

    @app.post("/claims")
    async def create(body: ClaimIn) -> Response:
        now, claim_id, origin = datetime.now(UTC), uuids.uuid7(), body.origin
        statement_id, quote = uuids.uuid7(), body.origin.quotes[0]
        async with engine.begin() as connection:
            await connection.execute(
                sa.insert(statement).values(
                    id=statement_id,
                    party=origin.party,
                    said_at=origin.said_at,
                    precision=origin.precision,
                    basis=origin.basis,
                    quote=quote.text,
                    url=quote.source.url,
                    recorded_at=now,
                )
            )
            await connection.execute(
                sa.insert(claim).values(
                    id=claim_id,
                    text=body.text,
                    kind=body.kind,
                    claimant=body.claimant,
                    claimed_at=body.claimed_at,
                    precision=body.precision,
                    story=body.story,
                    tags=body.tags,
                    origin=statement_id,
                    status="asserted",
                    status_since=now,
                    version=1,
                    created_at=now,
                    updated_at=now,
                )
            )
            await connection.execute(
                sa.insert(status_change).values(
                    id=uuids.uuid7(),
                    claim=claim_id,
                    version=1,
                    status="asserted",
                    reason="created",
                    recorded_at=now,
                )
            )
        return answer(
            {"id": claim_id, "status": "asserted", "version": 1, **body.model_dump()}, 201, 1
        )

    @app.post("/claims/{claim_id}/status-changes")
    async def transition(
        claim_id: UUID, body: StatusChangeIn, if_match: Annotated[str, Header()]
    ) -> Response:
        now, change_id = datetime.now(UTC), uuids.uuid7()
        lock = (
            sa.select(claim.c.status, claim.c.version)
            .where(claim.c.id == claim_id)
            .with_for_update()
        )
        async with engine.begin() as connection:
            row = (await connection.execute(lock)).first()
            if row is None:
                raise HTTPException(404)
            if if_match != f'"{row.version}"':
                raise HTTPException(412)
            version = row.version + 1
            await connection.execute(
                sa.insert(status_change).values(
                    id=change_id,
                    claim=claim_id,
                    version=version,
                    status=body.to,
                    reason=body.reason,
                    recorded_at=now,
                )
            )
            await connection.execute(
                sa.update(claim)
                .where(claim.c.id == claim_id)
                .values(status=body.to, status_since=now, version=version, updated_at=now)
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
