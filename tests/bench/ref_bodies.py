"""Request bodies of the yardsticks: the names of the service's own contract, without its rules."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class SourceIn(BaseModel):
    url: str
    publisher: str
    title: str
    published_at: datetime
    language: str


class QuoteIn(BaseModel):
    text: str
    language: str
    rendering: str
    source: SourceIn


class StatementIn(BaseModel):
    party: str
    said_at: datetime
    precision: str
    basis: str
    quotes: list[QuoteIn]


class ClaimIn(BaseModel):
    text: str
    kind: str
    claimant: str | None
    claimed_at: datetime
    precision: str
    story: str | None
    tags: list[str]
    origin: StatementIn


class StatusChangeIn(BaseModel):
    to: str
    reason: str
