"""What is answered: for the OpenAPI document, which tests hold the answers against.

Answers are rendered by queries and formats, not by these models; this page says what they are.
"""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from service.domain.access import Role
from service.domain.claims import (
    Basis,
    Cause,
    DecisionKind,
    Finding,
    Kind,
    Lifecycle,
    Precision,
    Rendering,
    Scope,
    Stance,
    Status,
)
from service.domain.history import EVENT_TYPES
from service.web.fields import LEFT_OUT, Instant, Out

AsOf = Annotated[Instant | None, Query(description="What the desk knew at this instant")]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class SpeakerName(Out):
    name: str
    role: str | None


class Claimant(Out):
    party: str
    name: str
    speaker: SpeakerName | None


class Evidence(Out):
    """The root parties, other than the claimant's, that take each stance."""

    supports: list[str]
    contradicts: list[str]
    requests_confirmation: list[str]


class ComponentOut(Out):
    id: Uuid
    text: str
    status: Status


class Person(Out):
    id: str
    name: str


class EventActor(Out):
    """Who acted, and by what means; events of before this was kept have `id` and `name` alone."""

    id: str
    name: str
    means: Literal["session", "key", "console", "import"] = LEFT_OUT
    key: Person = LEFT_OUT
    made_by: list[str] = Field(
        default_factory=list,
        description="The ids of whoever made the key, or the sign-in link or password that began "
        "the session, where that was neither its owner nor the command line",
    )


class RuleActor(Out):
    rule: str


class PartyOut(Out):
    slug: str
    name: str
    full_name: str | None
    kind: str | None
    country: str | None
    parent: str | None
    root: str
    created_at: Moment
    updated_at: Moment


class SpeakerOut(Out):
    id: Uuid
    name: str
    role: str | None
    party: str
    created_at: Moment


class SourceOut(Out):
    id: Uuid
    url: str
    publisher: str | None
    title: str | None
    published_at: Moment | None
    language: str | None
    archive_url: str | None
    sha256: str | None
    recorded_at: Moment


class StoryOut(Out):
    slug: str
    title: str
    description: str | None
    created_at: Moment
    updated_at: Moment


class StoryWithParties(StoryOut):
    parties: list[PartyOut]


class SelectorOut(Out):
    exact: str
    prefix: str
    suffix: str


class QuoteOut(Out):
    id: Uuid
    text: str
    language: str
    rendering: Rendering
    selector: SelectorOut | None
    recorded_at: Moment
    source: SourceOut


class StatementSpeaker(Out):
    id: Uuid
    name: str
    role: str | None


class SnippetOut(Out):
    """Where words of the query were found; `marks` are ranges of characters of `text`."""

    field: Literal["text", "quote", "speaker", "party"]
    text: str
    marks: list[Annotated[list[int], Field(min_length=2, max_length=2)]]


class StatementOut(Out):
    id: Uuid
    party: str | None
    party_name: str | None
    root: str | None
    root_name: str | None
    speaker: StatementSpeaker | None
    said_at: Moment
    precision: Precision
    basis: Basis
    quotes: list[QuoteOut]
    recorded_at: Moment
    withdrawn_at: Moment | None
    withdrawal_reason: str | None
    withdrawal_source: Uuid | None
    withdrawal_said_at: Moment | None = Field(description="When the world heard of it")
    withdrawal_precision: Precision | None
    snippets: list[SnippetOut] = Field(default_factory=list, description="With q only")
    decisions: Annotated[
        list[Uuid], Field(description="Of a withdrawal: what waits for a second person")
    ] = LEFT_OUT


class LinkOut(Out):
    id: Uuid
    claim: Uuid
    stance: Stance
    scope: Scope
    conditional: bool
    note: str | None
    affirmed: bool
    conflicting: bool
    set_aside: bool
    linked_by: str | None
    recorded_at: Moment
    retracted_at: Moment | None
    retraction_reason: str | None
    statement: StatementOut


class ImportedOut(Out):
    """Whose judgement the status repeats, and in which word: it is not this desk's."""

    by: str
    label: str


class ImportedStatus(ImportedOut):
    finding: Finding | None


class SimilarOut(Out):
    """Another claim, and why it may be the same."""

    id: Uuid
    text: str
    kind: Kind
    claimant: Claimant | None
    claimed_at: Moment
    precision: Precision
    status: Status
    lifecycle: Lifecycle
    score: float = Field(ge=0, le=1, description="Two decimals; 1: the same words")
    probably_same: bool
    shares: list[str] = Field(description="What both say, in words")
    differs: list[str] = Field(description="What sets them apart, in words")


class ClaimOut(Out):
    id: Uuid
    text: str
    kind: Kind
    revision: int
    claimant: Claimant | None
    claimed_at: Moment
    precision: Precision
    status: Status
    status_since: Moment
    version: int
    finding: Finding | None
    lifecycle: Lifecycle
    merged_into: Uuid | None
    suggested_status: Status
    agrees: bool
    challenged: bool
    override: bool
    evidence: Evidence
    print_line: str
    story: str | None
    tags: list[str]
    part_of: Uuid | None
    components: list[ComponentOut]
    created_at: Moment
    updated_at: Moment
    assignee: str | None
    links: list[LinkOut] = Field(default_factory=list, description="With expand=links only")
    links_next_cursor: str | None = Field(
        default=None, description="With expand=links: the `cursor` of `/links` for those after them"
    )
    snippets: list[SnippetOut] = Field(default_factory=list, description="With q only")
    imported: Annotated[ImportedOut, Field(description="Only where the status was imported")] = (
        LEFT_OUT
    )
    similar: list[SimilarOut] = Field(
        default_factory=list,
        description="Only where asked for on recording: what may be the same, likeliest first",
    )


class ClaimPreview(ClaimOut):
    """What would be recorded."""

    id: Uuid | None = Field(description="Null: nothing was recorded")  # type: ignore[assignment]


class SetAsideOut(Out):
    link: Uuid
    reason: str


class OverrideOut(Out):
    code: str
    note: str
    source: Annotated[Uuid | None, Field(description="What it rests on where it cites no link")] = (
        LEFT_OUT
    )


class StatusChangeOut(Out):
    claim: Uuid
    version: int
    previous_status: Status
    status: Status
    reason: str
    cause: Cause
    cites: list[Uuid]
    set_aside: list[SetAsideOut]
    override: OverrideOut | None
    decision: Uuid | None
    decided_by: str | None
    approved_by: str | None
    approval_note: str | None
    sequence: int
    occurred_at: Moment
    imported: Annotated[ImportedStatus, Field(description="With the cause import only")] = LEFT_OUT


DecisionState = Literal["pending", "approved", "rejected", "withdrawn", "superseded", "lapsed"]


class PrintedParty(Out):
    party: str
    name: str


class PrintedName(Out):
    name: str
    speaker: SpeakerName | None


class PrintedDate(Out):
    at: Moment
    precision: Precision


class PrintedFinding(Out):
    finding: Finding
    by: str | None = Field(description="Whose finding it repeats; null: the desk's own")


class PrintedOut(Out):
    """What is printed of a claim, as data."""

    text: str
    claimant: PrintedName | None
    claimed: PrintedDate
    status: Status
    override: bool
    imported: ImportedOut | None
    supports: list[PrintedParty]
    contradicts: list[PrintedParty]
    requests: list[PrintedParty]
    finding: PrintedFinding | None
    withdrawn: bool


class DecisionPrinted(Out):
    seen: PrintedOut = Field(description="When it was proposed")
    proposed: PrintedOut = Field(description="Once it is approved")
    now: PrintedOut | None = Field(description="null once it is settled")
    changed: list[str] = Field(description="What is otherwise now than the proposer saw")


class DecisionOut(Out):
    id: Uuid
    claim: Uuid
    kind: DecisionKind
    state: DecisionState
    from_: Status = Field(alias="from")
    to: Status
    reason: str
    cites: list[Uuid]
    set_aside: list[SetAsideOut]
    override: OverrideOut | None
    change: dict[str, Any] | None = Field(
        description="What it changes, where that is not the status: the wording, the link …"
    )
    digest: str | None = Field(description="SHA-256 of `seen` and `proposed` of `printed`")
    printed: DecisionPrinted | None = Field(description="null: proposed before this was kept")
    proposed_by: Person
    proposed_at: Moment
    settled_by: Person | None
    settled_at: Moment | None
    comment: str | None


WAITS = {"model": DecisionOut, "description": "Waits for a second person"}


class FindingChangeOut(Out):
    claim: Uuid
    version: int
    previous: Finding | None
    finding: Finding | None
    reason: str
    cites: list[Uuid]
    decision: Uuid | None
    decided_by: str | None
    approved_by: str | None
    approval_note: str | None
    occurred_at: Moment


class Traced(Out):
    link: Uuid
    statement: Uuid
    party: str
    root: str
    speaker: str | None
    stance: Stance
    counted: bool
    why: str


class NeededSupport(Out):
    needed: int
    has: int
    parties: list[str]


class Needs(Out):
    independent_support: NeededSupport
    open_contradictions: int
    open_requests: int


class SuggestionOut(Out):
    status: Status
    trace: list[Traced]
    needs: Needs


class EventOut(Out):
    seq: int = Field(description="1, 2, 3 … within the claim")
    type: Literal[EVENT_TYPES]  # type: ignore[valid-type]
    recorded_at: Moment
    actor: EventActor | RuleActor | None
    data: dict[str, Any] | None = Field(description="null where withheld")
    previous_hash: str | None = Field(description="null where it covers what is withheld")
    hash: str | None = Field(description="null where it covers what is withheld")
    commitments: dict[str, str] = Field(
        description="By place (`data.link.note`): what stands in the hash for what is withheld"
    )
    salts: dict[str, str] = Field(
        description="By place: what is hashed there is SHA-256 of `{salt, value}`, not the value"
    )


class TailEvent(EventOut):
    seq: int = Field(description="Rises over all claims, with gaps; go on from the last")
    number: int = Field(description="1, 2, 3 … within the claim")
    claim: Uuid
    story: str | None = Field(description="The claim's")


class Policy(Out):
    four_eyes: bool = Field(description="Whether a second person approves what is printed")


class AuditEvent(Out):
    seq: int = Field(description="Rises over all events, with gaps")
    id: Uuid
    kind: Literal["person", "key", "webhook", "setting"]
    subject: str = Field(description="The id of the person, key or webhook, or a setting's name")
    number: int = Field(description="1, 2, 3 … of this subject")
    type: str
    recorded_at: Moment
    actor: EventActor | RuleActor
    data: dict[str, Any] = Field(description="What changed; secrets as digests")
    previous_hash: str
    hash: str


class NoteOut(Out):
    id: Uuid
    claim: Uuid
    text: str
    author: Person
    recorded_at: Moment


class ReviewOut(Out):
    claim: ClaimOut
    reasons: list[Literal["drift", "challenged", "waiting_approval", "stale"]]
    since: Moment


class KeyOut(Out):
    id: str
    name: str
    role: Role
    user: Uuid | None
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None


class NewKeyOut(Out):
    id: str
    key: str | None = Field(description="Shown once")
    name: str
    role: Role
    expires_at: Moment | None


class UserOut(Out):
    id: Uuid
    email: str
    name: str
    role: Role
    has_password: bool
    created_at: Moment
    disabled_at: Moment | None


class Me(Out):
    id: str
    name: str
    role: Role
    actions: list[str]


class Listed(Out):
    next_cursor: str | None


class AuditEvents(Listed):
    items: list[AuditEvent]


class Claims(Listed):
    items: list[ClaimOut]


class Links(Listed):
    items: list[LinkOut]


class StatusChanges(Listed):
    items: list[StatusChangeOut]


class FindingChanges(Listed):
    items: list[FindingChangeOut]


class History(Listed):
    items: list[EventOut]


class Notes(Listed):
    items: list[NoteOut]


class Statements(Listed):
    items: list[StatementOut]


class Parties(Listed):
    items: list[PartyOut]


class Speakers(Listed):
    items: list[SpeakerOut]


class Sources(Listed):
    items: list[SourceOut]


class Stories(Listed):
    items: list[StoryOut]


class Decisions(Listed):
    items: list[DecisionOut]


class ReviewQueue(Listed):
    items: list[ReviewOut]


class Keys(Listed):
    items: list[KeyOut]


class Users(Listed):
    items: list[UserOut]


class Events(Out):
    items: list[TailEvent]
    next_after: int | str = Field(description="Ask on with ?after= this")


class Similar(Listed):
    items: list[SimilarOut]
