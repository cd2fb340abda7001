"""Administrators are told of webhooks that fail, in their inbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from service.store.engine import Connection
from service.store.webhook_tables import webhooks
from tests.support.desk import Desk
from tests.support.inboxes import read_inbox, read_summaries, tell_people

URL = "http://127.0.0.1:9/services/T0/secret"


@pytest.fixture
async def administrator(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A person with the key of an administrator."""
    async with make_client(desk, "admin") as client:
        yield client


@asynccontextmanager
async def make_client(desk: Desk, role: str) -> AsyncIterator[httpx.AsyncClient]:
    body = {"email": f"{role}@alerts.example", "name": f"Ana {role}", "role": role}
    person = (await desk.admin.post("/v1/users", json=body)).json()["id"]
    key = {"name": "hers", "role": role, "user": person}
    made = await desk.admin.post("/v1/keys", json=key)
    assert made.status_code == 201, made.text
    transport = httpx.ASGITransport(app=desk.app)
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://testserver", headers=headers
    ) as client:
        yield client


async def set_health(desk: Desk, webhook: str, **values: Any) -> None:
    """Set an endpoint's health, as the dispatcher does."""

    def change(connection: Connection) -> None:
        connection.execute(update(webhooks).where(webhooks.c.id == webhook).values(values))

    await desk.database.write(change)
    await tell_people(desk)
    await tell_people(desk)


async def test_failing_disabled_and_recovered_are_each_told_once(
    desk: Desk, administrator: httpx.AsyncClient
) -> None:
    made = await desk.admin.post("/v1/webhooks", json={"url": URL})
    assert made.status_code == 201, made.text
    webhook = made.json()["id"]
    await set_health(desk, webhook, failures=1, last_error="it answered 500")
    assert await read_inbox(administrator) == []
    for failures in (20, 30):
        await set_health(desk, webhook, failures=failures)
    await set_health(desk, webhook, state="disabled", state_reason="it answered 410 Gone")
    await set_health(desk, webhook, state="active", failures=0)
    assert await read_summaries(administrator, kind="webhook") == [
        "The webhook to 127.0.0.1 fails again and again: it answered 500",
        "The webhook to 127.0.0.1 was disabled: it answered 410 Gone",
        "The webhook to 127.0.0.1 works again",
    ]
    await set_health(desk, webhook, failures=20)
    assert len(await read_inbox(administrator)) == 4
    for client in (desk.editor, desk.checker):
        assert await read_inbox(client) == []


async def test_paused_and_removed_webhooks_are_told_to_nobody(
    desk: Desk, administrator: httpx.AsyncClient
) -> None:
    made = await desk.admin.post("/v1/webhooks", json={"url": URL, "description": "The CMS"})
    webhook = made.json()["id"]
    await set_health(desk, webhook, failures=20, last_error="it timed out")
    await desk.admin.post(f"/v1/webhooks/{webhook}/state", json={"state": "paused"})
    await tell_people(desk)
    await desk.admin.post(f"/v1/webhooks/{webhook}/state", json={"state": "active"})
    await set_health(desk, webhook, failures=20)
    assert (await desk.admin.delete(f"/v1/webhooks/{webhook}")).status_code in (200, 204)
    await tell_people(desk)
    assert (
        await read_summaries(administrator)
        == ["The webhook to The CMS fails again and again: it timed out"] * 2
    )
