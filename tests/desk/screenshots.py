"""`make screenshots`: the main pages as they are, from the seed data, into docs/screenshots/.

With `--all DIRECTORY` every page at 1440, 768 and 360 pixels, light and dark, to look through.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, Page, async_playwright

from tests.desk import rich_desk
from tests.desk.browser.conftest import Desk, sign_in_by
from tests.desk.browser.test_intake import SELECT
from tests.desk.browser.test_pages import list_addresses
from tests.faults import served
from tests.support import browsing, chromium

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
WIDTHS = {1440: 900, 768: 1024, 360: 780}
SEEN = "KFOR patrols saw the additional units leave."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="DIRECTORY")
    every: Path | None = parser.parse_args().all
    if every is not None:
        every.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take_pictures(every))


async def _take_pictures(every: Path | None) -> None:
    """Serve a desk with data and photograph it: the pages of the README, or every page."""
    settings = {
        "CLAIMDESK_PUBLIC_READ": "on",
        "CLAIMDESK_DEVELOPMENT": "on",
        "CLAIMDESK_WEBHOOK_ALLOW_HTTP": "on",
        "CLAIMDESK_WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8",
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'claimdesk.db'}"
        with served.serve(url, folder, "--seed", **settings) as server:
            desk = Desk(server, url, folder)
            desk.create_sign_in_link("Ada", "admin")  # who is mentioned has to be there
            claim = await _work(desk)
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=chromium.provide_chromium(), args=[*chromium.OPTIONS]
                )
                if every is None:
                    await _show_claim(browser, desk, claim)
                else:
                    rich_places = await rich_desk.fill(desk)
                    await _photograph_every_page(browser, desk, every, rich_places)
                await browser.close()


async def _work(desk: Desk) -> str:
    """Let people work on C1 until it is confirmed, and leave another proposal waiting."""
    async with httpx.AsyncClient(base_url=desk.url) as client:
        ana, ben = (
            {"Authorization": f"Bearer {desk.create_key(item)}"} for item in ("checker", "editor")
        )

        async def post(
            path: str, body: Any, credentials: dict[str, str] = ana, **headers: str
        ) -> Any:
            answer = await client.post(path, json=body, headers=credentials | headers)
            assert answer.is_success, answer.text
            return answer.json()

        async def record_observation(words: str) -> tuple[str, str, str]:
            body = (await client.get("/v1/claims", params={"q": words}, headers=ana)).json()
            claim = body["items"][0]["id"]
            link = await post(f"/v1/claims/{claim}/links", _build_observation())
            version = (await client.get(f"/v1/claims/{claim}", headers=ana)).json()["version"]
            return claim, link["id"], f'"{version}"'

        claim, link, version = await record_observation('"operating regime"')
        body = {"to": "confirmed", "reason": "KFOR saw it itself", "cites": [link]}
        path = f"/v1/claims/{claim}/status-changes"
        decision = await post(path, body, ana, **{"If-Match": version})
        await post(f"/v1/decisions/{decision['id']}/approval", {"note": "Read the report."}, ben)
        other, link, version = await record_observation('"troops to normal"')
        body = {"to": "confirmed", "reason": "The larger part is confirmed", "cites": [link]}
        await post(f"/v1/claims/{other}/status-changes", body, ana, **{"If-Match": version})
        return str(claim)


def _build_observation() -> dict[str, Any]:
    source = {"url": "https://example.org/kfor", "publisher": "NATO"}
    quote = {"text": SEEN, "language": "en", "source": source}
    statement = {
        "party": "nato",
        "said_at": "2023-10-04T09:00:00Z",
        "precision": "hour",
        "basis": "own_observation",
        "quotes": [quote],
    }
    return {"stance": "supports", "statement": statement}


async def _open_window(browser: Browser, desk: Desk, width: int, theme: str, name: str) -> Page:
    context = await browser.new_context(
        base_url=desk.url,
        viewport={"width": width, "height": WIDTHS[width]},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = await context.new_page()
    await sign_in_by(page, desk.create_sign_in_link(name, "admin" if name == "Ada" else "checker"))
    return page


async def _show_claim(browser: Browser, desk: Desk, claim: str) -> None:
    """The pictures of the README."""
    for theme in ("light", "dark"):
        page = await _open_window(browser, desk, 1440, theme, "Ana")
        for name, path in (
            ("board", "/"),
            ("claim", f"/claims/{claim}"),
            ("story", "/stories/kosovo-border-2023"),
        ):
            await page.goto(path)
            await page.screenshot(path=FOLDER / f"{name}-{theme}.png")
        await page.context.close()
    page = await _open_window(browser, desk, 1440, "light", "Ana")
    await _take_in(page)
    await page.screenshot(path=FOLDER / "intake-light.png")
    phone = await _open_window(browser, desk, 360, "light", "Ana")
    await phone.goto(f"/claims/{claim}")
    await phone.screenshot(path=FOLDER / "phone-light.png")


async def _take_in(page: Page) -> None:
    await page.goto("/intake")
    await page.fill("#url", "https://example.org/2023/10/03/kosovo")
    await page.fill("#title", "Serbia says troop level near Kosovo is back to normal")
    await page.fill("#published_on", "2023-10-03")
    await page.select_option("#story", "kosovo-border-2023")
    await page.fill("#text", "\n\n".join(_SENTENCES))
    await browsing.follow(page.get_by_role("button", name="Begin"))
    await page.wait_for_url("**/intake/*")
    await page.evaluate(SELECT, "We are waiting to see confirmation of this.")
    await page.locator("#guesses button").first.wait_for()


_SENTENCES = (
    "Belgrade says that its troops along the administrative line are back to normal.",
    "“We are waiting to see confirmation of this. But, if true, it would be a welcome step,” "
    "State Department spokesman Matthew Miller said.",
    "Pristina says that the attack of 24 September was part of a larger plan.",
)


async def _photograph_every_page(
    browser: Browser, desk: Desk, folder: Path, rich_places: dict[str, str]
) -> None:
    places = await list_addresses(desk) | rich_places
    for width in WIDTHS:
        for theme in ("light", "dark"):
            page = await _open_window(browser, desk, width, theme, "Ada")
            for name, path in places.items():
                await page.goto(path)
                plain = (
                    "".join(item if item.isalnum() else "-" for item in name).strip("-") or "board"
                )
                await page.screenshot(path=folder / f"{plain}-{width}-{theme}.png", full_page=True)
            await _take_in(page)
            await page.screenshot(path=folder / f"intake-text-{width}-{theme}.png", full_page=True)
            await page.context.close()


if __name__ == "__main__":
    main()
