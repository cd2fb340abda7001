"""Proves of each claim that its rows follow from its events.

Claims are read in the order of their ids, a batch at a time, so a million of them take no more
memory than a thousand.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import accumulate, groupby
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Row, Table, select

from service.claims import claim_snapshots, claim_writer, event_sequences
from service.domain import history
from service.domain.claims import ClaimState
from service.domain.history import Event
from service.search.index import index_rebuild, index_writer, searchable_fields
from service.search.index.index_tables import claim_search
from service.store import states, tables
from service.verification import search_checks
from service.verification.breaks import (
    DAMAGE,
    Break,
    Counts,
    compare_row,
    compare_rows,
    describe_error,
)
from service.verification.chain_checks import check_chain
from service.verification.implied_rows import ImpliedRows, build_former_key

BATCH = 500
VERSIONS = 5_000
"""How many claims, and how many of their versions, are in memory at once."""
ORDERS = (
    (tables.events, tables.events.c.number),
    (tables.claim_versions, tables.claim_versions.c.version),
    (tables.state_links, tables.state_links.c.place),
    (tables.links, tables.links.c.id),
    (tables.decisions, tables.decisions.c.id),
    (tables.inquiries, tables.inquiries.c.id),
    (tables.claim_tags, tables.claim_tags.c.tag),
    (tables.former_claims, tables.former_claims.c.number),
    (tables.former_links, tables.former_links.c.number),
    (tables.former_quotes, tables.former_quotes.c.number),
    (claim_search, claim_search.c.number),
)
"""The tables that are derived from a claim's events, and the order of a claim's rows in each."""


def check_claims(
    connection: Connection,
    unfinished_claims: Collection[str],
    counts: Counts,
    low: str | None,
    end: str | None,
) -> Iterator[Break]:
    """Yield the breaks of the claims above `low` up to `end`; None: from the first, to the last.

    The search index of claims that a rename has not come to, `unfinished_claims`, is not compared.
    """
    while True:
        claims, last = _read_batch(connection, low, end)
        high = end if last is None else last
        tables_of_batch = {
            table.name: _ClaimRows(connection, table, order, low, high) for table, order in ORDERS
        }
        sources = index_rebuild.read_sources_between(connection, low, high)
        counts.events += tables_of_batch["events"].count
        for claim in claims:
            rows = {name: table.take(claim.id) for name, table in tables_of_batch.items()}
            if claim.id in unfinished_claims:
                del rows[claim_search.name]
            yield from _check_claim(claim, rows, sources)
        for name, table in tables_of_batch.items():
            for claim_id in table.remaining:
                yield Break(claim_id, None, name, "a claim", "none: rows of no claim")
        counts.claims += len(claims)
        if last is None:
            return
        low = last


def _read_batch(
    connection: Connection, low: str | None, end: str | None
) -> tuple[list[Row[Any]], str | None]:
    """Return the next claims after `low` up to `end`, and the id of the last of them; None at the
    end.

    There are fewer if they have long histories, which bounds what is in memory.
    """
    key = tables.claims.c.id
    bounds = index_rebuild.list_bounds(key, low, end)
    query = select(tables.claims).where(*bounds).order_by(key).limit(BATCH)
    rows = list(connection.execute(query).all())
    fitting = max(1, sum(size <= VERSIONS for size in accumulate(row.version for row in rows)))
    is_last = fitting == len(rows) < BATCH or not rows
    return rows[:fitting], None if is_last else rows[fitting - 1].id


class _ClaimRows:
    """The rows of one table that belong to the claims above `low` up to `high`."""

    def __init__(
        self,
        connection: Connection,
        table: Table,
        order: Column[Any],
        low: str | None,
        high: str | None,
    ) -> None:
        is_index = table is claim_search
        query = search_checks.select_rows(connection, table) if is_index else select(table)
        query = query.where(table.c.claim.is_not(None)).order_by(table.c.claim, order)
        if low is not None:
            query = query.where(table.c.claim > low)
        if high is not None:
            query = query.where(table.c.claim <= high)
        rows = connection.execute(query).all()
        self.count = len(rows)
        self.remaining = {
            claim: list(group) for claim, group in groupby(rows, lambda row: row.claim)
        }
        """The rows that were not taken, by claim."""

    def take(self, claim: str) -> list[Row[Any]]:
        return self.remaining.pop(claim, [])


def _check_claim(
    row: Row[Any], rows: Mapping[str, list[Row[Any]]], sources: searchable_fields.FieldSources
) -> Iterator[Break]:
    """Yield the breaks of one claim: first those of its record, then those of derived rows."""
    claim: str = row.id
    lines = rows["events"]
    if not lines:
        yield Break(claim, None, "events", "at least 1", "none")
        return
    yield from check_chain(claim, lines)
    state: ClaimState | None = None
    implied_rows = ImpliedRows()
    former_terms: set[str] = set()
    snapshots = {version.version: version for version in rows["claim_versions"]}
    differences: list[Break] = []
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        before = state
        try:
            event = Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))
            history.require_matching_status(before, event)
            state = history.apply_event(before, event, claim_id=claim)
            implied_rows.follow(before, state, event, orjson.loads(line.actor))
            former_terms |= index_writer.list_lost_terms((before, state, event), sources)
        except DAMAGE as error:
            # Without a state there is nothing to compare the rest with.
            reason = describe_error(error)
            yield Break(claim, line.number, "fold", "an event that can follow", reason)
            return
        columns = event_sequences.build_event_columns(state, event)
        yield from compare_row(claim, line.number, "events", columns, line._mapping)
        if following is not None:
            snapshot = snapshots.pop(line.number, None)
            differences += _check_version(claim, state, snapshot, line, following)
    assert state is not None
    expected_row = claim_writer.build_row(state, lines[-1].hash) | {
        "created_at": lines[0].recorded_at
    }
    yield from compare_row(claim, None, "claims", expected_row, row._mapping)
    more_links = states.list_further_links(state).items()
    yield from compare_rows(
        claim,
        "state_links",
        {place: {"state": text} for place, text in more_links},
        {link.place: link._mapping for link in rows["state_links"]},
    )
    yield from differences
    for version in snapshots:
        yield Break(claim, version, "claim_versions", "no row", "a row")
    for table, expected_rows in implied_rows.by_id.items():
        stored_rows = {stored_row.id: stored_row._mapping for stored_row in rows[table]}
        yield from compare_rows(claim, table, expected_rows, stored_rows)
    tags = {(tag.tag, tag.added_at): tag._mapping for tag in rows["claim_tags"]}
    yield from compare_rows(claim, "claim_tags", implied_rows.tags, tags)
    for table, implied_former in implied_rows.former.items():
        remaining_rows = {
            build_former_key(table, row._mapping): row._mapping for row in rows[table]
        }
        yield from compare_rows(claim, table, implied_former, remaining_rows)
    if claim_search.name in rows:
        index_row = index_writer.build_claim_row(state, sources, former_terms)
        yield from search_checks.compare_index_row(
            claim, claim_search, index_row, rows[claim_search.name], "former", "fields"
        )


def _check_version(
    claim: str,
    state: ClaimState,
    snapshot: Row[Any] | None,
    line: Row[Any],
    following: Row[Any],
) -> Iterator[Break]:
    """Check that `snapshot` is what the claim was from `line` until `following`.

    The events of one change share an instant, and only the last of them leaves a snapshot.  So a
    snapshot may be missing if the next event has the same instant.
    """
    if snapshot is None:
        if line.recorded_at != following.recorded_at:
            yield Break(claim, line.number, "claim_versions", "a row", "no row")
        return
    expected_row = {
        "recorded_at": line.recorded_at,
        "superseded_at": following.recorded_at,
        **claim_snapshots.build_snapshot(state),
    }
    yield from compare_row(claim, line.number, "claim_versions", expected_row, snapshot._mapping)
