"""Everything a desk knows, read in one snapshot and written line by line (docs/exchange.md).

Rows come in pages by key, so that a million claims take no more memory than a thousand.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, func, select

from service.domain.claims import rfc3339
from service.domain.errors import Conflict
from service.domain.subjects import SubjectKind
from service.exchange import csv, format
from service.store.row_data import (
    PARTY,
    PARTY_VERSION,
    QUOTE,
    STATEMENT,
    STORY,
    THINGS,
    Exchanged,
    plain,
)
from service.store.snapshot import hold_snapshot
from service.store.tables import claims, events, parties, party_versions, quotes

PAGE = 1_000
Write = Callable[[bytes], object]
Progress = Callable[[int, int], None] | None
Page = list[dict[str, Any]]


def dump(connection: Connection, write: Write, *, progress: Progress = None) -> dict[str, int]:
    """Write the whole desk as it is at one instant; gives how many lines of each kind there are.

    For `Database.read`.  `progress` is told now and then how many lines are written, and of how
    many.  Raises Conflict for an event that is no JSON.
    """
    with hold_snapshot(connection):
        total = _count(connection, events, events.c.claim.is_not(None))
        total += sum(_count(connection, kind.table) for kind in THINGS.values())
        counts: Counter[str] = Counter()
        digest = sha256()

        def put(data: bytes) -> None:
            digest.update(data)
            write(data)

        put(format.header())
        for record in format.RECORDS:
            for page in PAGES[record](connection):
                put(b"".join(format.line(record, values) for values in page))
                counts[record] += len(page)
                if progress is not None:
                    progress(counts.total(), total)
        write(format.trailer(counts, digest.hexdigest()))
        return {record: counts[record] for record in format.RECORDS}


def _count(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()


def pages(connection: Connection, query: Select[Any], key: Any) -> Iterator[Sequence[Row[Any]]]:
    """The rows of `query` in the order of `key`, a page at a time."""
    query = query.order_by(key).limit(PAGE)
    rows = connection.execute(query).all()
    while rows:
        yield rows
        rows = connection.execute(query.where(key > rows[-1]._mapping[key.name])).all()


def _by_key(record: str) -> Callable[[Connection], Iterator[Page]]:
    kind = THINGS[record]

    def read(connection: Connection) -> Iterator[Page]:
        for rows in pages(connection, select(*kind.selected), kind.key):
            yield [plain(kind, row._mapping) for row in rows]

    return read


def _with_events(
    kind: SubjectKind, read: Callable[[Connection], Iterator[Page]]
) -> Callable[[Connection], Iterator[Page]]:
    """What `read` gives, each thing with the events of its own record."""

    def read_both(connection: Connection) -> Iterator[Page]:
        for page in read(connection):
            keys = [next(iter(values.values())) for values in page]
            chains: dict[str, Page] = {key: [] for key in keys}
            query: Select[Any] = select(*_columns(format.EVENT_OF_THING), events.c.subject)
            query = query.where(events.c.kind == kind.value, events.c.subject.in_(keys))
            for row in connection.execute(query.order_by(events.c.subject, events.c.number)):
                chains[row.subject].append(_event(row, format.EVENT_OF_THING))
            yield [values | {"events": chains[key]} for key, values in zip(keys, page, strict=True)]

    return read_both


def _ordered(connection: Connection, kind: Exchanged, keys: Sequence[str]) -> Iterator[Page]:
    """The rows of these keys, in this order.

    Keys that people made are put in order here: databases sort texts by rules of their own.
    """
    for some in (keys[at : at + PAGE] for at in range(0, len(keys), PAGE)):
        rows = connection.execute(select(*kind.selected).where(kind.key.in_(some)))
        found = {row[0]: plain(kind, row._mapping) for row in rows}
        yield [found[key] for key in some]


def _keys(connection: Connection) -> Iterator[Page]:
    kind = THINGS["key"]
    return _ordered(connection, kind, sorted(connection.scalars(select(kind.key))))


def _stories(connection: Connection) -> Iterator[Page]:
    return _ordered(connection, STORY, sorted(connection.scalars(select(STORY.key))))


def _parties(connection: Connection) -> Iterator[Page]:
    """Parents before those below them."""
    parent = {
        row.slug: row.parent for row in connection.execute(select(parties.c.slug, parties.c.parent))
    }

    def depth(slug: str) -> int:
        above = parent[slug]
        return 0 if above is None else 1 + depth(above)

    ordered = sorted(parent, key=lambda slug: (depth(slug), slug))
    then = party_versions.c
    for page in _ordered(connection, PARTY, ordered):
        past: dict[str, Page] = {one["slug"]: [] for one in page}
        for row in connection.execute(
            select(*PARTY_VERSION.selected, then.slug)
            .where(then.slug.in_(list(past)))
            .order_by(then.slug, then.recorded_at)
        ):
            past[row.slug].append(plain(PARTY_VERSION, row._mapping))
        yield [one | {"versions": past[one["slug"]]} for one in page]


def _statements(connection: Connection) -> Iterator[Page]:
    for rows in pages(connection, select(*STATEMENT.selected), STATEMENT.key):
        first, last = rows[0].id, rows[-1].id
        said: dict[str, Page] = {row.id: [] for row in rows}
        for quote in connection.execute(
            select(*QUOTE.selected, quotes.c.statement)
            .where(quotes.c.statement.between(first, last))
            .order_by(quotes.c.statement, quotes.c.position)
        ):
            said[quote.statement].append(plain(QUOTE, quote._mapping))
        yield [plain(STATEMENT, row._mapping) | {"quotes": said[row.id]} for row in rows]


def _events(connection: Connection) -> Iterator[Page]:
    """The record in the order in which it was written, whatever the numbers here are."""
    query = select(events.c.seq, *_columns(format.EVENT)).where(events.c.claim.is_not(None))
    for rows in pages(connection, query, events.c.seq):
        yield [_event(row, format.EVENT) for row in rows]


def _columns(names: Sequence[str]) -> list[Column[Any]]:
    return [*(events.c[name] for name in names), events.c.salts]


def _event(row: Row[Any], names: Sequence[str]) -> dict[str, Any]:
    try:
        actor, data = orjson.loads(row.actor), orjson.loads(row.data)
        salts = {} if row.salts is None else {"salts": orjson.loads(row.salts)}
    except orjson.JSONDecodeError as error:
        about = row._mapping.get("claim") or row._mapping.get("subject")
        raise Conflict(
            f"Event {row.number} of {about} is no JSON: the record was tampered with.  "
            "See: claimdesk verify"
        ) from error
    said = {name: row._mapping[name] for name in names}
    return said | {"recorded_at": rfc3339(row.recorded_at), "actor": actor, "data": data} | salts


PAGES: dict[str, Callable[[Connection], Iterator[Page]]] = {
    "user": _by_key("user"),
    "key": _keys,
    "party": _with_events(SubjectKind.PARTY, _parties),
    "speaker": _with_events(SubjectKind.SPEAKER, _by_key("speaker")),
    "source": _with_events(SubjectKind.SOURCE, _by_key("source")),
    "story": _with_events(SubjectKind.STORY, _stories),
    "statement": _with_events(SubjectKind.STATEMENT, _statements),
    "event": _events,
    "note": _with_events(SubjectKind.NOTE, _by_key("note")),
}


def sheet(
    connection: Connection, write: Write, *, bom: bool = False, progress: Progress = None
) -> int:
    """Write every claim as a line of a spreadsheet, as they are at one instant; gives how many.

    For `Database.read`.
    """
    with hold_snapshot(connection):
        total, done = _count(connection, claims), 0
        write((csv.BOM if bom else b"") + csv.lines([csv.COLUMNS]))
        for rows in pages(connection, select(claims.c.id, claims.c.document), claims.c.id):
            write(csv.lines(csv.claim(orjson.loads(row.document)) for row in rows))
            done += len(rows)
            if progress is not None:
                progress(done, total)
        return done
