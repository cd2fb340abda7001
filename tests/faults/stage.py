"""What a fault needs to happen on: a database, a receiver, an API and workers; all gone after."""

import asyncio
import itertools
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from service.accounts import key_commands
from service.config import Settings
from service.domain import access
from service.domain.access import Role
from service.store.engine import Database
from tests.faults.receiving import Receiver
from tests.faults.served import Served, Started, Worker
from tests.support.desk import build_claim

Json = dict[str, Any]
LEASE, TIMEOUT = 1.5, 1.0
SETTINGS = {
    "CLAIMDESK_WEBHOOK_ALLOW_HTTP": "on",
    "CLAIMDESK_WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8",
    "CLAIMDESK_WEBHOOK_SCHEDULE": ",".join(["0.1"] * 20),
    "CLAIMDESK_WEBHOOK_LEASE_SECONDS": str(LEASE),
    "CLAIMDESK_WEBHOOK_TIMEOUT_SECONDS": str(TIMEOUT),
    "CLAIMDESK_WEBHOOK_POLL_SECONDS": "0.1",
    "CLAIMDESK_LOG_LEVEL": "warning",
}
IMPATIENT = (
    "from service.store import postgresql, sqlite\n"
    "postgresql.BUSY_SECONDS = sqlite.BUSY_SECONDS = 0.3\n"
)
"""A prelude: what is busy is given up after 0.3 s instead of 15."""
HASTY = (
    "from service.webhooks import dispatcher\ndispatcher.PAUSES = dispatcher.Pauses(trouble=0.1)\n"
)
"""A prelude: after a turn that failed a dispatcher waits 0.1 s, doubled up to 1.6 s, instead of
0.5 and 8 s."""


class Stage:
    """Changes are made through the API; `acknowledged` is the ledger of what it said yes to."""

    def __init__(self, database_url: str, folder: Path, settings: Settings) -> None:
        self.database_url = database_url
        self.folder = folder
        self.receiver = Receiver()
        self.started: list[Started] = []
        self.clients: list[httpx.Client] = []
        self.token = asyncio.run(_create_admin(settings))
        self.secrets: dict[str, str] = {}
        self.acknowledged: dict[str, list[str]] = {}
        """The reasons of the changes of status that were acknowledged, by claim, in order."""
        self._urls = itertools.cycle([""])
        self._local = threading.local()
        self._connection: Any = None

    def close(self) -> None:
        for each in self.started:
            each.kill()
            print(each.output)  # for whoever reads of a failure
        for client in self.clients:
            client.close()
        if self._connection is not None:
            self.receiver.call(self._connection.terminate)
        self.receiver.close()

    def serve(self, *options: str, prelude: str = "", **settings: str) -> Served:
        """An API; from now on changes go to it."""
        server = Served(
            self.database_url,
            self.folder,
            *options,
            prelude=prelude,
            is_new=False,
            **{**SETTINGS, **settings},
        )
        self.started.append(server)
        self.spread(server)
        return server

    def spread(self, *servers: Served) -> None:
        """Ask these in turn from now on."""
        self._urls = itertools.cycle([server.url for server in servers])

    def work(self, *, prelude: str = "", **settings: str) -> Worker:
        """A worker."""
        worker = Worker(self.database_url, self.folder, prelude=prelude, **{**SETTINGS, **settings})
        self.started.append(worker)
        return worker

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """The API's answer; one that says no fails."""
        answer = self.ask(method, path, body, key=key)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "If-Match": "*"}
        if key is not None:
            headers["Idempotency-Key"] = key
        client: httpx.Client | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = httpx.Client(timeout=30)
            self.clients.append(client)
        return client.request(method, next(self._urls) + path, json=body, headers=headers)

    def register(self, path: str = "/hook", **body: Any) -> Json:
        """An endpoint at the receiver's `path`."""
        url = self.receiver.url(path)
        endpoint: Json = self.call("POST", "/v1/webhooks", {"url": url, **body})
        self.secrets[path] = endpoint["secret"]
        return endpoint

    def set_state(self, webhook: Json, state: str) -> None:
        """`active` or `paused`; activated, an endpoint's failures are forgotten."""
        self.call("POST", f"/v1/webhooks/{webhook['id']}/state", {"state": state})

    def record_claim(self) -> str:
        """A claim; its parties are made with the first."""
        self.ask("POST", "/v1/parties", {"slug": "belgrade", "name": "Belgrade"})
        claim = str(self.call("POST", "/v1/claims", build_claim())["id"])
        self.acknowledged[claim] = []
        return claim

    def change_claim(self, claim: str, reason: str | None = None) -> None:
        """The claim's next change of status, under a key of its own: told again until it is
        recorded, where the answer is 503."""
        reasons = self.acknowledged[claim]
        name = reason or f"change {len(reasons) + 1} of {claim}"
        change = {"to": ("awaiting_confirmation", "asserted")[len(reasons) % 2], "reason": name}
        path = f"/v1/claims/{claim}/status-changes"
        deadline = time.monotonic() + 60
        while (answer := self.ask("POST", path, change, key=name)).status_code == 503:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.05)
        assert answer.status_code == 201, answer.text
        assert answer.json()["sequence"] == len(reasons) + 1
        reasons.append(name)

    def list_deliveries(self, webhook: Json) -> list[Json]:
        """Every delivery of an endpoint, the newest first."""
        path = f"/v1/webhooks/{webhook['id']}/deliveries?limit=100"
        page = self.call("GET", path)
        items: list[Json] = page["items"]
        while page["next_cursor"]:
            page = self.call("GET", f"{path}&cursor={page['next_cursor']}")
            items += page["items"]
        return items

    def read_delivery(self, webhook: Json, message: str) -> Json:
        """One delivery, with its attempts."""
        delivery: Json = self.call("GET", f"/v1/webhooks/{webhook['id']}/deliveries/{message}")
        return delivery

    def list_outcomes(self, webhook: Json, message: str) -> list[str]:
        return [each["outcome"] for each in self.read_delivery(webhook, message)["attempt_log"]]

    def look(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database holds, past Claimdesk."""
        if self.database_url.startswith("sqlite"):
            with closing(
                sqlite3.connect(_strip_scheme(self.database_url), timeout=15)
            ) as connection:
                return connection.execute(sql).fetchall()
        return self.receiver.run(self._fetch(sql))

    async def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.database_url)
        return [tuple(row) for row in await self._connection.fetch(sql)]

    def count_deliveries(self, condition: str) -> int:
        """How many deliveries there are of which `condition` holds."""
        return int(self.look(f"SELECT count(*) FROM webhook_deliveries WHERE {condition}")[0][0])


def build_condition(webhook: Json) -> str:
    """SQL that holds for an endpoint's rows: SQLite keeps an id's digits alone."""
    digits = webhook["id"].replace("-", "")
    return f"replace(CAST(webhook AS text), '-', '') = '{digits}'"


@contextmanager
def hold_lock(database_url: str, rows: str) -> Iterator[None]:
    """Nobody else writes: to the whole file on SQLite, to the `rows` (a FROM …) on PostgreSQL."""
    if database_url.startswith("sqlite"):
        file = sqlite3.connect(_strip_scheme(database_url), isolation_level=None, timeout=15)
        with closing(file) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
        return
    with asyncio.Runner() as runner:
        lock_connection = runner.run(_open_connection(database_url))
        try:
            runner.run(lock_connection.execute("BEGIN"))
            runner.run(lock_connection.fetch(f"SELECT 1 {rows} FOR UPDATE"))
            yield
        finally:
            runner.run(lock_connection.close())


async def _open_connection(url: str) -> Any:
    return await asyncpg.connect(url)


def _strip_scheme(database_url: str) -> str:
    return database_url.removeprefix("sqlite:///")


async def _create_admin(settings: Settings) -> str:
    database = Database(settings)
    await database.start()
    try:
        key = await database.write(
            key_commands.create_key,
            name="admin",
            role=Role.ADMIN,
            actor=access.SYSTEM,
            now=datetime.now(UTC),
        )
        return key.key
    finally:
        await database.stop()
