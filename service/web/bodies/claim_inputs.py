"""What is sent of statements, claims and decisions: one `…In` for each body, with the command's
shape it becomes."""

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictInt, model_validator

from service.domain.claims import Attribution, Basis, Figure, Kind, Precision
from service.domain.inputs import (
    NewClaim,
    NewStatement,
)
from service.domain.instants import normalize_instant
from service.field_types import ClaimText, Code, In, Label, LongQuote, Reason, Slug, Tag, Title
from service.web.bodies.directory_inputs import SpeakerIn
from service.web.bodies.statement_inputs import AttributionIn, Quotes, build_speaker
from service.web.fields import LEFT_OUT, Id, Instant, show_example


class OriginIn(AttributionIn):
    """The utterance a claim comes from; what is left out is as the claim says."""

    party: Slug | None = None
    speaker: SpeakerIn | Id | None = None
    said_at: Instant | None = None
    precision: Precision | None = None
    basis: Basis = Basis.UNSTATED
    quotes: Quotes


def _drop_repeated(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))


Tags = Annotated[tuple[Tag, ...], Field(max_length=20), AfterValidator(_drop_repeated)]


LARGEST = 10**15
Number = (
    Annotated[StrictInt, Field(ge=-LARGEST, le=LARGEST)]
    | Annotated[StrictFloat, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
)


class FigureIn(In):
    """What a claim says in numbers: `value`, or `low` to `high`; in which unit, and of what."""

    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    unit: Label | None = None
    what: Title | None = None

    @model_validator(mode="after")
    def _is_a_value_or_a_range(self) -> Self:
        if (self.low is None) != (self.high is None) or (self.value is None) == (self.low is None):
            raise ValueError("a figure has either a value, or low and high")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low is not more than high")
        return self

    def to_command(self) -> Figure:
        return Figure(
            value=_write_decimal(self.value),
            low=_write_decimal(self.low),
            high=_write_decimal(self.high),
            unit=self.unit,
            what=self.what,
        )


def _write_decimal(number: float | None) -> str | None:
    """Write a number as a decimal: 12, 3.5."""
    if number is None:
        return None
    return f"{Decimal(str(number)).normalize():f}"


class ClaimIn(In):
    text: ClaimText
    kind: Kind
    claimant: Slug | None = Field(description="The party that claims it; null: unattributed")
    speaker: SpeakerIn | Id | None = None
    claimed_at: Instant
    precision: Precision = Precision.DAY
    story: Slug | None = None
    tags: Tags = ()
    part_of: Id | None = None
    supersedes: Id | None = Field(
        None, description="An earlier claim of the same claimant and story that this one replaces"
    )
    figure: FigureIn | None = Field(None, description="Of a claim of kind `figure` only")
    origin_statement: Id | None = None
    origin: OriginIn | None = None

    model_config = show_example(
        {
            "text": "Serbia has returned the operating regime of its units to normal",
            "kind": "event",
            "claimant": "belgrade",
            "speaker": {"name": "Gen. Milan Mojsilović", "role": "chief of staff"},
            "claimed_at": "2023-10-02T00:00:00Z",
            "precision": "day",
            "story": "kosovo-border-2023",
            "tags": ["troops"],
            "origin": {
                "quotes": [
                    {
                        "text": "The operating regime of the units (…) has been returned to normal",
                        "language": "en",
                        "rendering": "translated",
                        "source": {"url": "https://example.org/2023/10/03/kosovo"},
                    }
                ]
            },
        }
    )

    @model_validator(mode="after")
    def _require_one_origin(self) -> "ClaimIn":
        if (self.origin is None) == (self.origin_statement is None):
            raise ValueError(
                "a claim comes from one statement: send either origin (with quotes) or "
                "origin_statement (an id)"
            )
        return self

    @model_validator(mode="after")
    def _gives_figures_of_figures(self) -> "ClaimIn":
        if self.figure is not None and self.kind is not Kind.FIGURE:
            raise ValueError("only a claim of kind figure has a figure")
        return self

    def to_command(self) -> NewClaim:
        return NewClaim(
            text=self.text,
            kind=self.kind,
            claimant=self.claimant,
            speaker=build_speaker(self.speaker),
            claimed_at=normalize_instant(self.claimed_at, self.precision),
            precision=self.precision,
            origin=self.origin_statement or self._build_origin(),
            story=self.story,
            tags=self.tags,
            part_of=self.part_of,
            supersedes=self.supersedes,
            figure=self.figure.to_command() if self.figure else None,
        )

    def _build_origin(self) -> NewStatement:
        assert self.origin is not None
        origin = self.origin
        sent_fields = origin.model_fields_set
        precision = origin.precision or self.precision
        is_unnamed = origin.attribution is Attribution.UNNAMED
        party = origin.party if "party" in sent_fields or is_unnamed else self.claimant
        same_party = party is not None and party == self.claimant and not is_unnamed
        person = origin.speaker if "speaker" in sent_fields or not same_party else self.speaker
        return NewStatement(
            party=party,
            speaker=build_speaker(person),
            said_at=normalize_instant(origin.said_at or self.claimed_at, precision),
            precision=precision,
            basis=origin.basis,
            quotes=tuple(quote.to_command() for quote in origin.quotes),
            attribution=origin.attribution,
            description=origin.description,
            reason=origin.reason,
        )


class ClaimChange(In):
    """An amendment: only what is sent is changed.  A new `text` says whether it is `material`."""

    text: ClaimText = LEFT_OUT
    material: StrictBool | None = None
    tags: Tags = LEFT_OUT
    assignee: Code | None = Field(None, description="The id of a user or key; null: nobody")
    due_at: Instant | None = Field(None, description="When the desk wants to be done; null: open")

    model_config = show_example({"text": "Serbia says …", "material": False})

    @model_validator(mode="before")
    @classmethod
    def _names_the_way_to_a_finding(cls, body: Any) -> Any:
        if isinstance(body, dict) and "finding" in body:
            raise ValueError(
                "a finding is a decision that a second person approves: "
                "POST /v1/claims/{id}/findings"
            )
        return body

    @model_validator(mode="after")
    def _says_whether_material(self) -> "ClaimChange":
        if ("text" in self.model_fields_set) != (self.material is not None):
            raise ValueError(
                "text and material go together: is it another claim now (true), or the same "
                "better written (false)?"
            )
        return self


class HoldIn(In):
    """Why a claim is not to be used; with `until`, when that ends by itself."""

    reason: Reason
    until: Instant | None = None

    model_config = show_example(
        {"reason": "The ministry has announced a correction", "until": "2023-10-03T18:00:00Z"}
    )


class NoteIn(In):
    """A note's text.  `@` and the full name of a person of the desk mentions that person."""

    text: LongQuote

    model_config = show_example({"text": "Ask KFOR tomorrow."})


class NewNoteIn(NoteIn):
    """A note, or a reply to one."""

    reply_to: Id | None = Field(None, description="A note on the same claim that it answers")

    model_config = show_example({"text": "Ask KFOR tomorrow.", "reply_to": None})
