"""Open pages during many changes, and edge cases of forms."""

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from tests.desk.browser import acts
from tests.desk.browser.conftest import Desk, Windows
from tests.support import browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOURCE = """
window.sources = [];
window.EventSource = class extends EventTarget {
  static CLOSED = 2;
  constructor(address) {
    super();
    this.readyState = 1;
    // Not the stream by which the count of work is kept.
    if (!address.startsWith("/v1/events/stream?inbox")) sources.push(this);
    setTimeout(() => this.onopen?.());
  }
  close() { this.readyState = 2; }
};
window.happen = () => sources.at(-1).dispatchEvent(new MessageEvent("claim.amended"));
"""
"""Events at the test's bidding, in place of the server's."""


async def open_page(windows: Windows, path: str, name: str = "Ana", role: str = "checker") -> Page:
    page = await windows.open(name=name, role=role)
    await page.add_init_script(SOURCE)
    await page.goto(path)
    return page


async def test_page_keeps_up_with_many_changes_with_few_requests(
    windows: Windows, desk: Desk
) -> None:
    """Sixty a second: the page keeps up, and asks not more than twice a second."""
    page = await open_page(windows, "/")
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    await page.evaluate(
        """new Promise((done) => {
          const storm = setInterval(happen, 16);
          setTimeout(() => { clearInterval(storm); done(); }, 4000);
        })"""
    )
    assert 3 <= len(addresses) <= 9
    await page.wait_for_timeout(1500)
    assert len(addresses) <= 10  # one more for what came last, and then rest


async def test_live_change_does_not_leave_a_page_of_the_past(windows: Windows, desk: Desk) -> None:
    """The slider was drawn, its page is on its way, and something happens: it comes all the
    same."""
    claim = await acts.record_claim(desk, "The ferry at Gazivode runs again")
    page = await windows.open(name="Ana")
    await acts.link(page, claim, "contradicts", party="nato", quote="It does not run.")
    await page.add_init_script(SOURCE)
    await page.goto(f"/claims/{claim}")

    async def answer_late(route: Route) -> None:
        answer = await route.fetch()
        await page.wait_for_timeout(700)
        await route.fulfill(response=answer)

    await page.route("**/claims/*as_of=*", answer_late)
    await page.get_by_text("See this page as of an earlier time").click()
    slider = page.get_by_role("slider", name="As of")
    await slider.focus()
    async with page.expect_request("**/claims/*as_of=*"):
        await slider.press("Home")
    await page.evaluate("happen()")
    await expect(page.locator(".banner")).to_contain_text("This is what the desk knew")
    await expect(page.locator(".events li")).to_have_count(1)


async def test_failed_update_is_requested_again(windows: Windows, desk: Desk) -> None:
    """The stream stands, so nothing else would: what is said to be tried again is."""
    claim = await acts.record_claim(desk, "The bridge at Zubin Potok is closed")
    page = await open_page(windows, f"/claims/{claim}")
    failing = True

    async def break_off(route: Route) -> None:
        await (route.fulfill(status=503, body="") if failing else route.continue_())

    await page.route(f"**/claims/{claim}", break_off)
    await page.evaluate("happen()")
    await expect(page.locator("#line")).to_contain_text("The connection is lost")
    failing = False
    await expect(page.locator("#line")).to_be_hidden()


async def test_place_of_a_quote_is_counted_in_characters(windows: Windows, desk: Desk) -> None:
    """What is two units to a script and one character to the server puts no quote in the wrong
    place."""
    ana = await windows.open("/intake", name="Ana")
    await ana.fill("#url", "https://example.org/emoji")
    await ana.fill("#text", f"{'😀' * 40} We left. Then, later: We left.")
    await browsing.follow(ana.get_by_role("button", name="Begin"))
    await ana.evaluate(
        """() => {
          const node = document.querySelector("#text").firstChild;
          const at = node.data.indexOf("We left");
          getSelection().setBaseAndExtent(node, at, node, at + 7);
          document.querySelector("#text").dispatchEvent(new KeyboardEvent("keyup"));
        }"""
    )
    await expect(ana.locator("#near")).to_have_value("41")
    await expect(ana.locator("#quote")).to_have_value("We left")


async def test_claim_search_works_in_a_story_without_claims(windows: Windows, desk: Desk) -> None:
    """What is searched for is offered beside an empty list too."""
    claim = await acts.record_claim(desk, "Seventeen lorries crossed at Brnjak")
    async with httpx.AsyncClient(base_url=desk.url) as client:
        headers = {"Authorization": f"Bearer {desk.create_key('checker')}"}
        story = {"slug": "brnjak", "title": "Brnjak"}
        assert (await client.post("/v1/stories", json=story, headers=headers)).is_success
    eve = await windows.open(name="Eve", role="editor")
    await eve.goto("/intake")
    await eve.fill("#url", "https://example.org/brnjak")
    await eve.fill("#text", "Nobody saw seventeen lorries, NATO says.")
    await eve.select_option("#story", label="Brnjak")
    await browsing.follow(eve.get_by_role("button", name="Begin"))
    await eve.fill("#find", "seventeen lorries")
    await expect(eve.get_by_label("Seventeen lorries crossed at Brnjak")).to_be_visible()
    await eve.select_option(f"#stand-{claim}", "contradicts")
    await eve.fill("#quote", "Nobody saw seventeen lorries")
    await eve.select_option("#party", "nato")
    await eve.fill("#said_on", "2023-10-04")
    await browsing.follow(eve.get_by_role("button", name="Record the passage"))
    await expect(eve.locator(".passages")).to_contain_text("Seventeen lorries crossed at Brnjak")


async def test_refused_form_focuses_its_error(windows: Windows, desk: Desk) -> None:
    """The focus is at what is wrong, for who hears or walks the page."""
    claim = await acts.record_claim(desk, "The mast on Mokra Gora fell")
    page = await windows.open(f"/claims/{claim}/withdraw", name="Ana")
    await page.evaluate(
        "document.querySelectorAll('main form').forEach((one) => one.noValidate = 1)"
    )
    await browsing.follow(page.locator("main form button"))
    await expect(page.locator("main [role=alert]")).to_be_focused()
