"""How the timeline of a story is served."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from service.claims.claim_views import ClaimantView, SpeakerNameView
from service.domain.claims import Cause, Finding, Kind, Lifecycle, Precision, Scope, Stance, Status
from service.stories.story_views import StoryBriefView
from service.views import Moment, Uuid, view

Clock = Literal["recorded", "said"]
EntryType = Literal[
    "claim.created",
    "claim.status_changed",
    "claim.amended",
    "finding.changed",
    "claim.merged",
    "claim.absorbed",
    "claim.withdrawn",
    "claim.corrected",
    "claim.voided",
    "claim.restored",
    "claim.separated",
    "claim.released",
    "link.created",
    "link.affirmed",
    "link.retracted",
    "link.voided",
    "link.restored",
    "statement.corrected",
    "statement.withdrawn",
    "statement.voided",
    "statement.restored",
]
"""The types of events that a timeline tells of."""
AmendedField = Literal["text", "tags", "finding"]
"""What of an amendment everybody may know of."""


@view
class TimelineClaimView(TypedDict):
    """As it is, or as it was at `as_of`; not as it was at the entry's instant."""

    id: Uuid
    text: str
    kind: Kind
    claimant: ClaimantView | None
    status: Status
    lifecycle: Lifecycle
    merged_into: Uuid | None
    part_of: Uuid | None


@view
class TimelineLinkView(TypedDict):
    """The link that an entry tells of."""

    id: Uuid
    statement: Uuid
    stance: Stance
    scope: Scope
    conditional: bool
    speaker: SpeakerNameView | None
    description: Annotated[str | None, Field(description="Of a source that is not named")]
    quote: str
    said_at: Moment
    precision: Precision


@view
class TimelinePartyView(TypedDict):
    """As the record named it when it spoke."""

    slug: str
    name: str
    root: str
    root_name: str


@view
class EntryView(TypedDict):
    """An event of the story."""

    seq: Annotated[int, Field(description="The event's place among all events, as at /v1/events")]
    number: Annotated[int, Field(description="The event's place in the claim's history")]
    type: EntryType
    recorded_at: Annotated[Moment, Field(description="When the desk knew")]
    said_at: Annotated[
        Moment | None, Field(description="When the world heard; null: the desk's own doing")
    ]
    precision: Annotated[Precision | None, Field(description="Of said_at")]
    claim: TimelineClaimView
    previous_status: Status | None
    status: Status | None
    cause: Cause | None
    override: bool
    reason: str | None
    finding: Annotated[Finding | None, Field(description="Of finding.changed; null: taken back")]
    changes: Annotated[list[AmendedField], Field(description="What was amended")]
    material: Annotated[bool, Field(description="The amendment made a new revision")]
    into: Annotated[Uuid | None, Field(description="The claim that took this one's place")]
    merged: Annotated[Uuid | None, Field(description="The claim whose place this one took")]
    link: TimelineLinkView | None
    parties: Annotated[
        list[TimelinePartyView],
        Field(description="Who speaks in it, or in what it rests on"),
    ]


_From = TypedDict("_From", {"from": Moment})


@view
class IntervalView(_From):
    """A status, and how long it held."""

    to: Annotated[Moment | None, Field(description="null: it holds still")]
    status: Status


@view
class LaneView(TypedDict):
    """The statuses of one claim over time."""

    claim: Uuid
    lifecycle: Lifecycle
    closed_at: Annotated[Moment | None, Field(description="When it was merged or withdrawn")]
    intervals: Annotated[
        list[IntervalView], Field(description="By when the desk knew, without gaps")
    ]


class TimelineExcerpt(TypedDict):
    """Some of the events of a story, and the statuses of every claim that they tell of."""

    story: StoryBriefView
    as_of: Moment | None
    clock: Clock
    items: list[EntryView]
    lanes: Annotated[list[LaneView], Field(description="Of every claim that this page tells of")]


@view
class TimelineView(TimelineExcerpt):
    """A page of the timeline."""

    next_cursor: str | None
