"""Read the fields of claims as the desk knew them at an instant."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, select

from service.domain import history
from service.domain.claims import ClaimState
from service.domain.history import Event
from service.search.index import field_sources, searchable_fields
from service.search.index.searchable_fields import Field, FieldSources
from service.store import states
from service.store.tables import claims, events


class KnownClaims(NamedTuple):
    """Claims as they were known at an instant."""

    states: list[ClaimState]
    sources: FieldSources


def read_as_of(connection: Connection, claim_ids: Sequence[str], moment: datetime) -> KnownClaims:
    """Return claims as the desk knew them at `moment`: four queries however many.

    Nobody records what a party's full name was before: one that has changed since is left out.
    """
    claim_states = _read_states(connection, claim_ids, moment)
    return KnownClaims(
        claim_states, field_sources.read_sources(connection, claim_states, as_of=moment)
    )


def read_fields_as_of(
    connection: Connection, claim_ids: Sequence[str], moment: datetime
) -> dict[str, list[Field]]:
    """Return the fields of claims as the desk knew them at `moment`."""
    claims_then = read_as_of(connection, claim_ids, moment)
    return {
        state.id: list(searchable_fields.read_claim(state, claims_then.sources))
        for state in claims_then.states
    }


def _read_states(
    connection: Connection, claim_ids: Sequence[str], moment: datetime
) -> list[ClaimState]:
    rows = connection.execute(
        select(claims.c.id, claims.c.changed_at, states.select_whole(claims)).where(
            claims.c.id.in_(claim_ids)
        )
    ).all()
    claim_states = [states.parse(row.state) for row in rows if row.changed_at <= moment]
    changed_since = [row.id for row in rows if row.changed_at > moment]
    if not changed_since:
        return claim_states
    lines = connection.execute(
        select(events)
        .where(events.c.claim.in_(changed_since), events.c.recorded_at <= moment)
        .order_by(events.c.claim, events.c.number)
    ).all()
    for claim, of_claim in groupby(lines, key=attrgetter("claim")):
        state = history.fold(
            claim,
            (
                Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))
                for line in of_claim
            ),
        )
        if state is not None:
            claim_states.append(state)
    return claim_states
