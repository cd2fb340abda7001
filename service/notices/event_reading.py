"""Reads the record for notices: what was recorded since, in order, and the changes of one claim."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, select

from service.domain.subjects import SubjectKind
from service.notices.notice_sentences import ClaimEvent
from service.record.tail import SETTLED
from service.store.tables import events, notice_position

MOST_EVENTS = 500
"""Events that are looked at in one turn."""
TOLD_OF = (SubjectKind.CLAIM.value, SubjectKind.NOTE.value)
COLUMNS = (
    *(events.c.seq, events.c.kind, events.c.claim, events.c.subject, events.c.number),
    *(events.c.type, events.c.recorded_at, events.c.actor, events.c.data, events.c.story),
)


class Stretch(NamedTuple):
    """A stretch of the record: its events, and the number that was looked at last."""

    rows: Sequence[Any]
    until: int


def read_position(connection: Connection, *, lock: bool = False) -> int:
    """Return the number of the last event of which everybody was told, or is about to be."""
    query = select(notice_position.c.seq).where(notice_position.c.id == 1)
    position: int = connection.execute(query.with_for_update() if lock else query).scalar_one()
    return position


def read_stretch(connection: Connection, after: int) -> Stretch:
    """Read the settled events (record/tail.py) behind the number `after`."""
    query = select(*COLUMNS).where(events.c.seq > after).order_by(events.c.seq).limit(MOST_EVENTS)
    if connection.dialect.name != "sqlite":
        # In a statement before the rows, which are of all that was committed until then.
        last_settled = connection.execute(select(SETTLED)).scalar_one()
        query = query.where(events.c.seq <= last_settled)
    rows = connection.execute(query).all()
    return Stretch([row for row in rows if row.kind in TOLD_OF], rows[-1].seq if rows else after)


def read_claim_events(
    connection: Connection, claim: str, first: int, last: int
) -> list[ClaimEvent]:
    """Read the events of a claim from one number to another."""
    query = select(*COLUMNS).where(
        events.c.claim == claim, events.c.seq >= first, events.c.seq <= last
    )
    return attribute(connection.execute(query.order_by(events.c.seq)).all())


def attribute(rows: Sequence[Any]) -> list[ClaimEvent]:
    """Return events of claims, with those that a rule made attributed to whoever acted in the same
    transaction: it has one instant."""
    causes: dict[Any, str] = {}
    read_events = []
    for row in rows:
        actor = orjson.loads(row.actor)
        if "id" in actor:
            causes[row.recorded_at] = actor["id"]
        if row.claim is None:
            continue
        event = ClaimEvent(
            seq=row.seq,
            claim=row.claim,
            number=row.number,
            type=row.type,
            recorded_at=row.recorded_at,
            actor=actor,
            data=orjson.loads(row.data),
            story=row.story,
        )
        read_events.append(event)
    return [
        replace(event, caused_by=event.actor.get("id") or causes.get(event.recorded_at))
        for event in read_events
    ]
