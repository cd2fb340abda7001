"""Reads a story's matrix: its claims by its root parties, now and as of an instant.

A claim that has not changed since the instant is read as it is stored; one that has is folded from
its record, because copies of all links for every version would grow with their square
(docs/decisions/0009-stories-and-as-of.md).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, literal, select, union_all

from service.claims.history_queries import parse_event
from service.domain import history, holds
from service.domain.claims import ClaimState, format_instant
from service.domain.names import normalize_letters
from service.store import states
from service.store.paging import Window
from service.store.snapshot import hold_snapshot
from service.store.tables import claims, events, links
from service.stories import matrix
from service.stories.matrix_views import MatrixExcerpt, MatrixPartyView
from service.stories.story_queries import (
    choose_link_party,
    find_story,
    select_claims,
    select_parties,
)


@dataclass(frozen=True, slots=True)
class ClaimPosition:
    """The position of a claim in its story: the topmost claim that it is part of, the earliest
    claimed first; of an unknown hour, at the end of its day."""

    claim: str
    top: tuple[datetime, str]

    def keys(self) -> list[Any]:
        return [format_instant(self.top[0]), self.top[1], self.claim]


def read_matrix(
    connection: Connection, slug: str, *, moment: datetime | None, window: Window
) -> tuple[MatrixExcerpt, list[Any] | None]:
    """Read a page of the matrix, and the sort keys of its last claim if another page follows.

    Raises NotFound, NotYetRecorded.
    """
    with hold_snapshot(connection):
        story = find_story(connection, slug, moment)
        rows = connection.execute(select_claims(slug, moment)).all()
        order = _arrange_claims(rows)
        begin = _find_page_start(order, window.after)
        positions = order[begin : begin + window.limit]
        states = read_states(connection, [position.claim for position in positions], moment)
        excerpt: MatrixExcerpt = {
            "story": {"slug": story.slug, "title": story.title},
            "as_of": None if moment is None else format_instant(moment),
            "parties": _list_parties(connection, slug, moment),
            "claims": [matrix.build_row(states[position.claim]) for position in positions],
        }
    return excerpt, positions[-1].keys() if begin + len(positions) < len(order) else None


def read_states(
    connection: Connection, claim_ids: Collection[str], moment: datetime | None
) -> dict[str, ClaimState]:
    """Read claims as they are, or as the desk knew them at `moment`.  Runs two queries."""
    query = select(claims.c.id, states.select_whole(claims)).where(claims.c.id.in_(claim_ids))
    if moment is not None:
        query = query.where(claims.c.changed_at <= moment)
    states_by_id = {row.id: states.parse(row.state) for row in connection.execute(query).all()}
    if moment is None:
        return states_by_id
    changed_states = (
        select(events)
        .where(
            events.c.claim.in_(
                [claim_id for claim_id in claim_ids if claim_id not in states_by_id]
            ),
            events.c.recorded_at <= moment,
        )
        .order_by(events.c.claim, events.c.number)
    )
    for claim, rows in groupby(
        connection.execute(changed_states).all(), key=lambda row: str(row.claim)
    ):
        state = history.fold(claim, map(parse_event, rows))
        assert state is not None
        states_by_id[claim] = state
    return {claim: holds.drop_due_hold(state, moment) for claim, state in states_by_id.items()}


def _arrange_claims(rows: Iterable[Any]) -> list[ClaimPosition]:
    """Arrange every claim with its components below it; a component of a claim elsewhere stands
    alone."""
    sort_keys = {row.id: (row.claimed_end, row.id) for row in rows}
    below: Mapping[str | None, list[Any]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: sort_keys[row.id], reverse=True):
        below[row.part_of if row.part_of in sort_keys else None].append(row)
    order: list[ClaimPosition] = []
    waiting = [(row.id, sort_keys[row.id]) for row in below[None]]
    while waiting:
        claim, top = waiting.pop()
        order.append(ClaimPosition(claim, top))
        waiting += [(row.id, top) for row in below[claim]]
    return order


def _find_page_start(order: list[ClaimPosition], after: list[Any] | None) -> int:
    """Find where the page after the claim with these keys begins.

    If that claim was merged meanwhile, the claim that it was part of is shown again rather than
    missed.
    """
    if after is None:
        return 0
    moment, top, claim = after
    begin = datetime.fromisoformat(moment), top
    for position, each in enumerate(order):
        if each.claim == claim:
            return position + 1
    return sum(position.top < begin for position in order)


def _list_parties(
    connection: Connection, slug: str, moment: datetime | None
) -> list[MatrixPartyView]:
    """List the story's root parties: those with most claims first, then by name."""
    place, of_story = select_parties(moment), select_claims(slug, moment).subquery()
    claimants = (
        select(place.c.root, func.count().label("claims"))
        .select_from(of_story)
        .join(place, of_story.c.claimant == place.c.slug)
        .group_by(place.c.root)
    )
    voices = (
        select(place.c.root, literal(0).label("claims"))
        .select_from(links)
        .join(of_story, of_story.c.id == links.c.claim)
        .join(place, choose_link_party(moment) == place.c.slug)
        .distinct()
    )
    if moment is not None:
        voices = voices.where(links.c.recorded_at <= moment)
    all_voices, root = union_all(claimants, voices).subquery(), select_parties(moment)
    rows = connection.execute(
        select(all_voices.c.root, root.c.name, func.sum(all_voices.c.claims).label("claims"))
        .join(root, root.c.slug == all_voices.c.root)
        .group_by(all_voices.c.root, root.c.name)
    ).all()
    columns: list[MatrixPartyView] = [
        {"slug": row.root, "name": row.name, "claims": int(row.claims)} for row in rows
    ]
    return sorted(
        columns,
        key=lambda party: (-party["claims"], normalize_letters(party["name"]), party["slug"]),
    )
