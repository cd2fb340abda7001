"""What is sent to correct claims, statements and sources: the fields that are wrong, as they should
be, and why."""

from typing import Annotated, cast

from pydantic import Field, StrictBool

from service.claims.claim_corrections import ClaimCorrection
from service.claims.source_corrections import SourceCorrection
from service.claims.statement_corrections import QuoteCorrection, StatementCorrection
from service.domain.claims import Attribution, Basis, Kind, Precision, Rendering
from service.domain.inputs import Selector
from service.field_types import (
    FullName,
    Headline,
    In,
    Language,
    LongQuote,
    PersonName,
    Reason,
    Slug,
    Url,
)
from service.web.bodies.claim_inputs import FigureIn
from service.web.bodies.directory_inputs import SourceIn, SpeakerIn
from service.web.bodies.statement_inputs import SelectorIn, build_speaker
from service.web.fields import LEFT_OUT, Id, Instant, read_sent_fields, show_example


class ClaimCorrectionIn(In):
    """The fields that are wrong, as they should be.  The wording is amended, not corrected."""

    kind: Kind = LEFT_OUT
    claimant: Slug | None = None
    speaker: SpeakerIn | Id | None = None
    claimed_at: Instant = LEFT_OUT
    precision: Precision = LEFT_OUT
    story: Slug | None = None
    part_of: Id | None = None
    origin_statement: Id = LEFT_OUT
    supersedes: Id | None = None
    figure: FigureIn | None = None
    reason: Reason

    model_config = show_example(
        {"claimant": "pristina", "speaker": None, "reason": "Said by the other side."}
    )

    def to_command(self) -> ClaimCorrection:
        sent_fields = read_sent_fields(self)
        del sent_fields["reason"]
        if "speaker" in sent_fields:
            sent_fields["speaker"] = build_speaker(self.speaker)
        if "figure" in sent_fields:
            sent_fields["figure"] = self.figure.to_command() if self.figure else None
        return cast(ClaimCorrection, sent_fields)


class QuoteCorrectionIn(In):
    id: Id = Field(description="A quote of this statement")
    text: LongQuote = LEFT_OUT
    language: Language = LEFT_OUT
    rendering: Rendering = LEFT_OUT
    source: Id | SourceIn = LEFT_OUT
    selector: SelectorIn | None = None

    def to_command(self) -> QuoteCorrection:
        sent_fields = read_sent_fields(self)
        if "source" in sent_fields:
            source = self.source
            sent_fields["source"] = source if isinstance(source, str) else source.to_command()
        if "selector" in sent_fields:
            selector = self.selector
            sent_fields["selector"] = (
                Selector(selector.exact, selector.prefix, selector.suffix) if selector else None
            )
        return cast(QuoteCorrection, sent_fields)


class StatementCorrectionIn(In):
    """The fields that are wrong, as they should be; of quotes, those that are wrong."""

    party: Slug | None = None
    speaker: SpeakerIn | Id | None = None
    said_at: Instant = LEFT_OUT
    precision: Precision = LEFT_OUT
    basis: Basis = LEFT_OUT
    attribution: Attribution = LEFT_OUT
    description: FullName | None = None
    withheld_reason: Reason | None = Field(
        None, description="Of a source that is not named: why. Only editors see it"
    )
    quotes: Annotated[list[QuoteCorrectionIn], Field(min_length=1, max_length=100)] = LEFT_OUT
    reason: Reason = Field(description="Why what is recorded is wrong")
    material: StrictBool = Field(
        False, description="Every link of the statement wants to be affirmed anew"
    )

    model_config = show_example(
        {"party": "nato", "reason": "A NATO official said it.", "material": False}
    )

    def to_command(self) -> StatementCorrection:
        sent_fields = read_sent_fields(self)
        del sent_fields["reason"]
        sent_fields.pop("material", None)
        if "speaker" in sent_fields:
            sent_fields["speaker"] = build_speaker(self.speaker)
        if "quotes" in sent_fields:
            sent_fields["quotes"] = [quote.to_command() for quote in self.quotes]
        return cast(StatementCorrection, sent_fields)


class SourceCorrectionIn(In):
    """The fields that are wrong, as they should be."""

    url: Url = LEFT_OUT
    publisher: PersonName | None = None
    title: Headline | None = None
    published_at: Instant | None = None
    language: Language | None = None
    archive_url: Url | None = None
    reason: Reason

    model_config = show_example(
        {"publisher": "Example News", "reason": "It was taken for an agency's report."}
    )

    def to_command(self) -> SourceCorrection:
        sent_fields = read_sent_fields(self)
        del sent_fields["reason"]
        return cast(SourceCorrection, sent_fields)
