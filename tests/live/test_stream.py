"""The stream of events: what it says, to whom, from where on, and that it is its polling twin."""

import asyncio
import contextlib
import random
from typing import Any

import pytest

from service.live import event_ring, listeners
from service.record import event_queries
from tests.api.problems import require_problem
from tests.api.test_access import record_secretive_claim
from tests.live.conftest import Served
from tests.record.test_tail import Undone, create_claim, write
from tests.support.eventsource import Message, open_source
from tests.support.inboxes import tell_people

HOSTILE = 'line\u2028para\u2029next\x85 <b>"quoted"</b> \\ id: 7\r\n\r\ndata: {} \u202e🦊'


async def poll_events(live_server: Served, client: Any, **query: Any) -> list[dict[str, Any]]:
    """All pages of the poll."""
    items: list[dict[str, Any]] = []
    after = query.pop("after", 0)
    while True:
        params = {**query, "after": after, "limit": 7}
        page = (await client.get("/v1/events", params=params)).json()
        items += page["items"]
        if page["next_after"] == after:
            return items
        after = page["next_after"]


async def record_changes(live_server: Served) -> str:
    """Changes of several kinds in two stories; gives a claim."""
    desk = live_server.desk
    if (await desk.reader.get("/v1/stories/border")).status_code == 404:
        await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = await desk.record_unchecked(HOSTILE, story="border")
    await desk.link_statement(claim, "requests_confirmation", "washington")
    await desk.record_claim()
    await desk.confirm_claim(claim)
    return claim


def is_same(messages: list[Message], items: list[dict[str, Any]]) -> bool:
    """Whether these are those, field by field."""
    assert [message.item for message in messages] == items
    assert [message.type for message in messages] == [item["type"] for item in items]
    return [message.last_event_id for message in messages] == [str(item["seq"]) for item in items]


@pytest.mark.parametrize("role", ["public", "reader", "checker", "editor", "admin"])
async def test_stream_of_each_role_equals_its_poll(empty_served: Served, role: str) -> None:
    """Old events and new ones, with the same withheld: neither drafts nor assignees for readers,
    no names for the public."""
    claim, withheld, staff = await record_secretive_claim(empty_served.desk)
    async with empty_served.client(role) as client, open_source(client, after=0) as source:
        items = await poll_events(empty_served, client)
        assert is_same(await source.take(len(items)), items)
        await record_changes(empty_served)
        later = await poll_events(empty_served, client, after=items[-1]["seq"])
        messages = await source.take(len(later))
        assert is_same(messages, later)
    whole = str([*items, *(message.data for message in messages)])
    assert claim in whole
    hidden_texts = {"public": [*withheld, *staff], "reader": withheld}.get(role, [])
    assert not [secret for secret in hidden_texts if secret in whole]
    if role in ("checker", "editor", "admin"):
        assert "DRAFT-before-" in whole


async def test_answer_has_the_headers_of_an_event_stream(live_server: Served) -> None:
    """What proxies and browsers need to know, and the first block: how long to wait before coming
    back, and where this began."""
    await live_server.desk.record_claim()
    async with live_server.client("reader") as client, open_source(client) as source:
        headers = source.response.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-store, no-transform"
        assert headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in headers
        assert "content-length" not in headers
        assert 1_000 <= (source.parser.retry or 0) <= 3_000
        newest = (await poll_events(live_server, client))[-1]["seq"]
        assert source.last_event_id == str(newest)
        head = await client.head("/v1/events/stream")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == headers["content-type"]
        async with live_server.client("admin") as admin:
            figures = (await admin.get("/metrics")).text
        assert "\nclaimdesk_streams 1.0\n" in figures
        assert "\nclaimdesk_streams_behind 0.0\n" in figures
        assert "\nclaimdesk_requests_running 1.0\n" in figures, "that of the figures themselves"
        assert 'route="/v1/events/stream",status="200"' in figures


FILTERS: tuple[dict[str, Any], ...] = (
    {"types": "claim.status_changed"},
    {"types": ["claim.created", "link.created"]},
    {"types": ["decision.proposed", "claim.merged"]},
    {"story": "border"},
    {"story": "border", "types": ["claim.created", "link.created"]},
    {"story": "nowhere"},
    {"claim": "…"},
    {"claim": "…", "types": "link.created", "story": "border"},
)


@pytest.mark.parametrize("is_small", [False, True], ids=["in the ring", "from the database"])
async def test_filtered_stream_equals_filtered_poll(
    live_server: Served, is_small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether an event is held or has to be looked up, and whether it came before or after; every
    stream ends at the newest number, whatever it was told."""
    # A test cannot wait as long as an open stream does, and no setting shortens it.
    monkeypatch.setattr(listeners, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(listeners, "CHECK_SECONDS", 0.1)
    if is_small:
        # Bounds that a few events reach; memory is the process's own.
        monkeypatch.setattr(event_ring, "MAX_EVENTS", 2)
        monkeypatch.setattr(listeners, "FIRST_EVENTS", 2)
        monkeypatch.setattr(listeners, "CATCH_UP_EVENTS", 3)
    claim = await record_changes(live_server)
    queries = [
        {name: claim if value == "…" else value for name, value in query.items()}
        for query in FILTERS
    ]
    async with live_server.client("checker") as client, contextlib.AsyncExitStack() as stack:
        sources = [
            await stack.enter_async_context(open_source(client, after=0, **query))
            for query in queries
        ]
        await record_changes(live_server)
        newest = str((await poll_events(live_server, client))[-1]["seq"])
        for query, source in zip(queries, sources, strict=True):
            items = await poll_events(live_server, client, **query)
            assert is_same(await source.take(len(items)), items), query
            await source.until(lambda parser: parser.last_event_id == newest)
    async with live_server.client("checker") as client, contextlib.AsyncExitStack() as stack:
        sources = [
            await stack.enter_async_context(open_source(client, newest, **query))
            for query in queries
        ]
        for source in sources:
            await source.until(lambda parser: parser.comments)
            assert source.last_event_id == newest


async def test_stream_begins_at_the_requested_number(live_server: Served) -> None:
    """Without a number with what comes now; after a number; after the last event's, which a browser
    sends with the address that it began with."""
    desk = live_server.desk
    claim = await record_changes(live_server)
    async with live_server.client("reader") as client:
        items = await poll_events(live_server, client)
        third = items[2]["seq"]
        async with open_source(client, after=third) as source:
            assert is_same(await source.take(len(items) - 3), items[3:])
        async with open_source(client, str(items[4]["seq"]), after=0) as source:
            assert is_same(await source.take(len(items) - 5), items[5:])
        async with open_source(client) as source:
            await desk.link_statement(claim, "comments", "nato")
            new = await poll_events(live_server, client, after=items[-1]["seq"])
            assert is_same(await source.take(len(new)), new)


async def test_reconnecting_client_gets_each_event_once(
    live_server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While others write: cut after every few events, with a ring too small for what is missed."""
    # Bounds that a few events reach; memory is the process's own.
    monkeypatch.setattr(event_ring, "MAX_EVENTS", 10)
    monkeypatch.setattr(listeners, "FIRST_EVENTS", 4)
    desk = live_server.desk
    claims = [(await desk.record_claim())["id"] for _ in range(4)]

    async def write(claim: str) -> None:
        for number in range(12):
            await desk.link_statement(claim, "comments", "nato", note=f"note {number}")

    async with live_server.client("reader") as client:
        messages: list[Message] = []
        last = "0"
        writing = asyncio.gather(*map(write, claims))
        while len(messages) < 4 + 4 * 12:
            async with open_source(client, last) as source:
                messages += await source.take(min(3, 4 + 4 * 12 - len(messages)))
                last = source.last_event_id
        await writing
        assert is_same(messages, await poll_events(live_server, client))


async def test_stream_waits_for_numbers_that_commit_late(live_server: Served) -> None:
    """A number that comes to light after a higher one is not passed over: streams wait for it, as
    the poll does."""
    database = live_server.desk.database
    chance = random.Random(1)
    shared_claims = [await database.write(create_claim, f"shared {number}") for number in range(2)]

    async def write_on(number: int) -> None:
        own = await database.write(create_claim, f"of writer {number}")
        for turn in range(8):
            with contextlib.suppress(Undone):
                await database.write(
                    write,
                    [own, chance.choice(shared_claims)],
                    text=f"{number} writes {turn}",
                    before=chance.choice([0, 0.01]),
                    after=chance.choice([0, 0, 0.05]),
                    undo=chance.random() < 0.2,
                )

    async with (
        live_server.client("reader") as client,
        open_source(client, after=0) as source,
        open_source(client, after=0, types="claim.created") as filtered_source,
    ):
        await asyncio.gather(*map(write_on, range(6)))
        items = await poll_events(live_server, client)
        assert is_same(await source.take(len(items)), items)
        creations = [item for item in items if item["type"] == "claim.created"]
        assert is_same(await filtered_source.take(len(creations)), creations)
        assert len(items) > 50


async def test_invalid_last_event_id_is_refused(live_server: Served) -> None:
    """No number, or none that a bigint has: refused by name."""
    async with live_server.client("reader") as client:
        for value in ("", "x", "-1", "1.5", "9" * 19, "9" * 5000, "0x10", "٣", "1 2"):
            headers = {b"Last-Event-ID": value.encode()}
            answer = await client.get("/v1/events/stream", headers=headers)
            problem = require_problem(answer, "invalid-request")
            assert problem["errors"][0]["loc"] == ["header", "last-event-id"], value


async def test_position_beyond_the_record_is_refused(live_server: Served) -> None:
    """Who has seen more than there is has seen another database: start again."""
    await live_server.desk.record_claim()
    beyond = await live_server.desk.database.read(event_queries.read_last_number) + 1
    async with live_server.client("reader") as client:
        for query, headers in (({"after": beyond}, {}), ({}, {"Last-Event-ID": str(beyond)})):
            answer = await client.get("/v1/events/stream", params=query, headers=headers)
            require_problem(answer, "epoch-ended")


QUESTIONS: tuple[dict[str, Any], ...] = (
    {"after": "-1"},
    {"after": "x"},
    {"after": str(2**63)},
    {"types": "x"},
    {"types": ["claim.created"] * 21},
    {"story": "No Slug"},
    {"claim": "x"},
    {"limit": "5"},
    {"cursor": "x"},
    {"type": "claim.created"},
)


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_unknown_filters_are_refused(live_server: Served) -> None:
    """The poll's filters are taken, and no others."""
    async with live_server.client("reader") as client:
        for query in QUESTIONS:
            require_problem(await client.get("/v1/events/stream", params=query), "invalid-request")


ACCEPTS = {
    "text/event-stream": True,
    "*/*": True,
    "text/*": True,
    "TEXT/Event-Stream; q=0.5, application/json": True,
    "text/html, */*;q=0.1": True,
    "": True,
    "application/json": False,
    "text/event-stream;q=0, */*": False,
    "text/*;q=0.000": False,
    "text/html, application/json": False,
    "nonsense": False,
}


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_stream_needs_a_client_that_accepts_it(live_server: Served) -> None:
    """By its Accept header (RFC 9110, 12.5.1); who takes no stream gets a problem."""
    async with live_server.client("reader") as client:
        for accept, is_accepted in ACCEPTS.items():
            answer = await client.head("/v1/events/stream", headers={"Accept": accept})
            assert answer.status_code == (200 if is_accepted else 406), accept
            if not is_accepted:
                answer = await client.get("/v1/events/stream", headers={"Accept": accept})
                require_problem(answer, "not-acceptable")


async def test_stream_says_that_ones_inbox_has_something_new(live_server: Served) -> None:
    """Only to who asks, only of their own, and not of what they did themselves; it is no event of
    the record, so the place to come back to stays."""
    desk = live_server.desk
    claim = (await desk.record_claim())["id"]
    name = (await desk.editor.get("/v1/me")).json()["name"]
    async with (
        live_server.client("editor") as client,
        live_server.client("checker") as author,
        open_source(client, inbox="true") as inbox_source,
        open_source(client) as silent,
        open_source(author, inbox="true") as other,
    ):
        note = {"text": f"@{name} please look"}
        answer = await desk.checker.post(f"/v1/claims/{claim}/notes", json=note)
        assert answer.status_code == 201, answer.text
        place = inbox_source.last_event_id
        await tell_people(desk)
        [news] = await inbox_source.take(1)
        assert (news.type, news.data, inbox_source.last_event_id) == ("inbox", "{}", place)
        await desk.link_statement(claim, "comments", "pristina")
        for source in (silent, other):
            [message] = await source.take(1)
            assert message.type == "link.created"


async def test_stream_says_that_something_was_read_elsewhere(live_server: Served) -> None:
    """Once for each reading, only to whose inbox it is, however many streams they have."""
    desk = live_server.desk
    claim = (await desk.record_claim())["id"]
    name = (await desk.editor.get("/v1/me")).json()["name"]
    for words in ("look", "look again"):
        await desk.post(f"/v1/claims/{claim}/notes", {"text": f"@{name} please {words}"})
    await tell_people(desk)
    notices = (await desk.editor.get("/v1/inbox")).json()["items"]
    async with (
        live_server.client("editor") as client,
        live_server.client("checker") as author,
        open_source(client, inbox="true") as window,
        open_source(client, inbox="true") as other_window,
        open_source(author, inbox="true") as other,
    ):
        await desk.link_statement(claim, "comments", "pristina")
        for source in (window, other_window, other):
            while (await source.take(1))[0].type == "inbox":
                pass  # of what came before
        for notice in notices[:2]:
            await desk.editor.post("/v1/inbox/read", json={"ids": [notice["id"]]})
            for source in (window, other_window):
                assert [message.type for message in await source.take(1)] == ["inbox"]
        repetition = await desk.editor.post("/v1/inbox/read", json={"ids": [notices[0]["id"]]})
        assert repetition.json()["marked"] == 0
        await desk.link_statement(claim, "comments", "washington")
        for source in (window, other_window, other):
            assert [message.type for message in await source.take(1)] == ["link.created"]


async def test_inbox_of_nobody_is_no_stream(live_server: Served) -> None:
    async with live_server.client("reader") as client:
        answer = await client.get(
            "/v1/events/stream",
            params={"inbox": "true"},
            headers={"Accept": "text/event-stream"},
        )
        require_problem(answer, "key-without-person")
