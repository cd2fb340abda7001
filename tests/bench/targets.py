"""Who is measured: name, database, how its data is loaded, how it starts, where it answers.

To add one: describe its addresses in an `Api`, write a `Loader`, put a `Target` into `TARGETS`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote
from uuid import UUID

from tests.bench import ref_schema, service_load
from tests.bench.generate import World
from tests.bench.shapes import Claim

RAW, CORE, SERVICE, EMBEDDED = "ref:raw", "ref:core", "claimdesk", "claimdesk/sqlite"


@dataclass(frozen=True)
class Api:
    """Addresses of the workloads, as templates."""

    claims: str = "/v1/claims"
    evidence_at: str = "{claim}?expand=links"
    as_of_at: str = "{claim}?as_of={at}"
    cursor_at: str = "cursor={cursor}"
    list_as_of_at: str = "as_of={at}&limit=25"  # "" where there is none
    conditional: bool = True  # answers If-None-Match with 304
    searches: bool = True
    desk: bool = True  # has pages for people too
    headers: Mapping[str, str] = field(default_factory=dict)

    def claim(self, key: UUID) -> str:
        return f"{self.claims}/{key}"

    def evidence(self, key: UUID) -> str:
        return self.evidence_at.format(claim=self.claim(key))

    def as_of(self, key: UUID, at: str) -> str:
        return self.as_of_at.format(claim=self.claim(key), at=quote(at, safe=":"))

    def page(self, query: str) -> str:
        return f"{self.claims}?{query}"

    def cursor(self, cursor: str) -> str:
        """The query of the page after `cursor`, as the last page gave it."""
        return self.cursor_at.format(cursor=quote(cursor, safe="=&"))

    def status_changes(self, key: UUID) -> str:
        return f"{self.claim(key)}/status-changes"


class Loader(Protocol):
    """Puts a generated desk into a database, once; `chunk` in several processes at a time."""

    def begin(self, url: str, world: World) -> None:
        """Make the schema, load what all claims share."""

    def chunk(self, url: str, world: World, claims: Sequence[Claim], number: int) -> None:
        """Load the `number`th 10,000 claims in one transaction."""

    def finish(self, url: str) -> None:
        """Indexes, counters, statistics."""


@dataclass(frozen=True)
class Target:
    """`command` may say {port}; `environment` is made from the database's URL; `prepare`, called
    when the data is there, returns the headers that every request carries (a key); `table` is
    where claims are counted."""

    name: str
    database: str  # "postgresql" or "sqlite"
    command: Sequence[str]
    environment: Callable[[str], Mapping[str, str]]
    loader: Loader
    table: str
    api: Api
    ready: str = "/openapi.json"
    prepare: Callable[[str], Mapping[str, str]] = lambda url: {}
    yardstick: bool = False


def _yardstick(name: str, module: str) -> Target:
    return Target(
        name=name,
        database="postgresql",
        command=(
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
            list_as_of_at="",
            conditional=False,
            searches=False,
            desk=False,
        ),
        yardstick=True,
    )


def _service(name: str, database: str, loader: Loader) -> Target:
    """As `claimdesk serve` runs it: one process, the default settings but for the rate limit."""
    return Target(
        name=name,
        database=database,
        command=(sys.executable, "-m", "service.cli", "serve", "--port", "{port}"),
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
    )


TARGETS = {
    target.name: target
    for target in (
        _yardstick(RAW, "ref_raw"),
        _yardstick(CORE, "ref_core"),
        _service(SERVICE, "postgresql", service_load.POSTGRESQL),
        _service(EMBEDDED, "sqlite", service_load.SQLITE),
    )
}
