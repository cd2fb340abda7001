"""The types of fields: texts by the one policy (`domain/texts.py`), instants with their offset."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from annotated_types import GroupedMetadata
from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from service.domain import addresses, ids, texts
from service.domain.account_bounds import EMAIL, LONGEST_EMAIL, LONGEST_NAME
from service.domain.errors import NotFound

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
COUNTRY = r"^[A-Z]{2}$"
LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


class In(BaseModel):
    """What is sent: unknown fields are refused, so that a typo is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def show_example(body: Mapping[str, Any]) -> ConfigDict:
    """Return the settings of a model whose example in the OpenAPI document is `body`."""
    return ConfigDict(json_schema_extra={"examples": [dict(body)]})


LEFT_OUT: Any = Field(default_factory=lambda: None)
"""The default of a field that may be left out but is never null."""


def _parse_instant(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("an instant is RFC 3339 with its offset, such as 2023-10-02T18:00:00Z")
    try:
        moment = datetime.fromisoformat(value.upper())
        is_near = EARLIEST <= moment.astimezone(UTC) < LATEST
    except (ValueError, OverflowError):
        raise ValueError("there is no such day or hour") from None
    if not is_near:
        raise ValueError("an instant lies between the years 1900 and 2200")
    return moment


def _parse_known_id(text: str) -> str:
    parsed = ids.parse_id(text)
    if parsed is None:
        raise NotFound(f"'{text}' is no id.")
    return parsed


def _parse_id(text: str) -> str:
    parsed = ids.parse_id(text)
    if parsed is None:
        raise ValueError("an id is a UUID")
    return parsed


@dataclass(frozen=True)
class Text(GroupedMetadata):
    """A text of 1 to `most` characters that `clean`, a function of `domain/texts.py`, has passed.

    `trimmed`: white space at its ends is taken off.
    """

    most: int
    clean: Callable[[str], str]
    trimmed: bool = True

    def __iter__(self) -> Iterator[object]:
        yield StringConstraints(
            strip_whitespace=self.trimmed or None, min_length=1, max_length=self.most
        )
        yield AfterValidator(self._check)

    def _check(self, text: str) -> str:
        cleaned = self.clean(text)
        # The composed form of a few letters is longer than they are.
        if len(cleaned) > self.most:
            raise ValueError(f"a text has at most {self.most} characters in composed form (NFC)")
        return cleaned


Instant = Annotated[
    datetime,
    BeforeValidator(_parse_instant),
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
    StringConstraints(strip_whitespace=True, pattern=EMAIL, max_length=LONGEST_EMAIL),
    AfterValidator(texts.check_address),
]
Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2048),
    AfterValidator(addresses.clean_address),
]
Id = Annotated[str, AfterValidator(_parse_id), WithJsonSchema({"type": "string", "format": "uuid"})]
# Printed within sentences, or shown beside what people sign with their names.
Name = Annotated[str, Text(LONGEST_NAME, texts.clean_name)]
PersonName = Annotated[str, Text(200, texts.clean_name)]
FullName = Annotated[str, Text(300, texts.clean_name)]
# One line.
Title = Annotated[str, Text(300, texts.clean_line)]
Headline = Annotated[str, Text(500, texts.clean_line)]
Label = Annotated[str, Text(40, texts.clean_line)]
Code = Annotated[str, Text(64, texts.clean_line)]
Tag = Annotated[str, Text(50, texts.clean_line)]
# Several lines.
Reason = Annotated[str, Text(2000, texts.clean_prose)]
ClaimText = Annotated[str, Text(2000, texts.clean_prose)]
Description = Annotated[str, Text(5000, texts.clean_prose)]
LongQuote = Annotated[str, Text(10_000, texts.clean_prose, trimmed=False)]
Context = Annotated[str, StringConstraints(max_length=200), AfterValidator(texts.clean_context)]
"""What stands before or after a quote: it may be empty or blank."""

AsOf = Annotated[Instant | None, Query(description="What the desk knew at this instant")]

ID_SCHEMA = {"type": "string", "format": "uuid"}
ClaimId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
LinkId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
StatementId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
DecisionId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
RecordId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
SlugPath = Annotated[str, Path(max_length=64)]


def read_sent_fields(change: In) -> dict[str, object]:
    """Return the fields that were sent, and only those."""
    return {name: getattr(change, name) for name in change.model_fields_set}
