"""Feeds at private addresses: they need no key, show one feed only, and are gone at once."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select, update

from service.app import _record_uses
from service.config import Settings
from service.store.engine import Connection
from service.store.tables import personal_feeds, users
from tests.api.problems import NOBODY, require_field_error, require_problem
from tests.support import desk as support
from tests.support.desk import Desk, Json
from tests.support.inboxes import follow

CLAIMS = {"one": "Two battalions left", "two": "The minister resigned", "three": "Nothing happened"}


@pytest.fixture
async def claims(desk: Desk) -> dict[str, str]:
    """A claim in the story `one`, one in `two`, one in none."""
    await desk.record_parties()
    claims_by_story = {}
    for slug, text in CLAIMS.items():
        await desk.post("/v1/stories", {"slug": slug, "title": f"Story {slug}"})
        claims_by_story[slug] = str((await desk.record_claim(story=slug, text=text))["id"])
    return claims_by_story


async def make_feed(client: httpx.AsyncClient, **body: Any) -> Json:
    answer = await client.post("/v1/me/feeds", json=body)
    assert answer.status_code == 201, answer.text
    feed: Json = answer.json()
    return feed


async def read_titles(desk: Desk, url: str) -> list[str]:
    """Read a feed by its address alone, as JSON."""
    answer = await desk.public.get(urlsplit(url).path.replace(".atom", ".json"))
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def test_feed_of_follows_shows_what_its_owner_follows(
    desk: Desk, claims: dict[str, str]
) -> None:
    feed = await make_feed(desk.editor, follows=True)
    assert feed["url"].startswith(f"{desk.settings.base_url}/feeds/mine/")
    assert await read_titles(desk, feed["url"]) == []
    for target, texts in (
        ({"claim": claims["three"]}, ["three"]),
        ({"story": "two"}, ["three", "two"]),
        ({"search": "q=battalions"}, ["three", "two", "one"]),
    ):
        await follow(desk.editor, target)
        titles = await read_titles(desk, feed["url"])
        assert titles == [f"Asserted: {CLAIMS[name]}" for name in texts]
    for target in ({"party": "belgrade"}, {"tag": "troops"}):
        await follow(desk.editor2, target)
    other = await make_feed(desk.editor2, follows=True)
    assert len(await read_titles(desk, other["url"])) == 3
    atom = await desk.public.get(urlsplit(feed["url"]).path)
    assert atom.headers["content-type"].startswith("application/atom+xml")
    assert atom.headers["cache-control"].startswith("private")
    assert atom.headers["referrer-policy"] == "no-referrer"
    second_answer = await desk.public.get(
        urlsplit(feed["url"]).path, headers={"If-None-Match": atom.headers["etag"]}
    )
    assert second_answer.status_code == 304


async def test_feed_of_a_story_is_made_by_an_editor(desk: Desk, claims: dict[str, str]) -> None:
    refusal = await desk.checker.post("/v1/me/feeds", json={"story": "one"})
    require_problem(refusal, "forbidden")
    unknown = await desk.editor.post("/v1/me/feeds", json={"story": "nothing"})
    require_field_error(unknown, "body", "story")
    bodies: tuple[Json, ...] = ({}, {"follows": False}, {"follows": True, "story": "one"})
    for body in bodies:
        require_problem(await desk.editor.post("/v1/me/feeds", json=body), "invalid-request")
    feed = await make_feed(desk.editor, story="one")
    assert "/feeds/shared/" in feed["url"]
    assert await read_titles(desk, feed["url"]) == [f"Asserted: {CLAIMS['one']}"]
    wrong_place = urlsplit(feed["url"]).path.replace("/shared/", "/mine/")
    require_problem(await desk.public.get(wrong_place), "not-found")
    for client in (desk.reader, desk.admin):
        answer = await client.post("/v1/me/feeds", json={"follows": True})
        require_problem(answer, "key-without-person")


async def test_deleted_address_leads_nowhere_at_once(desk: Desk, claims: dict[str, str]) -> None:
    """In another process too; and nobody deletes another's."""
    feed = await make_feed(desk.editor, follows=True)
    path = urlsplit(feed["url"]).path
    async with support.run_second_process(desk) as other:
        assert (await other.public.get(path)).status_code == 200
        foreign = await desk.editor2.delete(f"/v1/me/feeds/{feed['id']}")
        require_problem(foreign, "not-found")
        assert (await desk.editor.delete(f"/v1/me/feeds/{feed['id']}")).status_code == 204
        for process in (desk, other):
            require_problem(await process.public.get(path), "not-found")
    require_problem(await desk.editor.delete(f"/v1/me/feeds/{NOBODY}"), "not-found")


async def test_feed_follows_what_its_owner_may_read(desk: Desk, claims: dict[str, str]) -> None:
    """A disabled person's feeds are gone; so is a story's whose maker is no editor any more."""
    own_path = urlsplit((await make_feed(desk.editor, follows=True))["url"]).path
    shared_path = urlsplit((await make_feed(desk.editor, story="one"))["url"]).path
    person = (await desk.editor.get("/v1/me")).json()["id"]

    async def change(**values: Any) -> list[int]:
        def write(connection: Connection) -> None:
            connection.execute(update(users).where(users.c.id == person).values(values))

        await desk.database.write(write)
        return [(await desk.public.get(path)).status_code for path in (own_path, shared_path)]

    assert await change(role="checker") == [200, 404]
    assert await change(role="editor", disabled_at=desk.clock()) == [404, 404]
    assert await change(disabled_at=None) == [200, 200]


async def test_token_is_stored_hashed_shown_once_and_never_logged(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    loud = settings.model_copy(
        update={"log_format": "json", "log_level": "info", "access_log": "all"}
    )
    async with support.run_desk(loud) as desk:
        key = {"Idempotency-Key": "once"}
        answer = await desk.editor.post("/v1/me/feeds", json={"follows": True}, headers=key)
        retry = await desk.editor.post("/v1/me/feeds", json={"follows": True}, headers=key)
        assert retry.json() == {**answer.json(), "url": None}
        path = urlsplit(answer.json()["url"]).path
        token = path.rsplit("/", 1)[1].removesuffix(".atom")
        assert (await desk.public.get(path)).status_code == 200
        assert (await desk.public.get(path.replace(".atom", "x.atom"))).status_code == 404
        [stored_row] = await desk.database.read(
            lambda connection: connection.execute(select(personal_feeds)).all()
        )
        assert token not in str(stored_row)
        [feed_item] = (await desk.editor.get("/v1/me/feeds")).json()["items"]
        assert (feed_item["url"], feed_item["last_used_at"]) == (None, None)
        await _record_uses(desk.app.state.services)
        [feed_item] = (await desk.editor.get("/v1/me/feeds")).json()["items"]
        assert feed_item["last_used_at"] is not None
        assert feed_item["follows"] is True
    log_text = capfd.readouterr().err
    assert "/feeds/mine/…" in log_text
    assert token not in log_text


async def test_address_opens_nothing_but_its_feed(desk: Desk, claims: dict[str, str]) -> None:
    """Its token is no key, and no cursor of it leads into another feed."""
    feed = await make_feed(desk.editor, follows=True)
    token = urlsplit(feed["url"]).path.rsplit("/", 1)[1].removesuffix(".atom")
    for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"claimdesk_session={token}"}):
        answer = await desk.public.get("/v1/claims", headers=headers)
        assert answer.status_code == 401
    post_answer = await desk.public.post(urlsplit(feed["url"]).path, json={})
    assert post_answer.status_code == 405


async def test_number_of_addresses_is_bounded(desk: Desk) -> None:
    for _ in range(20):
        await make_feed(desk.checker, follows=True)
    answer = await desk.checker.post("/v1/me/feeds", json={"follows": True})
    assert "20 private addresses" in require_problem(answer, "invalid-request")["detail"]
