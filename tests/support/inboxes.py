"""What people are told: the worker of notices, run to its end, and inboxes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy import update

from service.store.engine import Connection
from service.store.webhook_tables import webhooks
from tests.support.desk import Desk, Json


async def tell_people(desk: Desk) -> None:
    """Tell people all that was recorded until now."""
    for _ in range(200):
        desk.clock.advance(seconds=4)
        if not await desk.app.state.services.notifier.take_turn():
            return
    raise AssertionError("there is no end of notices")


async def read_inbox(client: httpx.AsyncClient, **query: str) -> list[Json]:
    """Read a page of somebody's inbox, the newest first."""
    answer = await client.get("/v1/inbox", params=query)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def read_summaries(client: httpx.AsyncClient, **query: str) -> list[str]:
    """Read what somebody was told, the oldest first."""
    return [notice["summary"] for notice in reversed(await read_inbox(client, **query))]


async def follow(client: httpx.AsyncClient, target: dict[str, str], *, status: int = 201) -> Json:
    """Have somebody follow something, and expect `status`."""
    answer = await client.post("/v1/follows", json=target)
    assert answer.status_code == status, answer.text
    follow_view: Json = answer.json()
    return follow_view


async def set_health(desk: Desk, webhook: str, **values: Any) -> None:
    """Set an endpoint's health, as the dispatcher does."""

    def change(connection: Connection) -> None:
        connection.execute(update(webhooks).where(webhooks.c.id == webhook).values(values))

    await desk.database.write(change)
    await tell_people(desk)
    await tell_people(desk)


@asynccontextmanager
async def make_client(desk: Desk, role: str) -> AsyncIterator[httpx.AsyncClient]:
    """Make a person of a role, and give a client with their key."""
    body = {"email": f"{role}@alerts.example", "name": f"Ana {role}", "role": role}
    person = (await desk.admin.post("/v1/users", json=body)).json()["id"]
    key = {"name": f"of the {role}", "role": role, "user": person}
    key_answer = await desk.admin.post("/v1/keys", json=key)
    assert key_answer.status_code == 201, key_answer.text
    transport = httpx.ASGITransport(app=desk.app)
    headers = {"Authorization": f"Bearer {key_answer.json()['key']}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://testserver", headers=headers
    ) as client:
        yield client
