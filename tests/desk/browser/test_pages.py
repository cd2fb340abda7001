"""Every page: for everybody to read, at every width, light and dark, small, and of one policy."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from service.desk.layout import assets
from tests.desk.browser import acts
from tests.desk.browser.articles import Hand
from tests.desk.browser.conftest import Desk, Windows
from tests.desk.pages import PAGES
from tests.support import browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")

HTML_MOST, OWN_MOST = 50_000, 60_000
LOADED = """() => [...document.querySelectorAll("link[rel=stylesheet], script[src]")]
  .map((each) => new URL(each.href || each.src).pathname)"""
"""The paths of the styles and scripts that a page loads."""
SHIFT = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) sum += one.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 120);
})"""
INLINE = "[style], script:not([src]):not([type='application/ld+json'])"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest_asyncio.fixture(loop_scope="session")
async def places(desk: Desk, windows: Windows) -> AsyncIterator[dict[str, str]]:
    """An address for each page, of something that is there."""
    found_places = await list_addresses(desk)
    path = "/correction-requests/{request_id}"
    yield found_places | {path: await ask_for_correction(windows, found_places)}


async def list_addresses(desk: Desk) -> dict[str, str]:
    async with httpx.AsyncClient(base_url=desk.url) as client:
        client.headers["Authorization"] = f"Bearer {desk.create_key('admin')}"
        items = (await client.get("/v1/claims", params={"q": '"armed group"'})).json()["items"]
        claim = items[0]["id"]
        links = (await client.get(f"/v1/claims/{claim}/links")).json()["items"]
        hook = {"url": "http://127.0.0.1:9/hook", "description": "The CMS"}
        hooks = (await client.get("/v1/webhooks")).json()["items"]
        webhook = hooks[0] if hooks else (await client.post("/v1/webhooks", json=hook)).json()
        await client.post(f"/v1/webhooks/{webhook['id']}/ping")
        path = f"/v1/webhooks/{webhook['id']}/deliveries"
        delivery = (await client.get(path)).json()["items"][0]["id"]
        asking = {"party": "nato", "way": "telephone", "until": "2100-01-01T00:00:00Z"}
        inquiry = (await client.post(f"/v1/claims/{claim}/inquiries", json=asking)).json()
        use_fields = {"url": "https://paper.example/1", "title": "Printed", "contact": "night desk"}
        use = (await client.post(f"/v1/claims/{claim}/uses", json=use_fields)).json()
        corrected_claim = await record_corrected_claim(client)
        users = (await client.get("/v1/users")).json()["items"]
        speakers = (await client.get("/v1/speakers")).json()["items"]
        keys = (await client.get("/v1/keys")).json()["items"]
    values = {
        "claim_id": claim,
        "link_id": links[0]["id"],
        "statement_id": links[0]["statement"]["id"],
        "source_id": links[0]["statement"]["quotes"][0]["source"]["id"],
        "speaker_id": speakers[0]["id"],
        "slug": "kosovo-border-2023",
        "webhook_id": webhook["id"],
        "delivery_id": delivery,
        "user_id": users[0]["id"],
        "key_id": keys[0]["id"],
        "token": "used-before",
        "inquiry_id": inquiry["id"],
        "use_id": use["id"],
        "request_id": inquiry["id"],
    }
    found_places = {}
    for path in PAGES:
        if path.startswith("/static") or path in (
            "/intake/similar",
            "/candidates",
            "/work-count",
        ):  # parts
            continue
        if path.startswith("/parties/"):
            found_places[path] = path.format(slug="belgrade")
        elif "{intake_id}" not in path:
            found_places[path] = path.format(**values)
    found_places["corrected"] = f"/claims/{corrected_claim['id']}"
    found_places["corrected since"] = (
        f"{found_places['corrected']}?as_of={corrected_claim['created_at']}"
    )
    found_places["a claim as of"] = f"/claims/{claim}?as_of=2100-01-01T00:00:00Z"
    found_places["nothing there"] = "/nothing-there"
    found_places["search"] = "/search?q=troops"
    found_places["refused"] = "/?status=unknown"
    return found_places


async def record_corrected_claim(client: httpx.AsyncClient) -> dict[str, Any]:
    """Record a claim with words from right to left, which was corrected."""
    quote = {
        "text": "لم نرَ أحداً (KFOR) هناك.",
        "language": "ar",
        "source": {"url": "https://example.org/ar", "publisher": "الجزيرة (Al Jazeera)"},
    }
    body = {
        "text": "Nobody was at the crossing at dawn",
        "kind": "event",
        "claimant": "nato",
        "claimed_at": "2023-10-02T00:00:00Z",
        "origin": {"quotes": [quote]},
    }
    answer = await client.post("/v1/claims", json=body)
    assert answer.status_code == 201, answer.text
    claim: dict[str, Any] = answer.json()
    path, correction = (
        f"/v1/claims/{claim['id']}/corrections",
        {"kind": "position", "reason": "Misread"},
    )
    answer = await client.post(path, json=correction, headers={"If-Match": "*"})
    assert answer.status_code == 201, answer.text
    return claim


async def ask_for_correction(windows: Windows, places: dict[str, str]) -> str:
    """Ask for a correction as anybody may; gives the page on which the desk answers."""
    public = await windows.open(places["/claims/{claim_id}/correction-request"])
    await public.fill("#text", "The quote is cut: its second half says the opposite.")
    await browsing.follow(public.get_by_role("button", name="Send"))
    await expect(public.locator(".done")).to_be_visible()
    desk = await windows.open("/review", name="Ada", role="admin")
    address = await desk.locator("#requests a").first.get_attribute("href")
    assert address is not None
    return address


async def begin_intake(page: Page) -> None:
    await page.goto("/intake")
    await page.fill("#url", "https://example.org/pages")
    await page.fill("#published_on", "2023-10-03")
    await page.fill(
        "#text", "On Monday Ana Marku of the Red Cross spoke. “We saw them leave,” she said."
    )
    await browsing.follow(page.get_by_role("button", name="Begin"))
    await page.wait_for_url("**/intake/*")
    await Hand(page).select("We saw them leave,")  # what is guessed stands on the page too
    await expect(page.locator("#offered-voices button")).not_to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_page_passes_axe(windows: Windows, places: dict[str, str], theme: str) -> None:
    """axe (WCAG 2.2 A and AA, and its best practices) finds nothing on any page, signed in or
    not, the article being taken in and the help included.  What a theme changes are the colours:
    in the dark one, their rules alone are looked at."""
    options = {"runOnly": ["color-contrast", "link-in-text-block"]} if theme == "dark" else {}
    page = await windows.open(name="Ada", role="admin", color_scheme=theme)
    faults_by_page: dict[str, list[str]] = {}
    axe = Axe()

    async def look(name: str, at: Page) -> None:
        results = (await axe.run(at, options=options)).response["violations"]
        faults = [
            f"{result['id']}: {node['html'][:160]}"
            for result in results
            for node in result["nodes"]
        ]
        if faults:
            faults_by_page[name] = faults

    for name, address in places.items():
        await page.goto(address)
        await look(f"{name} ({address})", page)
    await begin_intake(page)
    for folded in ("#translated", "#known"):
        await page.locator(f"{folded} > summary").click()
    await look("an article", page)
    await page.goto("/")
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_be_visible()
    await look("help", page)
    public = await windows.open("/", color_scheme=theme)
    for name in (
        "/",
        "/claims/{claim_id}",
        "/corrections",
        "/sign-in",
        "/stories",
        "/stories/{slug}",
    ):
        if name in places:
            await public.goto(places[name])
            await look(f"public {name}", public)
    assert faults_by_page == {}


async def test_no_page_scrolls_sideways(windows: Windows, places: dict[str, str]) -> None:
    """At 1440, 768 and 360 pixels, and at 200 % of a small window, no page scrolls sideways."""
    page = await windows.open(name="Ada", role="admin")
    wide: list[tuple[str, int, int]] = []
    for address in places.values():
        await page.goto(address)
        for width in (1440, 768, 360, 320):
            await page.set_viewport_size({"width": width, "height": 800})
            over = await page.evaluate(OVERFLOW)
            if over > 0:
                wide.append((address, width, over))
    await begin_intake(page)
    await page.set_viewport_size({"width": 360, "height": 800})
    assert await page.evaluate(OVERFLOW) <= 0
    assert wide == []


async def test_every_page_is_small_and_does_not_move(
    windows: Windows, places: dict[str, str]
) -> None:
    """HTML under 50 kB, its own styles and scripts under 60 kB; nothing moves once it is shown;
    each has one h1, a title, and lets no script but ours run."""
    page = await windows.open(name="Ada", role="admin")
    for address in places.values():
        response = await page.goto(address)
        assert response is not None
        assert len(await response.body()) < HTML_MOST, address
        await expect(page.locator("h1")).to_have_count(1)
        await expect(page).to_have_title(re.compile(r". · Claimdesk$"))
        policy = response.headers["content-security-policy"]
        assert "unsafe" not in policy, address
        assert "script-src 'self'" in policy, address
        assert await page.evaluate(SHIFT) < 0.05, address
        await expect(page.locator(INLINE)).to_have_count(0)
        assert await weigh(page) < OWN_MOST, address
    await begin_intake(page)
    assert await weigh(page) < OWN_MOST


async def weigh(page: Page) -> int:
    """Return how many bytes of styles and scripts a page loads."""
    addresses = await page.evaluate(LOADED)
    own = assets.load_assets()
    return sum(len(own[address.rpartition("/")[2]].body) for address in addresses)


async def test_printed_page_shows_the_claim_and_no_forms(
    windows: Windows, places: dict[str, str]
) -> None:
    """On paper stand the claim, who says what and the record; no buttons, no forms."""
    page = await windows.open(places["/claims/{claim_id}"], name="Ada", role="admin")
    await page.emulate_media(media="print")
    for selector in ("h1", "#print-line", ".columns", ".events"):
        await expect(page.locator(selector)).to_be_visible()
    for hidden_selector in (".top", ".panel", ".as-of", ".acts"):
        await expect(page.locator(hidden_selector)).to_be_hidden()


async def test_public_sees_nothing_internal(windows: Windows, desk: Desk) -> None:
    """With public reading, a claim is there for machines and people; notes, who works on it and
    drafts of decisions are not."""
    claim = await acts.record_claim(desk, "Fuel is rationed in Mitrovica")
    ana = await windows.open(name="Ana")
    await acts.link(ana, claim, "supports", party="nato", quote="We saw the queues.")
    await ana.fill("#note", "Secret: ask the quartermaster")
    await browsing.follow(ana.get_by_role("button", name="Add note"))
    await ana.select_option("#assignee", label="Ana")
    await browsing.follow(ana.get_by_role("button", name="Assign"))
    await ana.locator("input[name=to][value=confirmed]").check()
    await ana.fill("#reason", "Secret: our own stringer")
    await browsing.follow(ana.get_by_role("button", name="Decide"))
    await expect(ana.locator(".pending")).to_be_visible()
    public = await windows.open(f"/claims/{claim}")
    html = await public.content()
    assert "Secret" not in html
    assert "Ana" not in html
    record = public.locator("#record")
    await expect(record).to_contain_text("Recorded: claimed by Belgrade")
    await expect(record).not_to_contain_text("roposed")
    await expect(public.locator("form[method=post]")).to_have_count(0)
    for item in (
        'script[type="application/ld+json"]',
        'meta[property="og:title"]',
        'link[type="application/json+oembed"]',
        "link[rel=canonical]",
    ):
        await expect(public.locator(item)).to_have_count(1)
