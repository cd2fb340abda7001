"""How the matrix of a story is served: its claims by its root parties."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from service.claims.claim_views import ClaimantView, HoldView, SpeakerNameView
from service.domain.claims import Basis, Finding, Kind, Lifecycle, Precision, Scope, Stance, Status
from service.stories.story_views import StoryBriefView
from service.views import Moment, Uuid, view


@view
class MatrixPartyView(TypedDict):
    """A column of the matrix."""

    slug: str
    name: str
    claims: Annotated[int, Field(description="How many claims of the story are its own")]


@view
class MatrixLinkView(TypedDict):
    """What a voice said to a claim."""

    link: Uuid
    statement: Uuid
    party: Annotated[
        str | None,
        Field(description="Who spoke: this root party or one below it; or whose source it was"),
    ]
    party_name: str | None
    speaker: SpeakerNameView | None
    description: Annotated[str | None, Field(description="Of a source that is not named")]
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
    why: Annotated[str, Field(description="Why the rules count it, or do not")]
    recorded_at: Moment


@view
class StanceView(TypedDict):
    """The links by which a root party takes one stance on a claim."""

    stance: Stance
    links: Annotated[int, Field(description="Those that stand: neither retracted nor withdrawn")]
    counted: Annotated[
        int,
        Field(
            description="Those that the rules count: qualifying support, an open contradiction, "
            "another party's request"
        ),
    ]
    conditional: Annotated[int, Field(description="Of those that stand")]
    partial: Annotated[int, Field(description="Of those that stand")]
    set_aside: Annotated[int, Field(description="Of those that stand")]
    withdrawn: Annotated[int, Field(description="Statements taken back: they do not stand")]
    retracted: Annotated[int, Field(description="Links made in error: they do not stand")]
    said: Annotated[
        list[MatrixLinkView],
        Field(description="At most 20: those that stand and the latest first"),
    ]


@view
class CellView(TypedDict):
    """Where one root party stands on one claim, or all sources that are not named."""

    party: Annotated[
        str | None, Field(description="A root party: one of `parties`; null: the unnamed sources")
    ]
    role: Literal["claimant", "unnamed"] | None
    stances: list[StanceView]


@view
class MatrixClaimantView(ClaimantView):
    """The voice whose claim it is, with its root."""

    root: str


@view
class MatrixClaimView(TypedDict):
    """A row of the matrix."""

    id: Uuid
    text: str
    kind: Kind
    claimant: MatrixClaimantView | None
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
    cells: list[CellView]
    hold: NotRequired[
        Annotated[HoldView, Field(description="Only where it is on hold: not to be used")]
    ]
    superseded_by: NotRequired[
        Annotated[Uuid, Field(description="Only where a newer claim replaces it")]
    ]


class MatrixExcerpt(TypedDict):
    """All columns of the matrix, and some of the rows."""

    story: StoryBriefView
    as_of: Moment | None
    parties: list[MatrixPartyView]
    claims: list[MatrixClaimView]


@view
class MatrixView(MatrixExcerpt):
    """A page of the matrix: all columns, and some of the rows."""

    next_cursor: str | None
