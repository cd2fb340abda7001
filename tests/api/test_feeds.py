"""Feeds over HTTP: every status once, as it was known then, in pages, and only when it is new."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import asyncpg
import feedparser
import orjson
import pytest
from sqlalchemy import Connection

from service.claims import claim_commands as claims
from service.claims.claim_batches import ClaimBatch
from service.config import Settings
from service.domain.access import Actor, Role
from service.domain.claims import Finding, Imported, Status
from service.domain.inputs import Verdict
from service.publishing import feed_queries
from service.web.bodies.claim_inputs import ClaimIn
from tests.api.problems import NOBODY, require_field_error, require_problem
from tests.support import desk as support
from tests.support import feed_rules
from tests.support.desk import Desk, Json, build_claim
from tests.support.feed_rules import ATOM, list_links

BASE = "http://127.0.0.1:8000"
ALL = "/feeds/claims"
STORY = "/feeds/stories/border"
PUBLIC = "public, max-age=60, must-revalidate"


async def read_feed(desk: Desk, path: str = ALL, **query: Any) -> Json:
    """A feed's page, by the rules of both formats and the same in both."""
    as_json = await desk.reader.get(f"{path}.json", params=query)
    assert as_json.status_code == 200, as_json.text
    assert as_json.headers["content-type"] == "application/feed+json"
    feed = feed_rules.check_json_feed(as_json.json())
    query.pop("cursor", None)
    as_atom = await desk.reader.get(f"{path}.atom", params=query)
    assert as_atom.headers["content-type"] == "application/atom+xml"
    feed_rules.parse_atom(as_atom.content)
    read = feedparser.parse(as_atom.content)
    assert not read.bozo
    return feed


async def read_ids(desk: Desk, path: str = ALL, **query: Any) -> list[str]:
    return [item["id"] for item in (await read_feed(desk, path, **query))["items"]]


async def record_busy_claims(desk: Desk) -> tuple[str, str]:
    """Two claims, one of them in a story, after a day in which much happened to them."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    first = (await desk.record_claim(story="border", tags=["troops"]))["id"]
    second = (await desk.record_claim(text="The campaign is irresponsible"))["id"]
    desk.clock.advance(minutes=5)
    await desk.link_statement(first, "requests_confirmation", "washington")
    await desk.editor.patch("/v1/parties/washington", json={"name": "The United States"})
    desk.clock.advance(minutes=5)
    await desk.confirm_claim(first)
    for text, material in (("It is normal again", False), ("It is as it ever was", True)):
        desk.clock.advance(minutes=5)
        amendment = await desk.checker.patch(
            f"/v1/claims/{first}",
            json={"text": text, "material": material},
            headers={"If-Match": "*"},
        )
        if material:
            assert amendment.status_code == 200
        else:  # better words for a confirmed claim take two
            assert amendment.status_code == 202
            approval = f"/v1/decisions/{amendment.json()['id']}/approval"
            assert (await desk.editor.post(approval)).status_code == 200
    await desk.link_statement(second, "contradicts", "pristina")
    await desk.post(f"/v1/claims/{second}/withdrawal", {"reason": "They said so."}, status=200)
    return first, second


async def test_entry_says_what_was_known_at_its_moment(desk: Desk) -> None:
    """Text, print line, names and override of an entry are those of the claim as of its moment,
    whatever was amended, renamed or withdrawn since; every status that a claim was given is there
    once, the newest first."""
    claims = await record_busy_claims(desk)
    feed = await read_feed(desk)
    for item in feed["items"]:
        more = item["_claimdesk"]
        claim_view = await desk.read_claim(more["claim"], as_of=item["date_published"])
        assert item["title"].endswith(f": {claim_view['text']}")
        assert item["content_text"].endswith(f" {claim_view['print_line']}")
        for name in ("status", "print_line", "override", "claimant", "story"):
            assert more[name] == claim_view[name], name
        assert item["tags"][1:] == claim_view["tags"]
        assert item["url"] == f"{BASE}/claims/{more['claim']}"
    changes = []
    for claim in claims:
        page = await desk.reader.get(f"/v1/claims/{claim}/status-changes")
        changes += [
            (each["claim"], each["version"], each["previous_status"], each["status"], each["cause"])
            for each in page.json()["items"]
        ]
        changes.append((claim, 1, None, "asserted", None))
    entries = [item["_claimdesk"] for item in feed["items"]]
    names = ("claim", "version", "previous_status", "status", "cause")
    assert sorted(changes, key=str) == sorted(
        [tuple(each[name] for name in names) for each in entries], key=str
    )
    assert {each["cause"] for each in entries} == {
        None,
        "request",
        "contradiction",
        "decision",
        "amendment",
    }
    moments = [item["date_published"] for item in feed["items"]]
    assert moments == sorted(moments, reverse=True)
    titles = {item["title"] for item in feed["items"]}
    assert "Confirmed: Serbia has returned the operating regime of its units to normal" in titles
    assert "Awaiting confirmation: It is as it ever was" in titles


async def test_clock_set_back_loses_no_entry(desk: Desk) -> None:
    """Two changes of one instant are two entries, the later above; both with what could be printed
    from that instant on, for what was so in between held for no time."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    desk.clock.advance(hours=-1)
    await desk.link_statement(claim, "requests_confirmation", "washington")
    now = (await desk.read_claim(claim))["print_line"]
    later, first = (await read_feed(desk))["items"]
    assert later["date_published"] == first["date_published"]
    assert later["title"].startswith("Awaiting confirmation: ")
    assert first["title"].startswith("Asserted: ")
    assert later["_claimdesk"]["print_line"] == first["_claimdesk"]["print_line"] == now
    assert await read_ids(desk, as_of=first["date_published"]) == [later["id"], first["id"]]


async def test_story_has_a_feed_of_its_own(desk: Desk) -> None:
    """It has the entries of its claims only; an unknown story has no feed."""
    first, _ = await record_busy_claims(desk)
    all_items = (await read_feed(desk))["items"]
    feed = await read_feed(desk, STORY)
    assert feed["title"] == "Claimdesk: The border"
    assert feed["home_page_url"] == f"{BASE}/stories/border"
    assert feed["items"] == [each for each in all_items if each["_claimdesk"]["claim"] == first]
    home = await desk.reader.get("/stories/border")
    assert "<title>The border" in home.text
    for ending in ("atom", "json"):
        missing = await desk.reader.get(f"/feeds/stories/nothing.{ending}")
        assert "nothing" in require_problem(missing, "not-found")["detail"]


@pytest.mark.parametrize("path", [ALL, STORY])
@pytest.mark.parametrize("is_as_of", [False, True], ids=["now", "as of"])
async def test_pages_hold_each_entry_once(desk: Desk, path: str, is_as_of: bool) -> None:
    """Followed by `next`, a feed in pages of two is the feed in one, in both formats and in Link;
    the cursors are good for ever, and for this feed alone."""
    await record_busy_claims(desk)
    query = {"as_of": desk.clock.now.isoformat()} if is_as_of else {}
    whole = await read_ids(desk, path, **query)
    assert len(whole) > 2
    desk.clock.advance(days=400)
    url: str | None = f"{path}.json"
    parameters: dict[str, Any] | None = {**query, "limit": 2}
    entry_ids = []
    while url is not None:
        response = await desk.reader.get(url, params=parameters)
        page = feed_rules.check_json_feed(response.json())
        entry_ids += [item["id"] for item in page["items"]]
        url, parameters = page.get("next_url"), None
        if url is not None:
            url = url.removeprefix(BASE)
            assert response.headers["Link"] == f'<{url}>; rel="next"'
            desk.clock.advance(days=2)
    assert entry_ids == whole
    atoms = []
    url = f"{path}.atom"
    parameters = {**query, "limit": 2}
    while url:
        root = feed_rules.parse_atom((await desk.reader.get(url, params=parameters)).content)
        (own_link,) = list_links(root, "self")
        assert (own_link.removeprefix(BASE) == url) or parameters
        atoms += [each.findtext(f"{ATOM}id") for each in root.iter(f"{ATOM}entry")]
        url, parameters = "".join(list_links(root, "next")).removeprefix(BASE), None
        elsewhere = url.replace("border", "borders").replace("claims.", "stories/border.")
        if url:
            require_problem(await desk.reader.get(elsewhere), "invalid-cursor")
    assert atoms == whole


async def test_as_of_feed_is_the_feed_of_that_instant(desk: Desk) -> None:
    """What was recorded by then, that instant included; it stays so whatever comes after, and the
    tag with it."""
    await record_busy_claims(desk)
    items = (await read_feed(desk))["items"]
    for path in (ALL, STORY):
        own_items = [
            each for each in items if path == ALL or each["_claimdesk"]["story"] == "border"
        ]
        for each in items:
            moment = each["date_published"]
            shown_items = (await read_feed(desk, path, as_of=moment))["items"]
            assert shown_items == [item for item in own_items if item["date_published"] <= moment]
    query = {"as_of": items[2]["date_published"]}
    before = await desk.reader.get(f"{ALL}.atom", params=query)
    desk.clock.advance(hours=1)
    await desk.record_claim()
    after = await desk.reader.get(f"{ALL}.atom", params=query)
    assert (before.content, before.headers["ETag"]) == (after.content, after.headers["ETag"])
    feed = await read_feed(desk, as_of="2023-01-01T00:00:00+02:00")
    assert feed["title"].endswith(", as of 31 December 2022, 22:00:00 UTC")
    assert feed["items"] == []
    require_field_error(
        await desk.reader.get(f"{ALL}.atom", params={"as_of": "then"}), "query", "as_of"
    )


@pytest.fixture
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """A desk whose feeds anybody may read."""
    async with support.run_desk(settings.model_copy(update={"public_read": True})) as desk:
        yield desk


@pytest.mark.parametrize("url", [f"{ALL}.atom", f"{ALL}.json", f"{STORY}.atom?limit=1"])
async def test_not_modified_reads_and_renders_no_entry(
    open_desk: Desk, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A strong tag, and the same bytes as long as it is the same; 304 from a look at what stands
    on the page; another tag after the next change."""
    desk = open_desk
    await record_busy_claims(desk)
    first = await desk.public.get(url)
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    assert first.headers["Cache-Control"] == PUBLIC
    desk.clock.advance(days=3)
    second_answer = await desk.public.get(url)
    assert (second_answer.content, second_answer.headers["ETag"]) == (first.content, tag)
    answer_with_key = await desk.reader.get(url)
    assert (answer_with_key.content, answer_with_key.headers["ETag"]) == (first.content, tag)
    assert answer_with_key.headers["Cache-Control"] == "private, no-cache"
    head = await desk.public.head(url)
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", tag)
    with monkeypatch.context() as patch:
        patch.setattr(feed_queries, "read_entries", None)
        for header in (tag, f'"x", W/{tag}', "*"):
            same = await desk.public.get(url, headers={"If-None-Match": header})
            assert (same.status_code, same.content) == (304, b"")
            assert same.headers["ETag"] == tag
            assert same.headers["Cache-Control"] == PUBLIC
    await desk.record_claim(story="border")
    changed_answer = await desk.public.get(url, headers={"If-None-Match": tag})
    assert changed_answer.status_code == 200
    assert changed_answer.headers["ETag"] != tag


async def test_last_modified_appears_after_a_minute(desk: Desk) -> None:
    """Last-Modified appears when a minute has passed, for more may come within its second;
    If-Modified-Since is heeded from then on, but not where there is If-None-Match (RFC 9110,
    13.2.2), nor where it is no date (13.1.3)."""
    await record_busy_claims(desk)
    url = f"{ALL}.atom"

    async def status(**headers: str) -> int:
        header_values = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await desk.reader.get(url, headers=header_values)).status_code

    response = await desk.reader.get(url)
    assert "Last-Modified" not in response.headers
    now = format_datetime(desk.clock.now, usegmt=True)
    assert await status(If_Modified_Since=now) == 200
    newest = (await read_feed(desk))["items"][0]["date_published"]
    desk.clock.advance(seconds=60)
    answer = await desk.reader.get(url)
    last_modified = answer.headers["Last-Modified"]
    assert feedparser.parse(answer.content).feed.updated == newest
    assert answer.headers["ETag"] == response.headers["ETag"]
    assert await status(If_Modified_Since=last_modified) == 304
    later = format_datetime(desk.clock.now, usegmt=True)
    assert await status(If_Modified_Since=later) == 304
    earlier = format_datetime(desk.clock.now - timedelta(days=1), usegmt=True)
    assert await status(If_Modified_Since=earlier) == 200
    assert await status(If_Modified_Since=last_modified, If_None_Match='"another"') == 200
    tag = answer.headers["ETag"]
    assert await status(If_Modified_Since=earlier, If_None_Match=tag) == 304
    for no_date in ("yesterday", "", "2023-10-02T12:00:00Z", "Mon, 99 Oct 2023 12:00:00 GMT"):
        assert await status(If_Modified_Since=no_date) == 200, no_date
    await desk.record_claim()
    assert await status(If_Modified_Since=last_modified) == 200


async def test_new_title_of_a_story_changes_its_feed(desk: Desk) -> None:
    """This holds without a new entry; and an empty feed is a feed."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    assert (await read_feed(desk))["items"] == []
    assert (await read_feed(desk, STORY))["items"] == []
    desk.clock.advance(hours=1)
    before = await desk.reader.get(f"{STORY}.json")
    desk.clock.advance(hours=1)
    await desk.editor.patch("/v1/stories/border", json={"title": "The line"})
    desk.clock.advance(hours=1)
    for name, had in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified")):
        after = await desk.reader.get(f"{STORY}.json", headers={name: before.headers[had]})
        assert after.json()["title"] == "Claimdesk: The line"


async def test_unknown_limits_parameters_and_formats_are_refused(desk: Desk) -> None:
    for query in ({"limit": 0}, {"limit": 201}, {"limit": "x"}, {"page": 2}, {"cursor": "x"}):
        refusal = await desk.reader.get(f"{ALL}.atom", params=query)
        assert refusal.status_code == 422, query
    require_problem(await desk.reader.get("/feeds/claims.rss"), "not-found")
    require_problem(await desk.reader.get("/feeds/stories/border"), "not-found")
    require_problem(await desk.public.get(f"{ALL}.atom"), "not-authenticated")


async def test_concurrent_changes_are_each_in_the_feed_once(desk: Desk) -> None:
    """While many change claims, whoever looks at the first page again and again sees every entry,
    each new one above those seen before."""
    await desk.record_parties()
    entry_ids: list[str] = []
    is_over = asyncio.Event()

    async def look() -> None:
        while True:
            last = is_over.is_set()
            response = await desk.reader.get(f"{ALL}.json", params={"limit": 200})
            shown_ids = [item["id"] for item in orjson.loads(response.content)["items"]]
            assert shown_ids[len(shown_ids) - len(entry_ids) :] == entry_ids, "only the top grows"
            entry_ids[:] = shown_ids
            if last:
                return

    async def change() -> None:
        for _ in range(5):
            claim = (await desk.record_claim())["id"]
            await desk.link_statement(claim, "requests_confirmation", "washington")

    looking = asyncio.create_task(look())
    await asyncio.gather(*(change() for _ in range(6)))
    is_over.set()
    await looking
    assert len(set(entry_ids)) == len(entry_ids) == 60


class TestLateCommits:
    """On PostgreSQL numbers come to light out of order."""

    @pytest.fixture
    def database_kind(self) -> str:
        return "postgresql"

    @pytest.mark.parametrize("path", [ALL, STORY])
    async def test_no_entry_is_shown_above_one_that_may_still_commit(
        self, desk: Desk, settings: Settings, path: str
    ) -> None:
        """A change draws its number and dawdles; another of a later number is committed.  The feed
        stays as it was, tag and all, until the first is there: then it has both, in order."""
        await desk.record_parties()
        await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
        slow = (await desk.record_claim(story="border"))["id"]
        before = await desk.reader.get(f"{path}.json")
        change = orjson.dumps(
            {"status": "disputed", "previous_status": "asserted", "cause": "decision"}
        ).decode()
        connection = await asyncpg.connect(settings.database_url.get_secret_value())
        try:
            await connection.execute("BEGIN")
            await connection.execute(
                "INSERT INTO events (id, kind, claim, number, type, recorded_at, actor, data, "
                "story, previous_hash, hash) VALUES (gen_random_uuid(), 'claim', $1, 2, "
                "'claim.status_changed', $2, '{}', $3, 'border', '', '')",
                slow,
                desk.clock.now,
                change,
            )
            desk.clock.advance(hours=1)
            quick = (await desk.record_claim(story="border"))["id"]
            feed_meanwhile = await desk.reader.get(f"{path}.json")
            assert feed_meanwhile.content == before.content
            assert feed_meanwhile.headers["ETag"] == before.headers["ETag"]
            await connection.execute("COMMIT")
        finally:
            await connection.close()
        items = (await read_feed(desk, path))["items"]
        entries = [(item["_claimdesk"]["claim"], item["_claimdesk"]["status"]) for item in items]
        assert entries == [(quick, "asserted"), (slow, "disputed"), (slow, "asserted")]
        assert all(each["date_published"] > two["date_published"] for each, two in pairwise(items))


async def test_imported_claim_is_one_entry_with_its_status(desk: Desk) -> None:
    """It came with a status: no entry says that it was asserted at the same instant."""
    await desk.record_parties()
    plain = (await desk.record_claim(text="Recorded here"))["id"]
    body = ClaimIn.model_validate(build_claim(text="Recorded and judged elsewhere"))
    source = Imported(by="Example Check", label="False", finding=Finding.REFUTED)
    verdict = Verdict(to=Status.DISPUTED, reason="Rated false", source=source)
    actor, now = Actor("importer", "import", Role.ADMIN), desk.clock()

    def import_one(connection: Connection) -> None:
        batch = ClaimBatch()
        claims.import_claim(
            connection,
            body.to_command(),
            verdict,
            claim_id=NOBODY,
            batch=batch,
            actor=actor,
            now=now,
        )
        batch.write(connection, now=now)

    await desk.database.write(import_one)
    for query in ({}, {"as_of": desk.clock().isoformat()}):
        imported_entry, recorded_entry = (await read_feed(desk, **query))["items"]
        assert recorded_entry["_claimdesk"]["claim"] == plain
        assert imported_entry["title"] == "Disputed: Recorded and judged elsewhere"
        assert imported_entry["content_text"].startswith(
            "Newly recorded: disputed, as rated elsewhere. "
        )
        about = imported_entry["_claimdesk"]
        assert (about["status"], about["previous_status"], about["cause"]) == (
            "disputed",
            None,
            "import",
        )
