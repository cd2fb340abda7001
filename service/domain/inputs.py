"""The inputs of commands, whether they come from JSON, a form, a seed file or an import."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TypedDict

from service.domain.claims import (
    Attribution,
    Basis,
    Figure,
    Imported,
    Kind,
    Precision,
    Rendering,
    Scope,
    Stance,
    Status,
)


@dataclass(frozen=True, slots=True)
class NewSource:
    url: str
    publisher: str | None = None
    title: str | None = None
    published_at: datetime | None = None
    language: str | None = None
    archive_url: str | None = None
    sha256: str | None = None


class WithdrawalReport(TypedDict):
    """That somebody takes back what they said: why, and where and when that was read."""

    reason: str
    source: str | NewSource | None
    said_at: datetime | None
    precision: Precision | None


@dataclass(frozen=True, slots=True)
class NewSpeaker:
    name: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """Where a quote stands in its source (W3C TextQuoteSelector)."""

    exact: str
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class NewQuote:
    """One rendering of a statement; `source` is an id or a source to record."""

    text: str
    language: str
    rendering: Rendering
    source: str | NewSource
    selector: Selector | None = None


@dataclass(frozen=True, slots=True)
class NewStatement:
    """One utterance of one party; `speaker` is an id, a person to match or record, or unknown.

    `party` is None for words that no party stands behind: the origin of an unattributed claim.  A
    source that is not named has a `description`, and a `reason` for withholding the name; `party`
    is whom it belongs to, if that is said.
    """

    party: str | None
    speaker: str | NewSpeaker | None
    said_at: datetime
    precision: Precision
    basis: Basis
    quotes: tuple[NewQuote, ...]
    attribution: Attribution = Attribution.NAMED
    description: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NewClaim:
    """A claim to record; `origin` is a statement's id or a statement to record with it."""

    text: str
    kind: Kind
    claimant: str | None
    speaker: str | NewSpeaker | None
    claimed_at: datetime
    precision: Precision
    origin: str | NewStatement
    story: str | None = None
    tags: tuple[str, ...] = ()
    part_of: str | None = None
    supersedes: str | None = None
    figure: Figure | None = None


CREATION_FIELDS = (
    *(field.name for field in fields(NewClaim) if field.name not in ("speaker", "origin")),
    "origin_statement",
)
"""What `claim.created` says of a claim: all that was sent, with the voice as `claimant` and the
statement that it comes from by its id."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status that others gave an imported claim, and why."""

    to: Status
    reason: str
    source: Imported


@dataclass(frozen=True, slots=True)
class NewLink:
    statement: str | NewStatement
    stance: Stance
    scope: Scope = Scope.FULL
    conditional: bool = False
    note: str | None = None
