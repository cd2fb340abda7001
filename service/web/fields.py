"""The types of fields: bounded, without NUL, instants with their offset."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from annotated_types import GroupedMetadata
from fastapi import Path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from service.domain import addresses, ids
from service.domain.errors import NotFound

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
COUNTRY = r"^[A-Z]{2}$"
EMAIL = r"^[^@\s\x00]+@[^@\s\x00]+$"
LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


class In(BaseModel):
    """What is sent: unknown fields are refused, so that a typo is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Out(BaseModel):
    """What is answered; for the OpenAPI document, which tests hold the answers against."""

    model_config = ConfigDict(extra="forbid")


LEFT_OUT: Any = Field(default_factory=lambda: None)
"""The default of a field that may be left out but is never null."""


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a text holds no NUL")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("a text holds more than white space")
    return text


def _instant(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("an instant is RFC 3339 with its offset, such as 2023-10-02T18:00:00Z")
    try:
        moment = datetime.fromisoformat(value.upper())
        within = EARLIEST <= moment.astimezone(UTC) < LATEST
    except (ValueError, OverflowError):
        raise ValueError("there is no such day or hour") from None
    if not within:
        raise ValueError("an instant lies between the years 1900 and 2200")
    return moment


def _http_url(url: str) -> str:
    fault = addresses.check(url)
    if fault is not None:
        raise ValueError(fault)
    # Everything else of it stays as it was given.
    scheme, colon, rest = url.partition(":")
    return f"{scheme.lower()}{colon}{rest}"


def _known_id(text: str) -> str:
    found = ids.parse(text)
    if found is None:
        raise NotFound(f"'{text}' is no id.")
    return found


def _id(text: str) -> str:
    found = ids.parse(text)
    if found is None:
        raise ValueError("an id is a UUID")
    return found


@dataclass(frozen=True)
class Bounded(GroupedMetadata):
    """A text of 1 to `most` characters, its ends trimmed, without NUL."""

    most: int

    def __iter__(self) -> Iterator[object]:
        yield StringConstraints(strip_whitespace=True, min_length=1, max_length=self.most)
        yield AfterValidator(_without_nul)


@dataclass(frozen=True)
class Verbatim(GroupedMetadata):
    """A text of 1 to `most` characters kept as it stands, white space and all; not blank."""

    most: int

    def __iter__(self) -> Iterator[object]:
        yield StringConstraints(min_length=1, max_length=self.most)
        yield AfterValidator(_without_nul)
        yield AfterValidator(_not_blank)


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 with an offset; 1900 to 2200",
            "examples": ["2023-10-02T18:00:00Z"],
        }
    ),
]
Slug = Annotated[str, StringConstraints(pattern=SLUG, min_length=2, max_length=64)]
Country = Annotated[str, StringConstraints(pattern=COUNTRY)]
Language = Annotated[str, StringConstraints(pattern=LANGUAGE, max_length=35)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=EMAIL, max_length=254),
]
Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2048),
    AfterValidator(_without_nul),
    AfterValidator(_http_url),
]
Id = Annotated[str, AfterValidator(_id), WithJsonSchema({"type": "string", "format": "uuid"})]
Name = Annotated[str, Bounded(120)]
PersonName = Annotated[str, Bounded(200)]
Title = Annotated[str, Bounded(300)]
Headline = Annotated[str, Bounded(500)]
Label = Annotated[str, Bounded(40)]
Code = Annotated[str, Bounded(64)]
Reason = Annotated[str, Bounded(2000)]
ClaimText = Annotated[str, Bounded(2000)]
Description = Annotated[str, Bounded(5000)]
Tag = Annotated[str, Bounded(50)]
LongQuote = Annotated[str, Verbatim(10_000)]

ID_SCHEMA = {"type": "string", "format": "uuid"}
ClaimId = Annotated[str, Path(), AfterValidator(_known_id), WithJsonSchema(ID_SCHEMA)]
LinkId = Annotated[str, Path(), AfterValidator(_known_id), WithJsonSchema(ID_SCHEMA)]
StatementId = Annotated[str, Path(), AfterValidator(_known_id), WithJsonSchema(ID_SCHEMA)]
DecisionId = Annotated[str, Path(), AfterValidator(_known_id), WithJsonSchema(ID_SCHEMA)]
RecordId = Annotated[str, Path(), AfterValidator(_known_id), WithJsonSchema(ID_SCHEMA)]
SlugPath = Annotated[str, Path(max_length=64)]


def given(change: In) -> dict[str, object]:
    """The fields that were sent, and only those."""
    return {name: getattr(change, name) for name in change.model_fields_set}
