"""What of each table is exchanged, as plain data, and how that is read back.

Secrets are in none of these columns, nor is what is worked out from the others.  Events are not
here: the record reads and writes them.
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
from service.domain.claims import Basis, Precision, Rendering, format_instant
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
)
from service.store.types import Instant

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
ADDRESS = re.compile(r"https?://[^\s/]")
MOST = 2**31 - 1
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The columns of a table that are exchanged, the key first.

    Rows of one key are the same where all columns but `stamps` are equal.
    """

    table: Table
    columns: tuple[str, ...]
    stamps: frozenset[str] = frozenset()
    refers: Mapping[str, str] = field(default_factory=dict)
    """Which column names a thing of which kind."""
    one_of: Mapping[str, type[StrEnum]] = field(default_factory=dict)
    slugs: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    """Columns that files written before lack: nothing is known of them there."""

    @property
    def key(self) -> Column[Any]:
        return self.table.c[self.columns[0]]

    @property
    def selected(self) -> list[Column[Any]]:
        return [self.table.c[name] for name in self.columns]


USER = Exchanged(
    users,
    ("id", "email", "name", "role", "created_at", "disabled_at"),
    one_of={"role": Role},
)
KEY = Exchanged(
    api_keys,
    ("id", "name", "role", "user", "created_at"),
    refers={"user": "user"},
    one_of={"role": Role},
)
PARTY = Exchanged(
    parties,
    ("slug", "name", "full_name", "kind", "country", "parent", "created_at", "updated_at"),
    stamps=frozenset({"created_at", "updated_at", "versions"}),
    refers={"parent": "party"},
    slugs=frozenset({"slug"}),
)
PARTY_VERSION = Exchanged(
    party_versions,
    ("recorded_at", "superseded_at", "name", "parent", "root"),
    slugs=frozenset({"parent", "root"}),
)
"""What a party was called, and where it stood, stands within its line."""
SPEAKER = Exchanged(
    speakers, ("id", "party", "name", "role", "created_at"), refers={"party": "party"}
)
SOURCE = Exchanged(
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
        "recorded_at",
    ),
    addresses=frozenset({"url", "archive_url"}),
)
STORY = Exchanged(
    stories,
    ("slug", "title", "description", "created_at", "updated_at"),
    stamps=frozenset({"created_at", "updated_at"}),
    slugs=frozenset({"slug"}),
)
STATEMENT = Exchanged(
    statements,
    (
        "id",
        "party",
        "speaker",
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
    ),
    refers={"party": "party", "speaker": "speaker", "withdrawal_source": "source"},
    one_of={"precision": Precision, "basis": Basis, "withdrawal_precision": Precision},
    later=frozenset({"withdrawal_said_at", "withdrawal_precision"}),
)
QUOTE = Exchanged(
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
    refers={"source": "source"},
    one_of={"rendering": Rendering},
)
"""The quotes of a statement stand within its line."""
NOTE = Exchanged(
    notes,
    ("id", "claim", "text", "author", "author_name", "recorded_at"),
    refers={"claim": "claim"},
)
THINGS = {
    "user": USER,
    "key": KEY,
    "party": PARTY,
    "speaker": SPEAKER,
    "source": SOURCE,
    "story": STORY,
    "statement": STATEMENT,
    "note": NOTE,
}
"""What the lines of each kind say, but for events."""


def plain(kind: Exchanged, row: Mapping[str, Any] | RowMapping) -> Values:
    """A row as plain JSON data."""
    return {
        name: format_instant(value) if isinstance(value := row[name], datetime) else value
        for name in kind.columns
    }


def read(kind: Exchanged, values: Mapping[str, Any]) -> Values:
    """The row that `plain` gave `values` for.  Raises ValueError, which names the field at fault.

    Bounds are those of the tables; addresses are http(s), as everywhere: desks make links of them.
    """
    unknown = values.keys() - set(kind.columns)
    if unknown:
        raise ValueError(f"unknown field {min(unknown)!r}")
    found: Values = {}
    for name in kind.columns:
        column = kind.table.c[name]
        if name not in values and name in kind.later:
            found[name] = None
            continue
        if name not in values:
            raise ValueError(f"{name} is missing")
        value = values[name]
        if value is None:
            if not column.nullable:
                raise ValueError(f"{name} must not be null")
            found[name] = None
            continue
        try:
            found[name] = _reader(column)(column, value)
            _require_kind(kind, name, value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return found


def _require_kind(kind: Exchanged, name: str, value: Any) -> None:
    if name in kind.one_of:
        kind.one_of[name](value)
    if name in kind.slugs and not SLUG.fullmatch(value):
        raise ValueError("a slug has lower-case letters, digits and single hyphens")
    if name in kind.addresses and not ADDRESS.match(value):
        raise ValueError("an address begins with http:// or https://")


def _reader(column: Column[Any]) -> Callable[[Column[Any], Any], Any]:
    kinds: tuple[tuple[type, Callable[[Column[Any], Any], Any]], ...] = (
        (Instant, _instant),
        (Uuid, _id),
        (Integer, _integer),
        (String, _text),
    )
    return next(reader for kind, reader in kinds if isinstance(column.type, kind))


def _instant(_: Column[Any], value: Any) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    if moment is None or moment.tzinfo is None or format_instant(moment) != value:
        raise ValueError("an instant is RFC 3339 in UTC, such as 2023-10-02T18:00:00Z")
    return moment


def _id(_: Column[Any], value: Any) -> str:
    if not isinstance(value, str) or ids.parse_id(value) != value:
        raise ValueError("an id is a UUID in lower case")
    return value


def _integer(_: Column[Any], value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise ValueError("a whole number is expected")
    return value


def _text(column: Column[Any], value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("a text without NUL is expected")
    most = getattr(column.type, "length", None)
    if most is not None and len(value) > most:
        raise ValueError(f"a text of at most {most} characters is expected, this has {len(value)}")
    return value
