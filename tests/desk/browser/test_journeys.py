"""A claim from the sign-in link to its confirmation, by hand, seen by others as it happens."""

import re

import pytest
from playwright.async_api import expect

from tests.desk.browser import acts
from tests.desk.browser.conftest import Desk, Windows, sign_in_by
from tests.support import browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_sign_in_link_opens_the_board_with_the_article(windows: Windows, desk: Desk) -> None:
    """What `make run` prints leads to the board, by status, with where each party stands."""
    link = next(line for line in desk.server.output.splitlines() if "/sign-in/" in line)
    page = await windows.open("/healthz")
    await sign_in_by(page, link.partition(": ")[2])
    # Other tests of this desk may have added claims of their own.
    articles = page.locator("#g-awaiting_confirmation .row", has_text="Serbia")
    await expect(articles).to_have_count(3)
    row = page.locator("#g-awaiting_confirmation .row", has_text="8,350")
    await expect(row).to_contain_text("Belgrade")
    await expect(row.locator(".stance.requests_confirmation")).to_contain_text("Washington")
    await browsing.follow(row.get_by_role("link"))
    await expect(page.locator("h1")).to_have_text(
        "Serbia cut its troops near Kosovo from 8,350 to 4,500"
    )
    await acts.require_status(page, "Awaiting confirmation")
    await page.goto(link.partition(": ")[2])
    await expect(page.locator("h1")).to_have_text("This sign-in link no longer works")


async def test_confirmation_by_two_people_shows_live_to_a_reader(
    windows: Windows, desk: Desk
) -> None:
    """NATO's observation is linked, proposed, refused to its proposer, approved by another: and a
    reader who has the claim and the board open sees each as it happens."""
    claim = await acts.record_claim(desk, "The last convoy left Raška on Tuesday evening")
    reader = await windows.open(f"/claims/{claim}", name="Rita", role="reader")
    board = await windows.open("/?status=confirmed", name="Rita", role="reader")
    await expect(board.locator("h1")).to_have_text("Confirmed")
    ana = await windows.open(name="Ana", role="checker")
    await acts.link(ana, claim, "supports", party="nato", quote="KFOR saw the convoy leave.")
    await expect(reader.locator(".card", has_text="KFOR saw")).to_be_visible()
    await ana.locator("input[name=to][value=confirmed]").check()
    await ana.fill("#reason", "KFOR saw it itself")
    await browsing.follow(ana.get_by_role("button", name="Decide"))
    await expect(ana.locator(".pending h2")).to_contain_text("You propose")
    await expect(ana.get_by_role("button", name="Approve")).to_have_count(0)
    # Not offered, and not accepted either.
    address = await ana.locator(".pending form").get_attribute("action")
    refusal = await ana.evaluate(
        """(address) => fetch(address, {method: "POST", redirect: "manual", headers: {
            "Content-Type": "application/x-www-form-urlencoded", Accept: "text/html"},
            body: new URLSearchParams(new FormData(document.querySelector(".pending form")))})
            .then((answer) => answer.text().then((text) => [answer.status, text]))""",
        address,
    )
    assert refusal[0] == 403
    assert "somebody else has to approve" in refusal[1]
    await acts.require_status(reader, "Asserted")
    await expect(reader.locator(".pending")).to_have_count(0)  # a draft is the desk's own
    ben = await windows.open("/review", name="Ben", role="editor")
    await browsing.follow(ben.locator(".row", has_text="Raška").get_by_role("link"))
    await browsing.follow(ben.get_by_role("button", name="Approve"))
    await expect(ben.locator(".done")).to_have_text("Approved.")
    await acts.require_status(ben, "Confirmed")
    await expect(reader.locator(".current-status .status")).to_have_text("Confirmed")
    await expect(reader.locator("#print-line")).to_contain_text("Independently confirmed by NATO")
    await expect(board.locator(".row", has_text="Raška")).to_be_visible()


async def test_live_change_keeps_what_is_being_typed(windows: Windows, desk: Desk) -> None:
    """What changes elsewhere appears marked; what one is writing, and reading, stays."""
    claim = await acts.record_claim(desk, "The barracks in Novi Pazar stand empty")
    ben = await windows.open(f"/claims/{claim}", name="Ben", role="editor")
    await ben.fill("#reason", "I am in the middle of a sen")
    await ben.locator("#reason").focus()
    ana = await windows.open(name="Ana")
    await acts.link(ana, claim, "contradicts", party="pristina", quote="They are full of men.")
    card = ben.locator(".card", has_text="They are full of men.")
    await expect(card).to_be_visible()
    await expect(card).to_have_class("card changed")
    await expect(ben.locator("#reason")).to_have_value("I am in the middle of a sen")
    await expect(ben.locator("#reason")).to_be_focused()
    await expect(ben.locator("#suggestion")).to_contain_text("Disputed")


async def test_live_change_keeps_the_row_one_walks_on(windows: Windows, desk: Desk) -> None:
    """Who walks the board by keys keeps row and focus while others work, follows a claim that moves
    to another group, and goes on beside one that leaves."""
    tags = ["checkpoints"]
    claim = await acts.record_claim(desk, "The checkpoint at Jarinje was taken down", tags=tags)
    board = await windows.open("/?tag=checkpoints", name="Ana")
    row = board.locator(f"#c-{claim}")
    await board.keyboard.press("j")
    await expect(row).to_contain_class("selected")
    await acts.record_claim(desk, "The checkpoint at Brnjak was taken down", tags=tags)
    await expect(board.locator(".row", has_text="Brnjak")).to_be_visible()
    await expect(board.locator(".row.selected")).to_have_attribute("id", f"c-{claim}")
    await expect(row.get_by_role("link").first).to_be_focused()
    ben = await windows.open(name="Ben", role="editor")
    await acts.link(
        ben, claim, "requests_confirmation", party="washington", quote="We would like to see it."
    )
    await expect(board.locator("#g-awaiting_confirmation").locator(row)).to_contain_class(
        "selected"
    )
    await expect(row.get_by_role("link").first).to_be_focused()


async def test_conflict_shows_what_changed_and_keeps_what_was_typed(
    windows: Windows, desk: Desk
) -> None:
    """Two decide at once: the second is shown the difference, has their words still, and can send
    them again."""
    claim = await acts.record_claim(desk, "Two battalions were withdrawn from Leskovac")
    # Without scripts the page of the second stays as it was loaded.
    ben = await windows.open(
        f"/claims/{claim}", name="Ben", role="editor", java_script_enabled=False
    )
    ana = await windows.open(f"/claims/{claim}", name="Ana")
    await ana.locator("input[name=to][value=awaiting_confirmation]").check()
    await ana.fill("#reason", "The ministry is asked for figures")
    await browsing.follow(ana.get_by_role("button", name="Decide"))
    await expect(ana.locator(".done")).to_have_text("The status is changed.")
    await ben.locator("input[name=to][value=awaiting_confirmation]").check()
    await ben.fill("#reason", "Our reporter goes there tomorrow")
    await browsing.follow(ben.get_by_role("button", name="Decide"))
    conflict = ben.locator(".conflict")
    await expect(conflict.locator("h2")).to_contain_text("Ana changed this claim")
    await expect(conflict).to_contain_text("From asserted to awaiting confirmation")
    await expect(conflict).to_contain_text("The ministry is asked for figures")
    await expect(ben.locator("#reason")).to_have_value("Our reporter goes there tomorrow")
    await acts.require_status(ben, "Awaiting confirmation")


async def test_slider_shows_what_the_desk_knew_then(windows: Windows, desk: Desk) -> None:
    """Dragged back, the whole page is of then: status, print line, columns, record; back to the
    end, it is live again."""
    claim = await acts.record_claim(desk, "The border crossing at Merdare is open")
    ana = await windows.open(name="Ana")
    await acts.link(
        ana, claim, "requests_confirmation", party="washington", quote="We would like to see it."
    )
    await acts.require_status(ana, "Awaiting confirmation")
    await ana.get_by_text("See this page as of an earlier time").click()
    slider = ana.get_by_role("slider", name="As of")
    await slider.focus()
    await slider.press("Home")
    await expect(ana.locator(".banner")).to_contain_text("This is what the desk knew")
    await expect(ana.locator(".current-status .status")).to_have_text("Asserted")
    await expect(ana.locator(".column", has_text="Washington")).to_have_count(0)
    await expect(ana.locator(".events li")).to_have_count(1)
    await expect(ana.get_by_role("button", name="Decide")).to_have_count(0)
    await expect(ana).to_have_url(re.compile("as_of="))
    await slider.press("End")
    await expect(ana.locator(".banner")).to_have_count(0)
    await expect(ana.locator(".current-status .status")).to_have_text("Awaiting confirmation")
    await expect(ana.get_by_role("button", name="Decide")).to_be_visible()
    await expect(ana).not_to_have_url(re.compile("as_of="))


async def test_lost_connection_is_shown_and_resumed(windows: Windows, desk: Desk) -> None:
    """Without the server the page says so; with it, what happened meanwhile is there."""
    claim = await acts.record_claim(desk, "Ferries cross the Ibar again")
    page = await windows.open(f"/claims/{claim}", name="Ana")
    await page.context.set_offline(True)
    await page.evaluate("dispatchEvent(new Event('visibilitychange'))")
    # Offline ends no open stream in Chromium: the page is made to look for itself.
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.locator("#line")).to_contain_text("The connection is lost")
    ben = await windows.open(name="Ben", role="editor")
    await acts.link(ben, claim, "supports", party="nato", quote="We saw two ferries.")
    await page.context.set_offline(False)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.locator(".card", has_text="two ferries")).to_be_visible()
    await expect(page.locator("#line")).to_be_hidden()
    windows.complaints = [
        complaint for complaint in windows.complaints if "ERR_INTERNET" not in complaint
    ]
