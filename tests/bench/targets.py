"""Who is measured: name, database, how its data is loaded, how it starts, where it answers.

To add one: describe its addresses in an `Api`, write a `Loader`, put a `Target` into `TARGETS`.
A kind of database that is new has its place in `cache.PLACES`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.bench import peer_pocketbase, ref_schema, service_load
from tests.bench.api import Api
from tests.bench.generate import World
from tests.bench.servers import Server
from tests.bench.shapes import Claim

RAW, CORE, SERVICE, EMBEDDED = "ref:raw", "ref:core", "claimdesk", "claimdesk/sqlite"
PEER = peer_pocketbase.NAME


class Loader(Protocol):
    """Puts a generated desk into a database, once; `chunk` in several processes at a time."""

    def begin(self, url: str, world: World) -> None:
        """Make the schema, load what all claims share."""

    def chunk(
        self, url: str, world: World, claims: Sequence[Claim], number: int, made_copies: int
    ) -> None:
        """Load the `number`th 10,000 claims in one transaction; so many are copies of one."""

    def finish(self, url: str) -> None:
        """Indexes, counters, statistics."""


@dataclass(frozen=True)
class Target:
    """`command` and `environment` are made from the database's URL, the former may say {port};
    `prepare`, called when the data is there, returns the headers that every request carries (a
    key); `table` is where claims are counted; `install` says why the target cannot be had."""

    name: str
    database: str  # one of `cache.PLACES`
    command: Callable[[str], Sequence[str]]
    environment: Callable[[str], Mapping[str, str]]
    loader: Loader
    table: str
    api: Api
    ready: str = "/openapi.json"
    prepare: Callable[[str], Mapping[str, str]] = lambda url: {}
    install: Callable[[], str | None] = lambda: None
    judged: bool = False  # ours: it has goals

    def start(self, url: str) -> Server:
        return Server(self.command(url), self.environment(url), self.ready)


def _yardstick(name: str, module: str) -> Target:
    return Target(
        name=name,
        database="postgresql",
        command=lambda url: (
            sys.executable,
            "-m",
            "uvicorn",
            f"tests.bench.{module}:create_app",
            "--factory",
            "--port",
            "{port}",
            "--no-access-log",
            "--log-level",
            "warning",
        ),
        environment=lambda url: {"REF_DATABASE_URL": url},
        loader=ref_schema.LOADER,
        table="ref_claim",
        api=Api(
            "/claims",
            "{claim}/evidence",
            "{claim}/as-of?at={at}",
            "{cursor}",
            lists_as_of=False,
            conditional=False,
            searches=False,
            desk=False,
        ),
    )


def _service(name: str, database: str, loader: Loader) -> Target:
    """As `claimdesk serve` runs it: one process, the default settings but for the rate limit."""
    return Target(
        name=name,
        database=database,
        command=lambda url: (sys.executable, "-m", "service.cli", "serve", "--port", "{port}"),
        environment=lambda url: {
            "CLAIMDESK_DATABASE_URL": url,
            "CLAIMDESK_RATE_LIMIT": "off",
            "CLAIMDESK_LOG_FORMAT": "json",
        },
        loader=loader,
        table="claims",
        api=Api(),
        ready="/healthz",
        prepare=lambda url: {"Authorization": f"Bearer {service_load.new_key(url)}"},
        judged=True,
    )


def _peer() -> Target:
    return Target(
        name=PEER,
        database=peer_pocketbase.KIND,
        command=peer_pocketbase.list_command,
        environment=lambda url: {},
        loader=peer_pocketbase.LOADER,
        table="claims",
        api=peer_pocketbase.PocketBaseApi(),
        ready=peer_pocketbase.READY,
        prepare=peer_pocketbase.sign_in,
        install=peer_pocketbase.install,
    )


TARGETS = {
    target.name: target
    for target in (
        _yardstick(RAW, "ref_raw"),
        _yardstick(CORE, "ref_core"),
        _peer(),
        _service(SERVICE, "postgresql", service_load.POSTGRESQL),
        _service(EMBEDDED, "sqlite", service_load.SQLITE),
    )
}
