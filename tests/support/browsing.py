"""Clicks and keys in Chromium that wait for the page they lead to.

A click is over before the page that it leads to is there, or read to its end: what is asked of the
page at once may be answered by the old one, or by half of the new one.
"""

from playwright.async_api import Locator, Page


async def follow(target: Locator) -> None:
    """Click a link, or a form's button, and wait until the page that comes of it has loaded."""
    async with target.page.expect_event("load"):
        await target.click()


async def press(page: Page, key: str) -> None:
    """Press a key that leads to another page, and wait until that page has loaded."""
    async with page.expect_event("load"):
        await page.keyboard.press(key)
