"""Many claims made of few: each generated claim stands for several, with ids of their own.

Making a claim's rows takes most of the time that a large desk needs; copying them takes a sixth of
it. A copy says the same at the same instants, and its statements, quotes, sources, links and
decisions are its own. Its chains of hashes are computed anew: `claimdesk verify` proves all of it.

An id has a mark and the number of its copy in place of six of its random digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from service.directory.source_commands import compute_fingerprint
from service.domain import addresses, ids
from service.domain.claims import format_instant
from service.domain.subjects import Subject, SubjectKind
from service.record.canonical import GENESIS, hash_event
from tests.bench.shapes import Change, Claim, Link, Source, Statement

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
COPIED_ABOVE = 200_000
"""Claims above which a desk is made of copies."""
MANY = 10
"""How many claims one stands for, there."""
_PLACE = 24
_MARK = 0xFEDC00
_DIGITS = 0xFFFFFF << _PLACE


def choose_copies(total: int) -> int:
    return MANY if total > COPIED_ABOVE else 1


def _mark(key: UUID, number: int) -> UUID:
    return UUID(int=key.int & ~_DIGITS | (_MARK | number) << _PLACE)


def _get_digits(number: int) -> str:
    return f"{_MARK | number:x}"


def copy_claim(claim: Claim, number: int) -> Claim:
    """Return the `number`th copy; what others of the chunk share with it is of the same number."""

    def mark(key: UUID) -> UUID:
        return _mark(key, number)

    def copy_statement(statement: Statement) -> Statement:
        quotes = tuple(
            quote._replace(id=mark(quote.id), source=mark(quote.source))
            for quote in statement.quotes
        )
        return statement._replace(id=mark(statement.id), quotes=quotes)

    def copy_source(source: Source) -> Source:
        key = mark(source.id)
        return source._replace(id=key, url=source.url.replace(source.id.hex, key.hex))

    def copy_link(link: Link) -> Link:
        return link._replace(id=mark(link.id), statement=mark(link.statement))

    def copy_change(change: Change) -> Change:
        return change._replace(id=mark(change.id), cites=tuple(map(mark, change.cites)))

    return claim._replace(
        id=mark(claim.id),
        origin=copy_statement(claim.origin),
        sources=tuple(map(copy_source, claim.sources)),
        statements=tuple(map(copy_statement, claim.statements)),
        links=tuple(map(copy_link, claim.links)),
        changes=tuple(map(copy_change, claim.changes)),
    )


def copy_rows(rows: Rows, number: int, columns: Callable[[str], Sequence[str]]) -> Rows:
    """Return the rows of the `number`th copy of all claims whose rows, of copy 0, are given. Those
    of events have no `seq` yet, and a subject's are in their order."""
    old, new = _get_digits(0), _get_digits(number)
    copied: Rows = {
        table: [
            tuple([cell.replace(old, new) if isinstance(cell, str) else cell for cell in row])
            for row in records
        ]
        for table, records in rows.items()
    }
    copied["events"], last_hashes = _chain_events(copied["events"], columns("events")[1:])
    claim, last = map(columns("claims").index, ("id", "last_hash"))
    copied["claims"] = [
        (*row[:last], last_hashes[row[claim]], *row[last + 1 :]) for row in copied["claims"]
    ]
    url, first, second = map(columns("sources").index, ("url", "fingerprint", "address_digest"))
    sources = []
    for row in copied["sources"]:
        cells = list(row)
        cells[first] = compute_fingerprint(row[url], None)
        cells[second] = addresses.compute_address_digest(row[url])
        sources.append(tuple(cells))
    copied["sources"] = sources
    return copied


def _chain_events(records: Sequence[Row], names: Sequence[str]) -> tuple[list[Row], dict[str, str]]:
    """Return the events with their hashes, and the last hash of each subject."""
    places = {name: place for place, name in enumerate(names)}
    claim, subject, key = places["claim"], places["subject"], places["id"]
    previous, own = places["previous_hash"], places["hash"]
    last_hashes: dict[str, str] = {}
    chained = []
    for row in records:
        cells = list(row)
        kind = SubjectKind(row[places["kind"]])
        about = Subject(kind, row[claim] or row[subject])
        assert row[places["salts"]] is None, "what is salted is not copied"
        if kind is not SubjectKind.CLAIM:
            cells[key] = ids.derive_id("first event", kind.value, about.id)
        cells[previous] = last_hashes.get(about.id, GENESIS)
        cells[own] = last_hashes[about.id] = hash_event(
            about,
            number=row[places["number"]],
            type=row[places["type"]],
            recorded_at=format_instant(row[places["recorded_at"]]),
            actor=row[places["actor"]],
            data=row[places["data"]],
            previous_hash=cells[previous],
        )
        chained.append(tuple(cells))
    return chained, last_hashes
