"""Build the whole search index anew from the record."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, delete, select, union

from service.domain import history
from service.domain.claims import ClaimState
from service.domain.history import Event
from service.search.index import field_sources, index_writer
from service.search.index.index_tables import claim_search, statement_search
from service.search.index.searchable_fields import FieldSources
from service.store import states
from service.store.tables import claims, events, links, quotes, statements

BATCH = 500


def rebuild_index(connection: Connection) -> None:
    """Index everything, oldest first, a batch at a time."""
    connection.execute(delete(claim_search))
    connection.execute(delete(statement_search))
    for low, high in _list_batches(connection, claims.c.id):
        sources = read_sources_between(connection, low, high)
        former = _read_former_terms(connection, sources, low, high)
        batch = connection.execute(
            select(claims.c.id, claims.c.state)
            .where(*list_bounds(claims.c.id, low, high))
            .order_by(claims.c.id)
        ).all()
        found = [states.read_locked(connection, claim.id, claim.state) for claim in batch]
        rows = [
            index_writer.build_claim_row(state, sources, former.get(state.id, ()))
            for state in found
        ]
        index_writer.COMPILED_INSERT_CLAIM.run_each(connection, rows)
    for low, high in _list_batches(connection, statements.c.id):
        rows = index_writer.build_statement_rows(
            connection, *list_bounds(statements.c.id, low, high)
        )
        index_writer.COMPILED_INSERT_STATEMENT.run_each(connection, rows)


def _list_batches(connection: Connection, key: Any) -> Iterator[tuple[str | None, str]]:
    """Yield where each batch of keys begins and ends, the beginning excluded."""
    low: str | None = None
    while True:
        keys = select(key).where(*list_bounds(key, low, None)).order_by(key).limit(BATCH)
        batch = connection.scalars(keys).all()
        if not batch:
            return
        yield low, batch[-1]
        low = batch[-1]


def list_bounds(key: Any, low: str | None, high: str | None) -> list[ColumnElement[bool]]:
    """Conditions: whether a key is above `low` and not above `high`, where these are given."""
    return [*([key > low] if low else ()), *([key <= high] if high else ())]


def read_sources_between(connection: Connection, low: str | None, high: str | None) -> FieldSources:
    """Return what the fields of the claims above `low` up to `high` need."""
    spoken = union(
        select(links.c.statement).where(*list_bounds(links.c.claim, low, high)),
        select(claims.c.origin_statement).where(*list_bounds(claims.c.id, low, high)),
    )
    return FieldSources(
        field_sources.read_quotes(connection, quotes.c.statement.in_(spoken)),
        field_sources.read_full_names(connection),
    )


def _read_former_terms(
    connection: Connection, sources: FieldSources, low: str | None, high: str
) -> dict[str, set[str]]:
    """Return the terms by which claims were found before: only those that lost any are folded."""
    taking = select(events.c.claim).where(
        *list_bounds(events.c.claim, low, high),
        events.c.type.in_([*index_writer.TAKING, "claim.amended"]),
    )
    lines = connection.execute(
        # Named one by one: a migration runs this, and later ones may add columns.
        select(*(events.c[name] for name in ("claim", "number", "type", "recorded_at", "data")))
        .where(events.c.claim.in_(taking))
        .order_by(events.c.claim, events.c.number)
    ).all()
    former: dict[str, set[str]] = {}
    for claim, of_claim in groupby(lines, key=attrgetter("claim")):
        state: ClaimState | None = None
        for line in of_claim:
            event = Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))
            before, state = state, history.apply_event(state, event, claim_id=claim)
            step = (before, state, event)
            former.setdefault(claim, set()).update(index_writer.list_lost_terms(step, sources))
    return former
