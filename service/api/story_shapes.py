"""What is answered of a story: the matrix of claims by parties."""

from typing import Literal

from pydantic import Field

from service.api.fields import Out
from service.api.shapes import Claimant, Listed, Moment, SpeakerName, Uuid
from service.domain.claims import Basis, Finding, Kind, Lifecycle, Precision, Scope, Stance, Status


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
