"""What is sent of statements and links: one `…In` for each body, with the command's shape it
becomes."""

from typing import Annotated, Any, Self

from pydantic import Field, StrictBool, model_validator

from service.domain.claims import Attribution, Basis, Precision, Rendering, Scope, Stance
from service.domain.inputs import (
    NewLink,
    NewQuote,
    NewSpeaker,
    NewStatement,
    Selector,
    WithdrawalReport,
)
from service.domain.instants import normalize_instant
from service.field_types import Context, FullName, In, Language, LongQuote, Reason, Slug
from service.web.bodies.directory_inputs import SourceIn, SpeakerIn
from service.web.fields import Id, Instant, show_example


class SelectorIn(In):
    """Where the quote stands in its source (W3C TextQuoteSelector)."""

    exact: LongQuote
    prefix: Context = ""
    suffix: Context = ""


class QuoteIn(In):
    text: LongQuote
    language: Language
    rendering: Rendering = Rendering.VERBATIM
    source: Id | SourceIn
    selector: SelectorIn | None = None

    model_config = show_example(
        {
            "text": "We are waiting to see confirmation of this.",
            "language": "en",
            "rendering": "verbatim",
            "source": {"url": "https://example.org/2023/10/03/kosovo"},
        }
    )

    def to_command(self) -> NewQuote:
        selector = self.selector
        return NewQuote(
            text=self.text,
            language=self.language,
            rendering=self.rendering,
            source=self.source if isinstance(self.source, str) else self.source.to_command(),
            selector=Selector(selector.exact, selector.prefix, selector.suffix)
            if selector
            else None,
        )


Quotes = Annotated[list[QuoteIn], Field(min_length=1, max_length=20)]


class AttributionIn(In):
    """Whether it is said by name whose words they are; if not, how the source is described."""

    attribution: Attribution = Attribution.NAMED
    description: FullName | None = Field(
        None, description="Of a source that is not named: who it is, as it is printed"
    )
    reason: Reason | None = Field(
        None, description="Of a source that is not named: why. Only editors see it"
    )

    @model_validator(mode="after")
    def _describes_who_is_not_named(self) -> Self:
        if self.attribution is Attribution.NAMED:
            if self.description is not None or self.reason is not None:
                raise ValueError(
                    'a description and a reason are of a source that is not named: "attribution": '
                    '"unnamed"'
                )
        elif self.description is None or self.reason is None:
            raise ValueError(
                "a source that is not named needs a description (“a senior security official”) and "
                "the reason why the name is withheld"
            )
        return self


class StatementIn(AttributionIn):
    """One utterance.  `party` null: words that no party stands behind, or of a source that is not
    named; with a party, such a source belongs to it."""

    party: Slug | None
    speaker: SpeakerIn | Id | None = None
    said_at: Instant
    precision: Precision = Precision.DAY
    basis: Basis = Basis.UNSTATED
    quotes: Quotes

    model_config = show_example(
        {
            "party": "washington",
            "speaker": {"name": "Matthew Miller", "role": "State Department spokesman"},
            "said_at": "2023-10-02T00:00:00Z",
            "precision": "day",
            "basis": "unstated",
            "quotes": [
                {
                    "text": "We are waiting to see confirmation of this.",
                    "language": "en",
                    "rendering": "verbatim",
                    "source": {"url": "https://example.org/2023/10/03/kosovo"},
                }
            ],
        }
    )

    def to_command(self) -> NewStatement:
        return NewStatement(
            party=self.party,
            speaker=build_speaker(self.speaker),
            said_at=normalize_instant(self.said_at, self.precision),
            precision=self.precision,
            basis=self.basis,
            quotes=tuple(quote.to_command() for quote in self.quotes),
            attribution=self.attribution,
            description=self.description,
            reason=self.reason,
        )

    @model_validator(mode="before")
    @classmethod
    def _may_leave_out_party(cls, body: Any) -> Any:
        if isinstance(body, dict) and body.get("attribution") == Attribution.UNNAMED:
            return {"party": None, **body}
        return body


class LinkIn(In):
    statement: Id | StatementIn
    stance: Stance
    scope: Scope = Scope.FULL
    conditional: StrictBool = False
    note: Reason | None = None

    model_config = show_example(
        {
            "statement": "01970000-0000-7000-8000-000000000000",
            "stance": "requests_confirmation",
            "scope": "full",
            "conditional": True,
        }
    )

    def to_command(self) -> NewLink:
        statement = self.statement
        return NewLink(
            statement=statement if isinstance(statement, str) else statement.to_command(),
            stance=self.stance,
            scope=self.scope,
            conditional=self.conditional,
            note=self.note,
        )


class RetractionIn(In):
    reason: Reason

    model_config = show_example({"reason": "Linked by mistake."})


class WithdrawalIn(In):
    reason: Reason
    source: Id | SourceIn | None = None
    said_at: Instant | None = Field(None, description="When the world heard of it")
    precision: Precision = Precision.DAY

    def to_command(self) -> WithdrawalReport:
        source = self.source
        said_at = normalize_instant(self.said_at, self.precision) if self.said_at else None
        return {
            "reason": self.reason,
            "source": source.to_command() if isinstance(source, SourceIn) else source,
            "said_at": said_at,
            "precision": self.precision if said_at else None,
        }

    model_config = show_example({"reason": "The ministry corrected itself."})


def build_speaker(speaker: SpeakerIn | str | None) -> NewSpeaker | str | None:
    return speaker.to_command() if isinstance(speaker, SpeakerIn) else speaker
