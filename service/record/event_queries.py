"""Reads the events of all claims in one sequence, for polls and streams."""

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    not_,
    or_,
    select,
    union_all,
)

from service.domain import disclosure
from service.domain.access import Audience
from service.domain.claims import format_instant
from service.domain.errors import EpochEnded
from service.domain.positions import START_AGAIN
from service.record.canonical import read_salts
from service.record.tail import NEWEST_OF_ALL, newest
from service.store.tables import events


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event of a claim as it is recorded, with `actor`, `data` and `salts` as JSON."""

    seq: int
    number: int
    claim: str
    story: str | None
    type: str
    recorded_at: str
    actor: str
    data: str
    previous_hash: str
    hash: str
    salts: str | None = None

    def to_data(self) -> dict[str, Any]:
        """Return the event as plain data, which must be redacted before it is served."""
        return {
            "seq": self.seq,
            "number": self.number,
            "claim": self.claim,
            "story": self.story,
            "type": self.type,
            "recorded_at": self.recorded_at,
            "actor": orjson.loads(self.actor),
            "data": orjson.loads(self.data),
            "previous_hash": self.previous_hash,
            "hash": self.hash,
            "salts": read_salts(self.salts),
        }


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted: those that match every filter that is set."""

    types: frozenset[str] = frozenset()
    story: str | None = None
    claim: str | None = None
    internal: bool = True
    """Whether internal events are among them.  Only `list_events_after` looks at it, so that the
    end of a page does not reveal what is left out."""

    def matches(self, line: RecordedEvent) -> bool:
        return (
            (not self.types or line.type in self.types)
            and (self.story is None or line.story == self.story)
            and (self.claim is None or line.claim == self.claim)
        )


NO_FILTER = EventFilter()
OF_CLAIMS = events.c.claim.is_not(None)
"""Only the events of claims are listed.  They say what a claim shows of other subjects."""


def list_events_after(
    connection: Connection, *, after: int, limit: int, event_filter: EventFilter = NO_FILTER
) -> tuple[list[RecordedEvent], int]:
    """Return the events numbered above `after`, in order, and the number to go on from.

    It stops before the first number that a concurrent writer might still commit, so that a reader
    who goes on from there misses nothing (record/tail.py).  If fewer than `limit` are left, that is
    the number of the newest event of all, so that events that do not match are passed over once.

    Raises EpochEnded for a number that the record has not reached: the database was replaced.
    """
    highest = newest(connection)
    if highest <= after:
        if after > highest and after > read_last_number(connection):
            raise EpochEnded(START_AGAIN)
        return [], after
    rows = [
        _read_row(row)
        for row in connection.execute(_build_query(after, highest, limit, event_filter))
    ]
    return rows, rows[-1].seq if len(rows) == limit else highest


def list_newest(connection: Connection, *, limit: int) -> tuple[list[RecordedEvent], int]:
    """Return the newest events, in order, and the number of the newest; 0 if there is none."""
    highest = newest(connection)
    query = select(events).where(OF_CLAIMS, events.c.seq <= highest)
    query = query.order_by(events.c.seq.desc())
    rows = [_read_row(row) for row in connection.execute(query.limit(limit))]
    return rows[::-1], highest


def read_last_number(connection: Connection) -> int:
    """Return the number of the newest event, settled or not; 0 if there is none."""
    return connection.execute(NEWEST_OF_ALL).scalar_one()


def _build_query(after: int, highest: int, limit: int, event_filter: EventFilter) -> Select[Any]:
    """Build the query of `list_events_after`.

    Types and stories are in its text and not among its parameters: PostgreSQL makes one plan for
    all parameters of a repeated query, and would look for a rare type through all events."""
    query = select(events).where(OF_CLAIMS, events.c.seq > after, events.c.seq <= highest)
    if not event_filter.internal:
        query = query.where(is_disclosed())
    if event_filter.claim is not None:
        query = query.where(events.c.claim == event_filter.claim)
    if event_filter.story is not None:
        query = query.where(events.c.story == _literal(event_filter.story))
    if len(event_filter.types) > 1 and event_filter.claim is None and event_filter.story is None:
        # A range of the index for each type: otherwise all events are searched for a rare type.
        ranges = (
            query.where(events.c.type == _literal(type)).order_by(events.c.seq).limit(limit)
            for type in sorted(event_filter.types)
        )
        query = select(union_all(*(select(part.subquery()) for part in ranges)).subquery())
    elif event_filter.types:
        query = query.where(events.c.type.in_(map(_literal, sorted(event_filter.types))))
    return query.order_by(query.selected_columns.seq).limit(limit)


def is_disclosed() -> ColumnElement[bool]:
    """Return the SQL condition that others than the desk may read something of an event.

    It is `not disclosure.is_internal`.  Data is canonical JSON, in which quotes are escaped.
    """
    is_amendment = events.c.type == _literal("claim.amended")
    return and_(
        events.c.type.in_(map(_literal, sorted(disclosure.EVENT_FIELDS))),
        or_(
            not_(is_amendment),
            *(events.c.data.like(f'%"{name}":%') for name in disclosure.AMENDED_FOR_ALL),
        ),
    )


def is_exposed() -> ColumnElement[bool]:
    """Return the SQL condition that an event's hash could reveal what is withheld from others.

    That is so if an earlier release recorded it without a commitment: others could try all that it
    may be.  The name of the actor does not count: it was hashed with an id that nobody can guess.
    """
    conditions = [and_(not_(is_disclosed()), _lacks_salt())]
    for type, fields in disclosure.EVENT_FIELDS.items():
        for path in (path for path, lowest in fields.items() if lowest is Audience.DESK):
            name = path.rpartition(".")[2]
            is_recorded = events.c.data.like(f'%"{name}":%')
            if name.endswith("note"):
                # That there is no note is not withheld; that nobody is assigned is.
                is_recorded = events.c.data.like(f'%"{name}":"%')
            conditions.append(and_(events.c.type == _literal(type), is_recorded, _lacks_salt(path)))
    return or_(*conditions)


def _lacks_salt(*paths: str) -> ColumnElement[bool]:
    """Return the condition that neither all data nor a value at these paths is a commitment."""
    salt_conditions = [events.c.salts.like('%"data":%')]
    salt_conditions += [
        events.c.salts.like(f'%"data.{path.replace("*", "%")}":%') for path in paths
    ]
    return or_(events.c.salts.is_(None), not_(or_(*salt_conditions)))


def _literal(text: str) -> BindParameter[str]:
    return bindparam(None, text, literal_execute=True)


def _read_row(row: Row[Any]) -> RecordedEvent:
    return RecordedEvent(
        seq=row.seq,
        number=row.number,
        claim=row.claim,
        story=row.story,
        type=row.type,
        recorded_at=format_instant(row.recorded_at),
        actor=row.actor,
        data=row.data,
        previous_hash=row.previous_hash,
        hash=row.hash,
        salts=row.salts,
    )
