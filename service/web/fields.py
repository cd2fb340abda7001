"""The types of fields: texts by the one policy (`domain/texts.py`), instants with their offset."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from service.domain import ids
from service.domain.errors import NotFound
from service.domain.print_phrases import Language
from service.field_types import In

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


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
    parsed_id = ids.parse_id(text)
    if parsed_id is None:
        raise NotFound(f"'{text}' is no id.")
    return parsed_id


def _parse_id(text: str) -> str:
    parsed_id = ids.parse_id(text)
    if parsed_id is None:
        raise ValueError("an id is a UUID")
    return parsed_id


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
Id = Annotated[str, AfterValidator(_parse_id), WithJsonSchema({"type": "string", "format": "uuid"})]
Lang = Annotated[
    Language, Query(description="The language of the print line; `sr` is Serbian in Cyrillic")
]
AsOf = Annotated[Instant | None, Query(description="What the desk knew at this instant")]

ID_SCHEMA = {"type": "string", "format": "uuid"}
ClaimId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
LinkId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
StatementId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
InquiryId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
UseId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
NoteId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
DecisionId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
ViewId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
FollowId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
FeedId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
RecordId = Annotated[str, Path(), AfterValidator(_parse_known_id), WithJsonSchema(ID_SCHEMA)]
SlugPath = Annotated[str, Path(max_length=64)]


def read_sent_fields(change: In) -> dict[str, object]:
    """Return the fields that were sent, and only those."""
    return {name: getattr(change, name) for name in change.model_fields_set}
