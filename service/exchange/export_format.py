"""The exchange format: everything a desk knows, as JSON Lines (docs/exchange.md).

The first line names the format and its version.  The last one counts the lines between and gives
the SHA-256 of all bytes before it, so that a file that was cut off or changed is noticed.  In
between, each line is one record of a kind in `RECORDS`, in that order: what a line refers to
stands above it.  The bytes depend on nothing but the desk's content.
"""

from collections.abc import Mapping
from typing import NotRequired

import orjson
from typing_extensions import TypedDict

from service.domain.subjects import SubjectKind

FORMAT = "claimdesk"
VERSION = 3
READABLE_VERSIONS = (1, 2, 3)
"""Version 1 had no events of things; version 2 no corrections, voids, ways back, holds, requests
for comment and sources that are not named."""
RECORDS = (
    *("user", "key", "party", "speaker", "source", "story", "statement", "event", "note", "use"),
)
LATER_RECORDS = frozenset({"use"})
"""Kinds that the trailer counts only where there are some: files before them have no such lines."""
SUBJECTS: Mapping[str, SubjectKind] = {
    "party": SubjectKind.PARTY,
    "speaker": SubjectKind.SPEAKER,
    "source": SubjectKind.SOURCE,
    "story": SubjectKind.STORY,
    "statement": SubjectKind.STATEMENT,
    "note": SubjectKind.NOTE,
    "use": SubjectKind.USE,
}
"""The things that have a record of their own.  Its events stand within the thing's line."""


class ThingEvent(TypedDict):
    """An event within the line of the thing that it is about."""

    id: str
    number: int
    type: str
    recorded_at: str
    actor: object
    data: object
    previous_hash: str
    hash: str
    salts: NotRequired[object]


class EventLine(ThingEvent):
    """The line of a claim's event.  The order of lines gives its place among all events."""

    claim: str


THING_EVENT_FIELDS = tuple(name for name in ThingEvent.__annotations__ if name != "salts")
EVENT_FIELDS = ("id", "claim", *THING_EVENT_FIELDS[1:])
"""The fields of an event in an export.  Only an event that has something to withhold from some
readers has `salts` too (record/canonical.py)."""


def build_header() -> bytes:
    return build_line("header", {"format": FORMAT, "version": VERSION})


def build_line(record: str, values: Mapping[str, object]) -> bytes:
    return orjson.dumps({"record": record, **values}, option=orjson.OPT_APPEND_NEWLINE)


def build_trailer(counts: Mapping[str, int], sha256: str) -> bytes:
    return build_line("trailer", {"counts": list_counts(counts), "sha256": sha256})


def list_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Return how many lines of each kind there are, as the trailer says it."""
    return {
        record: counts.get(record, 0)
        for record in RECORDS
        if counts.get(record) or record not in LATER_RECORDS
    }


def parse_line(raw: bytes) -> tuple[str, dict[str, object]]:
    """Return what a line is a record of, and its other fields.  Raises ValueError with a reason."""
    try:
        values = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ValueError(
            f"this is no line of an export, which is one JSON object: {error.msg} at character "
            f"{error.colno}"
        ) from error
    if not isinstance(values, dict) or not isinstance(values.get("record"), str):
        raise ValueError('a line is an object that says what it is in "record"')
    return values.pop("record"), values
