"""Who may listen, how many, how long, and what one client may cost the others."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from service.accounts import account_commands
from service.accounts.credentials import refresh_credentials
from service.config import Settings
from service.domain.access import Role
from service.domain.errors import Unavailable
from service.live import event_ring
from service.live import listeners as live
from service.live.listeners import Listener
from service.record import event_queries
from service.store.engine import Database
from service.web import event_stream
from tests.api.problems import problem
from tests.live.conftest import Served, serving, serving_beside
from tests.support.eventsource import Source, opened

SOON = 0.05


@pytest.fixture(autouse=True)
def _watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done every second is done twenty times as often."""
    monkeypatch.setattr(live, "CHECK_SECONDS", SOON)


async def eventually(holds: Callable[[], Any]) -> None:
    for _ in range(2_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to be")


async def ended(source: Source) -> bool:
    return await source.next() is None


async def key(served: Served, **more: Any) -> tuple[str, dict[str, str]]:
    """A reader's key made for a test: its id, and headers that carry it."""
    made = await served.desk.database.write(
        account_commands.create_key,
        name="k",
        **{"role": Role.READER, **more},
        actor=account_commands.SYSTEM,
        now=served.desk.clock.now,
    )
    return made.id, {"Authorization": f"Bearer {made.key}"}


async def user(served: Served, role: str = "checker") -> tuple[str, str]:
    """A user: their id, and the token of a session."""
    made = await served.desk.admin.post(
        "/v1/users", json={"email": "ana@example.org", "name": "Ana", "role": role}
    )
    person = str(made.json()["id"])
    token = await served.desk.database.write(
        account_commands.start_session, person, now=served.desk.clock.now
    )
    return person, token


async def test_a_revoked_key_ends_its_streams(served: Served) -> None:
    """Those of the key, and no others; coming back with it is refused."""
    key_id, headers = await key(served)
    async with (
        httpx.AsyncClient(base_url=served.url, headers=headers) as client,
        served.client("reader") as other,
        opened(client) as one,
        opened(client, story="border") as two,
        opened(other) as stays,
    ):
        assert (await served.desk.admin.post(f"/v1/keys/{key_id}/revocation")).is_success
        assert await ended(one)
        assert await ended(two)
        problem(await client.get("/v1/events/stream"), "not-authenticated")
        await served.desk.claim()
        message = await stays.next()
        assert message is not None
        assert message.type == "claim.created"


async def test_a_key_revoked_elsewhere_ends_its_streams(served: Served) -> None:
    """By another process, which this one is not told of."""
    key_id, headers = await key(served)
    async with (
        serving_beside(served.desk) as elsewhere,
        httpx.AsyncClient(base_url=served.url, headers=headers) as client,
        opened(client) as source,
    ):
        assert (await elsewhere.desk.admin.post(f"/v1/keys/{key_id}/revocation")).is_success
        assert await ended(source)


async def test_a_key_that_expires_ends_its_streams(served: Served) -> None:
    clock = served.desk.clock
    _, headers = await key(served, expires_at=clock.now + timedelta(hours=1))
    async with (
        httpx.AsyncClient(base_url=served.url, headers=headers) as client,
        opened(client) as source,
    ):
        clock.advance(hours=1)
        assert await ended(source)


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"role": "reader"}, {"password": "another, much longer one"}]
)
async def test_a_user_who_changes_ends_their_streams(
    served: Served, change: dict[str, Any]
) -> None:
    """Disabled, or of another role, or signed out by a new password: with a session, and with a key
    that is theirs, unless the key is as good as before."""
    person, token = await user(served)
    _, headers = await key(served, role=Role.CHECKER, user=person)
    cookie = {"Cookie": f"claimdesk_session={token}"}
    async with (
        httpx.AsyncClient(base_url=served.url, headers=headers) as by_key,
        httpx.AsyncClient(base_url=served.url, headers=cookie) as by_session,
        opened(by_key) as one,
        opened(by_session) as two,
    ):
        changed = await served.desk.admin.patch(f"/v1/users/{person}", json=change)
        assert changed.is_success, changed.text
        assert await ended(two)
        if "password" not in change:
            assert await ended(one)
        second = await by_key.head("/v1/events/stream")
        assert second.status_code == (401 if "disabled" in change else 200)


async def test_a_session_that_ends_ends_its_streams(served: Served) -> None:
    _, token = await user(served)
    headers = {"Cookie": f"claimdesk_session={token}", "Origin": served.url}
    async with (
        httpx.AsyncClient(base_url=served.url, headers=headers) as client,
        opened(client) as source,
    ):
        assert (await client.delete("/v1/session")).is_success
        assert await ended(source)


async def test_the_public_listens_only_where_it_may_read(settings: Settings) -> None:
    async with (
        serving(settings) as closed,
        closed.client("public") as client,
    ):
        problem(await client.get("/v1/events/stream"), "not-authenticated")


async def test_so_many_streams_and_no_more(settings: Settings) -> None:
    """Of one caller, and of all; whoever leaves makes room."""
    few = settings.model_copy(update={"streams_each": 2, "streams": 3})
    async with (
        serving(few) as served,
        served.client("reader") as reader,
        served.client("checker") as checker,
        served.client("editor") as editor,
    ):
        async with opened(reader), opened(reader):
            refused = await reader.get("/v1/events/stream")
            problem(refused, "too-many-streams")
            assert int(refused.headers["Retry-After"]) > 0
            async with opened(checker):
                refused = await editor.get("/v1/events/stream")
                problem(refused, "streams-full")
                assert int(refused.headers["Retry-After"]) > 0
                assert (await editor.get("/v1/events")).status_code == 200
        listeners = served.live._listeners
        await eventually(lambda: not listeners)
        async with opened(editor), opened(editor):
            assert len(listeners) == 2
        assert (await editor.get("/v1/events")).is_success


async def test_the_public_leaves_streams_to_those_who_are_signed_in(settings: Settings) -> None:
    """Half of all unless said otherwise; a stream that was refused takes no place."""
    few = settings.model_copy(update={"streams": 4, "public_read": True})
    async with (
        serving(few) as served,
        served.client("public") as public,
        served.client("checker") as checker,
        opened(public),
        opened(public),
    ):
        for _ in range(3):
            refused = await public.get("/v1/events/stream")
            problem(refused, "streams-full")
            assert int(refused.headers["Retry-After"]) > 0
        async with opened(checker), opened(checker):
            assert len(served.live._listeners) == 4
            problem(await checker.get("/v1/events/stream"), "streams-full")
        assert (await public.get("/v1/events")).status_code == 200


async def test_while_nobody_listens_nothing_is_read(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the bell, not by the clock; and the first to come back misses nothing."""
    monkeypatch.setattr(live, "POLL_SECONDS", SOON)
    sent = 0

    def note(*_: Any) -> None:
        nonlocal sent
        sent += 1

    async with served.client("reader") as client:
        async with opened(client) as source:
            last = source.last_event_id
        await eventually(lambda: not served.live._listeners)
        await asyncio.sleep(4 * live.SPACING_SECONDS)
        event.listen(Engine, "before_cursor_execute", note)
        served.desk.database.bell.ring()
        await asyncio.sleep(4 * live.SPACING_SECONDS)
        assert sent == 0
        event.remove(Engine, "before_cursor_execute", note)
        await served.desk.claim()
        async with opened(client, last) as source:
            message = await source.next()
            assert message is not None
            assert message.type == "claim.created"


async def test_an_event_is_found_where_no_bell_rings(served: Served) -> None:
    """Of another process, on SQLite or behind a pooler."""
    async with (
        serving_beside(served.desk, webhook_bell=False) as elsewhere,
        served.client("reader") as client,
        opened(client) as source,
    ):
        await elsewhere.desk.claim()
        message = await source.next()
        assert message is not None
        assert message.type == "claim.created"


LONG = {"note": "🦊" * 1_990}  # 8 kB


@contextmanager
def stuck(served: Served) -> Iterator[None]:
    """A client that asks for everything and takes next to nothing."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", served.port))
        asked = "GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: x\r\n"
        client.sendall(
            f"{asked}Authorization: Bearer {served.desk.keys['checker']}\r\n\r\n".encode()
        )
        yield


def waits(listener: Listener) -> bool:
    """Whether it has waited for its client for half a second."""
    since = listener.sending_since
    return since is not None and time.monotonic() - since > 0.5


async def test_a_client_that_does_not_read_holds_nothing_and_nobody(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for it is bounded, and it is cut off in the end; others have everything
    meanwhile."""
    desk, listeners = served.desk, served.live._listeners
    claim = (await desk.claim())["id"]
    with stuck(served):
        await eventually(lambda: len(listeners) == 1)
        (slow,) = listeners
        async with served.client("checker") as client, opened(client) as source:
            for _ in range(40):
                await desk.link(claim, "comments", "nato", **LONG)
                assert await source.next() is not None
            await eventually(lambda: waits(slow))
            left = slow.position
            connections = served.server.server_state.connections
            held = [one.transport.get_write_buffer_size() for one in connections]
            assert 0 < max(held) < 3 * event_ring.CHUNK_BYTES
            await desk.claim()
            assert await source.next() is not None
            assert slow.position == left < served.live.ring.top, "nothing more is taken for it"
            monkeypatch.setattr(live, "STUCK_SECONDS", 0.5)
            await eventually(lambda: slow not in listeners)
            async with served.client("admin") as admin:
                figures = (await admin.get("/metrics")).text
            assert "\nclaimdesk_streams_cut_total 1.0\n" in figures


async def test_a_client_that_does_not_read_keeps_no_server_from_ending(served: Served) -> None:
    """Its connection is dropped with what is left to send: uvicorn would wait for ever."""
    desk, listeners = served.desk, served.live._listeners
    claim = (await desk.claim())["id"]
    for _ in range(40):
        await desk.link(claim, "comments", "nato", **LONG)
    with stuck(served):
        await eventually(lambda: any(map(waits, listeners)))
        served.server.should_exit = True
        await eventually(lambda: not served.server.server_state.connections)
    assert not listeners


async def test_a_client_that_goes_leaves_nothing(served: Served) -> None:
    """Whether it says so or just ends."""
    listeners = served.live._listeners
    tasks = served.server.server_state.tasks
    for hard in (False, True):
        client = served.client("reader")
        async with opened(client) as source:
            assert len(listeners) == 1
            if hard:
                stream = source.response.extensions["network_stream"]
                raw = stream.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await client.aclose()
        await eventually(lambda: not listeners and not tasks)
    assert not served.live._each


async def test_streams_outlast_a_database_that_is_away(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is cut, heartbeats go on, and what was recorded meanwhile comes when it is back; so
    with one that had to ask the database for what it missed."""
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(event_stream, "TROUBLE_SECONDS", SOON)
    monkeypatch.setattr(event_ring, "MAX_EVENTS", 2)
    await served.desk.claim()
    async with (
        served.client("reader") as client,
        opened(client) as source,
        opened(client, after=0) as behind,
    ):
        first = await behind.next()
        read, failures = Database.read, 0

        async def away(self: Database, query: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal failures
            if query in (event_queries.tail, refresh_credentials):
                failures += 1
                raise Unavailable("The database is away.")
            return await read(self, query, *args, **kwargs)

        monkeypatch.setattr(Database, "read", away)
        for _ in range(4):
            await served.desk.claim()
        await eventually(lambda: failures > 5)
        for one in (source, behind):
            comments = one.parser.comments
            await one.until(lambda parser, told=comments: parser.comments > told)
        monkeypatch.setattr(Database, "read", read)
        assert first is not None
        seen = [await source.take(4), [first, *await behind.take(4)]]
        numbers = [[int(one.last_event_id) for one in some] for some in seen]
        assert numbers[1][1:] == numbers[0] == sorted(set(numbers[0]))
        assert numbers[1][0] < numbers[0][0]
        assert await served.desk.database.read(event_queries.last) == numbers[0][-1]
