"""Comma-separated values (RFC 4180) that a spreadsheet opens without running anything.

A cell that begins with one of `DANGEROUS` would be taken for a formula: it gets an apostrophe in
front.  So does one that begins with an apostrophe, so that taking one away gives back every cell
as it was.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
APOSTROPHE = "'"
# Quotation marks, what parts cells in some country, and all that some reader takes for a line end.
_PARTS = re.compile('[",;|\t\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]')
BOM = b"\xef\xbb\xbf"
"""Tells Excel that UTF-8 follows."""


def neutral(cell: str) -> str:
    return APOSTROPHE + cell if cell.startswith((*DANGEROUS, APOSTROPHE)) else cell


def original(cell: str) -> str:
    """What `neutral` was given."""
    return cell.removeprefix(APOSTROPHE)


def lines(rows: Iterable[Iterable[str | int | None]]) -> bytes:
    """Rows as UTF-8, each ended by CRLF; None is an empty cell."""
    return "".join(f"{','.join(map(_cell, row))}\r\n" for row in rows).encode()


def _cell(value: str | int | None) -> str:
    """A cell as it is written: quoted where some reader could end it, or its line, too early."""
    if value is None:
        return ""
    cell = neutral(str(value))
    if _PARTS.search(cell) is None and cell == cell.strip():
        return cell
    return '"' + cell.replace('"', '""') + '"'


# The claims of a desk.


def _voice(name: str) -> Callable[[Mapping[str, Any]], str | None]:
    def read(claim: Mapping[str, Any]) -> str | None:
        speaker = (claim["claimant"] or {}).get("speaker") or {}
        found: str | None = speaker.get(name)
        return found

    return read


def _claimant(name: str) -> Callable[[Mapping[str, Any]], str | None]:
    def read(claim: Mapping[str, Any]) -> str | None:
        found: str | None = (claim["claimant"] or {}).get(name)
        return found

    return read


def _evidence(stance: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda claim: " ".join(claim["evidence"][stance])


def _as_is(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(claim: Mapping[str, Any]) -> Any:
        value = claim[name]
        return ("yes" if value else "no") if isinstance(value, bool) else value

    return read


COLUMNS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "id": _as_is("id"),
    "text": _as_is("text"),
    "status": _as_is("status"),
    "finding": _as_is("finding"),
    "print_line": _as_is("print_line"),
    "kind": _as_is("kind"),
    "claimant": _claimant("party"),
    "claimant_name": _claimant("name"),
    "speaker": _voice("name"),
    "role": _voice("role"),
    "claimed_at": _as_is("claimed_at"),
    "precision": _as_is("precision"),
    "story": _as_is("story"),
    "tags": lambda claim: "; ".join(claim["tags"]),
    "supports": _evidence("supports"),
    "contradicts": _evidence("contradicts"),
    "requests_confirmation": _evidence("requests_confirmation"),
    "suggested_status": _as_is("suggested_status"),
    "agrees": _as_is("agrees"),
    "challenged": _as_is("challenged"),
    "override": _as_is("override"),
    "lifecycle": _as_is("lifecycle"),
    "merged_into": _as_is("merged_into"),
    "part_of": _as_is("part_of"),
    "revision": _as_is("revision"),
    "version": _as_is("version"),
    "status_since": _as_is("status_since"),
    "created_at": _as_is("created_at"),
    "updated_at": _as_is("updated_at"),
}
"""What a sheet of claims says, from the claim as served; docs/exchange.md explains each."""


def claim(document: Mapping[str, Any]) -> list[str | int | None]:
    return [read(document) for read in COLUMNS.values()]
