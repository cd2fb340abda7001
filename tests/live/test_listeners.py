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

from service.accounts import key_commands, session_commands
from service.accounts.credentials import refresh_credentials
from service.config import Settings
from service.domain import access
from service.domain.access import Role
from service.domain.errors import Unavailable
from service.live import event_ring
from service.live import listeners as live
from service.live.listeners import Listener
from service.record import event_queries
from service.store.engine import Database
from service.web import event_stream
from tests.api.problems import require_problem
from tests.live.conftest import Served, run_server, run_server_beside
from tests.support.eventsource import Source, open_source

SOON = 0.05


@pytest.fixture(autouse=True)
def _quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done every second is done twenty times as often."""
    # A test cannot wait as long as an open stream does, and no setting shortens it.
    monkeypatch.setattr(live, "CHECK_SECONDS", SOON)


async def wait_until(condition: Callable[[], Any]) -> None:
    for _ in range(2_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to be")


async def is_ended(source: Source) -> bool:
    return await source.next() is None


async def create_key(live_server: Served, **fields: Any) -> tuple[str, dict[str, str]]:
    """A reader's key made for a test: its id, and headers that carry it."""
    key = await live_server.desk.database.write(
        key_commands.create_key,
        name="k",
        **{"role": Role.READER, **fields},
        actor=access.SYSTEM,
        now=live_server.desk.clock.now,
    )
    return key.id, {"Authorization": f"Bearer {key.key}"}


async def create_user(live_server: Served, role: str = "checker") -> tuple[str, str]:
    """A user: their id, and the token of a session."""
    response = await live_server.desk.admin.post(
        "/v1/users", json={"email": "ana@example.org", "name": "Ana", "role": role}
    )
    person = str(response.json()["id"])
    token = await live_server.desk.database.write(
        session_commands.start_session, person, now=live_server.desk.clock.now
    )
    return person, token


async def test_revoked_key_ends_its_streams(live_server: Served) -> None:
    """Other keys keep their streams; coming back with the revoked one is refused."""
    key_id, headers = await create_key(live_server)
    async with (
        httpx.AsyncClient(base_url=live_server.url, headers=headers) as client,
        live_server.client("reader") as other,
        open_source(client) as source,
        open_source(client, story="border") as two,
        open_source(other) as stays,
    ):
        assert (await live_server.desk.admin.post(f"/v1/keys/{key_id}/revocation")).is_success
        assert await is_ended(source)
        assert await is_ended(two)
        require_problem(await client.get("/v1/events/stream"), "not-authenticated")
        await live_server.desk.record_claim()
        message = await stays.next()
        assert message is not None
        assert message.type == "claim.created"


async def test_key_revoked_by_another_process_ends_its_streams(live_server: Served) -> None:
    """This process is not told of it."""
    key_id, headers = await create_key(live_server)
    async with (
        run_server_beside(live_server.desk) as elsewhere,
        httpx.AsyncClient(base_url=live_server.url, headers=headers) as client,
        open_source(client) as source,
    ):
        assert (await elsewhere.desk.admin.post(f"/v1/keys/{key_id}/revocation")).is_success
        assert await is_ended(source)


async def test_expired_key_ends_its_streams(live_server: Served) -> None:
    clock = live_server.desk.clock
    _, headers = await create_key(live_server, expires_at=clock.now + timedelta(hours=1))
    async with (
        httpx.AsyncClient(base_url=live_server.url, headers=headers) as client,
        open_source(client) as source,
    ):
        clock.advance(hours=1)
        assert await is_ended(source)


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"role": "reader"}, {"password": "another, much longer one"}]
)
async def test_changed_user_ends_their_streams(live_server: Served, change: dict[str, Any]) -> None:
    """Disabled, or of another role, or signed out by a new password: with a session, and with a key
    that is theirs, unless the key is as good as before."""
    person, token = await create_user(live_server)
    _, headers = await create_key(live_server, role=Role.CHECKER, user=person)
    cookie = {"Cookie": f"claimdesk_session={token}"}
    async with (
        httpx.AsyncClient(base_url=live_server.url, headers=headers) as by_key,
        httpx.AsyncClient(base_url=live_server.url, headers=cookie) as by_session,
        open_source(by_key) as source,
        open_source(by_session) as two,
    ):
        user_change = await live_server.desk.admin.patch(f"/v1/users/{person}", json=change)
        assert user_change.is_success, user_change.text
        assert await is_ended(two)
        if "password" not in change:
            assert await is_ended(source)
        second = await by_key.head("/v1/events/stream")
        assert second.status_code == (401 if "disabled" in change else 200)


async def test_ended_session_ends_its_streams(live_server: Served) -> None:
    _, token = await create_user(live_server)
    headers = {"Cookie": f"claimdesk_session={token}", "Origin": live_server.url}
    async with (
        httpx.AsyncClient(base_url=live_server.url, headers=headers) as client,
        open_source(client) as source,
    ):
        assert (await client.delete("/v1/session")).is_success
        assert await is_ended(source)


async def test_public_cannot_stream_without_public_read(settings: Settings) -> None:
    async with (
        run_server(settings) as closed_server,
        closed_server.client("public") as client,
    ):
        require_problem(await client.get("/v1/events/stream"), "not-authenticated")


async def test_streams_are_limited_for_each_caller_and_in_all(settings: Settings) -> None:
    """A stream that ends makes room."""
    few = settings.model_copy(update={"streams_each": 2, "streams": 3})
    async with (
        run_server(few) as server,
        server.client("reader") as reader,
        server.client("checker") as checker,
        server.client("editor") as editor,
    ):
        async with open_source(reader), open_source(reader):
            refusal = await reader.get("/v1/events/stream")
            require_problem(refusal, "too-many-streams")
            assert int(refusal.headers["Retry-After"]) > 0
            async with open_source(checker):
                refusal = await editor.get("/v1/events/stream")
                require_problem(refusal, "streams-full")
                assert int(refusal.headers["Retry-After"]) > 0
                assert (await editor.get("/v1/events")).status_code == 200
        listeners = server.live._listeners
        await wait_until(lambda: not listeners)
        async with open_source(editor), open_source(editor):
            assert len(listeners) == 2
        assert (await editor.get("/v1/events")).is_success


async def test_public_streams_are_half_of_all_by_default(settings: Settings) -> None:
    """The rest is for those who are signed in; a refused stream takes no place."""
    few = settings.model_copy(update={"streams": 4, "public_read": True})
    async with (
        run_server(few) as server,
        server.client("public") as public,
        server.client("checker") as checker,
        open_source(public),
        open_source(public),
    ):
        for _ in range(3):
            refusal = await public.get("/v1/events/stream")
            require_problem(refusal, "streams-full")
            assert int(refusal.headers["Retry-After"]) > 0
        async with open_source(checker), open_source(checker):
            assert len(server.live._listeners) == 4
            require_problem(await checker.get("/v1/events/stream"), "streams-full")
        assert (await public.get("/v1/events")).status_code == 200


@pytest.mark.usefixtures("seldom_upkeep")
async def test_reader_pauses_while_nobody_listens(
    live_server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither wake-ups nor the clock make it read; the first to come back misses nothing."""
    # Likewise.
    monkeypatch.setattr(live, "POLL_SECONDS", SOON)
    read_count = 0

    def note(*_: Any) -> None:
        nonlocal read_count
        read_count += 1

    async with live_server.client("reader") as client:
        async with open_source(client) as source:
            last = source.last_event_id
        await wait_until(lambda: not live_server.live._listeners)
        await live_server.desk.stop_upkeep()
        await asyncio.sleep(4 * live.SPACING_SECONDS)
        event.listen(Engine, "before_cursor_execute", note)
        live_server.desk.database.wakeups.notify()
        await asyncio.sleep(4 * live.SPACING_SECONDS)
        assert read_count == 0
        event.remove(Engine, "before_cursor_execute", note)
        await live_server.desk.record_claim()
        async with open_source(client, last) as source:
            message = await source.next()
            assert message is not None
            assert message.type == "claim.created"


async def test_event_is_found_without_a_wakeup(live_server: Served) -> None:
    """It may be of another process, on SQLite or behind a pooler."""
    async with (
        run_server_beside(live_server.desk, webhook_bell=False) as elsewhere,
        live_server.client("reader") as client,
        open_source(client) as source,
    ):
        await elsewhere.desk.record_claim()
        message = await source.next()
        assert message is not None
        assert message.type == "claim.created"


LONG = {"note": "🦊" * 1_990}  # 8 kB


@contextmanager
def open_stuck_client(live_server: Served) -> Iterator[None]:
    """A client that asks for everything and takes next to nothing."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", live_server.port))
        head = "GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: x\r\n"
        client.sendall(
            f"{head}Authorization: Bearer {live_server.desk.keys['checker']}\r\n\r\n".encode()
        )
        yield


def is_waiting(listener: Listener) -> bool:
    """Whether it has waited for its client for half a second."""
    since = listener.sending_since
    return since is not None and time.monotonic() - since > 0.5


async def test_client_that_does_not_read_delays_nobody_and_is_cut(
    live_server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for it is bounded, and it is cut off in the end; others have everything
    meanwhile."""
    desk, listeners = live_server.desk, live_server.live._listeners
    claim = (await desk.record_claim())["id"]
    with open_stuck_client(live_server):
        await wait_until(lambda: len(listeners) == 1)
        (slow,) = listeners
        async with live_server.client("checker") as client, open_source(client) as source:
            for _ in range(40):
                await desk.link_statement(claim, "comments", "nato", **LONG)
                assert await source.next() is not None
            await wait_until(lambda: is_waiting(slow))
            position = slow.position
            connections = live_server.server.server_state.connections
            buffer_sizes = [
                connection.transport.get_write_buffer_size() for connection in connections
            ]
            assert 0 < max(buffer_sizes) < 3 * event_ring.CHUNK_BYTES
            await desk.record_claim()
            assert await source.next() is not None
            assert slow.position == position < live_server.live.ring.top, (
                "nothing more is taken for it"
            )
            # Likewise.
            monkeypatch.setattr(live, "STUCK_SECONDS", 0.5)
            await wait_until(lambda: slow not in listeners)
            async with live_server.client("admin") as admin:
                figures = (await admin.get("/metrics")).text
            assert "\nclaimdesk_streams_cut_total 1.0\n" in figures


async def test_server_stops_despite_a_client_that_does_not_read(live_server: Served) -> None:
    """Its connection is dropped with what is left to send: uvicorn would wait for ever."""
    desk, listeners = live_server.desk, live_server.live._listeners
    claim = (await desk.record_claim())["id"]
    for _ in range(40):
        await desk.link_statement(claim, "comments", "nato", **LONG)
    with open_stuck_client(live_server):
        await wait_until(lambda: any(map(is_waiting, listeners)))
        live_server.server.should_exit = True
        await wait_until(lambda: not live_server.server.server_state.connections)
    assert not listeners


async def test_client_that_disconnects_leaves_no_listener(live_server: Served) -> None:
    """It may say so or just end."""
    listeners = live_server.live._listeners
    tasks = live_server.server.server_state.tasks
    for hard in (False, True):
        client = live_server.client("reader")
        async with open_source(client) as source:
            assert len(listeners) == 1
            if hard:
                stream = source.response.extensions["network_stream"]
                raw = stream.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await client.aclose()
        await wait_until(lambda: not listeners and not tasks)
    assert not live_server.live._each


async def test_streams_outlast_an_outage_of_the_database(
    live_server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is cut, heartbeats go on, and what was recorded meanwhile comes when it is back; so
    with one that had to ask the database for what it missed."""
    # Likewise.
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(event_stream, "TROUBLE_SECONDS", SOON)
    monkeypatch.setattr(event_ring, "MAX_EVENTS", 2)
    await live_server.desk.record_claim()
    async with (
        live_server.client("reader") as client,
        open_source(client) as source,
        open_source(client, after=0) as late_source,
    ):
        first = await late_source.next()
        read, failures = Database.read, 0

        async def fail_to_read(self: Database, query: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal failures
            if query in (event_queries.list_events_after, refresh_credentials):
                failures += 1
                raise Unavailable("The database is away.")
            return await read(self, query, *args, **kwargs)

        monkeypatch.setattr(Database, "read", fail_to_read)
        for _ in range(4):
            await live_server.desk.record_claim()
        await wait_until(lambda: failures > 5)
        for each in (source, late_source):
            comments = each.parser.comments
            await each.until(lambda parser, count=comments: parser.comments > count)
        monkeypatch.setattr(Database, "read", read)
        assert first is not None
        messages = [await source.take(4), [first, *await late_source.take(4)]]
        numbers = [[int(each.last_event_id) for each in some] for some in messages]
        assert numbers[1][1:] == numbers[0] == sorted(set(numbers[0]))
        assert numbers[1][0] < numbers[0][0]
        assert (
            await live_server.desk.database.read(event_queries.read_last_number) == numbers[0][-1]
        )
