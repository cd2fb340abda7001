"""The shapes that a generated desk comes in: plain tuples, independent of any schema."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Party(NamedTuple):
    slug: str
    name: str
    full_name: str
    kind: str
    country: str
    parent: str | None
    root: str


class Speaker(NamedTuple):
    id: UUID
    name: str
    role: str
    party: str


class Story(NamedTuple):
    slug: str
    title: str


class Source(NamedTuple):
    id: UUID
    url: str
    publisher: str
    title: str
    published_at: datetime
    language: str


class Quote(NamedTuple):
    id: UUID
    text: str
    language: str
    rendering: str
    source: UUID


class Statement(NamedTuple):
    id: UUID
    party: str | None  # None: the origin of an unattributed claim
    speaker: UUID | None
    said_at: datetime
    precision: str
    basis: str
    recorded_at: datetime
    quotes: tuple[Quote, ...]


class Link(NamedTuple):
    id: UUID
    statement: UUID
    party: str
    root: str
    stance: str
    scope: str
    conditional: bool
    basis: str
    recorded_at: datetime
    retracted_at: datetime | None


class Change(NamedTuple):
    """One status change; a claim's first has no `previous`. `actor`: "person" or "rule"."""

    id: UUID
    previous: str | None
    status: str
    reason: str
    actor: str
    recorded_at: datetime
    cites: tuple[UUID, ...]


class Claim(NamedTuple):
    """A claim with its whole life. `statements` are those first met here: a link may cite one of an
    earlier claim of the same chunk."""

    id: UUID
    text: str
    kind: str
    claimant: str | None
    speaker: UUID | None
    claimed_at: datetime
    precision: str
    story: str | None
    tags: tuple[str, ...]
    origin: Statement
    created_at: datetime
    sources: tuple[Source, ...]
    statements: tuple[Statement, ...]
    links: tuple[Link, ...]
    changes: tuple[Change, ...]

    @property
    def status(self) -> str:
        return self.changes[-1].status

    @property
    def updated_at(self) -> datetime:
        return max(self.changes[-1].recorded_at, max(link.recorded_at for link in self.links))
