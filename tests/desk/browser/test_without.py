"""The desk without scripts, and without a mouse."""

import pytest
from playwright.async_api import expect

from tests.desk.browser import acts
from tests.desk.browser.conftest import Desk, Windows
from tests.support import browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_desk_works_without_scripts(windows: Windows, desk: Desk) -> None:
    """Filter, open, link, decide, approve, look back: plain links and forms."""
    claim = await acts.record_claim(desk, "The depot at Niš was emptied")
    ana = await windows.open(name="Ana", java_script_enabled=False)
    await ana.select_option("select[name=kind]", "figure")
    await browsing.follow(ana.get_by_role("button", name="Show"))
    rows = ana.locator("#g-asserted .row")  # other tests of this desk record figures too
    await expect(rows.filter(has_text="1.8 million people in total")).to_have_count(1)
    await expect(rows.filter(has_text="The depot at Niš was emptied")).to_have_count(0)
    await acts.link(ana, claim, "supports", party="nato", quote="It stands open and empty.")
    await ana.locator("input[name=to][value=confirmed]").check()
    cite = ana.locator("input[name=cites]")
    await expect(cite).not_to_be_checked()  # as its status was not chosen
    await cite.check()
    await ana.fill("#reason", "NATO saw it")
    await browsing.follow(ana.get_by_role("button", name="Decide"))
    await expect(ana.locator(".done")).to_contain_text("Proposed")
    ben = await windows.open(
        f"/claims/{claim}", name="Ben", role="editor", java_script_enabled=False
    )
    await browsing.follow(ben.get_by_role("button", name="Reject"))
    await expect(ben.locator(".pending .fault")).to_be_visible()  # a rejection says why
    await browsing.follow(ben.get_by_role("button", name="Approve"))
    await acts.require_status(ben, "Confirmed")
    await ben.get_by_text("See this page as of an earlier time").click()
    await ben.select_option("#as-of", index=0)
    await browsing.follow(ben.get_by_role("button", name="Show"))
    await expect(ben.locator(".banner")).to_be_visible()
    await acts.require_status(ben, "Asserted")
    await expect(ben.locator("#as-of option[selected]")).to_have_count(1)


async def test_desk_works_by_keyboard(windows: Windows, desk: Desk) -> None:
    """Walk the board, open, decide, search and go to intake without touching a mouse; one always
    sees where one is."""
    claim = await acts.record_claim(desk, "The customs house reopened at dawn")
    page = await windows.open(name="Ana")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await expect(page.locator(".skip")).to_be_in_viewport()
    for _ in range(3):
        await page.keyboard.press("j")
    await page.keyboard.press("k")
    selected_row = page.locator(".row.selected")
    await expect(selected_row).to_have_count(1)
    await expect(page.locator(".row").nth(1)).to_contain_class("selected")
    await expect(selected_row.get_by_role("link").first).to_be_focused()
    await browsing.press(page, "Enter")
    await page.wait_for_url("**/claims/*")
    await page.keyboard.press("/")
    await expect(page.locator("#q")).to_be_focused()
    await page.keyboard.type("customs house")
    await browsing.press(page, "Enter")
    await page.wait_for_url("**/search?q=*")
    await page.keyboard.press("j")
    await browsing.press(page, "Enter")
    await page.wait_for_url(f"**/claims/{claim}")
    await page.locator("input[name=to]:not([disabled])").first.focus()
    await page.keyboard.press("Space")
    await page.locator("#reason").focus()
    await page.keyboard.type("The ministry is asked")
    await page.keyboard.press("Escape")
    await page.wait_for_function("document.activeElement === document.body")
    await page.get_by_role("button", name="Decide").focus()
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    await browsing.press(page, "Enter")
    await expect(page.locator(".done")).to_have_text("The status is changed.")
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_be_visible()
    await page.keyboard.press("Escape")
    await browsing.press(page, "n")
    await page.wait_for_url("**/intake")


async def test_leaving_a_filled_form_asks_first(windows: Windows) -> None:
    """Leaving a form with words in it is asked about first."""
    page = await windows.open("/intake", name="Ana")
    dialogs = []

    async def stay(dialog: object) -> None:
        dialogs.append(dialog)
        await dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", stay)
    await page.fill("#text", "Half an article")
    await page.evaluate("location.href = '/'")
    await expect(page.locator("#text")).to_have_value("Half an article")
    assert len(dialogs) == 1
