"""People at their browsers: signed in by role, filling in the forms that pages show them.

`submit` sends what a browser would: every field as the page has it, but for those that the test
fills in.  So a form that lacks a field, or whose address is wrong, fails its test.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
import pytest
from lxml import html
from sqlalchemy import Connection

from service.accounts import session_commands, user_commands
from service.domain import access
from service.domain.access import Role
from service.web.callers import COOKIE
from tests.support.desk import Desk

HOST = "desk.example"
ORIGIN = f"https://{HOST}"
"""With TLS, as cookies are for TLS only."""
BROWSER = {"Origin": ORIGIN, "Accept": "text/html,application/xhtml+xml", "User-Agent": "Firefox"}
NAMES = {
    "reader": "Rada Reader",
    "checker": "Ana Checker",
    "checker2": "Boris Checker",
    "editor": "Edit Editor",
    "editor2": "Emil Editor",
    "admin": "Ada Admin",
}


class People:
    """Browsers by role; `public` is nobody's.  `ids`, `emails`, `tokens` by the same names."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.ids: dict[str, str] = {}
        self.emails: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self.public: httpx.AsyncClient
        self.reader: httpx.AsyncClient
        self.checker: httpx.AsyncClient
        self.checker2: httpx.AsyncClient
        self.editor: httpx.AsyncClient
        self.editor2: httpx.AsyncClient
        self.admin: httpx.AsyncClient

    def browser(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """Another browser; with the session `token`, where one is given."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.desk.app, raise_app_exceptions=True),
            base_url=ORIGIN,
            headers=BROWSER | headers,
        )
        if token is not None:
            client.cookies.set(COOKIE, token, domain=HOST)
        return client

    async def sign_in(self, name: str, agent: str | None = "Firefox") -> str:
        """Another session of one of them; its token."""
        token: str = await self.desk.database.write(
            session_commands.start_session, self.ids[name], agent=agent, now=self.desk.clock()
        )
        return token


def _sign_up(connection: Connection, *, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
    """Users and a session of each, in one transaction; their ids and tokens by name."""
    ids, tokens = {}, {}
    for name, full_name in NAMES.items():
        ids[name] = user_commands.create_user(
            connection,
            email=f"{name}@desk.example",
            name=full_name,
            role=Role(name.rstrip("2")),
            actor=access.SYSTEM,
            now=now,
        )
        tokens[name] = session_commands.start_session(
            connection, ids[name], agent="Firefox", now=now
        )
    return ids, tokens


@asynccontextmanager
async def sign_people_in(desk: Desk) -> AsyncIterator[People]:
    """A person for each role (two checkers, two editors), signed in."""
    people = People(desk)
    async with AsyncExitStack() as stack:
        people.public = await stack.enter_async_context(people.browser())
        people.ids, people.tokens = await desk.database.write(_sign_up, now=desk.clock.now)
        for name in NAMES:
            people.emails[name] = f"{name}@desk.example"
            client = people.browser(people.tokens[name])
            setattr(people, name, await stack.enter_async_context(client))
        yield people


@pytest.fixture
async def people(desk: Desk) -> AsyncIterator[People]:
    async with sign_people_in(desk) as people:
        yield people


def parse_page(response: httpx.Response) -> Any:
    """The page in an answer, as an lxml element."""
    assert response.headers["content-type"].startswith("text/html"), response.text[:300]
    return html.fromstring(response.text)


def read_words(element: Any) -> str:
    """Return the text of an element, with white space as a browser shows it."""
    return " ".join(element.text_content().split())


def read_text(response: httpx.Response) -> str:
    """What the page says, white space collapsed."""
    return read_words(parse_page(response))


def find_form(page: Any, action: str) -> Any:
    """The form of a page that is sent to `action`."""
    matches = [
        form for form in page.forms if form.get("action") == action and form.method == "POST"
    ]
    actions = [form.get("action") for form in page.forms]
    assert len(matches) == 1, f"{len(matches)} forms are sent to {action}, of {actions}"
    return matches[0]


def read_fields(form: Any) -> dict[str, Any]:
    """What a browser would send of a form as it stands; lists where a name is there repeatedly."""
    fields: dict[str, Any] = {}
    empty = {radio.get("name") for radio in form.cssselect("input[type=radio][value=''][checked]")}
    for name, text in form.form_values():
        value = "" if name in empty else text  # lxml makes `on` of it
        if name in fields:
            value_before = fields[name]
            fields[name] = [
                *(value_before if isinstance(value_before, list) else [value_before]),
                value,
            ]
        else:
            fields[name] = value
    return fields


async def submit(
    client: httpx.AsyncClient, page_url: str, form_action: str, **fields: Any
) -> httpx.Response:
    """Load a page and send its form with `fields` filled in: text, a list of texts, or None for
    what is left out.  Names with a hyphen go in as a dictionary: `**{"a-b": "c"}`."""
    page = await client.get(page_url)
    assert page.status_code == 200, (page_url, page.status_code, page.text[:500])
    return await send_form(client, page, form_action, **fields)


async def send_form(
    client: httpx.AsyncClient, page: httpx.Response, form_action: str, **fields: Any
) -> httpx.Response:
    """The same from a page that is loaded already: a form shown again, or sent twice."""
    values = read_fields(find_form(parse_page(page), form_action)) | fields
    return await client.post(
        form_action, data={name: value for name, value in values.items() if value is not None}
    )
