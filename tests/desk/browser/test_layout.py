"""What stands where on the screen and on paper, measured."""

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.desk.browser import acts
from tests.desk.browser.conftest import Desk, Windows

pytestmark = pytest.mark.asyncio(loop_scope="session")

PARTIES = 12
PAPER = 1047
"""Pixels that A4 is wide when it lies, within margins of a centimetre."""
BEYOND = """([box, parts]) => [...document.querySelectorAll(parts)].flatMap((part) => {
  const within = part.closest(box);
  const style = getComputedStyle(within), held = within.getBoundingClientRect();
  const right = held.right - parseFloat(style.paddingRight) - parseFloat(style.borderRightWidth);
  const over = Math.round(part.getBoundingClientRect().right - right);
  return over > 0 ? [`${part.id || part.name || part.tagName}: ${over}`] : [];
})"""


async def measure_beyond(page: Page, box: str, parts: str) -> list[str]:
    """List the `parts` that reach past the inner edge of the `box` they stand in, and how far."""
    parts_beyond: list[str] = await page.evaluate(BEYOND, [box, parts])
    return parts_beyond


async def test_opened_override_stays_within_its_card(windows: Windows, desk: Desk) -> None:
    claim = await acts.record_claim(desk, "The bridge at Jarinje is closed")
    page = await windows.open(f"/claims/{claim}", name="Eva", role="editor")
    await page.locator(".decide summary").last.click()
    for width in (1440, 1100, 768, 360):
        await page.set_viewport_size({"width": width, "height": 900})
        fields = ".panel input, .panel select, .panel textarea, .panel details"
        assert await measure_beyond(page, ".panel", fields) == [], width


async def fill_story(desk: Desk, slug: str) -> None:
    """Record a story of one claim, on which twelve parties speak, unless it is there."""
    async with httpx.AsyncClient(base_url=desk.url) as client:
        client.headers["Authorization"] = f"Bearer {desk.create_key('editor')}"

        async def post(path: str, body: object) -> dict[str, str]:
            answer = await client.post(path, json=body)
            assert answer.is_success, answer.text
            story_view: dict[str, str] = answer.json()
            return story_view

        if (await client.get(f"/v1/stories/{slug}")).is_success:
            return
        await post("/v1/stories", {"slug": slug, "title": "Twelve voices"})
        source = {"url": "https://example.org/twelve", "publisher": "Example News"}
        quotes = [{"text": "We say so.", "language": "en", "source": source}]
        claim = await post(
            "/v1/claims",
            {
                "text": "The bridge is open again to all vehicles, by day and by night",
                "kind": "event",
                "claimant": None,
                "claimed_at": "2023-10-02T00:00:00Z",
                "story": slug,
                "origin": {"quotes": quotes},
            },
        )
        for number in range(PARTIES):
            party = f"party-{number}"
            name = f"Ministry of Transport, office {chr(65 + number)}"
            await post("/v1/parties", {"slug": party, "name": name})
            statement = {"party": party, "said_at": "2023-10-02T00:00:00Z", "quotes": quotes}
            body = {"statement": statement, "stance": "supports"}
            await post(f"/v1/claims/{claim['id']}/links", body)


async def test_menu_of_an_administrator_is_one_line_on_a_small_screen(windows: Windows) -> None:
    page = await windows.open("/", name="Maximiliane", role="admin")
    await page.set_viewport_size({"width": 1280, "height": 800})
    entries = page.locator("#menu > ul > li")
    await expect(entries.last).to_be_visible()
    tops = await entries.evaluate_all("all => all.map((one) => one.getBoundingClientRect().top)")
    assert len(tops) > 8
    assert len(set(tops)) == 1


async def test_matrix_of_twelve_parties_fits_on_paper(windows: Windows, desk: Desk) -> None:
    await fill_story(desk, "twelve-voices")
    page = await windows.open("/stories/twelve-voices", name="Ana")
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": PAPER, "height": 1400})
    assert await measure_beyond(page, "main", ".matrix, .matrix th, .matrix td") == []


async def test_printed_page_names_its_moment_address_and_sources(
    windows: Windows, desk: Desk
) -> None:
    """The moment, the page's address, and the address of every source."""
    claim = await acts.record_claim(desk, "The bridge at Brnjak is closed")
    page = await windows.open(f"/claims/{claim}", name="Ana")
    print_notice = page.locator(".printed")
    await expect(print_notice).to_be_hidden()
    await page.emulate_media(media="print")
    await expect(print_notice).to_contain_text(f"/claims/{claim}")
    await expect(print_notice).to_contain_text(" UTC")
    content = await page.evaluate(
        "() => getComputedStyle(document.querySelector('.card figcaption a'), '::after').content"
    )
    assert "attr(href)" in content or "https://" in content
