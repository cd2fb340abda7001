"""The exchange format: everything a desk knows, as JSON Lines (docs/exchange.md).

The first line names the format and its version, the last one counts the lines between and gives
the SHA-256 of all bytes before it, so that a file that was cut off or changed is noticed.  In
between each line is one thing, of the kinds of `RECORDS` and in their order: what a line refers to
stands above it.  The bytes depend on nothing but the desk's content.
"""

from collections.abc import Mapping
from typing import Any

import orjson

FORMAT = "claimdesk"
VERSION = 2
READS = (1, 2)
"""The versions that are read.  Version 1 had no events of things: those begin as told."""
RECORDS = (
    "user",
    "key",
    "party",
    "speaker",
    "source",
    "story",
    "statement",
    "event",
    "note",
)
EVENT = (
    "id",
    "claim",
    "number",
    "type",
    "recorded_at",
    "actor",
    "data",
    "previous_hash",
    "hash",
)
"""What an event's line says beside its kind: the record's own line, without its place among all
events, which the order of lines gives.  Where something in it may be withheld from some readers, it
has `salts` too (record/canonical.py)."""
EVENT_OF_THING = tuple(name for name in EVENT if name != "claim")
"""What an event within the line of a party, speaker, source, story or statement says."""


def header() -> bytes:
    return _line({"record": "header", "format": FORMAT, "version": VERSION})


def line(record: str, values: Mapping[str, Any]) -> bytes:
    return _line({"record": record, **values})


def trailer(counts: Mapping[str, int], sha256: str) -> bytes:
    every = {record: counts.get(record, 0) for record in RECORDS}
    return _line({"record": "trailer", "counts": every, "sha256": sha256})


def parse(raw: bytes) -> dict[str, Any]:
    """A line as an object.  Raises ValueError in words."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"this is no JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("record"), str):
        raise ValueError('a line is an object that says what it is in "record"')
    return found


def _line(values: Mapping[str, Any]) -> bytes:
    return orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)
