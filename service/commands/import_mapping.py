"""What a mapping file says of somebody else's data: TOML or JSON, checked before anything is read.

docs/exchange.md explains every entry; `seeds/example-mapping.toml` is a whole one.
"""

import tomllib
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from service.domain import texts
from service.domain.claims import Finding, Kind, Rendering, Status
from service.domain.errors import Invalid
from service.domain.names import fold

Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(texts.clean_line)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Policy = Literal["unattributed", "create", "refuse"]


def _codec(name: str) -> str:
    if name != "auto":
        try:
            b"a".decode(name)
        except UnicodeError:
            pass  # an encoding in which this is no text
        except LookupError:
            raise ValueError(f"there is no encoding {name!r}") from None
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError(f"there is no time zone {name!r}") from None
    return name


def _format(pattern: str) -> str:
    try:
        datetime.strptime(datetime(2020, 8, 25, 12).strftime(pattern), pattern)  # noqa: DTZ001, DTZ007
    except ValueError:
        raise ValueError(f"{pattern!r} is no format of a date, such as %d-%m-%Y") from None
    return pattern


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Judgement(Entry):
    """What a label means here."""

    status: Status
    finding: Finding | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.finding is not None and self.status in (Status.ASSERTED, Status.CONFIRMED):
            raise ValueError(f"a finding does not go with {self.status}")
        return self


class Sheet(Entry):
    """How a CSV file is written."""

    delimiter: Annotated[str, StringConstraints(pattern=r"^[^\r\n\x00\"]$")] = ","
    encoding: Annotated[str, AfterValidator(_codec)] = "auto"
    header: bool = True
    missing: tuple[str, ...] = ()


class Columns(Entry):
    """Which column says what: its heading, or its number where there are no headings."""

    text: Line
    id: Line | None = None
    claimant: Line | None = None
    speaker: Line | None = None
    role: Line | None = None
    date: Line | None = None
    url: Line | None = None
    publisher: Line | None = None
    title: Line | None = None
    quote: Line | None = None
    language: Line | None = None
    label: Line | None = None
    rated_by: Line | None = None
    explanation: Line | None = None
    tags: Line | None = None
    story: Line | None = None
    kind: Line | None = None

    def named(self) -> dict[str, str]:
        """The columns that are named, by what they say."""
        return {name: value for name, value in self if value is not None}


class Dates(Entry):
    formats: tuple[Annotated[str, AfterValidator(_format)], ...] = ()
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"


class Claimants(Entry):
    unknown: Policy = "unattributed"
    known: dict[str, Slug] = Field(default_factory=dict)


class Defaults(Entry):
    """What holds where a row says nothing."""

    kind: Kind = Kind.EVENT
    date: Line | None = None
    url: Line | None = None
    publisher: Line | None = None
    language: Line = "und"
    rendering: Rendering = Rendering.VERBATIM
    tags: tuple[Line, ...] = ()
    story: Slug | None = None


class Mapping(Entry):
    name: Line
    """What the data is called: its rows are known again by it."""
    rated_by: Line | None = None
    tag_separator: Annotated[str, StringConstraints(min_length=1, max_length=5)] = ";"
    unknown_label: Literal["asserted", "refuse"] = "asserted"
    unknown_story: Literal["create", "refuse"] = "refuse"
    csv: Sheet = Sheet()
    columns: Columns | None = None
    dates: Dates = Dates()
    claimants: Claimants = Claimants()
    labels: dict[str, Judgement] | None = None
    defaults: Defaults = Defaults()

    @model_validator(mode="after")
    def _says_who_rates(self) -> Self:
        columns = self.columns
        if columns and columns.label and not (columns.rated_by or self.rated_by):
            raise ValueError("rated_by is missing: who gave the labels?")
        return self

    def judgements(self) -> dict[str, Judgement]:
        """What labels mean, by the form in which they are compared."""
        given = LABELS if self.labels is None else self.labels
        return {fold(label): meaning for label, meaning in given.items()}


def parse(content: bytes) -> Mapping:
    """Read a mapping file.  Raises Invalid, whose errors name every place at fault."""
    try:
        text = content.decode("utf-8-sig")
        read: Any = orjson.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError as error:
        raise Invalid(f"the mapping is neither TOML nor JSON: {error}", loc=()) from error
    try:
        return Mapping.model_validate(read)
    except ValidationError as error:
        faults = [
            {"loc": list(one["loc"]), "msg": one["msg"].removeprefix("Value error, ")}
            for one in error.errors()
        ]
        where = ".".join(map(str, faults[0]["loc"]))
        first = f"{where}: {faults[0]['msg']}" if where else str(faults[0]["msg"])
        raise Invalid(f"the mapping is not valid: {first}", errors=faults) from error


def _meaning(status: Status, finding: Finding | None, *labels: str) -> dict[str, Judgement]:
    return dict.fromkeys(labels, Judgement(status=status, finding=finding))


LABELS = {
    **_meaning(
        Status.CONFIRMED, None, "true", "correct", "accurate", "verified", "confirmed", "fact"
    ),
    **_meaning(
        Status.AWAITING_CONFIRMATION,
        None,
        "mostly true",
        "mostly correct",
        "mostly accurate",
        "largely true",
        "partly verified",
        "unverified",
        "unproven",
        "not proven",
        "unsupported",
        "unsubstantiated",
        "no evidence",
        "needs context",
        "missing context",
        "research in progress",
    ),
    **_meaning(
        Status.AWAITING_CONFIRMATION,
        Finding.UNPROVABLE,
        "unprovable",
        "unverifiable",
        "cannot be verified",
    ),
    **_meaning(
        Status.DISPUTED,
        Finding.CONFLICTING,
        "half true",
        "mixture",
        "mixed",
        "partly true",
        "partly false",
        "partially true",
        "partially false",
        "conflicting evidence",
    ),
    **_meaning(
        Status.DISPUTED,
        None,
        "mostly false",
        "mostly incorrect",
        "misleading",
        "out of context",
        "exaggerated",
        "distorted",
        "cherry-picked",
        "miscaptioned",
        "disputed",
    ),
    **_meaning(
        Status.DISPUTED,
        Finding.REFUTED,
        "false",
        "incorrect",
        "inaccurate",
        "wrong",
        "fake",
        "hoax",
        "fabricated",
        "manipulated",
        "altered",
        "pants on fire",
        "debunked",
        "refuted",
    ),
}
"""What common labels mean where a mapping has none of its own.  `refuted` is for flat falsehood
alone; what is true in part is never confirmed."""
