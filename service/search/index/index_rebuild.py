"""Build the search index anew from the record, in batches, each in a transaction of its own.

The desk keeps the version of the words that its index is of, and how far a rebuild has come: where
one is cut off, the next goes on from there.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, exists, select, union

from service.domain import history
from service.domain.claims import ClaimState
from service.domain.history import Event
from service.search.index import field_sources, index_writer
from service.search.index.index_tables import claim_search, statement_search
from service.search.index.searchable_fields import FieldSources
from service.store import installation, states
from service.store.engine import Database
from service.store.installation import SEARCH_INDEX
from service.store.tables import claims, events, links, quotes, statements

VERSION = 2
"""Of what a row of the index holds.  Whoever changes what words or stems are raises it: desks are
then indexed again by `claimdesk db upgrade`."""
BATCH = 500


def is_current(connection: Connection) -> bool:
    """Return whether the index is of this version, or holds nothing yet."""
    progress = installation.read_document(connection, SEARCH_INDEX)
    if progress is not None:
        return progress == _build_progress(None)
    return not any(
        connection.scalar(select(exists(select(table.c.number))))
        for table in (claim_search, statement_search)
    )


async def bring_up_to_date(
    database: Database, *, report: Callable[[int], None] = lambda rows: None
) -> int:
    """Build again what is not of this version.  Returns how many rows that were; `report` is told
    of each batch."""
    count = 0
    while (rows := await database.write(rebuild_batch)) is not None:
        count += rows
        report(rows)
    return count


def rebuild_index(connection: Connection) -> None:
    """Build everything again in one transaction."""
    forget_version(connection)
    while rebuild_batch(connection) is not None:
        pass


def forget_version(connection: Connection) -> None:
    """Take all rows for rows of another version."""
    installation.write_value(connection, SEARCH_INDEX, _build_progress("claims"))


def _build_progress(table: str | None, until: str | None = None) -> installation.Document:
    """Build what is kept of a rebuild: the table that is worked on, if any, and up to which key."""
    return {"version": VERSION, "table": table, "until": until}


def rebuild_batch(connection: Connection) -> int | None:
    """Build the next rows again.  Returns how many; None where all are of this version."""
    if is_current(connection):
        installation.write_value(connection, SEARCH_INDEX, _build_progress(None))
        return None
    progress = installation.read_document(connection, SEARCH_INDEX)
    if progress is None or progress["version"] != VERSION:
        progress = _build_progress("claims")
    low: str | None = progress["until"]
    is_of_claims = progress["table"] == "claims"
    key = claims.c.id if is_of_claims else statements.c.id
    # Locked, so that what is written meanwhile is not overwritten by what was read before.
    batch = connection.scalars(
        select(key).where(*list_bounds(key, low, None)).order_by(key).limit(BATCH).with_for_update()
    ).all()
    if not batch:
        following = _build_progress("statements" if is_of_claims else None)
        installation.write_value(connection, SEARCH_INDEX, following)
        return 0
    (_rebuild_claims if is_of_claims else _rebuild_statements)(connection, low, batch)
    installation.write_value(
        connection, SEARCH_INDEX, _build_progress(progress["table"], batch[-1])
    )
    return len(batch)


def _rebuild_claims(connection: Connection, low: str | None, keys: Sequence[str]) -> None:
    """Build the rows of locked claims.  One that was committed among them since is left alone: it
    has a row of this version."""
    high = keys[-1]
    sources = read_sources_between(connection, low, high)
    former_terms = _read_former_terms(connection, sources, low, high)
    batch = connection.execute(
        select(claims.c.id, claims.c.state).where(claims.c.id.in_(keys)).order_by(claims.c.id)
    ).all()
    claim_states = [states.read_locked(connection, claim.id, claim.state) for claim in batch]
    rows = [
        index_writer.build_claim_row(state, sources, former_terms.get(state.id, ()))
        for state in claim_states
    ]
    indexed_keys = {*connection.scalars(_select_indexed(claim_search.c.claim, low, high))}
    _write(connection, rows, "search_claim", indexed_keys)


def _rebuild_statements(connection: Connection, low: str | None, keys: Sequence[str]) -> None:
    rows = index_writer.build_statement_rows(connection, statements.c.id.in_(keys))
    indexed_keys = {
        *connection.scalars(_select_indexed(statement_search.c.statement, low, keys[-1]))
    }
    _write(connection, rows, "search_statement", indexed_keys)


def _select_indexed(key: ColumnElement[Any], low: str | None, high: str) -> Any:
    return select(key).where(*list_bounds(key, low, high))


def _write(
    connection: Connection, rows: list[index_writer.IndexRow], key: str, indexed_keys: set[str]
) -> None:
    """Replace the rows that are there, so that they keep their numbers, and add the others."""
    of_claims = key == "search_claim"
    replace = index_writer.COMPILED_UPDATE_CLAIM if of_claims else index_writer.REPLACE_STATEMENT
    add = (
        index_writer.COMPILED_INSERT_CLAIM if of_claims else index_writer.COMPILED_INSERT_STATEMENT
    )
    replace.run_each(connection, [row for row in rows if row[key] in indexed_keys])
    add.run_each(connection, [row for row in rows if row[key] not in indexed_keys])


def list_bounds(key: Any, low: str | None, high: str | None) -> list[ColumnElement[bool]]:
    """Conditions: whether a key is above `low` and not above `high`, where these are given."""
    return [*([key > low] if low else ()), *([key <= high] if high else ())]


def read_sources_between(connection: Connection, low: str | None, high: str | None) -> FieldSources:
    """Return what the fields of the claims above `low` up to `high` need."""
    statement_ids = union(
        select(links.c.statement).where(*list_bounds(links.c.claim, low, high)),
        select(claims.c.origin_statement).where(*list_bounds(claims.c.id, low, high)),
    )
    return FieldSources(
        field_sources.read_quotes(connection, quotes.c.statement.in_(statement_ids)),
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
        select(*(events.c[name] for name in ("claim", "number", "type", "recorded_at", "data")))
        .where(events.c.claim.in_(taking))
        .order_by(events.c.claim, events.c.number)
    ).all()
    former_terms: dict[str, set[str]] = {}
    for claim, of_claim in groupby(lines, key=attrgetter("claim")):
        state: ClaimState | None = None
        for line in of_claim:
            event = Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))
            before, state = state, history.apply_event(state, event, claim_id=claim)
            step = (before, state, event)
            former_terms.setdefault(claim, set()).update(
                index_writer.list_lost_terms(step, sources)
            )
    return former_terms
