"""Reads from a real streaming replica: a caller reads what they wrote, nothing older than the bound
is served, and a replica that fails is left and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from service.config import Settings
from service.store import migrate
from service.web.replica_choice import COOKIE, HEADER
from tests.desk.conftest import People, parse_page, people, submit
from tests.infrastructure.replication import Node, Pair
from tests.support.desk import Clock, Desk, run_desk, run_second_process

__all__ = ["people"]

SECONDS = 20
BOUND = 60.0


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    pair = Pair()
    pair.first.wait_for(None)
    migrate.upgrade(Settings(database_url=pair.first.url, log_level="error"))
    yield pair
    pair.close()


@pytest.fixture(scope="module")
def clock() -> Clock:
    """One for all desks on the pair: a record never runs backwards."""
    return Clock()


@pytest.fixture
def settings(pair: Pair) -> Settings:
    return Settings(
        database_url=pair.first.url,
        database_read_url=pair.second.url,
        database_read_lag_seconds=BOUND,
        dispatch=False,
        public_read=True,
        rate_limit=None,
        log_level="error",
    )


@pytest.fixture
async def desk(settings: Settings, pair: Pair, clock: Clock) -> AsyncIterator[Desk]:
    """A desk whose replica is used."""
    async with run_desk(settings, clock) as desk:
        if not (await desk.reader.get("/v1/parties")).json()["items"]:
            await desk.record_parties()
        await catch_up(desk)
        yield desk
        if await run(pair.second, "SELECT 1 WHERE pg_is_in_recovery()"):
            await run(pair.second, "SELECT pg_wal_replay_resume()")


async def run(node: Node, sql: str) -> list[Any]:
    return await asyncio.to_thread(node.run, sql)


async def pause(replica: Node) -> None:
    """Let it show nothing newer from now on."""
    await run(replica, "SELECT pg_wal_replay_pause()")
    state = "SELECT 1 WHERE pg_get_wal_replay_pause_state() = 'paused'"
    deadline = time.monotonic() + SECONDS
    while not await run(replica, state):
        assert time.monotonic() < deadline


async def resume(replica: Node) -> None:
    await run(replica, "SELECT pg_wal_replay_resume()")


async def describe(desk: Desk) -> dict[str, Any]:
    """What `/readyz` says of the replica."""
    answer = await desk.public.get("/readyz")
    assert answer.status_code == 200, answer.text
    description: dict[str, Any] = answer.json()["replica"]
    return description


async def wait_for(desk: Desk, *, is_used: bool) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    while (description := await describe(desk))["is_used"] is not is_used:
        assert time.monotonic() < deadline, description
        await asyncio.sleep(0.05)
    return description


async def catch_up(desk: Desk) -> None:
    """Return once the replica is used, and has everything that was committed before."""
    position = await desk.database.read_position()
    await wait_for(desk, is_used=True)
    replica = desk.database.replica
    assert replica is not None
    start, deadline = time.monotonic(), time.monotonic() + SECONDS
    while not (replica.has_replayed(position) and is_newer_than(desk, start)):
        assert time.monotonic() < deadline, await describe(desk)
        await asyncio.sleep(0.05)


def is_newer_than(desk: Desk, moment: float) -> bool:
    """Whether the replica is known to have what was committed before `moment`."""
    replica = desk.database.replica
    assert replica is not None
    assert replica.seconds_behind is not None
    return time.monotonic() - replica.seconds_behind >= moment


async def count_replica_requests(desk: Desk) -> float:
    text = (await desk.admin.get("/metrics")).text
    [line] = [line for line in text.splitlines() if line.startswith("claimdesk_replica_requests_")]
    return float(line.split()[1])


async def amend(client: httpx.AsyncClient, claim: str, tag: str) -> httpx.Response:
    answer = await client.patch(
        f"/v1/claims/{claim}", json={"tags": [tag]}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 200, answer.text
    return answer


async def read(client: httpx.AsyncClient, claim: str, **headers: str) -> tuple[str, list[str]]:
    """The ETag and the tags of a claim."""
    answer = await client.get(f"/v1/claims/{claim}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == f'"{answer.json()["version"]}"'
    return answer.headers["etag"], answer.json()["tags"]


async def test_caller_with_a_key_reads_their_own_change_from_the_primary(
    desk: Desk, pair: Pair
) -> None:
    """Others get what the replica has, under its own ETag; once the replica has the change, it
    answers its author too."""
    claim = (await desk.record_claim())["id"]
    await catch_up(desk)
    old = await read(desk.reader, claim)
    await pause(pair.second)
    amendment = await amend(desk.checker, claim, "new")
    own = {HEADER: amendment.headers[HEADER]}
    new = (amendment.headers["etag"], ["new"])
    assert await read(desk.checker, claim, **own) == new
    assert await read(desk.checker, claim) == old
    assert await read(desk.reader, claim) == old
    for path in (f"/claims/{claim}", "/v1/claims?q=Serbia", "/v1/claims", "/"):
        page = (await desk.checker.get(path, headers=own)).text
        assert "new" in page or "Serbia" in page
    await resume(pair.second)
    await catch_up(desk)
    before = await count_replica_requests(desk)
    assert await read(desk.checker, claim, **own) == new
    assert await count_replica_requests(desk) == before + 1


async def test_refused_change_lets_its_caller_read_what_it_was_refused_by(
    desk: Desk, pair: Pair
) -> None:
    claim = (await desk.record_claim())["id"]
    await catch_up(desk)
    version, _ = await read(desk.checker2, claim)
    await pause(pair.second)
    await amend(desk.checker, claim, "first")
    refusal = await desk.checker2.patch(
        f"/v1/claims/{claim}", json={"tags": ["second"]}, headers={"If-Match": version}
    )
    assert refusal.status_code == 412
    _, tags = await read(desk.checker2, claim, **{HEADER: refusal.headers[HEADER]})
    assert tags == ["first"]


async def test_browser_shows_its_own_change_and_others_a_page_that_agrees_with_itself(
    desk: Desk, people: People, pair: Pair
) -> None:
    """The form's answer sets a cookie that the browser sends along for as long as it matters."""
    claim = (await desk.record_claim())["id"]
    await catch_up(desk)
    await pause(pair.second)
    page = f"/claims/{claim}"
    answer = await submit(
        people.checker,
        page,
        f"{page}/status",
        to="awaiting_confirmation",
        reason="as the evidence says",
    )
    assert answer.status_code == 303, answer.text
    [cookie] = [text for text in answer.headers.get_list("set-cookie") if COOKIE in text]
    assert "Max-Age=65; Path=/; HttpOnly; SameSite=Lax" in cookie
    assert "Awaiting confirmation" in read_status(await people.checker.get(page))
    assert "Asserted" in read_status(await people.reader.get(page))
    assert "Asserted" in read_status(await people.public.get(page))


def read_status(page: httpx.Response) -> str:
    [status] = parse_page(page).find_class("current-status")
    return str(status.text_content())


async def test_replica_too_far_behind_is_left_until_it_has_caught_up(
    desk: Desk, pair: Pair
) -> None:
    async with run_second_process(desk, database_read_lag_seconds=1) as hasty:
        claim = (await hasty.record_claim())["id"]
        await catch_up(hasty)
        await pause(pair.second)
        amendment = await amend(hasty.checker, claim, "new")
        description = await wait_for(hasty, is_used=False)
        assert "too far behind" in description["problem"]
        assert description["seconds_behind"] >= 1
        assert description["bytes_behind"] > 0
        assert await read(hasty.reader, claim) == (amendment.headers["etag"], ["new"])
        figures = (await hasty.admin.get("/metrics")).text
        assert "\nclaimdesk_replica_used 0.0\n" in figures
        await resume(pair.second)
        await catch_up(hasty)
        figures = (await hasty.admin.get("/metrics")).text
        assert "\nclaimdesk_replica_used 1.0\n" in figures
        assert "\nclaimdesk_replica_bytes_behind 0.0\n" in figures


@pytest.mark.parametrize("position", ["x", "", "-1", "0x", "1" * 400, "%00", "0/16B3", "٣", "1e9"])
async def test_position_that_is_none_is_ignored(desk: Desk, pair: Pair, position: str) -> None:
    """As a header and as a cookie: its sender gets what everybody gets."""
    claim = (await desk.record_claim())["id"]
    await catch_up(desk)
    old = await read(desk.reader, claim)
    await pause(pair.second)
    await amend(desk.checker, claim, "new")
    raw = position.encode()
    for headers in ({HEADER.encode(): raw}, {b"cookie": f"{COOKIE}=".encode() + raw}):
        answer = await desk.public.get(f"/v1/claims/{claim}", headers=headers)
        assert (answer.headers["etag"], answer.json()["tags"]) == old


async def test_position_that_is_never_come_to_leads_to_the_primary(desk: Desk, pair: Pair) -> None:
    """Nobody waits for it."""
    claim = (await desk.record_claim())["id"]
    await catch_up(desk)
    await pause(pair.second)
    amendment = await amend(desk.checker, claim, "new")
    _, tags = await read(desk.public, claim, **{HEADER: "f" * 16})
    assert tags == ["new"]
    _, tags = await read(desk.public, claim, cookie=f"{COOKIE}={'f' * 16}")
    assert tags == ["new"]
    assert amendment.headers[HEADER] < "f" * 16


async def test_what_must_not_be_behind_is_read_from_the_primary(desk: Desk, pair: Pair) -> None:
    """Events, a fresh `as_of`, forms, whoever asks for it, and a key that was revoked."""
    claim = (await desk.record_claim())["id"]
    await catch_up(desk)
    old = await read(desk.reader, claim)
    await pause(pair.second)
    amendment = await amend(desk.checker, claim, "new")
    new = (amendment.headers["etag"], ["new"])
    assert await read(desk.reader, claim) == old
    assert await read(desk.reader, claim, **{"Cache-Control": "no-cache"}) == new
    events = (await desk.reader.get("/v1/events", params={"claim": claim})).json()["items"]
    assert events[-1]["type"] == "claim.amended"
    moment = desk.clock.now.isoformat()
    assert (await desk.read_claim(claim, as_of=moment))["tags"] == ["new"]
    desk.clock.advance(seconds=BOUND + 70)
    assert (await desk.read_claim(claim, as_of=moment))["tags"] == []

    key = desk.keys["reader"].split("_")[1]
    assert (await desk.admin.delete(f"/v1/keys/{key}")).is_success
    assert (await desk.reader.get(f"/v1/claims/{claim}")).status_code == 401


async def test_list_that_began_at_the_primary_goes_on_there(desk: Desk, pair: Pair) -> None:
    """The replica would show again what has moved up since; one that began there goes on there."""
    first, second = [(await desk.record_claim())["id"] for _ in range(2)]
    await catch_up(desk)
    await pause(pair.second)
    amendment = await amend(desk.checker, first, "new")
    own = {HEADER: amendment.headers[HEADER]}

    async def list_pages(**headers: str) -> list[str]:
        query: dict[str, Any] = {"limit": 1}
        claim_ids = []
        for _ in range(2):
            page = (await desk.checker.get("/v1/claims", params=query, headers=headers)).json()
            claim_ids += [claim["id"] for claim in page["items"]]
            query["cursor"] = page["next_cursor"]
            headers = {}
        return claim_ids

    assert await list_pages(**own) == [first, second]
    before = await count_replica_requests(desk)
    assert await list_pages() == [second, first]
    assert await count_replica_requests(desk) == before + 2


async def test_page_from_a_replica_listens_from_where_the_record_is_settled(
    desk: Desk, pair: Pair
) -> None:
    """A number that was drawn and is not committed may still come: the stream begins before it."""
    claim = (await desk.record_claim())["id"]
    other = await asyncpg.connect(pair.first.url)
    try:
        transaction = other.transaction()
        await transaction.start()
        position = await other.fetchval("SELECT claimdesk_next_event()")
        await amend(desk.checker, claim, "later")
        await catch_up(desk)
        before = await count_replica_requests(desk)
        for path in (f"/claims/{claim}", "/"):
            page = await desk.reader.get(path)
            [body] = parse_page(page).xpath("//body")
            after = int(body.get("data-live").partition("after=")[2].partition("&")[0])
            assert after < position
        assert await count_replica_requests(desk) == before + 2
        await transaction.rollback()
    finally:
        await other.close()


async def test_silent_replica_is_left_and_comes_back(desk: Desk, pair: Pair) -> None:
    """A read that waits for it is answered by the primary, within the watcher's patience."""
    claim = (await desk.record_claim())["id"]
    await catch_up(desk)
    began = time.monotonic()
    pair.second.freeze()
    try:
        answers = await asyncio.gather(
            *(read(desk.reader, claim) for _ in range(20)),
            *(desk.reader.get(f"/claims/{claim}") for _ in range(20)),
        )
        assert len(answers) == 40
        assert time.monotonic() - began < 10
        await wait_for(desk, is_used=False)
    finally:
        pair.second.thaw()
    await catch_up(desk)


async def test_killed_replica_is_left_and_comes_back(desk: Desk, pair: Pair) -> None:
    """Every read is answered meanwhile; a server that starts without it finds it later."""
    claim = (await desk.record_claim())["id"]
    await catch_up(desk)
    pair.second.kill()
    for _ in range(50):
        await read(desk.reader, claim)
    assert (await desk.reader.get(f"/claims/{claim}")).status_code == 200
    description = await wait_for(desk, is_used=False)
    assert description["problem"]
    async with run_second_process(desk) as late:
        assert (await describe(late))["is_used"] is False
        await read(late.reader, claim)
        pair.second.start()
        await catch_up(late)
        await catch_up(desk)
        await read(late.reader, claim)


async def test_promoted_or_foreign_server_is_no_replica(desk: Desk, pair: Pair) -> None:
    """Another cluster's positions mean something else."""
    async with run_second_process(desk, database_read_url=SecretStr(pair.first.url)) as mistaken:
        await asyncio.sleep(1)
        assert "standby" in (await describe(mistaken))["problem"]
    pair.second.promote()
    description = await wait_for(desk, is_used=False)
    assert description["problem"] == "It is a primary now."
    claim = (await desk.record_claim())["id"]
    await read(desk.reader, claim)
