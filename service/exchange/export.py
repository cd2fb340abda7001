"""Write everything a desk knows, read in one snapshot, line by line (docs/exchange.md).

Rows are read in pages by key, so that a million claims take no more memory than a thousand.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, func, select

from service.claims.claim_views import ClaimView
from service.domain.claims import format_instant
from service.domain.errors import Conflict
from service.exchange import claim_sheet, export_format, export_uses
from service.exchange.export_format import EventLine, ThingEvent
from service.store.row_data import (
    EXCHANGED_TABLES,
    PARTY,
    PARTY_VERSION,
    QUOTE,
    STATEMENT,
    ExchangedTable,
    serialize_row,
)
from service.store.snapshot import hold_snapshot
from service.store.tables import claims, events, parties, party_versions, quotes

PAGE = 1_000
EVENT_COLUMNS: list[Column[Any]] = [
    events.c[name] for name in (*export_format.THING_EVENT_FIELDS, "salts", "claim", "subject")
]
Write = Callable[[bytes], object]
Progress = Callable[[int, int], None] | None
Fields = dict[str, object]
"""The fields of a line: the columns of a row as plain data (`row_data`), and what is within it."""


def write_export(
    connection: Connection, write: Write, *, progress: Progress = None
) -> dict[str, int]:
    """Write the whole desk as it is at one instant; return how many lines of each kind there are.

    For `Database.read`.  `progress` is called now and then with the number of lines written and
    the number of all.  Raises Conflict for an event that is no JSON.
    """
    with hold_snapshot(connection):
        total = _count_rows(connection, events, events.c.claim.is_not(None))
        total += sum(_count_rows(connection, kind.table) for kind in EXCHANGED_TABLES.values())
        counts: Counter[str] = Counter()
        digest = sha256()

        def write_and_digest(data: bytes) -> None:
            digest.update(data)
            write(data)

        write_and_digest(export_format.build_header())
        for record in export_format.RECORDS:
            for page in _read_record(connection, record):
                write_and_digest(b"".join(export_format.build_line(record, line) for line in page))
                counts[record] += len(page)
                if progress is not None:
                    progress(counts.total(), total)
        write(export_format.build_trailer(counts, digest.hexdigest()))
        return {record: counts[record] for record in export_format.RECORDS}


def write_sheet(
    connection: Connection, write: Write, *, bom: bool = False, progress: Progress = None
) -> int:
    """Write every claim as a row of a spreadsheet, as they are at one instant; return how many.

    For `Database.read`.
    """
    with hold_snapshot(connection):
        total, count = _count_rows(connection, claims), 0
        write((claim_sheet.BOM if bom else b"") + claim_sheet.encode_rows([claim_sheet.COLUMNS]))
        for rows in _read_pages(connection, select(claims.c.id, claims.c.document), claims.c.id):
            documents: list[ClaimView] = [orjson.loads(row.document) for row in rows]
            write(claim_sheet.encode_rows(map(claim_sheet.build_row, documents)))
            count += len(rows)
            if progress is not None:
                progress(count, total)
        return count


def describe_statements(
    connection: Connection, rows: Sequence[Row[Any]], is_wanted_quote: ColumnElement[bool]
) -> list[Fields]:
    """Return statements as their lines say them, each with its quotes within it."""
    quotes_of: dict[str, list[Fields]] = {row.id: [] for row in rows}
    query = select(*QUOTE.selected, quotes.c.statement).where(is_wanted_quote)
    for quote in connection.execute(query.order_by(quotes.c.statement, quotes.c.position)):
        quotes_of[quote.statement].append(serialize_row(QUOTE, quote._mapping))
    return [serialize_row(STATEMENT, row._mapping) | {"quotes": quotes_of[row.id]} for row in rows]


def _count_rows(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()


def _read_pages(
    connection: Connection, query: Select[Any], key: Column[Any]
) -> Iterator[Sequence[Row[Any]]]:
    """Yield the rows of `query` in the order of `key`, a page at a time."""
    query = query.order_by(key).limit(PAGE)
    rows = connection.execute(query).all()
    while rows:
        yield rows
        rows = connection.execute(query.where(key > rows[-1]._mapping[key.name])).all()


def _read_record(
    connection: Connection, record: str
) -> Iterator[list[EventLine]] | Iterator[list[Fields]]:
    """Yield the lines of one kind, a page at a time."""
    if record == "event":
        return _read_events(connection)
    kind = EXCHANGED_TABLES[record]
    if record == "party":
        pages = _read_parties(connection)
    elif record == "statement":
        pages = _read_statements(connection)
    elif record in ("key", "story"):
        pages = _read_in_order(connection, kind, sorted(connection.scalars(select(kind.key))))
    else:
        pages = (
            [serialize_row(kind, row._mapping) for row in rows]
            for rows in _read_pages(connection, select(*kind.selected), kind.key)
        )
    if record in export_format.SUBJECTS:
        return (_add_events(connection, record, page) for page in pages)
    return pages


def _add_events(connection: Connection, record: str, page: list[Fields]) -> list[Fields]:
    """Give each thing of a page the events of its own record."""
    key = EXCHANGED_TABLES[record].key.name
    events_of: dict[object, list[ThingEvent]] = {line[key]: [] for line in page}
    query = select(*EVENT_COLUMNS).where(
        events.c.kind == export_format.SUBJECTS[record].value, events.c.subject.in_(events_of)
    )
    for row in connection.execute(query.order_by(events.c.subject, events.c.number)):
        events_of[row.subject].append(_describe_event(row))
    if record == "use":
        return [line | export_uses.withhold_contact(events_of[line[key]]) for line in page]
    return [line | {"events": events_of[line[key]]} for line in page]


def _read_in_order(
    connection: Connection, kind: ExchangedTable, keys: Sequence[str]
) -> Iterator[list[Fields]]:
    """Yield the rows of these keys, in this order.

    Keys that people chose are sorted in Python: each database sorts texts by rules of its own.
    """
    for start in range(0, len(keys), PAGE):
        page = keys[start : start + PAGE]
        rows = connection.execute(select(*kind.selected).where(kind.key.in_(page)))
        by_key = {row[0]: serialize_row(kind, row._mapping) for row in rows}
        yield [by_key[key] for key in page]


def _read_parties(connection: Connection) -> Iterator[list[Fields]]:
    """Yield parties with their versions, parents before those below them."""
    rows = connection.execute(select(parties.c.slug, parties.c.parent))
    parent_of: dict[str, str | None] = {row.slug: row.parent for row in rows}

    def depth(slug: str) -> int:
        parent = parent_of[slug]
        return 0 if parent is None else 1 + depth(parent)

    version = party_versions.c
    slugs = sorted(parent_of, key=lambda slug: (depth(slug), slug))
    for page in _read_in_order(connection, PARTY, slugs):
        versions_of: dict[object, list[Fields]] = {party["slug"]: [] for party in page}
        query = select(*PARTY_VERSION.selected, version.slug).where(version.slug.in_(versions_of))
        for row in connection.execute(query.order_by(version.slug, version.recorded_at)):
            versions_of[row.slug].append(serialize_row(PARTY_VERSION, row._mapping))
        yield [party | {"versions": versions_of[party["slug"]]} for party in page]


def _read_statements(connection: Connection) -> Iterator[list[Fields]]:
    for rows in _read_pages(connection, select(*STATEMENT.selected), STATEMENT.key):
        of_page = quotes.c.statement.between(rows[0].id, rows[-1].id)
        yield describe_statements(connection, rows, of_page)


def _read_events(connection: Connection) -> Iterator[list[EventLine]]:
    """Yield claims' events in the order in which they were written, whatever their numbers are."""
    query = select(events.c.seq, *EVENT_COLUMNS).where(events.c.claim.is_not(None))
    for rows in _read_pages(connection, query, events.c.seq):
        yield [{"id": row.id, "claim": row.claim, **_describe_event(row)} for row in rows]


def _describe_event(row: Row[Any]) -> ThingEvent:
    try:
        event: ThingEvent = {
            "id": row.id,
            "number": row.number,
            "type": row.type,
            "recorded_at": format_instant(row.recorded_at),
            "actor": orjson.loads(row.actor),
            "data": orjson.loads(row.data),
            "previous_hash": row.previous_hash,
            "hash": row.hash,
        }
        if row.salts is not None:
            event["salts"] = orjson.loads(row.salts)
    except orjson.JSONDecodeError as error:
        raise Conflict(
            f"Event {row.number} of {row.claim or row.subject} is no JSON: the record was "
            "tampered with.  See: claimdesk verify"
        ) from error
    return event
