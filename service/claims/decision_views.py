"""How decisions are served, with what prints of their claims, and what the desk works through."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from service.claims.claim_views import ClaimView, ImportedView, SpeakerNameView
from service.domain.claims import DecisionKind, Finding, Precision, Stance, Status
from service.record.event_views import PersonView
from service.views import Moment, Uuid, view

DecisionState = Literal["pending", "approved", "rejected", "withdrawn", "superseded", "lapsed"]
ReviewReason = Literal["drift", "challenged", "waiting_approval", "stale"]


@view
class SetAsideView(TypedDict):
    """A link that a decision does not count, and why."""

    link: Uuid
    reason: str


@view
class OverrideView(TypedDict):
    """The grounds of a decision against the guards."""

    code: str
    note: str
    source: NotRequired[
        Annotated[Uuid | None, Field(description="What it rests on where it cites no link")]
    ]


@view
class PrintedPartyView(TypedDict):
    party: str
    name: str


@view
class PrintedUnnamedView(TypedDict):
    """A source that is not named, with its stance."""

    stance: Stance
    description: str
    party: Annotated[str | None, Field(description="The name of the party that it belongs to")]


@view
class PrintedNameView(TypedDict):
    name: str
    speaker: SpeakerNameView | None


@view
class PrintedDateView(TypedDict):
    at: Moment
    precision: Precision


@view
class PrintedFindingView(TypedDict):
    finding: Finding
    by: Annotated[str | None, Field(description="Whose finding it repeats; null: the desk's own")]


@view
class PrintedView(TypedDict):
    """What is printed of a claim, as data."""

    text: str
    claimant: PrintedNameView | None
    claimed: PrintedDateView
    status: Status
    override: bool
    imported: ImportedView | None
    supports: list[PrintedPartyView]
    contradicts: list[PrintedPartyView]
    requests: list[PrintedPartyView]
    partly: NotRequired[list[PrintedPartyView]]
    unnamed: NotRequired[list[PrintedUnnamedView]]
    finding: PrintedFindingView | None
    withdrawn: bool


@view
class DecisionPrintedView(TypedDict):
    """What prints of a claim before, after and besides a decision."""

    seen: Annotated[PrintedView, Field(description="When it was proposed")]
    proposed: Annotated[PrintedView, Field(description="Once it is approved")]
    now: Annotated[PrintedView | None, Field(description="null once it is settled")]
    changed: Annotated[list[str], Field(description="What is otherwise now than the proposer saw")]


_From = TypedDict("_From", {"from": Status})


@view
class DecisionView(_From):
    """What the desk settled, or what waits for a second person."""

    id: Uuid
    claim: Uuid
    kind: DecisionKind
    state: DecisionState
    to: Status
    reason: str
    cites: list[Uuid]
    set_aside: list[SetAsideView]
    override: OverrideView | None
    change: Annotated[
        dict[str, Any] | None,
        Field(description="What it changes, where that is not the status: the wording, the link …"),
    ]
    digest: Annotated[
        str | None, Field(description="SHA-256 of `seen` and `proposed` of `printed`")
    ]
    printed: Annotated[
        DecisionPrintedView | None, Field(description="null: proposed before this was kept")
    ]
    proposed_by: PersonView
    proposed_at: Moment
    settled_by: PersonView | None
    settled_at: Moment | None
    comment: str | None


@view
class TraceView(TypedDict):
    """A link's part in a suggestion."""

    link: Uuid
    statement: Uuid
    party: str | None
    root: Annotated[str | None, Field(description="null: a source that is not named")]
    speaker: str | None
    description: Annotated[str | None, Field(description="Of a source that is not named")]
    stance: Stance
    counted: bool
    why: str


@view
class NeededSupportView(TypedDict):
    """How much independent support a confirmation needs, and who gives it."""

    needed: int
    has: int
    parties: list[str]


@view
class NeedsView(TypedDict):
    """What stands between a claim and its confirmation."""

    independent_support: NeededSupportView
    open_contradictions: int
    open_requests: int


@view
class SuggestionView(TypedDict):
    """The status that the rules derive from the links, and how."""

    status: Status
    trace: list[TraceView]
    needs: NeedsView


@view
class FormerTextView(TypedDict):
    """What a note said before its author changed it."""

    text: str
    until: Moment


@view
class NoteView(TypedDict):
    """The desk's own words on a claim."""

    id: Uuid
    claim: Uuid
    text: str
    author: PersonView
    recorded_at: Moment
    reply_to: Annotated[Uuid | None, Field(description="The note that began the thread")]
    mentions: Annotated[list[PersonView], Field(description="Whom the text names after an `@`")]
    edited_at: NotRequired[Moment]
    former: NotRequired[list[FormerTextView]]


@view
class ReviewView(TypedDict):
    """A claim that wants attention, why, and since when."""

    claim: ClaimView
    reasons: list[ReviewReason]
    since: Moment
