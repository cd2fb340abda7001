"""The columns of each table that exports hold, as plain data, and how they are read back.

Secrets are in none of these columns, nor is what is derived from others.  Events are not here: the
record reads and writes them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Integer, RowMapping, String, Table, Uuid

from service.domain import ids
from service.domain.access import Role
from service.domain.claims import (
    Attribution,
    Basis,
    Precision,
    Rendering,
    Status,
    format_instant,
)
from service.domain.uses import UseClass, UseState
from service.store.tables import (
    api_keys,
    notes,
    parties,
    party_versions,
    quotes,
    sources,
    speakers,
    statements,
    stories,
    users,
    uses,
)
from service.store.types import Instant

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
ADDRESS = re.compile(r"https?://[^\s/]")
MAX_INTEGER = 2**31 - 1
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ExchangedTable:
    """A table whose `columns` are exchanged, the key first.

    Two rows with one key are the same if all columns but the timestamps are equal.
    """

    table: Table
    columns: tuple[str, ...]
    timestamps: frozenset[str] = frozenset()
    references: Mapping[str, str] = field(default_factory=dict)
    """The kind of thing to which a column refers."""
    enums: Mapping[str, type[StrEnum]] = field(default_factory=dict)
    slugs: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    """Columns that older files lack: they are null then."""
    later: frozenset[str] = frozenset()
    """Columns that lines have only where they are set."""

    @property
    def key(self) -> Column[Any]:
        return self.table.c[self.columns[0]]

    @property
    def selected(self) -> list[Column[Any]]:
        return [self.table.c[name] for name in self.columns]


USER = ExchangedTable(
    users,
    ("id", "email", "name", "role", "created_at", "disabled_at"),
    enums={"role": Role},
)
KEY = ExchangedTable(
    api_keys,
    ("id", "name", "role", "user", "created_at"),
    references={"user": "user"},
    enums={"role": Role},
)
PARTY = ExchangedTable(
    parties,
    (
        *("slug", "name", "full_name", "in_sentence", "kind", "country", "parent"),
        *("merged_into", "merged_name", "created_at", "updated_at"),
    ),
    timestamps=frozenset({"created_at", "updated_at", "versions"}),
    references={"parent": "party"},
    slugs=frozenset({"slug"}),
    later=frozenset({"in_sentence", "merged_into", "merged_name"}),
)
PARTY_VERSION = ExchangedTable(
    party_versions,
    ("recorded_at", "superseded_at", "name", "parent", "root"),
    slugs=frozenset({"parent", "root"}),
)
"""The former names and places of a party are part of its line."""
SPEAKER = ExchangedTable(
    speakers,
    (
        *("id", "party", "name", "role", "merged_into", "merged_name", "merged_role"),
        "created_at",
    ),
    references={"party": "party"},
    later=frozenset({"merged_into", "merged_name", "merged_role"}),
)
SOURCE = ExchangedTable(
    sources,
    (
        "id",
        "url",
        "publisher",
        "title",
        "published_at",
        "language",
        "archive_url",
        "sha256",
        "merged_into",
        "recorded_at",
    ),
    later=frozenset({"merged_into"}),
    addresses=frozenset({"url", "archive_url"}),
)
STORY = ExchangedTable(
    stories,
    ("slug", "title", "description", "created_at", "updated_at"),
    timestamps=frozenset({"created_at", "updated_at"}),
    slugs=frozenset({"slug"}),
)
STATEMENT = ExchangedTable(
    statements,
    (
        "id",
        "party",
        "speaker",
        "attribution",
        "description",
        "reason",
        "said_at",
        "precision",
        "basis",
        "recorded_at",
        "recorded_by",
        "withdrawn_at",
        "withdrawal_reason",
        "withdrawal_source",
        "withdrawal_said_at",
        "withdrawal_precision",
        "withdrawal_ended_at",
        "voided_at",
        "void_reason",
        "void_ended_at",
    ),
    references={"party": "party", "speaker": "speaker", "withdrawal_source": "source"},
    enums={
        "attribution": Attribution,
        "precision": Precision,
        "basis": Basis,
        "withdrawal_precision": Precision,
    },
    optional=frozenset({"withdrawal_said_at", "withdrawal_precision"}),
    later=frozenset(
        {
            "attribution",
            "description",
            "reason",
            "withdrawal_ended_at",
            "voided_at",
            "void_reason",
            "void_ended_at",
        }
    ),
)
QUOTE = ExchangedTable(
    quotes,
    (
        "id",
        "position",
        "text",
        "language",
        "rendering",
        "source",
        "exact",
        "prefix",
        "suffix",
        "recorded_at",
    ),
    references={"source": "source"},
    enums={"rendering": Rendering},
)
"""The quotes of a statement are part of its line."""
NOTE = ExchangedTable(
    notes,
    ("id", "claim", "text", "author", "author_name", "recorded_at", "reply_to"),
    references={"claim": "claim", "reply_to": "note"},
    later=frozenset({"reply_to"}),
)
USE = ExchangedTable(
    uses,
    (
        *("id", "claim", "version", "status", "print_line", "url", "place", "title"),
        *("published_at", "wording", "language", "recorded_at", "recorded_by"),
        *("recorded_by_name", "state", "class", "outdated_at", "outdated_version"),
        *("acknowledged_at", "acknowledged_by_name", "acknowledged_version", "note"),
        *("corrected_url", "retired_at", "retired_by_name", "retired_version"),
    ),
    timestamps=frozenset(
        {
            *("state", "class", "outdated_at", "outdated_version"),
            *("acknowledged_at", "acknowledged_by_name", "acknowledged_version", "note"),
            *("corrected_url", "retired_at", "retired_by_name", "retired_version"),
        }
    ),
    references={"claim": "claim"},
    enums={"status": Status, "state": UseState, "class": UseClass},
    addresses=frozenset({"url", "corrected_url"}),
    later=frozenset(
        {
            *("class", "outdated_at", "outdated_version"),
            *("acknowledged_at", "acknowledged_by_name", "acknowledged_version", "note"),
            *("corrected_url", "retired_at", "retired_by_name", "retired_version"),
        }
    ),
)
"""Whom to tell is personal, and in no export: `contact` is not among the columns."""
EXCHANGED_TABLES = {
    "user": USER,
    "key": KEY,
    "party": PARTY,
    "speaker": SPEAKER,
    "source": SOURCE,
    "story": STORY,
    "statement": STATEMENT,
    "note": NOTE,
    "use": USE,
}
"""The table of each kind of line, but for events."""


def serialize_row(
    kind: ExchangedTable, row: Mapping[str, Any] | RowMapping, *, whole: bool = False
) -> Values:
    """Return a row as plain JSON data; with `whole`, columns that are not set too."""
    return {
        name: format_instant(value) if isinstance(value := row[name], datetime) else value
        for name in kind.columns
        if whole or name not in kind.later or row[name] is not None
    }


def parse_row(kind: ExchangedTable, values: Mapping[str, Any]) -> Values:
    """Return the row that `serialize_row` wrote as `values`.  Raises ValueError, which names the
    field.

    Bounds are those of the tables.  Addresses are http(s), as everywhere: desks link to them.
    """
    unknown = values.keys() - set(kind.columns)
    if unknown:
        raise ValueError(f"unknown field {min(unknown)!r}")
    row: Values = {}
    for name in kind.columns:
        column = kind.table.c[name]
        if name not in values and name in kind.optional | kind.later:
            row[name] = None
            continue
        if name not in values:
            raise ValueError(f"{name} is missing")
        value = values[name]
        if value is None:
            if not column.nullable:
                raise ValueError(f"{name} must not be null")
            row[name] = None
            continue
        try:
            row[name] = _find_parser(column)(column, value)
            _check_format(kind, name, value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return row


def _check_format(kind: ExchangedTable, name: str, value: Any) -> None:
    if name in kind.enums:
        kind.enums[name](value)
    if name in kind.slugs and not SLUG.fullmatch(value):
        raise ValueError("a slug has lower-case letters, digits and single hyphens")
    if name in kind.addresses and not ADDRESS.match(value):
        raise ValueError("an address begins with http:// or https://")


def _find_parser(column: Column[Any]) -> Callable[[Column[Any], Any], Any]:
    parsers: tuple[tuple[type, Callable[[Column[Any], Any], Any]], ...] = (
        (Instant, _parse_instant),
        (Uuid, _parse_id),
        (Integer, _parse_integer),
        (String, _parse_text),
    )
    return next(parser for kind, parser in parsers if isinstance(column.type, kind))


def _parse_instant(_: Column[Any], value: Any) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    if moment is None or moment.tzinfo is None or format_instant(moment) != value:
        raise ValueError("an instant is RFC 3339 in UTC, such as 2023-10-02T18:00:00Z")
    return moment


def _parse_id(_: Column[Any], value: Any) -> str:
    if not isinstance(value, str) or ids.parse_id(value) != value:
        raise ValueError("an id is a UUID in lower case")
    return value


def _parse_integer(_: Column[Any], value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_INTEGER:
        raise ValueError("a whole number is expected")
    return value


def _parse_text(column: Column[Any], value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("a text without NUL is expected")
    most = getattr(column.type, "length", None)
    if most is not None and len(value) > most:
        raise ValueError(f"a text of at most {most} characters is expected, this has {len(value)}")
    return value
