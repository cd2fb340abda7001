"""What claims are found by: their statements' renderings and their parties' full names, now or as
the desk knew them at an instant."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import Connection, select

from service.domain import history
from service.domain.claims import ClaimState
from service.domain.history import Event
from service.domain.search import Field
from service.search.index import terms
from service.search.index.terms import Quoted
from service.store import states
from service.store.tables import claims, events, parties, quotes


@dataclass(frozen=True, slots=True)
class Known:
    """Renderings by statement, full names by party."""

    quotes: Mapping[str, Sequence[Quoted]]
    full_names: Mapping[str, str]


NOTHING = Known({}, {})


def now(connection: Connection, states: Collection[ClaimState]) -> Known:
    """What the words of these claims need: two queries however many."""
    return _known(connection, states, [], [])


def then(
    connection: Connection, claim_ids: Sequence[str], moment: datetime
) -> dict[str, list[Field]]:
    """The fields of claims as the desk knew them at `moment`: four queries however many.

    Nobody records what a party's full name was before: one that has changed since is not known.
    """
    states = _states(connection, claim_ids, moment)
    known = _known(
        connection, states, [quotes.c.recorded_at <= moment], [parties.c.updated_at <= moment]
    )
    return {state.id: list(terms.fields(state, known.quotes, known.full_names)) for state in states}


def _states(connection: Connection, claim_ids: Sequence[str], moment: datetime) -> list[ClaimState]:
    rows = connection.execute(
        select(claims.c.id, claims.c.changed_at, states.whole(claims)).where(
            claims.c.id.in_(claim_ids)
        )
    ).all()
    found = [states.parse(one.state) for one in rows if one.changed_at <= moment]
    since = [one.id for one in rows if one.changed_at > moment]
    lines = (
        connection.execute(
            select(events)
            .where(events.c.claim.in_(since), events.c.recorded_at <= moment)
            .order_by(events.c.claim, events.c.number)
        ).all()
        if since
        else []
    )
    for claim, mine in groupby(lines, key=attrgetter("claim")):
        state = history.fold(claim, map(_event, mine))
        if state is not None:
            found.append(state)
    return found


def _event(line: Any) -> Event:
    return Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))


def _known(
    connection: Connection,
    states: Iterable[ClaimState],
    of_quotes: list[Any],
    of_parties: list[Any],
) -> Known:
    spoken: set[str] = set()
    slugs: set[str] = set()
    for state in states:
        spoken.update(terms.said(state))
        slugs.update(voice.party for voice in terms.voices(state))
    renderings: dict[str, list[Quoted]] = {}
    for one in connection.execute(
        select(quotes.c.statement, quotes.c.text, quotes.c.language)
        .where(quotes.c.statement.in_(spoken), *of_quotes)
        .order_by(quotes.c.statement, quotes.c.position)
    ):
        renderings.setdefault(one.statement, []).append(Quoted(one.text, one.language))
    named = connection.execute(
        select(parties.c.slug, parties.c.full_name).where(
            parties.c.slug.in_(slugs), parties.c.full_name.is_not(None), *of_parties
        )
    )
    return Known(renderings, {one.slug: one.full_name for one in named})
