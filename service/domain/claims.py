"""The claim and its vocabulary: statuses, stances, and the state that events fold to.

All classes are frozen.  Ids are UUIDs as text; instants are aware UTC datetimes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from service.domain.claim_parts import Figure as Figure
from service.domain.claim_parts import Hold as Hold
from service.domain.inquiries import Inquiry
from service.domain.voices import SentenceVoice as SentenceVoice
from service.domain.voices import Speaker as Speaker
from service.domain.voices import Unnamed as Unnamed
from service.domain.voices import Voice as Voice
from service.domain.voices import choose_voice as choose_voice


class Status(StrEnum):
    """The four statuses.  Disputed does not mean false: that would be a finding."""

    ASSERTED = "asserted"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"


class Stance(StrEnum):
    """What a statement does to a claim.  It is part of the link, not of the statement."""

    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    REQUESTS_CONFIRMATION = "requests_confirmation"
    COMMENTS = "comments"


class Basis(StrEnum):
    """What the speaker says they know it from."""

    OWN_OBSERVATION = "own_observation"
    DOCUMENTS = "documents"
    THIRD_PARTY = "third_party"
    RESTATES_CLAIMANT = "restates_claimant"
    UNSTATED = "unstated"


class Kind(StrEnum):
    EVENT = "event"
    FIGURE = "figure"
    ATTRIBUTION = "attribution"
    PREDICTION = "prediction"
    POSITION = "position"


class Scope(StrEnum):
    FULL = "full"
    PARTIAL = "partial"


class Precision(StrEnum):
    """How precisely an instant is known."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"


class Attribution(StrEnum):
    """Whether it is said by name whose words a statement gives."""

    NAMED = "named"
    UNNAMED = "unnamed"


class Rendering(StrEnum):
    VERBATIM = "verbatim"
    TRANSLATED = "translated"
    PARAPHRASE = "paraphrase"


class Finding(StrEnum):
    """What the desk concluded beyond the status."""

    REFUTED = "refuted"
    CONFLICTING = "conflicting"
    UNPROVABLE = "unprovable"


class Lifecycle(StrEnum):
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"
    VOID = "void"
    """Recorded by mistake: nobody may use it."""


UNLISTED = (Lifecycle.MERGED, Lifecycle.VOID)
"""What lists, the search and stories leave out unless it is asked for."""


class Cause(StrEnum):
    """Why a status changed."""

    DECISION = "decision"
    REQUEST = "request"
    CONTRADICTION = "contradiction"
    SUPPORT_WITHDRAWN = "support_withdrawn"
    AMENDMENT = "amendment"
    MERGE = "merge"
    PARTY = "party"
    SPEAKER = "speaker"
    IMPORT = "import"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class Link:
    """A statement's stance on a claim, with what the rules need to know of the statement."""

    id: str
    statement: str
    stance: Stance
    scope: Scope
    conditional: bool
    basis: Basis
    voice: Voice | Unnamed
    said_at: datetime
    precision: Precision
    quote: str
    recorded_at: datetime
    affirmed: bool = True
    """False from a material amendment of the claim until somebody affirms the link again."""
    retracted: bool = False
    withdrawn: bool = False
    conflicting: bool = False
    """A merge brought the same statement with another stance.  Neither counts until affirmed."""
    set_aside: bool = False
    void: bool = False
    """The link was recorded by mistake."""
    statement_void: bool = False
    """The statement was recorded by mistake."""

    @property
    def is_active(self) -> bool:
        return not (self.retracted or self.withdrawn or self.void or self.statement_void)

    @property
    def is_mistaken(self) -> bool:
        """Whether it should never have been here: then the claim is not found by it either."""
        return self.retracted or self.void or self.statement_void

    @property
    def root(self) -> str | None:
        """The root party whose voice it is; None for a source that is not named."""
        return self.voice.root if isinstance(self.voice, Voice) else None


@dataclass(frozen=True, slots=True)
class Component:
    """A claim that is part of this one."""

    id: str
    text: str
    status: Status


@dataclass(frozen=True, slots=True)
class SetAside:
    """A contradiction that a decision leaves out of account, and why."""

    link: str
    reason: str


@dataclass(frozen=True, slots=True)
class Override:
    """Why an editor decides against the guards: a code, free text, and the id of a source if the
    decision cites no link."""

    code: str
    note: str
    source: str | None = None


class DecisionKind(StrEnum):
    """What a proposal changes once it is approved."""

    STATUS = "status"
    FINDING = "finding"
    AMENDMENT = "amendment"
    LINK = "link"
    RETRACTION = "retraction"
    AFFIRMATION = "affirmation"
    WITHDRAWAL = "withdrawal"
    MERGE = "merge"
    PARTY = "party"
    SPEAKER = "speaker"
    VOID = "void"
    RESTORATION = "restoration"
    SEPARATION = "separation"


@dataclass(frozen=True, slots=True)
class Pending:
    """A decision that waits for a second person."""

    id: str
    to: Status
    reason: str
    cites: tuple[str, ...]
    set_aside: tuple[SetAside, ...]
    override: Override | None
    proposed_by: str
    """The id of the actor, who may not approve it."""
    proposed_by_name: str
    kind: DecisionKind = DecisionKind.STATUS
    change: Mapping[str, Any] | None = None
    """The change, as plain data; None if `to`, `cites` and the rest say it all."""
    seen: Mapping[str, Any] | None = None
    """What was printed when it was proposed (`printed.read_printed`); None in proposals of older
    releases, for which the record says what it was."""
    prints: Mapping[str, Any] | None = None
    """What would be printed once it is approved."""
    proposed_through: tuple[str, ...] = ()
    """The ids of those who made the key, link or password by which it was proposed."""


@dataclass(frozen=True, slots=True)
class Imported:
    """Who gave an imported status, by which label, and with which finding.

    It is not a judgement of this desk: nobody here has weighed the evidence.
    """

    by: str
    label: str
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class Newer:
    """The claim that supersedes another, with what the print line of the other says of it."""

    id: str
    text: str
    claimed_at: datetime
    precision: Precision
    recorded_at: datetime
    """When the desk learned that it supersedes the other."""


@dataclass(frozen=True, slots=True)
class ClaimState:
    """A claim after `version` events of its record."""

    id: str
    text: str
    kind: Kind
    claimant: Voice | None
    claimed_at: datetime
    precision: Precision
    story: str | None
    origin_statement: str
    part_of: str | None
    created_at: datetime
    updated_at: datetime
    status_since: datetime
    version: int
    revision: int = 1
    sequence: int = 0
    """How often the status has changed."""
    status: Status = Status.ASSERTED
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    merged_into: str | None = None
    finding: Finding | None = None
    tags: tuple[str, ...] = ()
    assignee: str | None = None
    override: bool = False
    """The present status was set against the guards."""
    verification_opened: bool = False
    """A checker moved the claim to awaiting_confirmation, and it is there still."""
    links: tuple[Link, ...] = ()
    components: tuple[Component, ...] = ()
    pending: Pending | None = None
    imported: Imported | None = None
    """Where the present status was imported from; None if the desk set it."""
    former_lifecycle: Lifecycle | None = None
    """What a void claim was before; a restoration gives it back."""
    hold: Hold | None = None
    """Nobody may use the claim meanwhile, whatever its status."""
    inquiries: tuple[Inquiry, ...] = ()
    supersedes: str | None = None
    """An earlier claim that this one replaces: 17 dead, which were 12."""
    superseded_by: Newer | None = None
    figure: Figure | None = None
    corrected_at: datetime | None = None
    """When something that the claim shows was last corrected."""
    due_at: datetime | None = None
    """When the desk wants to be done with it."""

    def find_link(self, link_id: str) -> Link | None:
        # Newest first: the link that is being recorded is the one that is looked for.
        return next((link for link in reversed(self.links) if link.id == link_id), None)


AMENDABLE = ("text", "tags", "assignee", "due_at", "finding")
"""The fields that `claim.amended` may change.  It also says whether that is `material`."""

LATER_LINK_FIELDS: Mapping[str, bool | None] = {"void": False, "statement_void": False}
"""Fields that the links in older states lack, each with what it is unless it is set.  They stand
last in `Link`, and are stored only where they are set."""

LATER_FIELDS = (
    *("imported", "former_lifecycle", "hold", "inquiries"),
    *("supersedes", "superseded_by", "figure", "corrected_at", "due_at"),
)
"""Fields that the states of older releases lack.  A state is stored without those that are not set,
so that the states of claims that nobody has changed since are still what the record implies."""


def to_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC.  Raises ValueError for a naive datetime: it would be a guess."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs its offset from UTC")
    return moment.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """Parse an RFC 3339 instant that this code wrote."""
    return datetime.fromisoformat(text)


def format_instant(moment: datetime) -> str:
    """Return `moment` as RFC 3339 in UTC with a Z; microseconds only if there are any.

    Raises ValueError for a naive datetime.
    """
    return to_utc(moment).isoformat().replace("+00:00", "Z")
