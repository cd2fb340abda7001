"""What these tests share: the shape of a problem, and proof that nothing was changed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy import Connection, func, select

from service.domain.errors import list_problems
from service.store.installation import LAST_SEEN
from service.store.tables import claims, installation, metadata, sign_in_tries
from tests.support.desk import Desk

NOBODY = "01970000-0000-7000-8000-000000000000"
"""An id that nothing has."""


def require_problem(response: httpx.Response, slug: str) -> dict[str, Any]:
    """The body of a problem of this type, after checking all of its shape."""
    kind = list_problems()[slug]
    assert response.status_code == kind.status, (response.status_code, response.text[:500])
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"/problems/{slug}"
    assert body["title"] == kind.title
    assert body["status"] == kind.status
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert body["instance"] == response.request.url.path
    if kind.status == 422:
        assert all(error.keys() == {"loc", "msg"} for error in body["errors"])
    return body


def require_field_error(response: httpx.Response, *loc: str | int) -> str:
    """What is said of the field at `loc`, which the request was refused for."""
    errors = require_problem(response, "invalid-request")["errors"]
    messages = {tuple(error["loc"]): error["msg"] for error in errors}
    assert loc in messages, messages
    return str(messages[loc])


async def record_of(desk: Desk) -> dict[str, Any]:
    """How many rows each table has, and every claim's version; but for the sign of life that
    readiness gives, and for counts of tries to sign in, which are made of refusals."""

    def read(connection: Connection) -> dict[str, Any]:
        counts = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
            if table is not sign_in_tries
        }
        signs = select(func.count()).where(installation.c.name == LAST_SEEN)
        counts["installation"] -= connection.execute(signs).scalar_one()
        versions = connection.execute(select(claims.c.id, claims.c.version)).all()
        return counts | {"versions": dict(map(tuple, versions))}

    return await desk.database.read(read)


@asynccontextmanager
async def nothing_changes(desk: Desk) -> AsyncIterator[None]:
    """Fails where anything was written meanwhile."""
    before = await record_of(desk)
    yield
    after = await record_of(desk)
    assert after == before, {k: (before.get(k), v) for k, v in after.items() if before.get(k) != v}
