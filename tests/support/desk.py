"""A running Claimdesk for tests: the application, a clock to set, and a client for each role."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Connection, select

from service.accounts import key_commands, user_commands
from service.app import create_app
from service.claims import claim_commands
from service.config import Settings
from service.domain import access
from service.domain.access import Role
from service.store.engine import Database
from service.store.tables import api_keys, users
from service.web.bodies.claim_inputs import ClaimIn

BEGIN = datetime(2023, 10, 2, 12, 0, tzinfo=UTC)
SOURCE = {"url": "https://example.org/2023/10/03/kosovo", "publisher": "Example News"}
Json = dict[str, Any]


class Clock:
    """The application's only clock; every reading is a second later than the one before."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def advance(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now


class Desk:
    """Clients by role, and the acts that most tests begin with.

    `checker`, `checker2`, `editor` and `editor2` are four people with a key each, `reader` and
    `admin` keys that belong to nobody; `public` has no key.
    """

    def __init__(self, app: FastAPI, clock: Clock, settings: Settings) -> None:
        self.app = app
        self.clock = clock
        self.settings = settings
        self.keys: dict[str, str] = {}
        self.public: httpx.AsyncClient
        self.reader: httpx.AsyncClient
        self.checker: httpx.AsyncClient
        self.checker2: httpx.AsyncClient
        self.editor: httpx.AsyncClient
        self.editor2: httpx.AsyncClient
        self.admin: httpx.AsyncClient

    @property
    def database(self) -> Database:
        database: Database = self.app.state.services.database
        return database

    async def stop_workers(self) -> None:
        """End those that look at the database beside requests, every few seconds each, so that
        a test can count what requests ask of it."""
        await self.app.state.services.live.stop()
        await self.stop_upkeep()

    async def stop_upkeep(self) -> None:
        """End those that look for deadlines that have passed and for renames to go on with."""
        await self.app.state.services.deadlines.stop()
        await self.app.state.services.renamer.stop()

    async def record_parties(self) -> None:
        """Belgrade, Washington with its State Department, Pristina with its police, NATO."""
        for slug, name, parent in (
            ("belgrade", "Belgrade", None),
            ("washington", "Washington", None),
            ("state-department", "State Department", "washington"),
            ("pristina", "Pristina", None),
            ("kosovo-police", "Kosovo Police", "pristina"),
            ("nato", "NATO", None),
        ):
            await self.post("/v1/parties", {"slug": slug, "name": name, "parent": parent})

    async def post(self, path: str, body: Json, *, status: int = 201, **headers: str) -> Json:
        """POST as the first checker and expect `status`."""
        response = await self.checker.post(path, json=body, headers=headers)
        assert response.status_code == status, response.text
        answer: Json = response.json()
        return answer

    async def record_claim(self, **changes: Any) -> Json:
        """Record C1, with changes."""
        return await self.post("/v1/claims", build_claim(**changes))

    async def record_unchecked(self, text: str, **changes: Any) -> str:
        """Record C1 with a text as desks took it before there was a text policy; gives its id."""
        body = replace(ClaimIn.model_validate(build_claim(**changes)).to_command(), text=text)
        claim = await self.database.write(
            claim_commands.create_claim, body, actor=access.SYSTEM, now=self.clock()
        )
        return str(claim.id)

    async def link_statement(self, claim: str, stance: str, party: str, **changes: Any) -> Json:
        """Link a new statement of `party`; `basis` belongs to the statement, the rest to the
        link."""
        basis = changes.pop("basis", "own_observation")
        body = {"statement": build_statement(party, basis=basis), "stance": stance, **changes}
        return await self.post(f"/v1/claims/{claim}/links", body)

    async def read_claim(self, claim: str, **query: str) -> Json:
        response = await self.reader.get(f"/v1/claims/{claim}", params=query)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    async def change_status(
        self, claim: str, to: str, *, client: httpx.AsyncClient | None = None, **body: Any
    ) -> httpx.Response:
        """Ask for a status with the version just read."""
        version = (await self.read_claim(claim))["version"]
        return await (client or self.checker).post(
            f"/v1/claims/{claim}/status-changes",
            json={"to": to, "reason": "as the evidence says", **body},
            headers={"If-Match": f'"{version}"'},
        )

    async def record_finding(self, claim: str, finding: str | None, *cites: str) -> None:
        """Have two people find something of a claim, or take it back."""
        body = {"finding": finding, "reason": "weighed", "cites": list(cites)}
        proposal = await self.checker.post(f"/v1/claims/{claim}/findings", json=body)
        assert proposal.status_code == 202, proposal.text
        approval = await self.editor.post(f"/v1/decisions/{proposal.json()['id']}/approval")
        assert approval.status_code == 200, approval.text

    async def confirm_claim(self, claim: str, party: str = "nato") -> str:
        """Have a claim confirmed by two people on one observation; gives the link's id."""
        link = await self.link_statement(claim, "supports", party)
        proposal = await self.change_status(claim, "confirmed", cites=[link["id"]])
        assert proposal.status_code == 202, proposal.text
        approval = await self.editor.post(f"/v1/decisions/{proposal.json()['id']}/approval")
        assert approval.status_code == 200, approval.text
        return str(link["id"])


def build_quote(text: str = "We are waiting to see confirmation of this.") -> Json:
    return {"text": text, "language": "en", "rendering": "verbatim", "source": SOURCE}


def build_statement(party: str | None, **changes: Any) -> Json:
    return {
        "party": party,
        "said_at": "2023-10-02T00:00:00Z",
        "precision": "day",
        "basis": "unstated",
        "quotes": [build_quote()],
        **changes,
    }


def build_claim(**changes: Any) -> Json:
    return {
        "text": "Serbia has returned the operating regime of its units to normal",
        "kind": "event",
        "claimant": "belgrade",
        "speaker": {"name": "Gen. Milan Mojsilović", "role": "chief of staff"},
        "claimed_at": "2023-10-02T00:00:00Z",
        "precision": "day",
        "origin": {"quotes": [build_quote("The operating regime … has been returned to normal")]},
        **changes,
    }


PEOPLE = ("checker", "checker2", "editor", "editor2")
"""Who approves: their keys are a person's.  The keys of reader and admin belong to nobody."""


def _create_keys(connection: Connection, *, now: datetime) -> dict[str, str]:
    """A key for each caller, in one transaction: nearly every test begins with this.

    On a database that has them already, they get new ones.
    """
    by: dict[str, Any] = {"actor": access.SYSTEM, "now": now}
    for key_id in connection.scalars(select(api_keys.c.id).where(api_keys.c.revoked_at.is_(None))):
        key_commands.revoke_key(connection, key_id, **by)
    people = {row.name: row.id for row in connection.execute(select(users.c.name, users.c.id))}
    keys = {}
    for name in ("reader", *PEOPLE, "admin"):
        role = Role(name.rstrip("2"))
        user = people.get(name)
        if user is None and name in PEOPLE:
            user = user_commands.create_user(
                connection, email=f"{name}@keys.example", name=name, role=role, **by
            )
        keys[name] = key_commands.create_key(connection, name=name, role=role, user=user, **by).key
    return keys


async def sign_in_by_link(
    desk: Desk, link: str, *, base: str = "https://testserver", **headers: str
) -> httpx.Response:
    """Sign in by a link as a new browser does: look at its page, press its button."""
    transport = httpx.ASGITransport(app=desk.app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as browser:
        page = await browser.get(link)
        if page.status_code != 200:
            return page
        [csrf] = re.findall(r'name="csrf" value="([0-9a-f]+)"', page.text)
        return await browser.post(link, data={"csrf": csrf})


@asynccontextmanager
async def run_desk(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Desk]:
    """A started application on a migrated database, with a key for each role.

    `clock` is for a database that was written to before: it may not show less than then.
    """
    clock = clock or Clock()
    async with _start_desk(settings, clock) as desk:
        desk.keys = await desk.database.write(_create_keys, now=clock.now)
        async with _open_clients(desk):
            yield desk


@asynccontextmanager
async def run_second_process(desk: Desk, **changes: Any) -> AsyncIterator[Desk]:
    """Another process on the same database, with the same keys and clock; `changes` are settings
    that it has otherwise."""
    async with _start_desk(desk.settings.model_copy(update=changes), desk.clock) as other:
        other.keys = desk.keys
        async with _open_clients(other):
            yield other


@asynccontextmanager
async def _start_desk(settings: Settings, clock: Clock) -> AsyncIterator[Desk]:
    app = create_app(settings, clock)
    async with app.router.lifespan_context(app):
        yield Desk(app, clock, settings)


@asynccontextmanager
async def _open_clients(desk: Desk) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        transport = httpx.ASGITransport(app=desk.app, raise_app_exceptions=True)
        for name in ("public", *desk.keys):
            # Answers are compared byte by byte; `test_compression` asks for compressed ones.
            headers = {"Accept-Encoding": "identity"}
            if name in desk.keys:
                headers["Authorization"] = f"Bearer {desk.keys[name]}"
            client = httpx.AsyncClient(
                transport=transport, base_url="http://testserver", headers=headers
            )
            setattr(desk, name, await stack.enter_async_context(client))
        yield
