"""Administrators are told of webhooks that fail, in their inbox."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.desk import Desk
from tests.support.inboxes import make_client, read_inbox, read_summaries, set_health, tell_people

URL = "http://127.0.0.1:9/services/T0/secret"


@pytest.fixture
async def administrator(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A person with the key of an administrator."""
    async with make_client(desk, "admin") as client:
        yield client


async def test_failing_disabled_and_recovered_are_each_told_once(
    desk: Desk, administrator: httpx.AsyncClient
) -> None:
    webhook_view = await desk.admin.post("/v1/webhooks", json={"url": URL})
    assert webhook_view.status_code == 201, webhook_view.text
    webhook = webhook_view.json()["id"]
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
    webhook_view = await desk.admin.post(
        "/v1/webhooks", json={"url": URL, "description": "The CMS"}
    )
    webhook = webhook_view.json()["id"]
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
