"""Feed readers follow a private feed by its address alone, over a socket."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import feedparser
import pytest

from tests.live.conftest import Served
from tests.support.inboxes import follow


async def fetch(url: str, last_answer: Any = None) -> Any:
    """Fetch a feed as feedparser does by itself, with what it kept of the last time."""
    etag = None if last_answer is None else last_answer.etag
    return await asyncio.to_thread(feedparser.parse, url, etag=etag)


@pytest.mark.parametrize("kind", ["follows", "story"])
async def test_reader_follows_a_private_feed_by_its_address(live_server: Served, kind: str) -> None:
    """New entries arrive, nothing is sent twice, and a revoked address is gone."""
    desk = live_server.desk
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    await desk.record_claim(story="border", text="Two battalions left")
    feed_filter: dict[str, Any] = {"follows": True} if kind == "follows" else {"story": "border"}
    await follow(desk.editor, {"story": "border"})
    feed_answer = await desk.editor.post("/v1/me/feeds", json=feed_filter)
    assert feed_answer.status_code == 201, feed_answer.text
    url = live_server.url + urlsplit(feed_answer.json()["url"]).path
    first = await fetch(url)
    assert (first.status, first.bozo) == (200, False)
    assert [entry.title for entry in first.entries] == ["Asserted: Two battalions left"]
    second_fetch = await fetch(url, first)
    assert (second_fetch.status, second_fetch.entries) == (304, [])
    desk.clock.advance(minutes=5)
    await desk.record_claim(story="border", text="The bridge is closed")
    later = await fetch(url, first)
    assert later.status == 200
    assert [entry.title for entry in later.entries] == [
        "Asserted: The bridge is closed",
        "Asserted: Two battalions left",
    ]
    assert later.entries[1].id == first.entries[0].id
    assert (await fetch(url, later)).status == 304
    revocation = await desk.editor.delete(f"/v1/me/feeds/{feed_answer.json()['id']}")
    assert revocation.status_code == 204, revocation.text
    for last_answer in (None, later):
        assert (await fetch(url, last_answer)).status == 404
