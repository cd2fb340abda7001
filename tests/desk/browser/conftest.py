"""A real server on a real socket, with the article, and people who look at it in Chromium."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from string import ascii_lowercase

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    async_playwright,
    expect,
)

from tests.faults import served
from tests.faults.served import Served
from tests.support import browsing, chromium

SLOW = 30_000
"""Milliseconds after which a page is taken to hang: the machine may be busy with other tests."""

expect.set_options(timeout=SLOW)


class Desk:
    """A server with people."""

    def __init__(self, server: Served, database_url: str, folder: Path) -> None:
        self.server = server
        self.url = server.url
        self._database = database_url
        self._folder = folder
        self._links: dict[str, str] = {}

    def run(self, *command: str) -> str:
        process = served.run_command(self._database, self._folder, *command)
        assert process.returncode == 0, process.stderr
        return process.stdout

    def create_sign_in_link(self, name: str, role: str) -> str:
        """A link with which somebody signs in; they are made where they are new."""
        letters = "".join(letter for letter in name.lower() if letter in ascii_lowercase)
        email = f"{letters}@example.org"
        command: tuple[str, ...] = ("users", "link", email, "--json")
        if name not in self._links:
            command = (
                "users",
                "create",
                "--email",
                email,
                "--name",
                name,
                "--role",
                role,
                "--json",
            )
        link = str(json.loads(self.run(*command))["link"])
        self._links[name] = link
        # The process that made it does not know on which port the server is.
        return f"{self.url}/sign-in/{link.rpartition('/')[2]}"

    def create_key(self, role: str) -> str:
        """The key of a person of their own."""
        return str(served.create_key(self._database, self._folder, role)["key"])


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Desk]:
    """One desk for all tests of a process: each works on claims of its own, or only looks."""
    folder = tmp_path_factory.mktemp("desk")
    url = f"sqlite:///{folder / 'claimdesk.db'}"
    settings = {
        "CLAIMDESK_PUBLIC_READ": "on",
        "CLAIMDESK_DEVELOPMENT": "on",
        # A webhook that nobody answers is one to look at too.
        "CLAIMDESK_WEBHOOK_ALLOW_HTTP": "on",
        "CLAIMDESK_WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8",
    }
    with served.serve(url, folder, "--seed", **settings) as server:
        yield Desk(server, url, folder)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched_browser = await playwright.chromium.launch(
            executable_path=chromium.provide_chromium(), args=[*chromium.OPTIONS]
        )
        yield launched_browser
        await launched_browser.close()


async def sign_in_by(page: Page, link: str) -> None:
    """Open a sign-in link and press its button, as a person does."""
    await page.goto(link)
    await browsing.follow(page.get_by_role("button", name="Sign in"))
    await page.wait_for_url("**/")


class Windows:
    """Windows of Chromium; whatever a page complains of, refused scripts included, is an error."""

    def __init__(self, browser: Browser, desk: Desk, stack: AsyncExitStack) -> None:
        self.browser = browser
        self.desk = desk
        self.complaints: list[str] = []
        self._stack = stack

    async def context(self, **options: object) -> BrowserContext:
        context = await self.browser.new_context(base_url=self.desk.url, **options)  # type: ignore[arg-type]
        self._stack.push_async_callback(context.close)
        context.set_default_timeout(SLOW)
        context.on("console", self._note_message)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        return context

    async def open(
        self, path: str = "/", *, name: str = "", role: str = "checker", **options: object
    ) -> Page:
        """A window of its own, of somebody who is signed in where `name` says who."""
        page = await (await self.context(**options)).new_page()
        if name:
            await sign_in_by(page, self.desk.create_sign_in_link(name, role))
        if not name or path != "/":
            await page.goto(path)
        return page

    def _note_message(self, message: ConsoleMessage) -> None:
        # That an answer was 4xx is what several tests are about.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


@pytest_asyncio.fixture(loop_scope="session")
async def windows(browser: Browser, desk: Desk) -> AsyncIterator[Windows]:
    async with AsyncExitStack() as stack:
        session_windows = Windows(browser, desk, stack)
        yield session_windows
        assert session_windows.complaints == []
