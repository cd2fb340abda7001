"""A passage that is refused: the article stays where it was, and what helps goes on helping."""

import pytest
from playwright.async_api import Page, expect

from tests.desk.browser.conftest import Windows
from tests.desk.browser.test_intake import SELECT
from tests.support import browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = "\n\n".join(
    [
        *(f"Paragraph {number} of the article says nothing. " * 6 for number in range(30)),
        "“We closed the bridge,” Milena Radić, the director of the Water Board, said on Monday.",
        "“Twelve lorries were held,” she said.",
    ]
)


async def begin(page: Page) -> None:
    await page.goto("/intake")
    await page.fill("#url", "https://example.org/bridge")
    await page.fill("#published_on", "2023-10-03")
    await page.fill("#text", TEXT)
    await browsing.follow(page.get_by_role("button", name="Begin"))


async def refuse(page: Page) -> None:
    """Send a passage with a role and nobody whose it is."""
    await page.evaluate(SELECT, "Twelve lorries were held")
    await expect(page.locator("#guesses")).to_be_attached()
    await page.fill("#role", "director")
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await browsing.follow(page.get_by_role("button", name="Record the passage"))
    await expect(page.locator("#faults")).to_contain_text("leave the role empty")


async def test_refused_passage_keeps_the_place_in_the_text(windows: Windows) -> None:
    page = await windows.open(name="Ana")
    await begin(page)
    await refuse(page)
    await expect(page.locator("#faults")).to_be_in_viewport()
    await page.wait_for_function("scrollY > innerHeight")


async def test_passages_are_guessed_after_one_was_refused(windows: Windows) -> None:
    page = await windows.open(name="Ana")
    await begin(page)
    await refuse(page)
    await page.evaluate(SELECT, "We closed the bridge")
    await expect(page.locator("#guesses")).to_contain_text("Within quotation marks")
    voice = page.locator("#offered-voices button").first
    await voice.click()
    await expect(voice).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#speaker")).to_have_value("Milena Radić")


async def test_button_stays_under_the_pointer_while_it_is_pressed(windows: Windows) -> None:
    """A panel that grew between press and release took the click from whoever had just scrolled."""
    page = await windows.open(name="Ana")
    await begin(page)
    await page.evaluate(SELECT, "Twelve lorries were held")
    await expect(page.locator("#guesses")).to_be_attached()
    await page.fill("#role", "director")
    await page.get_by_role("button", name="Record the passage").hover()  # brings it into view
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    # As it stands before a scrolling is noticed.
    await page.evaluate("document.querySelector('.panel').style.setProperty('--from', '300px')")
    await page.get_by_role("button", name="Record the passage").hover()
    async with page.expect_event("load"):
        await page.mouse.down()
        await page.evaluate("dispatchEvent(new Event('scroll'))")
        await page.mouse.up()
    await expect(page.locator("#faults")).to_contain_text("leave the role empty")


async def test_figure_is_asked_for_once_a_claim_is_one(windows: Windows) -> None:
    page = await windows.open(name="Ana")
    await begin(page)
    await expect(page.locator("#figure_value")).to_be_hidden()
    await page.select_option("#kind", "figure")
    await expect(page.locator("#figure_value")).to_be_visible()
