"""ref:raw, the upper yardstick: plain FastAPI routes, own SQL, an asyncpg pool as it comes.

No authentication, no rules, no record: the speed of the shape, not of a product.
Configured by REF_DATABASE_URL and REF_POOL (connections, 16).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import uuid_utils.compat as uuids
from fastapi import FastAPI, Header, HTTPException, Response
from pydantic_core import to_json

from tests.bench.ref_bodies import ClaimIn, StatusChangeIn

COLUMNS = (
    "id, text, kind, claimant, claimed_at, precision, story, tags, "
    "status, status_since, version, created_at, updated_at"
)
GET = f"SELECT {COLUMNS} FROM ref_claim WHERE id = $1"
EVIDENCE = """
    SELECT l.id, l.party, l.stance, l.scope, l.conditional, l.recorded_at,
           s.said_at, s.basis, s.quote, s.url
    FROM ref_link l JOIN ref_statement s ON s.id = l.statement
    WHERE l.claim = $1 AND l.retracted_at IS NULL ORDER BY l.recorded_at"""
AS_OF = """
    SELECT c.id, c.text, c.kind, c.claimant, c.claimed_at, c.precision, c.story, c.tags,
           h.status, h.recorded_at AS status_since, h.version,
           c.created_at, h.recorded_at AS updated_at
    FROM ref_claim c JOIN LATERAL (
        SELECT status, recorded_at, version FROM ref_status_change
        WHERE claim = c.id AND recorded_at <= $2 ORDER BY recorded_at DESC LIMIT 1) h ON true
    WHERE c.id = $1"""
INSERT_STATEMENT = "INSERT INTO ref_statement VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
INSERT_CLAIM = """
    INSERT INTO ref_claim
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'asserted', $10, 1, $10, $10)"""
INSERT_CHANGE = "INSERT INTO ref_status_change VALUES ($1, $2, $3, $4, $5, $6)"
LOCK = "SELECT status, version FROM ref_claim WHERE id = $1 FOR UPDATE"
UPDATE = """
    UPDATE ref_claim SET status = $2, status_since = $3, version = $4, updated_at = $3
    WHERE id = $1"""


def answer(body: Any, status: int = 200, version: int | None = None) -> Response:
    headers = {"ETag": f'"{version}"'} if version is not None else None
    return Response(to_json(body), status, headers, "application/json")


def plain(row: asyncpg.Record) -> dict[str, Any]:
    """asyncpg's own UUID type takes `to_json` a slow path."""
    return {**row, "id": str(row["id"])}


def create_app() -> FastAPI:
    pool: asyncpg.Pool

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        nonlocal pool
        size = int(os.environ.get("REF_POOL", "16"))
        async with asyncpg.create_pool(
            os.environ["REF_DATABASE_URL"], min_size=size, max_size=size
        ) as pool:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/claims/{claim_id}")
    async def get(claim_id: UUID) -> Response:
        row = await pool.fetchrow(GET, claim_id)
        if row is None:
            raise HTTPException(404)
        return answer(plain(row), version=row["version"])

    @app.get("/claims/{claim_id}/evidence")
    async def get_with_evidence(claim_id: UUID) -> Response:
        async with pool.acquire() as connection:
            row = await connection.fetchrow(GET, claim_id)
            links = await connection.fetch(EVIDENCE, claim_id)
        if row is None:
            raise HTTPException(404)
        return answer(
            {**plain(row), "links": [plain(link) for link in links]}, version=row["version"]
        )

    @app.get("/claims")
    async def page(
        limit: int = 50,
        claimant: str | None = None,
        status: str | None = None,
        before: datetime | None = None,
        before_id: UUID | None = None,
    ) -> Response:
        conditions: list[str] = []
        values: list[object] = []
        for condition, value in (("claimant = ${}", claimant), ("status = ${}", status)):
            if value is not None:
                values.append(value)
                conditions.append(condition.format(len(values)))
        if before is not None and before_id is not None:
            values += before, before_id
            conditions.append(f"(updated_at, id) < (${len(values) - 1}, ${len(values)})")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        order = f"ORDER BY updated_at DESC, id DESC LIMIT ${len(values) + 1}"
        sql = f"SELECT {COLUMNS} FROM ref_claim {where} {order}"
        rows = await pool.fetch(sql, *values, limit)
        last = rows[-1] if len(rows) == limit else None
        following = (
            f"before={last['updated_at'].isoformat()}&before_id={last['id']}" if last else None
        )
        return answer({"items": [plain(row) for row in rows], "next_cursor": following})

    @app.get("/claims/{claim_id}/as-of")
    async def as_of(claim_id: UUID, at: datetime) -> Response:
        row = await pool.fetchrow(AS_OF, claim_id, at)
        if row is None:
            raise HTTPException(404)
        return answer(plain(row))

    @app.post("/claims")
    async def create(body: ClaimIn) -> Response:
        now, claim_id, origin = datetime.now(UTC), uuids.uuid7(), body.origin
        statement_id, quote = uuids.uuid7(), body.origin.quotes[0]
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(
                INSERT_STATEMENT,
                statement_id,
                origin.party,
                origin.said_at,
                origin.precision,
                origin.basis,
                quote.text,
                quote.source.url,
                now,
            )
            await connection.execute(
                INSERT_CLAIM,
                claim_id,
                body.text,
                body.kind,
                body.claimant,
                body.claimed_at,
                body.precision,
                body.story,
                body.tags,
                statement_id,
                now,
            )
            await connection.execute(
                INSERT_CHANGE, uuids.uuid7(), claim_id, 1, "asserted", "created", now
            )
        return answer(
            {"id": claim_id, "status": "asserted", "version": 1, **body.model_dump()}, 201, 1
        )

    @app.post("/claims/{claim_id}/status-changes")
    async def transition(
        claim_id: UUID, body: StatusChangeIn, if_match: Annotated[str, Header()]
    ) -> Response:
        now, change_id = datetime.now(UTC), uuids.uuid7()
        async with pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(LOCK, claim_id)
            if row is None:
                raise HTTPException(404)
            if if_match != f'"{row["version"]}"':
                raise HTTPException(412)
            version = row["version"] + 1
            await connection.execute(
                INSERT_CHANGE, change_id, claim_id, version, body.to, body.reason, now
            )
            await connection.execute(UPDATE, claim_id, body.to, now, version)
        change = {
            "id": change_id,
            "claim": claim_id,
            "previous": row["status"],
            "status": body.to,
            "reason": body.reason,
            "version": version,
            "recorded_at": now,
        }
        return answer(change, 201, version)

    return app
