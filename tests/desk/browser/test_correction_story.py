"""What was printed is found out to be wrong, and whoever printed it is told: the whole story."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.desk.browser import acts
from tests.desk.browser.conftest import Desk, Windows
from tests.faults.receiving import Arrival, Receiver, wait_until
from tests.support import browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = "The bridge at Jarinje carries lorries again"
ARTICLES = ("https://morning.example/jarinje", "https://evening.example/live/jarinje")
CORRECTED = f"{ARTICLES[0]}#correction"
PRINTED = "Claimed by Belgrade (2 October 2023). Independently confirmed by NATO."
FALLEN = (
    "Claimed by Belgrade (2 October 2023). Awaiting confirmation. "
    "No independent party has confirmed it."
)


class Newsroom:
    """A newsroom's system that prints claims: it reads, records what it printed, and is told."""

    def __init__(self, url: str, key: str, receiver: Receiver, secret: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._receiver = receiver
        self._secret = secret

    async def get(self, path: str, **query: str) -> Any:
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, **body: Any) -> Any:
        return await self._ask("POST", path, json=body)

    def wait_for_notice(self) -> Arrival:
        """Wait for the only webhook that there is, and verify it."""
        wait_until(lambda: self._receiver.arrivals, what=lambda: "no webhook")
        [notice] = self._receiver.arrivals
        notice.verify(self._secret)
        return notice

    async def _ask(self, method: str, path: str, **request: Any) -> Any:
        async with httpx.AsyncClient(base_url=self._url, headers=self._headers) as client:
            answer = await client.request(method, path, **request)
        assert answer.is_success, answer.text
        return answer.json()


@pytest_asyncio.fixture(loop_scope="session")
async def cms(desk: Desk) -> AsyncIterator[Newsroom]:
    """A newsroom that reads with a key, and is told of what it printed while the test runs."""
    receiver = Receiver()
    async with httpx.AsyncClient(base_url=desk.url) as admin:
        admin.headers["Authorization"] = f"Bearer {desk.create_key('admin')}"
        body = {"url": receiver.url(), "event_types": ["use.outdated"]}
        webhook = (await admin.post("/v1/webhooks", json=body)).json()
        yield Newsroom(desk.url, desk.create_key("reader"), receiver, webhook["secret"])
        await admin.delete(f"/v1/webhooks/{webhook['id']}")
    receiver.close()


async def test_wrong_party_corrected_takes_back_what_two_articles_printed(
    windows: Windows, desk: Desk, cms: Newsroom
) -> None:
    """Confirmed by two people on what NATO seemed to say, printed twice; NATO's words turn out to
    be Belgrade's, and are corrected. The claim falls by itself while a reader looks at it, both
    articles get a kill notice, one answers, the log says it; what was known then still stands."""
    claim = await acts.record_claim(desk, TEXT)
    ana = await windows.open(name="Ana", role="checker")
    await acts.link(ana, claim, "supports", party="nato", quote="Lorries were seen on the bridge.")
    await acts.confirm(windows, ana, claim, "KFOR saw it itself")
    uses = [
        await cms.post(f"/v1/claims/{claim}/uses", url=url, title="Lorries cross", language="en")
        for url in ARTICLES
    ]
    assert [(use["status"], use["print_line"], use["state"]) for use in uses] == [
        ("confirmed", PRINTED, "current")
    ] * 2
    reader = await windows.open(f"/claims/{claim}", name="Rita", role="reader")
    await expect(reader.locator("#print-line")).to_have_text(PRINTED)
    before = datetime.now(UTC).isoformat()

    await _correct_party(ana, claim)

    await expect(reader.locator(".current-status .status")).to_have_text("Awaiting confirmation")
    await expect(reader.locator("#print-line")).to_have_text(FALLEN)
    notice = cms.wait_for_notice()
    assert (notice.type, notice.data["class"], notice.data["by"]) == ("use.outdated", "kill", None)
    assert {use["url"] for use in notice.data["uses"]} == {*ARTICLES}
    assert notice.data["print_line"] == FALLEN
    outdated_uses = (await cms.get("/v1/uses", claim=claim, state="outdated"))["items"]
    assert {(use["url"], use["class"]) for use in outdated_uses} == {
        (url, "kill") for url in ARTICLES
    }

    await _acknowledge(ana, claim)
    [remaining_use] = (await cms.get("/v1/uses", claim=claim, state="outdated"))["items"]
    assert remaining_use["url"] == ARTICLES[1]
    [settled_use] = (await cms.get("/v1/uses", claim=claim, state="acknowledged"))["items"]
    assert (settled_use["class"], settled_use["corrected_url"]) == ("kill", CORRECTED)

    log = (await cms.get("/v1/corrections"))["items"]
    fall, correction = [entry for entry in log if entry["claim"] == claim]
    assert fall["sentence"] == (
        f"No longer confirmed; the claim is awaiting confirmation: “{TEXT}”. "
        "Why: something of it was recorded wrongly."
    )
    assert (fall["class"], fall["before"]["print_line"]) == ("kill", PRINTED)
    assert correction["sentence"].endswith(f"“{TEXT}”. Why: KFOR quotes the ministry.")
    public = await windows.open(f"/corrections?claim={claim}")
    await expect(public.locator(".notices .sentence")).to_have_text(
        [fall["sentence"], correction["sentence"]]
    )
    await expect(public.locator(".notices li").first).to_contain_text(PRINTED)
    await expect(public.locator(".notices li").first).to_contain_text(FALLEN)
    feed = await cms.get("/feeds/corrections.json")
    assert fall["sentence"] in str(feed["items"])
    await _compare_instants(cms, reader, claim, before)


async def _correct_party(page: Page, claim: str) -> None:
    """Say that it was Belgrade who said what NATO seemed to say, by the form beside the words."""
    await page.goto(f"/claims/{claim}")
    card = page.locator(".card", has_text="Lorries were seen")
    await browsing.follow(card.get_by_role("link", name="Correct", exact=True))
    await page.select_option("#party", "belgrade")
    await page.fill("#reason", "KFOR quotes the ministry")
    await browsing.follow(page.get_by_role("button", name="Correct"))
    await page.wait_for_url("**done=*")


async def _acknowledge(page: Page, claim: str) -> None:
    """Find both articles on the page of what was printed, and see to the first."""
    await page.goto(f"/claims/{claim}")
    await expect(page.locator("#uses")).to_contain_text("2 articles printed this; 2 must be told")
    await browsing.follow(page.locator("#uses").get_by_role("link", name="2 articles printed this"))
    uses = page.locator(".notices > li")
    await expect(uses).to_have_count(2)
    for url in ARTICLES:
        article = uses.filter(has=page.locator(f"a[href='{url}']"))
        await expect(article.locator(".notice-head")).to_contain_text("Kill")
        await expect(article.locator(".sides")).to_contain_text(PRINTED)
        await expect(article.locator(".sides")).to_contain_text(FALLEN)
    first = uses.filter(has=page.locator(f"a[href='{ARTICLES[0]}']"))
    await first.get_by_text("Say what was done about it").click()
    await first.locator("textarea").fill("Taken back")
    await first.locator("input[type=url]").fill(CORRECTED)
    await browsing.follow(first.get_by_role("button", name="It is seen to"))
    await page.wait_for_url("**done=*")
    await page.goto(f"/printed?claim={claim}&state=outdated")
    await expect(uses).to_have_count(1)
    await expect(uses.locator(f"a[href='{ARTICLES[1]}']")).to_be_visible()


async def _compare_instants(cms: Newsroom, reader: Page, claim: str, before: str) -> None:
    """Read the claim as of before the correction and now: through the API, and on its page."""
    earlier_claim = await cms.get(f"/v1/claims/{claim}", as_of=before)
    now = await cms.get(f"/v1/claims/{claim}")
    assert (earlier_claim["status"], earlier_claim["print_line"]) == ("confirmed", PRINTED)
    assert (now["status"], now["print_line"]) == ("awaiting_confirmation", FALLEN)
    assert (earlier_claim["evidence"]["supports"], now["evidence"]["supports"]) == (["nato"], [])
    ids_by_instant = [
        [item["id"] for item in (await cms.get("/v1/claims", q=TEXT, **query))["items"]]
        for query in ({"status": "confirmed", "as_of": before}, {"status": "confirmed"})
    ]
    assert ids_by_instant == [[claim], []]
    await reader.goto(f"/claims/{claim}?as_of={before.replace('+', '%2B')}")
    await expect(reader.locator("#print-line")).to_have_text(PRINTED)
    await expect(reader.locator(".banner")).to_contain_text("This is what the desk knew")
