"""What the second desk promises: order, folding, sticky heads, and red for dispute alone."""

import pytest
from playwright.async_api import Page, expect

from tests.desk.browser import acts
from tests.desk.browser.conftest import Desk, Windows
from tests.desk.browser.test_layout import fill_story
from tests.support import browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 780}
RED_ELEMENTS = """() => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.setProperty("color", "var(--disputed)");
  const red = getComputedStyle(probe).color;
  probe.remove();
  const isRed = (element) => [null, "::before", "::after"].some((part) => {
    const style = getComputedStyle(element, part);
    return [style.color, style.backgroundColor, style.borderTopColor].includes(red);
  });
  return [...document.querySelectorAll("body *")].filter((element) =>
    isRed(element) && !element.closest(".disputed, .contradicts, .denied")
  ).map((element) => element.outerHTML.slice(0, 120));
}"""


TOPS = """(selectors) =>
  selectors.map((each) => document.querySelector(each).getBoundingClientRect().top)"""


async def read_tops(page: Page, *selectors: str) -> list[float]:
    """Read how far down elements begin, all at one instant: a page may be scrolling."""
    tops: list[float] = await page.evaluate(TOPS, selectors)
    return tops


async def test_matrix_keeps_its_head_and_names_every_mark(windows: Windows, desk: Desk) -> None:
    """At 1440 px twelve parties fit; scrolled, the parties stay in sight; a mark is named."""
    await fill_story(desk, "twelve-voices")
    page = await windows.open("/stories/twelve-voices", name="Ana", viewport=WIDE)
    box = ".matrix-box"
    beyond = f"document.querySelector('{box}').scrollWidth - {WIDE['width']}"
    assert await page.evaluate(beyond) <= 0
    await page.set_viewport_size({"width": 1440, "height": 260})
    await page.locator(".matrix tbody tr").last.scroll_into_view_if_needed()
    await page.mouse.wheel(0, 120)
    await expect(page.locator(".matrix thead th").nth(1)).to_be_in_viewport()
    mark = page.get_by_role("link", name="Ministry of Transport, office A supports, not counted")
    await expect(mark.first).to_be_attached()
    await expect(page.locator(".matrix td a:not([title])")).to_have_count(0)


async def test_matrix_is_cards_on_a_phone(windows: Windows, desk: Desk) -> None:
    """A claim is a card, which says in words who stands where; nothing goes past the side."""
    await fill_story(desk, "twelve-voices")
    page = await windows.open("/stories/twelve-voices", name="Ana", viewport=PHONE)
    content = await page.evaluate(
        "() => getComputedStyle(document.querySelector('.matrix td a[title]'), '::after').content"
    )
    assert content == '"Ministry of Transport, office A supports, not counted"'
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_evidence_comes_first_and_rare_acts_are_folded(windows: Windows, desk: Desk) -> None:
    """The slider stands below the evidence, what ends a claim behind a menu, and a status that is
    not open in one line."""
    claim = await acts.record_claim(desk, "The tunnel at Končulj is flooded")
    page = await windows.open(f"/claims/{claim}", name="Edit", role="editor", viewport=WIDE)
    evidence, earlier = await read_tops(page, "#evidence", ".earlier")
    assert evidence < earlier
    await expect(page.get_by_role("slider")).to_have_count(0)
    await expect(page.get_by_role("link", name="Recorded by mistake")).to_be_hidden()
    await page.locator(".acts-menu > summary").click()
    await expect(page.get_by_role("link", name="Recorded by mistake")).to_be_visible()
    shut_card = page.locator(".shut", has_text="Confirmed")
    await expect(shut_card.locator("summary")).to_contain_text("needs 1 supporting statement")
    await expect(shut_card.locator("p.missing").first).to_be_hidden()
    await shut_card.locator("summary").click()
    await expect(shut_card.locator("p.missing").first).to_be_visible()


async def test_header_of_a_phone_leaves_the_page_in_sight(windows: Windows) -> None:
    """At most 64 px stand above the content; the menu opens over it, without scripts too."""
    for scripts in (True, False):
        page = await windows.open("/", name="Ana", java_script_enabled=scripts, viewport=PHONE)
        [top] = await read_tops(page, "main")
        assert top <= 64
        await expect(page.locator(".top nav")).to_be_hidden()
        await page.get_by_role("button", name="Menu").click()
        await browsing.follow(page.locator(".top nav").get_by_role("link", name="Stories"))
        await page.wait_for_url("**/stories")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_red_is_for_dispute(windows: Windows, desk: Desk, theme: str) -> None:
    """No link, button, required field or flag is red: what is disputed or contradicts alone."""
    claim = await acts.record_claim(desk, f"The mill at Raška stands still ({theme})")
    page = await windows.open(name="Edit", role="editor", color_scheme=theme, viewport=WIDE)
    for path in (f"/claims/{claim}", "/", "/review", "/intake", f"/claims/{claim}/link", "/help"):
        await page.goto(path)
        assert await page.evaluate(RED_ELEMENTS) == [], path


async def test_legend_explains_marks_where_they_stand(windows: Windows) -> None:
    page = await windows.open("/", name="Ana", viewport=WIDE)
    await page.get_by_label("What a mark means").click()
    await expect(page.locator(".legend dl").first).to_contain_text("a second person")
    await browsing.follow(page.get_by_role("link", name="How statuses, stances and bases"))
    await expect(page.get_by_role("heading", name="Basis")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("a word that rests on nothing")


async def test_record_stays_in_view_while_an_article_is_taken_in(windows: Windows) -> None:
    """Beside the text on a wide screen, below it on a phone, above what is recorded already."""
    page = await windows.open("/intake", name="Ana", viewport=WIDE)
    await page.fill("#url", "https://example.org/in-view")
    await page.fill("#text", "“We saw them leave,” KFOR said.\n\n" * 40)
    await browsing.follow(page.get_by_role("button", name="Begin"))
    await page.wait_for_url("**/intake/*")
    record = page.get_by_role("button", name="Record the passage")
    await expect(record).to_be_in_viewport()
    await page.mouse.wheel(0, 900)
    await expect(record).to_be_in_viewport()
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    text, passage, taken_passages = await read_tops(page, "#text", "#passage", ".taken")
    assert text < passage < taken_passages
    await page.locator("#passage").scroll_into_view_if_needed()
    await expect(record).to_be_in_viewport()


async def test_palette_leads_to_a_claim_by_keys_alone(windows: Windows, desk: Desk) -> None:
    """Ctrl-K, some letters, an arrow, Enter; Escape closes it and leaves the page as it was."""
    claim = await acts.record_claim(desk, "The quarry at Bistrica was mined by night")
    page = await windows.open("/stories", name="Ana", viewport=WIDE)
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette")).to_be_visible()
    await expect(page.locator("#found")).to_contain_text("Add an article")
    await page.keyboard.press("Escape")
    await expect(page.locator("#palette")).to_be_hidden()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("quarry bistr")
    await expect(page.locator("#found .chosen")).to_contain_text("The quarry at Bistrica")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowUp")
    await browsing.press(page, "Enter")
    await page.wait_for_url(f"**/claims/{claim}")


async def test_palette_is_a_page_without_scripts(windows: Windows) -> None:
    page = await windows.open("/go", name="Ana", java_script_enabled=False)
    await page.fill("#go", "kosovo")
    await browsing.follow(page.get_by_role("button", name="Find"))
    await expect(page.locator("#destinations h2", has_text="Stories")).to_be_visible()
