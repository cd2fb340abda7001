"""What is sent of statements, claims and decisions: one `…In` for each body, with the command's
shape it becomes."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, model_validator

from service.domain.changes import FindingRequest
from service.domain.claims import (
    Basis,
    Finding,
    Kind,
    Override,
    Precision,
    Rendering,
    Scope,
    SetAside,
    Stance,
    Status,
    normalize_instant,
)
from service.domain.guards import Move
from service.domain.inputs import (
    NewClaim,
    NewLink,
    NewQuote,
    NewSource,
    NewSpeaker,
    NewStatement,
    Selector,
)
from service.web.bodies.directory_inputs import SourceIn, SpeakerIn
from service.web.fields import (
    LEFT_OUT,
    ClaimText,
    Code,
    Context,
    Id,
    In,
    Instant,
    Language,
    LongQuote,
    Reason,
    Slug,
    Tag,
)


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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "text": "We are waiting to see confirmation of this.",
                    "language": "en",
                    "rendering": "verbatim",
                    "source": {"url": "https://example.org/2023/10/03/kosovo"},
                }
            ]
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


class StatementIn(In):
    """One utterance.  `party` null: words that no party stands behind."""

    party: Slug | None
    speaker: SpeakerIn | Id | None = None
    said_at: Instant
    precision: Precision = Precision.DAY
    basis: Basis = Basis.UNSTATED
    quotes: Quotes

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
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
            ]
        }
    )

    def to_command(self) -> NewStatement:
        return NewStatement(
            party=self.party,
            speaker=_build_speaker(self.speaker),
            said_at=normalize_instant(self.said_at, self.precision),
            precision=self.precision,
            basis=self.basis,
            quotes=tuple(quote.to_command() for quote in self.quotes),
        )


class OriginIn(In):
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
    origin_statement: Id | None = None
    origin: OriginIn | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
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
                                "text": "The operating regime of the units (…) has been "
                                "returned to normal",
                                "language": "en",
                                "rendering": "translated",
                                "source": {"url": "https://example.org/2023/10/03/kosovo"},
                            }
                        ]
                    },
                }
            ]
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

    def to_command(self) -> NewClaim:
        return NewClaim(
            text=self.text,
            kind=self.kind,
            claimant=self.claimant,
            speaker=_build_speaker(self.speaker),
            claimed_at=normalize_instant(self.claimed_at, self.precision),
            precision=self.precision,
            origin=self.origin_statement or self._build_origin(),
            story=self.story,
            tags=self.tags,
            part_of=self.part_of,
        )

    def _build_origin(self) -> NewStatement:
        assert self.origin is not None
        origin = self.origin
        named = origin.model_fields_set
        precision = origin.precision or self.precision
        party = origin.party if "party" in named else self.claimant
        same_party = party is not None and party == self.claimant
        person = origin.speaker if "speaker" in named or not same_party else self.speaker
        return NewStatement(
            party=party,
            speaker=_build_speaker(person),
            said_at=normalize_instant(origin.said_at or self.claimed_at, precision),
            precision=precision,
            basis=origin.basis,
            quotes=tuple(quote.to_command() for quote in origin.quotes),
        )


class ClaimChange(In):
    """An amendment: only what is sent is changed.  A new `text` says whether it is `material`."""

    text: ClaimText = LEFT_OUT
    material: StrictBool | None = None
    tags: Tags = LEFT_OUT
    assignee: Code | None = Field(None, description="The id of a user or key; null: nobody")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Serbia says …", "material": False}]}
    )

    @model_validator(mode="before")
    @classmethod
    def _names_the_way_to_a_finding(cls, sent: Any) -> Any:
        if isinstance(sent, dict) and "finding" in sent:
            raise ValueError(
                "a finding is a decision that a second person approves: "
                "POST /v1/claims/{id}/findings"
            )
        return sent

    @model_validator(mode="after")
    def _says_whether_material(self) -> "ClaimChange":
        if ("text" in self.model_fields_set) != (self.material is not None):
            raise ValueError(
                "text and material go together: is it another claim now (true), or the same "
                "better written (false)?"
            )
        return self


class LinkIn(In):
    statement: Id | StatementIn
    stance: Stance
    scope: Scope = Scope.FULL
    conditional: StrictBool = False
    note: Reason | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "statement": "01970000-0000-7000-8000-000000000000",
                    "stance": "requests_confirmation",
                    "scope": "full",
                    "conditional": True,
                }
            ]
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


class SetAsideIn(In):
    link: Id
    reason: Reason


class OverrideIn(In):
    code: Code
    note: Reason
    source: Id | SourceIn | None = Field(
        None, description="What it rests on, where it cites no link of the claim"
    )


class StatusChangeIn(In):
    to: Status
    reason: Reason
    cites: Annotated[tuple[Id, ...], Field(max_length=100)] = ()
    set_aside: Annotated[tuple[SetAsideIn, ...], Field(max_length=100)] = ()
    override: OverrideIn | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "to": "confirmed",
                    "reason": "NATO observed the withdrawal itself",
                    "cites": ["01970000-0000-7000-8000-000000000000"],
                }
            ]
        }
    )

    def to_command(self) -> Move:
        return Move(
            to=self.to,
            reason=self.reason,
            cites=tuple(dict.fromkeys(self.cites)),
            set_aside=tuple(SetAside(link.link, link.reason) for link in self.set_aside),
            override=Override(self.override.code, self.override.note) if self.override else None,
        )

    def read_source(self) -> NewSource | str | None:
        """The source that an override rests on."""
        source = self.override.source if self.override else None
        return source.to_command() if isinstance(source, SourceIn) else source


class FindingIn(In):
    """What the desk concludes beyond the status; null takes a finding back."""

    finding: Finding | None
    reason: Reason
    cites: Annotated[tuple[Id, ...], Field(max_length=100)] = ()

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "finding": "refuted",
                    "reason": "KFOR's own count contradicts it",
                    "cites": ["01970000-0000-7000-8000-000000000000"],
                }
            ]
        }
    )

    def to_command(self) -> FindingRequest:
        return FindingRequest(self.finding, self.reason, tuple(dict.fromkeys(self.cites)))


class ApprovalIn(In):
    note: Reason | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "Checked the report."}]})


class RejectionIn(In):
    comment: Reason

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"comment": "The photograph is from September."}]}
    )


class RetractionIn(In):
    reason: Reason

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Linked by mistake."}]})


class WithdrawalIn(In):
    reason: Reason
    source: Id | SourceIn | None = None
    said_at: Instant | None = Field(None, description="When the world heard of it")
    precision: Precision = Precision.DAY

    def to_command(self) -> dict[str, Any]:
        source = self.source
        said_at = normalize_instant(self.said_at, self.precision) if self.said_at else None
        return {
            "reason": self.reason,
            "source": source.to_command() if isinstance(source, SourceIn) else source,
            "said_at": said_at,
            "precision": self.precision if said_at else None,
        }

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "The ministry corrected itself."}]}
    )


class DecisionWithdrawalIn(In):
    reason: Reason | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Too early."}]})


class MergeIn(In):
    into: Id = Field(description="The claim that remains")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"into": "01970000-0000-7000-8000-000000000000"}]}
    )


class NoteIn(In):
    text: LongQuote

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Ask KFOR tomorrow."}]})


def _build_speaker(speaker: SpeakerIn | str | None) -> NewSpeaker | str | None:
    return speaker.to_command() if isinstance(speaker, SpeakerIn) else speaker
