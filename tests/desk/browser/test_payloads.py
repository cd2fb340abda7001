"""Nothing that is typed or stored runs: tried in every field, and looked at on every page."""

from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect

from tests.desk.browser import acts
from tests.desk.browser.conftest import Desk, Windows
from tests.support import browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAYLOADS = (
    "<script>window.owned = 1</script>",
    "\"'><img src=x onerror=window.owned=1>",
    "<svg/onload=window.owned=1>",
    "</script><script>window.owned = 1</script>",
    "</textarea></title></style><script>window.owned = 1</script>",
    "javascript:window.owned=1",
    "{{ 7 * 7 }}{% raw %}${7 * 7}",
    "<!--<script>",
    "\u2028\u2029&lt;script&gt;window.owned=1&lt;/script&gt;",
)
ALL = " ".join(PAYLOADS)
SHORT = "<img src=x onerror=window.owned=1>"


async def require_no_script_ran(page: Page) -> None:
    assert await page.evaluate("window.owned") is None, page.url
    await expect(page.locator("img[src=x], [onerror], [onload]")).to_have_count(0)
    for link in await page.locator("a").all():
        address = (await link.get_attribute("href") or "").strip().lower()
        assert not address.startswith(("javascript:", "data:")), (page.url, address)


async def fill(page: Page) -> None:
    """Put a payload into every field that takes text, and keep the rest sensible."""
    for field in await page.locator("main input, main textarea").all():
        kind = await field.get_attribute("type")
        if not await field.is_visible() or not await field.is_editable():
            continue
        name = await field.get_attribute("name")
        if kind in ("text", "search", None):
            # Names are of one line: what parts lines is refused in them, and is tried in texts.
            one_line = await field.evaluate("(field) => field.tagName === 'INPUT'")
            await field.fill("en" if name == "language" else SHORT if one_line else ALL)
        elif kind == "url":
            await field.fill(
                'https://example.org/"><script>window.owned=1</script>'.replace(" ", "")
            )


async def test_no_typed_text_runs_as_script(windows: Windows, desk: Desk) -> None:
    """Through the forms: claims, links, notes, decisions, amendments, articles; and what is
    refused is shown again as harmlessly as what is recorded."""
    claim = await acts.record_claim(desk, ALL, tags=[SHORT])
    page = await windows.open(name="Eve", role="editor")
    await page.goto(f"/claims/{claim}/link")
    await fill(page)
    await page.check("input[name=stance][value=supports]")
    await page.select_option("#party", "pristina")
    await page.get_by_role("button", name="Link it").click()  # refused: no day
    await require_no_script_ran(page)
    await page.evaluate("document.querySelector('#said_on').removeAttribute('required')")
    await browsing.follow(page.get_by_role("button", name="Link it"))
    await require_no_script_ran(page)
    await page.fill("#said_on", "2023-10-02")
    await page.fill("#said_in", "")
    await browsing.follow(page.get_by_role("button", name="Link it"))
    await page.wait_for_url("**done=linked*")
    await require_no_script_ran(page)
    await page.fill("#note", ALL)
    await browsing.follow(page.get_by_role("button", name="Add note"))
    await page.fill("#reason", ALL)
    await page.locator("input[name=to][value=awaiting_confirmation]").check()
    await page.locator("input[name=cites]").first.check()
    await browsing.follow(page.get_by_role("button", name="Decide"))
    await page.wait_for_url("**done=moved*")
    await require_no_script_ran(page)
    await page.goto(f"/claims/{claim}/amend")
    await page.fill("#text", f"{ALL} again")
    await page.check("input[name=material][value=yes]")
    await browsing.follow(page.get_by_role("button", name="Amend"))
    await page.wait_for_url("**done=amended*")
    await require_no_script_ran(page)
    await page.goto("/intake")
    await fill(page)
    await page.fill("#text", ALL)
    await browsing.follow(page.get_by_role("button", name="Begin"))
    await page.wait_for_url("**/intake/*")
    await require_no_script_ran(page)
    await page.fill("#quote", SHORT)
    await page.fill("#claim", ALL)
    await page.fill("#said_on", "2023-10-02")
    await browsing.follow(page.get_by_role("button", name="Record the passage"))
    await require_no_script_ran(page)
    for path in (
        "/",
        f"/claims/{claim}",
        f"/claims/{claim}?record=all",
        f"/claims/{claim}/merge",
        "/review",
        "/intake",
        "/search?q=owned",
        "/parties",
        "/stories",
    ):
        await page.goto(path)
        await require_no_script_ran(page)


async def test_no_address_runs_as_script(windows: Windows, desk: Desk) -> None:
    """Reflected nowhere: filters, searches, what was done, where to go on, and paths."""
    page = await windows.open(name="Eve", role="editor")
    for payload in (ALL, *PAYLOADS[:2], PAYLOADS[5]):
        for address in (
            "/?story=",
            "/?tag=",
            "/?status=",
            "/?cursor=",
            "/?as_of=",
            "/search?q=",
            "/?done=",
            "/review?reason=",
            "/claims/",
            "/stories/",
            "/nothing/",
            "/parties/",
        ):
            await page.goto(address + quote(payload, safe=""))
            await require_no_script_ran(page)
    public = await windows.open()
    await public.goto("/sign-in?next=javascript:window.owned=1")
    await expect(public.locator("input[name=next]")).to_have_value("/")
    await public.goto("/sign-in?next=//example.org/")
    await expect(public.locator("input[name=next]")).to_have_value("/")


async def test_imported_address_is_no_script(windows: Windows, desk: Desk) -> None:
    """Sources are http(s) only, and what a link leads to is told nothing of us."""
    claim = await acts.record_claim(desk, "The bridge at Jarinje carries lorries")
    page = await windows.open(f"/claims/{claim}", name="Eve", role="editor")
    outside = page.locator('.card a[href^="https://example.org"]').first
    await expect(outside).to_have_attribute("rel", "noopener nofollow")
