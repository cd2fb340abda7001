"""The mapping file, which says what the fields and labels of somebody else's data mean.

It is TOML or JSON, and checked before anything is read.  docs/exchange.md explains every entry;
`seeds/example-mapping.toml` has all of them.
"""

import tomllib
from typing import Annotated, Literal, Self

import orjson
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from service.domain import texts
from service.domain.claims import Kind, Rendering
from service.domain.errors import Invalid
from service.domain.zones import require_zone
from service.exchange import import_dates, import_labels, toml_files
from service.exchange.import_labels import Judgement, normalize_label
from service.field_types import In, Slug

Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(texts.clean_line)]
Policy = Literal["unattributed", "create", "refuse"]


def _check_encoding(name: str) -> str:
    if name != "auto":
        try:
            b"a".decode(name)
        except UnicodeError:
            pass  # an encoding in which this is no text
        except LookupError:
            raise ValueError(f"there is no encoding {name!r}") from None
    return name


class SheetSettings(In):
    """How a CSV file is written."""

    delimiter: Annotated[str, StringConstraints(pattern=r"^[^\r\n\x00\"]$")] = ","
    quote: Annotated[str, StringConstraints(pattern=r"^([^\r\n\x00\w\s]|none)$")] = '"'
    """The character around cells; "none" where a quote is a letter like any other."""
    encoding: Annotated[str, AfterValidator(_check_encoding)] = "auto"
    header: bool = True
    missing: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _require_distinct_characters(self) -> Self:
        if self.quote == self.delimiter:
            raise ValueError("delimiter and quote are the same")
        return self


class Columns(In):
    """From which column each field is read: its heading, or its number where there are no
    headings; in lists of JSON objects, the path to the value."""

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

    def list_columns(self) -> dict[str, str]:
        """Return the columns that the mapping names, by field."""
        return {name: value for name, value in self if value is not None}


class Records(In):
    """Where a JSON document has its list of claims."""

    path: Annotated[str, StringConstraints(max_length=200)] = ""
    """The path to the list; empty where the document is the list, or has one object a line."""


class Dates(In):
    formats: tuple[Annotated[str, AfterValidator(import_dates.check_format)], ...] = ()
    timezone: Annotated[str, AfterValidator(require_zone)] = "UTC"


class Claimants(In):
    unknown: Policy = "unattributed"
    known: dict[str, Slug] = Field(default_factory=dict)


class Defaults(In):
    """The values of fields that a row leaves empty."""

    kind: Kind = Kind.EVENT
    date: Line | None = None
    url: Line | None = None
    publisher: Line | None = None
    language: Line = "und"
    rendering: Rendering = Rendering.VERBATIM
    tags: tuple[Line, ...] = ()
    story: Slug | None = None


class Mapping(In):
    name: Line
    """The name of the data.  Its rows are known again by this name."""
    rated_by: Line | None = None
    tag_separator: Annotated[str, StringConstraints(min_length=1, max_length=5)] = ";"
    unknown_label: Literal["asserted", "refuse"] = "asserted"
    unknown_story: Literal["create", "refuse"] = "refuse"
    csv: SheetSettings = SheetSettings()
    records: Records = Records()
    columns: Columns | None = None
    dates: Dates = Dates()
    claimants: Claimants = Claimants()
    labels: dict[str, Judgement] | None = None
    defaults: Defaults = Defaults()

    @model_validator(mode="after")
    def _require_rater(self) -> Self:
        columns = self.columns
        if columns and columns.label and not (columns.rated_by or self.rated_by):
            raise ValueError("rated_by is missing: who gave the labels?")
        return self

    @model_validator(mode="after")
    def _require_distinct_labels(self) -> Self:
        meanings: dict[str, tuple[str, Judgement]] = {}
        for label, meaning in (self.labels or {}).items():
            other, other_meaning = meanings.setdefault(normalize_label(label), (label, meaning))
            if other_meaning != meaning:
                raise ValueError(f"labels: {other!r} and {label!r} are one, with two meanings")
        return self

    def list_judgements(self) -> dict[str, Judgement]:
        """Return what labels mean, by the form in which labels are compared."""
        labels = import_labels.LABELS if self.labels is None else self.labels
        return {normalize_label(label): meaning for label, meaning in labels.items()}


def parse_mapping(content: bytes) -> Mapping:
    """Read a mapping file.  Raises Invalid, whose errors name every place at fault."""
    try:
        text = content.decode("utf-8-sig")
        entries = orjson.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError as error:
        raise Invalid(f"the mapping is neither TOML nor JSON: {error}", loc=()) from error
    try:
        return Mapping.model_validate(entries)
    except ValidationError as error:
        raise toml_files.build_error("the mapping", toml_files.list_faults(error)) from error
