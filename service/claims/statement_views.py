"""How statements are served, with their quotes, and the links from statements to claims."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from service.directory.directory_views import SourceView
from service.domain.claims import Attribution, Basis, Precision, Rendering, Scope, Stance
from service.views import Moment, Uuid, view


@view
class SelectorView(TypedDict):
    """Where a quote stands in its source (W3C TextQuoteSelector)."""

    exact: str
    prefix: str
    suffix: str


@view
class QuoteView(TypedDict):
    """The words of a statement in one language and source."""

    id: Uuid
    text: str
    language: str
    rendering: Rendering
    selector: SelectorView | None
    recorded_at: Moment
    source: SourceView


@view
class StatementSpeakerView(TypedDict):
    """Who spoke, in which role."""

    id: Uuid
    name: str
    role: str | None


@view
class SnippetView(TypedDict):
    """Where words of the query were found; `marks` are ranges of characters of `text`."""

    field: Literal["text", "quote", "speaker", "party"]
    text: str
    marks: list[Annotated[list[int], Field(min_length=2, max_length=2)]]


@view
class StatementView(TypedDict):
    """What a party said at an instant, with its quotes."""

    id: Uuid
    party: str | None
    party_name: str | None
    root: str | None
    root_name: str | None
    speaker: StatementSpeakerView | None
    attribution: Annotated[
        Attribution | None, Field(description="null: nobody stands behind these words")
    ]
    description: Annotated[
        str | None, Field(description="Of a source that is not named: who it is, as it is printed")
    ]
    reason: NotRequired[
        Annotated[
            str | None,
            Field(description="Why the name is withheld; only for editors, of one statement"),
        ]
    ]
    said_at: Moment
    precision: Precision
    basis: Basis
    quotes: list[QuoteView]
    recorded_at: Moment
    withdrawn_at: Moment | None
    withdrawal_reason: str | None
    withdrawal_source: Uuid | None
    withdrawal_said_at: Annotated[Moment | None, Field(description="When the world heard of it")]
    withdrawal_precision: Precision | None
    voided_at: NotRequired[Annotated[Moment, Field(description="Only where it is void")]]
    void_reason: NotRequired[str]
    corrected_since: NotRequired[
        Annotated[Moment, Field(description="As of an instant, where it was corrected after it")]
    ]
    snippets: NotRequired[Annotated[list[SnippetView], Field(description="With q only")]]
    decisions: NotRequired[
        Annotated[
            list[Uuid],
            Field(
                description="Of a withdrawal, a void or a way back: what waits for a second person"
            ),
        ]
    ]


@view
class LinkView(TypedDict):
    """A statement's stance on a claim."""

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
    voided_at: NotRequired[Annotated[Moment, Field(description="Only where the link is void")]]
    void_reason: NotRequired[str]
    statement: StatementView


class VoiceFields(TypedDict):
    """The fields of a statement that name whose it is."""

    party_name: str | None
    root: str | None
    root_name: str | None
    speaker: StatementSpeakerView | None
    attribution: Attribution | None
    description: str | None


class LinkBriefView(TypedDict):
    """A link in brief, for the pages that change it."""

    id: Uuid
    claim: Uuid
    stance: Stance
    statement: StatementView
    retracted_at: Moment | None
    voided_at: Moment | None


class StatementLinkView(TypedDict):
    """How a statement is linked to one claim."""

    id: Uuid
    stance: Stance
    scope: Scope
    conditional: bool
    retracted_at: Moment | None
    voided_at: Moment | None
    recorded_at: Moment


class StatementClaimView(TypedDict):
    """A claim that a statement bears on, as stored; it has no link to the claim it is the origin
    of."""

    document: str
    link: StatementLinkView | None
