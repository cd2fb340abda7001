"""What people do on the desk's pages, as several tests do it."""

import re
from typing import Any

import httpx
from playwright.async_api import Page, expect

from tests.desk.browser.conftest import Desk, Windows
from tests.support import browsing

ID = re.compile(r"/claims/([0-9a-f-]{36})")


async def record_claim(desk: Desk, text: str, **changes: Any) -> str:
    """Record a claim of Belgrade's through the API; gives its id."""
    body = {
        "text": text,
        "kind": "event",
        "claimant": "belgrade",
        "claimed_at": "2023-10-02T00:00:00Z",
        "origin": {
            "quotes": [
                {"text": text, "language": "en", "source": {"url": "https://example.org/said"}}
            ]
        },
        **changes,
    }
    async with httpx.AsyncClient(base_url=desk.url) as client:
        headers = {"Authorization": f"Bearer {desk.create_key('checker')}"}
        response = await client.post("/v1/claims", json=body, headers=headers)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def link(
    page: Page,
    claim: str,
    stance: str,
    *,
    party: str,
    quote: str,
    basis: str = "own_observation",
) -> None:
    """Link what somebody said to a claim, through the form."""
    await page.goto(f"/claims/{claim}")
    await browsing.follow(page.get_by_role("link", name="Link a statement"))
    await page.check(f"input[name=stance][value={stance}]")
    await page.fill("#quote", quote)
    await page.select_option("#party", party)
    await page.fill("#said_on", "2023-10-04")
    await page.select_option("#basis", basis)
    await page.fill("#url", "https://example.org/report")
    await browsing.follow(page.get_by_role("button", name="Link it"))
    await expect(page).to_have_url(re.compile("/claims/.*done=linked"))


async def confirm(windows: Windows, page: Page, claim: str, reason: str) -> None:
    """Propose on what supports a claim that it is confirmed, and have Ben approve."""
    await page.goto(f"/claims/{claim}")
    await page.locator("input[name=to][value=confirmed]").check()
    await page.fill("#reason", reason)
    await browsing.follow(page.get_by_role("button", name="Decide"))
    await expect(page.locator(".pending h2")).to_contain_text("You propose")
    ben = await windows.open(f"/claims/{claim}", name="Ben", role="editor")
    await browsing.follow(ben.get_by_role("button", name="Approve"))
    await expect(ben.locator(".current-status .status")).to_have_text("Confirmed")


async def require_status(page: Page, status: str) -> None:
    """Wait until a claim's page shows this status."""
    await expect(page.locator(".current-status .status")).to_have_text(status)
