"""Pages for strangers: rendered once for all of them, bounded, and charged by their cost."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from service.config import Settings
from service.stories import matrix_queries
from service.web import shared
from tests.api.problems import require_problem
from tests.support import desk as support
from tests.support.desk import Desk

LINKS = 7


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """A desk that lets the public read."""
    async with support.run_desk(settings.model_copy(update={"public_read": True})) as desk:
        await desk.record_parties()
        await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
        yield desk


async def record_linked_claim(desk: Desk) -> tuple[str, list[str]]:
    claim = (await desk.record_claim(story="border"))["id"]
    links = [(await desk.link_statement(claim, "comments", "nato"))["id"] for _ in range(LINKS)]
    return claim, links


def count_matrices(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stories whose matrix was read from the database, as it is read."""
    read: list[str] = []
    original = matrix_queries.read_matrix

    def read_and_note(connection: Connection, slug: str, **query: Any) -> Any:
        read.append(slug)
        return original(connection, slug, **query)

    monkeypatch.setattr(matrix_queries, "read_matrix", read_and_note)
    return read


async def test_links_are_listed_page_by_page(desk: Desk) -> None:
    claim, links = await record_linked_claim(desk)
    link_ids: list[str] = []
    url: str | None = f"/v1/claims/{claim}/links?limit=3"
    while url is not None:
        page = await desk.reader.get(url)
        items = page.json()["items"]
        assert len(items) <= 3
        link_ids += [link["id"] for link in items]
        url = page.links["next"]["url"] if "next" in page.links else None
        assert (page.json()["next_cursor"] is None) == (url is None)
    assert link_ids == links
    require_problem(await desk.reader.get(f"/v1/claims/{claim}/links?limit=201"), "invalid-request")


async def test_expanded_links_end_with_the_cursor_of_the_list(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, links = await record_linked_claim(desk)
    whole = (await desk.reader.get(f"/v1/claims/{claim}?expand=links")).json()
    assert ([link["id"] for link in whole["links"]], whole["links_next_cursor"]) == (links, None)
    # A page that a few links fill; the bound is part of the API's document.
    monkeypatch.setattr("service.api.claim_links.MAX_LIMIT", 4)
    now = desk.clock.now.isoformat()
    for query in ({}, {"as_of": now}):
        first = await desk.reader.get(f"/v1/claims/{claim}", params={"expand": "links", **query})
        assert [link["id"] for link in first.json()["links"]] == links[:4]
        cursor = first.json()["links_next_cursor"]
        rest = await desk.reader.get(
            f"/v1/claims/{claim}/links", params={"cursor": cursor, **query}
        )
        assert [link["id"] for link in rest.json()["items"]] == links[4:]


async def test_page_is_rendered_once_for_all_strangers(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await record_linked_claim(desk)
    read = count_matrices(monkeypatch)
    for url in ("/stories/border", "/v1/stories/border/matrix"):
        read.clear()
        answers = await asyncio.gather(*(desk.public.get(url) for _ in range(8)))
        assert len(read) == 1
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.text for answer in answers}) == 1
        assert len({answer.headers["x-request-id"] for answer in answers}) == 8
        await desk.reader.get(url)
        assert len(read) == 2, "who is signed in has an answer of their own"


async def test_strangers_never_see_a_page_from_before_a_change(desk: Desk) -> None:
    """Of a claim, of the story's own title, and of what is remembered for another address."""
    claim, _ = await record_linked_claim(desk)
    page, story = f"/claims/{claim}", "/stories/border"
    assert "NATO" in (await desk.public.get(page)).text
    assert "The border" in (await desk.public.get(story)).text
    await desk.link_statement(claim, "supports", "pristina")
    assert "Pristina" in (await desk.public.get(page)).text
    await desk.editor.patch("/v1/stories/border", json={"title": "Another title"})
    assert "Another title" in (await desk.public.get(story)).text
    assert "Another title" in (await desk.public.get("/feeds/stories/border.atom")).text


async def test_pages_with_ages_are_rendered_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await record_linked_claim(desk)
    # Shared answers are a matter of the process: no caller bounds them.
    monkeypatch.setattr(shared, "KEPT_SECONDS", 0.0)
    read = count_matrices(monkeypatch)
    for _ in range(2):
        await desk.public.get("/stories/border")
    assert len(read) == 2


async def test_cache_for_strangers_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await record_linked_claim(desk)
    # Shared answers are a matter of the process: no caller bounds them.
    monkeypatch.setattr(shared, "MOST_BYTES", 40_000)
    answers = desk.app.state.services.shared
    for number in range(20):
        await desk.public.get(f"/stories/border?utm_source={number}")
        assert (
            answers._bytes == sum(len(stored.body) for stored in answers._stored.values()) <= 40_000
        )
    assert not answers._made, "nobody waits any more"


async def test_strangers_queue_without_delaying_signed_in_people(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two answers are made at a time; where the line is full the next is told to come back."""
    await record_linked_claim(desk)
    # Shared answers are a matter of the process: no caller bounds them.
    monkeypatch.setattr(shared, "MOST_WAITING", 1)
    lane = desk.app.state.services.shared._makers
    for _ in range(shared.AT_ONCE):
        await lane.acquire()
    waiting = asyncio.create_task(desk.public.get("/stories/border"))
    async with asyncio.timeout(10):
        while not desk.app.state.services.shared._waiting:  # noqa: ASYNC110 -- it has no event
            await asyncio.sleep(0.01)
    refusal = await desk.public.get("/stories/border?other=1")
    assert refusal.status_code == 503
    assert int(refusal.headers["Retry-After"]) > 0
    assert (await desk.reader.get("/stories/border")).status_code == 200
    assert not waiting.done()
    for _ in range(shared.AT_ONCE):
        lane.release()
    assert (await waiting).status_code == 200


async def test_rendering_a_page_costs_more_of_the_limit_than_a_cached_page(
    settings: Settings,
) -> None:
    """A page that has to be made costs as much as many answers that are read; one that is kept
    costs what any answer does."""
    limited_settings = settings.model_copy(update={"public_read": True, "rate_limit": 100})

    def read_remaining(answer: httpx.Response) -> int:
        return int(answer.headers["RateLimit"].split("r=")[1].split(";")[0])

    async with support.run_desk(limited_settings) as desk:
        await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
        first = read_remaining(await desk.public.get("/v1/claims"))
        after_rendering = read_remaining(await desk.public.get("/stories/border"))
        after_reading = read_remaining(await desk.public.get("/stories/border"))
        assert first - after_rendering == pytest.approx(shared.PAGE_COST, abs=3)
        assert after_rendering - after_reading <= 1
        own = read_remaining(await desk.reader.get("/v1/claims"))
        assert own - read_remaining(await desk.reader.get("/stories/border")) <= 1
