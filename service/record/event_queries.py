"""The record of all claims as one sequence: what polls and streams are answered from."""

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
from service.domain.claims import format_instant
from service.domain.disclosure import Audience
from service.domain.errors import EpochEnded
from service.domain.history import AMENDABLE
from service.domain.positions import START_AGAIN
from service.record.canonical import read_salts
from service.record.tail import NEWEST_OF_ALL, newest
from service.store.tables import events


@dataclass(frozen=True, slots=True)
class Line:
    """One event as it is recorded, with `actor`, `data` and `salts` as JSON."""

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

    def shape(self) -> dict[str, Any]:
        """The event as plain data, to be redacted before it is served."""
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
class Wanted:
    """Which events: those that fit every filter that is set."""

    types: frozenset[str] = frozenset()
    story: str | None = None
    claim: str | None = None
    internal: bool = True
    """Whether the desk's own are among them.  Only `tail` looks at it: how far a page goes must not
    tell of what is left out of it."""

    def fits(self, line: Line) -> bool:
        return (
            (not self.types or line.type in self.types)
            and (self.story is None or line.story == self.story)
            and (self.claim is None or line.claim == self.claim)
        )


EVERYTHING = Wanted()
OF_CLAIMS = events.c.claim.is_not(None)
"""What is told of: a claim's own events say what of other subjects it shows."""


def tail(
    connection: Connection, *, after: int, limit: int, wanted: Wanted = EVERYTHING
) -> tuple[list[Line], int]:
    """Events numbered above `after`, in order, and the number to go on from.

    Stops before the first number that a concurrent writer might still commit, so that whoever goes
    on from the given number misses nothing (record/tail.py).  Where no more than `limit` are left,
    it is the number of the newest event of all: what does not fit is passed over once.

    Raises EpochEnded for a number that the record has not come to: it was put back by hand.
    """
    highest = newest(connection)
    if highest <= after:
        if after > highest and after > last(connection):
            raise EpochEnded(START_AGAIN)
        return [], after
    lines = [_line(row) for row in connection.execute(_between(after, highest, limit, wanted))]
    return lines, lines[-1].seq if len(lines) == limit else highest


def latest(connection: Connection, *, limit: int) -> tuple[list[Line], int]:
    """The newest events, in order, and the number of the newest; 0 where there is none."""
    highest = newest(connection)
    query = select(events).where(OF_CLAIMS, events.c.seq <= highest)
    query = query.order_by(events.c.seq.desc())
    lines = [_line(row) for row in connection.execute(query.limit(limit))]
    return lines[::-1], highest


def last(connection: Connection) -> int:
    """The number of the newest event there is, settled or not; 0 where there is none."""
    return connection.execute(NEWEST_OF_ALL).scalar_one()


def _between(after: int, highest: int, limit: int, wanted: Wanted) -> Select[Any]:
    """Types and stories stand in the text of the query, not among its parameters: PostgreSQL plans
    a repeated query for any parameter, and would look for a rare type through all events."""
    query = select(events).where(OF_CLAIMS, events.c.seq > after, events.c.seq <= highest)
    if not wanted.internal:
        query = query.where(disclosed())
    if wanted.claim is not None:
        query = query.where(events.c.claim == wanted.claim)
    if wanted.story is not None:
        query = query.where(events.c.story == _literal(wanted.story))
    if len(wanted.types) > 1 and wanted.claim is None and wanted.story is None:
        # A range of the index for each type: rare ones would otherwise be looked for everywhere.
        ranges = (
            query.where(events.c.type == _literal(type)).order_by(events.c.seq).limit(limit)
            for type in sorted(wanted.types)
        )
        query = select(union_all(*(select(one.subquery()) for one in ranges)).subquery())
    elif wanted.types:
        query = query.where(events.c.type.in_(map(_literal, sorted(wanted.types))))
    return query.order_by(query.selected_columns.seq).limit(limit)


def disclosed() -> ColumnElement[bool]:
    """Whether others than the desk may read anything of an event: `not disclosure.is_internal`.

    Data is canonical JSON: no text in it has a quote that is not escaped.
    """
    amended = events.c.type == _literal("claim.amended")
    fields = disclosure.EVENT_FIELDS["claim.amended"]
    public = [name for name in AMENDABLE if fields.get(name) is not Audience.DESK]
    return and_(
        events.c.type.in_(map(_literal, sorted(disclosure.EVENT_FIELDS))),
        or_(not_(amended), *(events.c.data.like(f'%"{name}":%') for name in public)),
    )


def exposed() -> ColumnElement[bool]:
    """Whether an event's hash would tell others than the desk what is withheld from them, if they
    tried all that it may be: an earlier release recorded that without a commitment.

    The name of who acted is not counted: it was hashed with an id that nobody can guess.
    """
    hidden = [and_(not_(disclosed()), _lacks_salt())]
    for type, fields in disclosure.EVENT_FIELDS.items():
        for path in (path for path, lowest in fields.items() if lowest is Audience.DESK):
            name = path.rpartition(".")[2]
            told = events.c.data.like(f'%"{name}":%')
            if name.endswith("note"):
                # No note is nothing that is withheld; nobody assigned is.
                told = events.c.data.like(f'%"{name}":"%')
            hidden.append(and_(events.c.type == _literal(type), told, _lacks_salt(path)))
    return or_(*hidden)


def _lacks_salt(*paths: str) -> ColumnElement[bool]:
    """Whether what an event's data has at any of these paths is hashed as it is: neither all data
    nor that place is a commitment."""
    salted = [events.c.salts.like('%"data":%')]
    salted += [events.c.salts.like(f'%"data.{path.replace("*", "%")}":%') for path in paths]
    return or_(events.c.salts.is_(None), not_(or_(*salted)))


def _literal(text: str) -> BindParameter[str]:
    return bindparam(None, text, literal_execute=True)


def _line(row: Row[Any]) -> Line:
    return Line(
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
