"""What is answered of a story: the matrix of claims by parties, and the timeline."""

from typing import Literal

from pydantic import Field

from service.api.shapes import Claimant, Listed, Moment, SpeakerName, Uuid
from service.domain.claims import (
    Basis,
    Cause,
    Finding,
    Kind,
    Lifecycle,
    Precision,
    Scope,
    Stance,
    Status,
)
from service.stories.timeline import TYPES
from service.web.fields import Out


class StoryBrief(Out):
    slug: str
    title: str


class Column(Out):
    slug: str
    name: str
    claims: int = Field(description="How many claims of the story are its own")


class Said(Out):
    link: Uuid
    statement: Uuid
    party: str = Field(description="Who spoke: this root party or one below it")
    party_name: str
    speaker: SpeakerName | None
    quote: str
    said_at: Moment
    precision: Precision
    basis: Basis
    scope: Scope
    conditional: bool
    affirmed: bool
    conflicting: bool
    set_aside: bool
    withdrawn: bool
    retracted: bool
    counted: bool
    why: str = Field(description="Why the rules count it, or do not")
    recorded_at: Moment


class StanceTaken(Out):
    stance: Stance
    links: int = Field(description="Those that stand: neither retracted nor withdrawn")
    counted: int = Field(
        description="Those that the rules count: qualifying support, an open contradiction, "
        "another party's request"
    )
    conditional: int = Field(description="Of those that stand")
    partial: int = Field(description="Of those that stand")
    set_aside: int = Field(description="Of those that stand")
    withdrawn: int = Field(description="Statements taken back: they do not stand")
    retracted: int = Field(description="Links made in error: they do not stand")
    said: list[Said] = Field(description="At most 20: those that stand and the latest first")


class Cell(Out):
    party: str = Field(description="A root party: one of `parties`")
    role: Literal["claimant"] | None
    stances: list[StanceTaken]


class MatrixClaimant(Claimant):
    root: str


class MatrixClaim(Out):
    id: Uuid
    text: str
    kind: Kind
    claimant: MatrixClaimant | None
    claimed_at: Moment
    precision: Precision
    status: Status
    status_since: Moment
    version: int
    finding: Finding | None
    override: bool
    challenged: bool
    lifecycle: Lifecycle
    print_line: str
    part_of: Uuid | None
    cells: list[Cell]


class Matrix(Listed):
    story: StoryBrief
    as_of: Moment | None
    parties: list[Column]
    claims: list[MatrixClaim]


class TimelineClaim(Out):
    """As it is, or as it was at `as_of`; not as it was at the entry's instant."""

    id: Uuid
    text: str
    kind: Kind
    claimant: Claimant | None
    status: Status
    lifecycle: Lifecycle
    merged_into: Uuid | None
    part_of: Uuid | None


class TimelineLink(Out):
    id: Uuid
    statement: Uuid
    stance: Stance
    scope: Scope
    conditional: bool
    speaker: SpeakerName | None
    quote: str
    said_at: Moment
    precision: Precision


class TimelineParty(Out):
    """As the record named it when it spoke."""

    slug: str
    name: str
    root: str
    root_name: str


class Entry(Out):
    seq: int = Field(description="The event's place among all events, as at /v1/events")
    number: int = Field(description="The event's place in the claim's history")
    type: Literal[TYPES]  # type: ignore[valid-type]
    recorded_at: Moment = Field(description="When the desk knew")
    said_at: Moment | None = Field(description="When the world heard; null: the desk's own doing")
    precision: Precision | None = Field(description="Of said_at")
    claim: TimelineClaim
    previous_status: Status | None
    status: Status | None
    cause: Cause | None
    override: bool
    reason: str | None
    finding: Finding | None = Field(description="Of finding.changed; null: taken back")
    changes: list[Literal["text", "tags", "finding"]] = Field(description="What was amended")
    material: bool = Field(description="The amendment made a new revision")
    into: Uuid | None = Field(description="The claim that took this one's place")
    merged: Uuid | None = Field(description="The claim whose place this one took")
    link: TimelineLink | None
    parties: list[TimelineParty] = Field(description="Who speaks in it, or in what it rests on")


class LaneInterval(Out):
    from_: Moment = Field(alias="from")
    to: Moment | None = Field(description="null: it holds still")
    status: Status


class LaneOut(Out):
    claim: Uuid
    lifecycle: Lifecycle
    closed_at: Moment | None = Field(description="When it was merged or withdrawn")
    intervals: list[LaneInterval] = Field(description="By when the desk knew, without gaps")


class Timeline(Listed):
    story: StoryBrief
    as_of: Moment | None
    clock: Literal["recorded", "said"]
    items: list[Entry]
    lanes: list[LaneOut] = Field(description="Of every claim that this page tells of")
