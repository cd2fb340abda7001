"""How `verify` reports what it finds: breaks, remarks, and the comparison of rows.

A break is a contradiction in the database.  A remark says what nothing in the database can prove.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import RowMapping

from service.domain.claims import format_instant
from service.record.canonical import canonical

SHOWN = 200
"""Characters of an expected or found text that a break shows."""


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the database contradicts itself.

    `what` names it: `number`, `previous_hash`, `hash`, `canonical`, `order`, `fold` of an event;
    else a table, and the column where rows differ.  `claim` is the id or slug of what it concerns,
    and `kind` says whether that is a claim, a statement, a party …; `event` is the event's number
    within that subject, or the version that a row of claim_versions gives; None where the break is
    of no one event.
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


def compare_rows(
    claim: str,
    table: str,
    expected: Mapping[Any, Mapping[str, Any]],
    found: Mapping[Any, RowMapping | Mapping[str, Any]],
    *,
    kind: str = "claim",
) -> Iterator[Break]:
    """The breaks between the rows that there should be and those that there are, by key."""
    for key, row in expected.items():
        if key not in found:
            yield Break(claim, None, table, f"a row {show_text(key)}", "no row", kind)
        else:
            yield from compare_row(claim, None, table, row, found[key], kind=kind)
    for key in found:
        if key not in expected:
            yield Break(claim, None, table, "no row", f"a row {show_text(key)}", kind)


def compare_row(
    claim: str,
    event: int | None,
    table: str,
    expected: Mapping[str, Any],
    found: RowMapping | Mapping[str, Any],
    *,
    kind: str = "claim",
) -> Iterator[Break]:
    """The columns in which a row differs from what it should be; others are not looked at."""
    for column, value in expected.items():
        if found[column] != value:
            shown = show_both(show_text(value), show_text(found[column]))
            yield Break(claim, event, f"{table}.{column}", *shown, kind)


def show_both(expected: str, found: str) -> tuple[str, str]:
    """Both texts, or of two long JSON objects only the first key in which they differ."""
    try:
        right, wrong = orjson.loads(expected), orjson.loads(found)
    except ValueError:
        return clip(expected), clip(found)
    if isinstance(right, dict) and isinstance(wrong, dict):
        for key in dict.fromkeys([*right, *wrong]):
            if key not in right or key not in wrong or right[key] != wrong[key]:
                return tuple(  # type: ignore[return-value]
                    clip(canonical({key: side[key]}) if key in side else f"no {key}")
                    for side in (right, wrong)
                )
    return clip(expected), clip(found)


def show_text(value: Any) -> str:
    if isinstance(value, dict):
        return canonical(value)
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, tuple):
        return ", ".join(map(show_text, value))
    return "null" if value is None else str(value)


def clip(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
