"""What `verify` reports: breaks, remarks and counts, and the comparison of rows.

A break is a contradiction in the database.  A remark says what nothing in the database can prove.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import RowMapping

from service.domain import things
from service.domain.claims import format_instant
from service.record.canonical import render_canonical

LONGEST_TEXT = 200
"""Characters of an expected or found text that a break shows."""
DAMAGE = (KeyError, TypeError, ValueError, AttributeError)
"""What reading raises if rows are missing, or hold something of another shape."""
MARKED = {
    things.FOUND_MARK: "{count} recorded as found when the record of them began: "
    "nothing proves what they were before",
    things.TOLD_MARK: "{count} recorded as another desk's file told them, without proof",
}


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the database contradicts itself.

    `what` names it: "number", "previous_hash", "hash", "canonical", "order" or "fold" of an event;
    otherwise a table, and the column in which rows differ.  `claim` is the id or slug of the
    subject, and `kind` says whether that is a claim, a statement, a party …  `event` is the number
    of the event, or the version of a row of claim_versions; None if the break is of no one event.
    """

    claim: str
    event: int | None
    what: str
    expected: str
    found: str
    kind: str = "claim"


@dataclass(frozen=True, slots=True)
class Remark:
    """What cannot be proved of a table, and why."""

    table: str
    what: str


@dataclass(slots=True)
class Counts:
    """What was read: claims, other things, and events."""

    claims: int = 0
    things: int = 0
    events: int = 0
    marked: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many rows of a table began with a mark (`things.MARKS`)."""

    def add(self, other: "Counts") -> None:
        """Add what another part read."""
        self.claims += other.claims
        self.things += other.things
        self.events += other.events
        for place, count in other.marked.items():
            self.marked[place] = self.marked.get(place, 0) + count

    def list_remarks(self) -> list[Remark]:
        return [
            Remark(table, MARKED[mark].format(count=count))
            for (table, mark), count in self.marked.items()
        ]


def compare_rows(
    claim: str,
    table: str,
    expected_rows: Mapping[Any, Mapping[str, Any]],
    stored_rows: Mapping[Any, RowMapping | Mapping[str, Any]],
    *,
    kind: str = "claim",
) -> Iterator[Break]:
    """Yield the breaks between the rows that there should be and those that there are, by key."""
    for key, row in expected_rows.items():
        if key not in stored_rows:
            yield Break(claim, None, table, f"a row {show_text(key)}", "no row", kind)
        else:
            yield from compare_row(claim, None, table, row, stored_rows[key], kind=kind)
    for key in stored_rows:
        if key not in expected_rows:
            yield Break(claim, None, table, "no row", f"a row {show_text(key)}", kind)


def compare_row(
    claim: str,
    event: int | None,
    table: str,
    expected_row: Mapping[str, Any],
    stored_row: RowMapping | Mapping[str, Any],
    *,
    kind: str = "claim",
) -> Iterator[Break]:
    """Yield a break for each column of `expected_row` in which a row differs."""
    for column, value in expected_row.items():
        if stored_row[column] != value:
            texts = show_both(show_text(value), show_text(stored_row[column]))
            yield Break(claim, event, f"{table}.{column}", *texts, kind)


def show_both(expected_text: str, actual: str) -> tuple[str, str]:
    """Return both texts; of two JSON objects only the first key in which they differ."""
    try:
        right, actual_value = orjson.loads(expected_text), orjson.loads(actual)
    except ValueError:
        return clip(expected_text), clip(actual)
    if isinstance(right, dict) and isinstance(actual_value, dict):
        for key in dict.fromkeys([*right, *actual_value]):
            if key not in right or key not in actual_value or right[key] != actual_value[key]:
                return tuple(  # type: ignore[return-value]
                    clip(render_canonical({key: side[key]}) if key in side else f"no {key}")
                    for side in (right, actual_value)
                )
    return clip(expected_text), clip(actual)


def show_text(value: Any) -> str:
    if isinstance(value, dict):
        return render_canonical(value)
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, tuple):
        return ", ".join(map(show_text, value))
    return "null" if value is None else str(value)


def clip(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def describe_error(error: Exception) -> str:
    return clip(f"{type(error).__name__}: {error}")
