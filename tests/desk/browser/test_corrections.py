"""Everything that can be recorded wrongly is corrected at the desk, on a phone, without scripts."""

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.desk.browser import acts
from tests.desk.browser.conftest import Desk, Windows
from tests.support import browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"width": 360, "height": 780}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
ARABIC = "لم نرَ أحداً (KFOR) هناك."
WHY = "Read in the wrong line"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_each_thing_is_corrected_through_its_form(
    windows: Windows, desk: Desk, scripts: bool
) -> None:
    """Claim, statement and source, each from the page of the claim; what stood there before is
    struck through beneath what is right, and nothing scrolls sideways at 360 pixels."""
    claim = await acts.record_claim(
        desk, f"The bridge at Jarinje was closed, {'seen' if scripts else 'read'} at noon"
    )
    page = await windows.open(
        name="Ana", java_script_enabled=scripts, viewport=PHONE, locale="en-GB"
    )
    await acts.link(page, claim, "comments", party="nato", quote="We saw nobody there.")
    await correct_claim(page)
    await correct_statement(page, claim)
    await correct_source(page, claim)
    await page.goto(f"/claims/{claim}")
    assert await page.evaluate(OVERFLOW) <= 0
    card = page.locator(".card", has_text="KFOR")
    await card.locator(".corrected summary").click()
    await expect(card.locator("ins", has_text=ARABIC).first).to_be_visible()
    await expect(card.locator("del", has_text="We saw nobody there.")).to_be_visible()
    await expect(card.locator(".corrected")).to_contain_text(WHY)
    async with httpx.AsyncClient(base_url=desk.url) as client:
        headers = {"Authorization": f"Bearer {desk.create_key('checker')}"}
        answer = (await client.get(f"/v1/claims/{claim}", headers=headers)).json()
        [link] = (await client.get(f"/v1/claims/{claim}/links", headers=headers)).json()["items"]
    assert (answer["claimant"]["party"], answer["kind"]) == ("pristina", "position")
    assert (answer["precision"], answer["claimed_at"][:7]) == ("month", "2023-08")
    statement = link["statement"]
    assert (statement["party"], statement["basis"]) == ("washington", "documents")
    assert (statement["said_at"], statement["precision"]) == ("2023-10-03T18:05:00Z", "minute")
    [quote] = statement["quotes"]
    assert (quote["text"], quote["language"]) == (ARABIC, "ar")
    assert (quote["rendering"], quote["selector"]["exact"]) == ("paraphrase", ARABIC)
    assert quote["source"]["publisher"] == "The right paper"


async def correct_claim(page: Page) -> None:
    await browsing.follow(
        page.locator("#sheet-head").get_by_role("link", name="Correct", exact=True)
    )
    await page.select_option("#claimant", "pristina")
    await page.select_option("#kind", "position")
    await page.fill("#claimed_on", "")
    await page.fill("#claimed_in", "August 2023")
    await send(page)
    await expect(page.locator("#sheet-head .facts")).to_contain_text("August 2023")


async def correct_statement(page: Page, claim: str) -> None:
    await page.goto(f"/claims/{claim}")
    card = page.locator(".card", has_text="We saw nobody there.")
    await browsing.follow(card.get_by_role("link", name="Correct", exact=True))
    await page.select_option("#party", "washington")
    await page.fill("#said_on", "2023-10-03")
    await page.fill("#said_hour", "18:05")
    await page.select_option("#basis", "documents")
    await page.fill("#text-0", ARABIC)
    await page.fill("#language-0", "ar")
    await page.select_option("#rendering-0", "paraphrase")
    await page.get_by_text("It stood somewhere else").click()
    await page.fill("#url-0", f"https://example.org/{claim}")
    await page.get_by_text("Its place in the text").click()
    await page.fill("#exact-0", ARABIC)
    assert await page.evaluate(OVERFLOW) <= 0
    await send(page)
    await expect(page.locator("figure blockquote")).to_have_text(ARABIC)


async def correct_source(page: Page, claim: str) -> None:
    await browsing.follow(page.get_by_role("link", name="About this source"))
    await browsing.follow(page.get_by_role("link", name="Correct", exact=True))
    await page.fill("#publisher", "The right paper")
    assert await page.evaluate(OVERFLOW) <= 0
    await send(page)
    await expect(page.locator(".facts")).to_contain_text("The right paper")


async def send(page: Page) -> None:
    await page.fill("#reason", WHY)
    await browsing.follow(page.get_by_role("button", name="Correct", exact=True))
    await expect(page.locator(".done")).to_contain_text("Corrected")


async def test_refused_correction_leads_to_each_fault(windows: Windows, desk: Desk) -> None:
    """All that is wrong is listed with links to the fields; a correction meanwhile is told, and
    what was typed stays."""
    claim = await acts.record_claim(desk, "The depot at Raška was emptied before dawn")
    ana = await windows.open(f"/claims/{claim}", name="Ana", java_script_enabled=False)
    ben = await windows.open(f"/claims/{claim}/correction", name="Ben", role="editor")
    await browsing.follow(
        ana.locator("#sheet-head").get_by_role("link", name="Correct", exact=True)
    )
    await ana.fill("#speaker", "")
    await ana.fill("#role", "its head")
    await ana.fill("#claimed_on", "")
    await ana.fill("#reason", WHY)
    await browsing.follow(ana.get_by_role("button", name="Correct", exact=True))
    await expect(ana.locator("#faults li")).to_have_count(2)
    await ben.select_option("#kind", "figure")
    await send(ben)
    await ana.fill("#role", "")
    await ana.fill("#claimed_on", "2023-09-30")
    await browsing.follow(ana.get_by_role("button", name="Correct", exact=True))
    await expect(ana.locator(".conflict")).to_contain_text("Ben changed this claim")
    await expect(ana.locator("#claimed_on")).to_have_value("2023-09-30")
    await expect(ana.locator("#kind")).to_have_value("figure")
    await browsing.follow(ana.get_by_role("button", name="Correct", exact=True))
    await expect(ana.locator(".done")).to_contain_text("Corrected")


async def test_another_claim_is_found_as_one_types_and_stays_chosen(
    windows: Windows, desk: Desk
) -> None:
    """By the keyboard alone; a further search keeps what is chosen, and so does the record."""
    claim = await acts.record_claim(desk, "Two lorries left the depot at Novi Pazar")
    whole = await acts.record_claim(desk, "The whole depot at Novi Pazar was emptied")
    ana = await windows.open(f"/claims/{claim}/correction", name="Ana")
    picker = ana.locator("#part_of")
    field = ana.locator("#part_of-words")
    await field.press_sequentially("whole depot nov")
    candidate = picker.locator(f".found input[value='{whole}']")
    await expect(candidate).to_be_visible()
    await field.press("ArrowDown")
    await expect(candidate).to_be_focused()
    await ana.keyboard.press("Space")
    await expect(candidate).to_be_checked()
    await field.fill("zzzyx")
    await expect(picker).to_contain_text("No claim")
    await expect(picker.locator(f".kept input[value='{whole}']")).to_be_checked()
    await send(ana)
    await ana.goto(f"/claims/{claim}")
    await expect(ana.locator("details.corrected").first).to_contain_text("The whole depot")


async def test_enter_in_a_field_sends_the_form_and_in_a_search_searches(
    windows: Windows, desk: Desk
) -> None:
    """Without scripts."""
    claim = await acts.record_claim(desk, "Three lorries left the depot at Tutin")
    whole = await acts.record_claim(desk, "The whole depot at Tutin was emptied")
    ana = await windows.open(f"/claims/{claim}/correction", name="Ana", java_script_enabled=False)
    await ana.fill("#reason", WHY)
    await ana.locator("#part_of-words").fill("whole Tutin")
    await ana.locator("#part_of-words").press("Enter")
    await ana.locator(f"#part_of .found input[value='{whole}']").check()
    await ana.locator("#role").press("Enter")
    await expect(ana.locator(".done")).to_contain_text("Corrected")
