"""How claims are served: their views, and how one is built from a claim's state."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from service.claims.statement_views import LinkView, SnippetView
from service.domain import evidence
from service.domain.claims import (
    ClaimState,
    Figure,
    Finding,
    Hold,
    Kind,
    Lifecycle,
    Precision,
    Speaker,
    Stance,
    Status,
    Unnamed,
    Voice,
    format_instant,
)
from service.domain.evidence import Suggestion
from service.domain.print_line import build_print_line
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
class UnnamedView(TypedDict):
    """A source that is not named, and the stance that it takes."""

    stance: Stance
    description: str
    party: Annotated[str | None, Field(description="The party that it belongs to, if that is said")]


@view
class EvidenceView(TypedDict):
    """The root parties, other than the claimant's, that take each stance."""

    supports: list[str]
    contradicts: list[str]
    requests_confirmation: list[str]
    unnamed: NotRequired[
        Annotated[
            list[UnnamedView],
            Field(description="Only where there are any: sources that are not named; none counts"),
        ]
    ]


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


@view
class HoldView(TypedDict):
    """Why a claim is not to be used, since when, and when that ends by itself."""

    reason: str
    since: Moment
    until: Moment | None


@view
class FigureView(TypedDict):
    """What a claim says in numbers: a value, or a range."""

    value: float | int | None
    low: float | int | None
    high: float | int | None
    unit: str | None
    what: str | None


@view
class UseCountView(TypedDict):
    """How many places a claim is printed in: as it may be, and where that is outdated."""

    current: int
    outdated: int


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
    hold: Annotated[HoldView | None, Field(description="Not to be used while the desk checks")]
    due_at: Annotated[
        Moment | None, Field(description="When the desk wants to be done with it; for the desk")
    ]
    uses: NotRequired[
        Annotated[UseCountView, Field(description="For the desk, on reading one claim as it is")]
    ]
    links: NotRequired[Annotated[list[LinkView], Field(description="With expand=links only")]]
    links_next_cursor: NotRequired[
        Annotated[
            str | None,
            Field(description="With expand=links: the `cursor` of `/links` for those after them"),
        ]
    ]
    snippets: NotRequired[Annotated[list[SnippetView], Field(description="With q only")]]
    supersedes: NotRequired[
        Annotated[Uuid, Field(description="Only where it replaces an earlier claim")]
    ]
    superseded_by: NotRequired[
        Annotated[Uuid, Field(description="Only where a newer claim replaces it")]
    ]
    figure: NotRequired[Annotated[FigureView, Field(description="Only where it has one")]]
    corrected_at: NotRequired[
        Annotated[Moment, Field(description="Only where it, or what it shows, was: the last time")]
    ]
    corrected_since: NotRequired[
        Annotated[Moment, Field(description="As of an instant, where it was corrected after it")]
    ]
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


class _LaterFields(TypedDict, total=False):
    """Fields that are served only where they are set: stored documents of older releases lack
    them."""

    imported: ImportedView
    supersedes: str
    superseded_by: str
    figure: FigureView
    corrected_at: Moment


def build_claim(state: ClaimState, suggestion: Suggestion | None = None) -> ClaimView:
    """Build the view of a claim, without its assignee and when it is due.

    `suggestion` is what the claim's links suggest, if the caller has it already.
    """
    suggestion = suggestion or evidence.suggest_status(state, explain=False)

    later_fields: _LaterFields = {}  # before the assignee, as documents are stored
    if state.imported is not None:
        later_fields["imported"] = {"by": state.imported.by, "label": state.imported.label}
    if state.supersedes is not None:
        later_fields["supersedes"] = state.supersedes
    if state.superseded_by is not None:
        later_fields["superseded_by"] = state.superseded_by.id
    if state.figure is not None:
        later_fields["figure"] = build_figure(state.figure)
    if state.corrected_at is not None:
        later_fields["corrected_at"] = format_instant(state.corrected_at)
    return {
        "id": state.id,
        "text": state.text,
        "kind": state.kind,
        "revision": state.revision,
        "claimant": build_claimant(state.claimant),
        "claimed_at": format_instant(state.claimed_at),
        "precision": state.precision,
        "status": state.status,
        "status_since": format_instant(state.status_since),
        "version": state.version,
        "finding": state.finding,
        "lifecycle": state.lifecycle,
        "merged_into": state.merged_into,
        "suggested_status": suggestion.status,
        "agrees": evidence.is_as_suggested(state, suggestion),
        "challenged": evidence.is_challenged(state),
        "override": state.override,
        "evidence": _build_evidence(state),
        "print_line": build_print_line(state, suggestion),
        "story": state.story,
        "tags": list(state.tags),
        "part_of": state.part_of,
        "components": [
            {"id": component.id, "text": component.text, "status": component.status}
            for component in state.components
        ],
        "created_at": format_instant(state.created_at),
        "updated_at": format_instant(state.updated_at),
        **later_fields,  # type: ignore[typeddict-item]
        "assignee": None,
        "hold": build_hold(state.hold),
        "due_at": None,
    }


def build_hold(hold: Hold | None) -> HoldView | None:
    if hold is None:
        return None
    return {
        "reason": hold.reason,
        "since": format_instant(hold.since),
        "until": None if hold.until is None else format_instant(hold.until),
    }


def build_figure(figure: Figure) -> FigureView:
    """Build the view of a figure, with its decimals as numbers."""

    def read_number(text: str | None) -> float | int | None:
        if text is None:
            return None
        return float(text) if "." in text else int(text)

    return {
        "value": read_number(figure.value),
        "low": read_number(figure.low),
        "high": read_number(figure.high),
        "unit": figure.unit,
        "what": figure.what,
    }


def _build_evidence(state: ClaimState) -> EvidenceView:
    def list_roots(stance: Stance) -> list[str]:
        return list(evidence.list_roots(evidence.list_active_by_others(state, stance)))

    view: EvidenceView = {
        "supports": list_roots(Stance.SUPPORTS),
        "contradicts": list_roots(Stance.CONTRADICTS),
        "requests_confirmation": list_roots(Stance.REQUESTS_CONFIRMATION),
    }
    if unnamed_links := evidence.list_unnamed(state, *evidence.TAKEN_STANCES):
        view["unnamed"] = [
            {
                "stance": link.stance,
                "description": link.voice.description,
                "party": link.voice.party.party if link.voice.party else None,
            }
            for link in unnamed_links
            if isinstance(link.voice, Unnamed)
        ]
    return view


def build_claimant(voice: Voice | None) -> ClaimantView | None:
    """Build the view of the voice whose claim it is."""
    if voice is None:
        return None
    return {"party": voice.party, "name": voice.name, "speaker": build_speaker_name(voice.speaker)}


def build_speaker_name(speaker: Speaker | None) -> SpeakerNameView | None:
    """Build the view of a speaker as printed."""
    return None if speaker is None else {"name": speaker.name, "role": speaker.role}
