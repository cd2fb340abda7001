"""How claims are served: as documents, in brief, and beside claims that may be the same."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from service.claims.statement_views import LinkView, SnippetView
from service.domain.claims import Finding, Kind, Lifecycle, Precision, Status
from service.views import Moment, Uuid, view


@view
class SpeakerNameView(TypedDict):
    """A speaker as printed."""

    name: str
    role: str | None


@view
class ClaimantView(TypedDict):
    """The voice whose claim it is."""

    party: str
    name: str
    speaker: SpeakerNameView | None


@view
class EvidenceView(TypedDict):
    """The root parties, other than the claimant's, that take each stance."""

    supports: list[str]
    contradicts: list[str]
    requests_confirmation: list[str]


@view
class ComponentView(TypedDict):
    """A claim that is part of another."""

    id: Uuid
    text: str
    status: Status


@view
class ImportedView(TypedDict):
    """Whose judgement the status repeats, and in which word: it is not this desk's."""

    by: str
    label: str


@view
class SimilarView(TypedDict):
    """Another claim, and why it may be the same."""

    id: Uuid
    text: str
    kind: Kind
    claimant: ClaimantView | None
    claimed_at: Moment
    precision: Precision
    status: Status
    lifecycle: Lifecycle
    score: Annotated[float, Field(ge=0, le=1, description="Two decimals; 1: the same words")]
    probably_same: bool
    shares: Annotated[list[str], Field(description="What both say, in words")]
    differs: Annotated[list[str], Field(description="What sets them apart, in words")]


class ClaimContent(TypedDict):
    """What is served of a claim, but for its id."""

    text: str
    kind: Kind
    revision: int
    claimant: ClaimantView | None
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
    evidence: EvidenceView
    print_line: str
    story: str | None
    tags: list[str]
    part_of: Uuid | None
    components: list[ComponentView]
    created_at: Moment
    updated_at: Moment
    assignee: str | None
    links: NotRequired[Annotated[list[LinkView], Field(description="With expand=links only")]]
    links_next_cursor: NotRequired[
        Annotated[
            str | None,
            Field(description="With expand=links: the `cursor` of `/links` for those after them"),
        ]
    ]
    snippets: NotRequired[Annotated[list[SnippetView], Field(description="With q only")]]
    imported: NotRequired[
        Annotated[ImportedView, Field(description="Only where the status was imported")]
    ]
    similar: NotRequired[
        Annotated[
            list[SimilarView],
            Field(
                description="Only where asked for on recording: what may be the same, likeliest "
                "first"
            ),
        ]
    ]


class _Id(TypedDict):
    id: Uuid


@view
class ClaimView(_Id, ClaimContent):
    """A claim with its status, its evidence and the line that may be printed of it."""


class _NoId(TypedDict):
    id: Annotated[Uuid | None, Field(description="Null: nothing was recorded")]


@view
class ClaimPreviewView(_NoId, ClaimContent):
    """What would be recorded."""
