"""What people are told: the worker of notices, run to its end, and inboxes."""

import httpx

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
    followed: Json = answer.json()
    return followed
