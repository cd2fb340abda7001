"""Reads what corrections make of a story's entries: which story they are in, and when it was said.

Events keep the story and the hour that they were recorded with; what was corrected by an instant is
read beside them, so that a timeline as of an instant shows what the desk believed then.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, and_, case, func, or_, select

from service.claims.history_queries import parse_event
from service.domain import history
from service.store.tables import events

Changes = list[tuple[int, Mapping[str, Any]]]
"""What corrections say of an instant, oldest first, each with its number in the claim's history."""
CORRECTIONS = ("claim.corrected", "statement.corrected")


class MovedClaims(NamedTuple):
    """The claims that corrections moved into a story and out of it, as subqueries of their ids."""

    into: Select[Any]
    out: Select[Any]


class CorrectedEntry(NamedTuple):
    """An event whose instant was corrected, as it should have been recorded."""

    row: Row[Any]
    event: history.Event

    @property
    def said_end(self) -> datetime:
        end = history.read_said_end(self.event)
        assert end is not None
        return end


def select_moved_claims(slug: str, moment: datetime | None) -> MovedClaims:
    """Select the claims whose last correction that names the story has them in it, or not."""
    naming = events.alias()
    last = select(naming.c.claim, func.max(naming.c.number).label("number")).where(
        naming.c.type == "claim.corrected",
        naming.c.claim.is_not(None),
        # Data is canonical JSON, in which the quotes of a text are escaped.
        naming.c.data.contains(f'"story":"{slug}"', autoescape=True),
    )
    if moment is not None:
        last = last.where(naming.c.recorded_at <= moment)
    newest, correction = last.group_by(naming.c.claim).subquery(), events.alias()
    moved_claims = select(correction.c.claim).join(
        newest,
        and_(correction.c.claim == newest.c.claim, correction.c.number == newest.c.number),
    )
    # Not a bare condition, which an index of all that happened in the story would answer.
    is_inside = case((correction.c.story == slug, 1), else_=0)
    return MovedClaims(moved_claims.where(is_inside == 1), moved_claims.where(is_inside == 0))


def read_corrected_entries(
    connection: Connection, slug: str, moved_claims: MovedClaims, moment: datetime | None
) -> dict[int, CorrectedEntry]:
    """Read the entries of the story whose instants were corrected, by `seq`.

    Runs one query, and another where there are any.
    """
    query = select(events).where(
        events.c.type.in_(CORRECTIONS),
        events.c.claim.is_not(None),
        or_(
            and_(events.c.story == slug, events.c.claim.not_in(moved_claims.out)),
            events.c.claim.in_(moved_claims.into),
        ),
    )
    creations = select(events)
    if moment is not None:
        query = query.where(events.c.recorded_at <= moment)
        creations = creations.where(events.c.recorded_at <= moment)
    changes: dict[tuple[str, str | None], Changes] = defaultdict(list)
    for row in connection.execute(query.order_by(events.c.claim, events.c.number)).all():
        data = parse_event(row).data
        after = {
            name: data["after"][name]
            for name in ("claimed_at", "said_at", "precision")
            if name in data["after"]
        }
        if after:
            changes[row.claim, data.get("statement")].append((row.number, after))
    if not changes:
        return {}
    creations = creations.where(
        events.c.claim.in_({claim for claim, _ in changes}),
        events.c.type.in_(("claim.created", "link.created")),
    )
    return {
        row.seq: CorrectedEntry(row, event)
        for row in connection.execute(creations).all()
        if (event := _correct_event(row, changes)) is not None
    }


def _correct_event(
    row: Row[Any], changes: Mapping[tuple[str, str | None], Changes]
) -> history.Event | None:
    """Return an event with the instant that was said to be right after it; None if none was."""
    event = parse_event(row)
    link = event.data["link"] if event.type == "link.created" else None
    right = {
        name: value
        for number, after in changes.get((row.claim, link and link["statement"]), ())
        if number > event.number
        for name, value in after.items()
    }
    if not right:
        return None
    corrected_data = {**event.data, **right} if link is None else {"link": {**link, **right}}
    return replace(event, data={**event.data, **corrected_data})
