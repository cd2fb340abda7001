"""Claims as comma-separated values (RFC 4180) that a spreadsheet opens without running anything.

A cell that begins with one of `DANGEROUS` would be taken for a formula: it gets an apostrophe in
front.  So does one that begins with an apostrophe, so that removing one gives back every cell as
it was.
"""

import re
from collections.abc import Iterable

from service.claims.claim_views import ClaimView

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
APOSTROPHE = "'"
# Quotation marks, delimiters of some country, and whatever some reader takes for a line end.
_NEEDS_QUOTES = re.compile('[",;|\t\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]')
BOM = b"\xef\xbb\xbf"
"""Tells Excel that UTF-8 follows."""
COLUMNS = (
    "id",
    "text",
    "status",
    "finding",
    "print_line",
    "kind",
    "claimant",
    "claimant_name",
    "speaker",
    "role",
    "claimed_at",
    "precision",
    "story",
    "tags",
    "supports",
    "contradicts",
    "requests_confirmation",
    "suggested_status",
    "agrees",
    "challenged",
    "override",
    "lifecycle",
    "merged_into",
    "part_of",
    "revision",
    "version",
    "status_since",
    "created_at",
    "updated_at",
)
"""The columns of a sheet of claims; docs/exchange.md explains each."""


def build_row(claim: ClaimView) -> list[object]:
    """Return the cells of a claim."""
    claimant = claim["claimant"]
    speaker = claimant["speaker"] if claimant else None
    cells: dict[str, object] = {
        **claim,
        "claimant": claimant and claimant["party"],
        "claimant_name": claimant and claimant["name"],
        "speaker": speaker and speaker["name"],
        "role": speaker and speaker["role"],
        "tags": "; ".join(claim["tags"]),
        "supports": " ".join(claim["evidence"]["supports"]),
        "contradicts": " ".join(claim["evidence"]["contradicts"]),
        "requests_confirmation": " ".join(claim["evidence"]["requests_confirmation"]),
    }
    return [_spell_boolean(cells[column]) for column in COLUMNS]


def _spell_boolean(value: object) -> object:
    return ("yes" if value else "no") if isinstance(value, bool) else value


def neutralize(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return APOSTROPHE + cell if cell.startswith((*DANGEROUS, APOSTROPHE)) else cell


def encode_rows(rows: Iterable[Iterable[object]]) -> bytes:
    """Return rows as UTF-8, each ended by CRLF; None is an empty cell."""
    return "".join(f"{','.join(map(_encode_cell, row))}\r\n" for row in rows).encode()


def _encode_cell(value: object) -> str:
    """Return a cell, quoted where some reader could end it, or its line, too early."""
    if value is None:
        return ""
    cell = neutralize(str(value))
    if _NEEDS_QUOTES.search(cell) is None and cell == cell.strip():
        return cell
    return '"' + cell.replace('"', '""') + '"'
