"""`claimdesk verify`: every stored state proved from the record, and the record from its hashes.

The chain shows any change of an event that was not followed by recomputing every later hash of its
claim; folding the events shows any change of what is derived from them.  Claims are read in the
order of their ids, a batch at a time, so a million of them take no more memory than a thousand.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, groupby
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Row, Table, column, func, select, text
from sqlalchemy import table as sql_table

from service.claims import claim_writer, documents
from service.domain import evidence, history
from service.domain.claims import ClaimState
from service.domain.history import Event
from service.search.index import index_rebuild, index_writer, searchable_fields
from service.search.index.index_tables import claim_search, statement_search
from service.search.index.postings import parse_line
from service.store import states, tables
from service.store.snapshot import hold_snapshot
from service.store.tables import INDEXES
from service.verification import rename_checks
from service.verification.breaks import Break, Remark, clip, compare_row, compare_rows
from service.verification.chain_checks import check_chain, check_numbers
from service.verification.implied_rows import Implied
from service.verification.thing_checks import Counts, check_things

BATCH = 500
VERSIONS = 5_000
"""How many claims, and how many of their versions, are in memory at once."""
LISTED = 20
"""How many breaks a report lists."""

UNPROVED: Mapping[str, str] = {
    "idempotency": "answers to be given again, kept for a day",
    "sessions": "who is signed in where, for as long as that lasts",
    "sign_in_links": "links that let in once, for as long as they hold",
    "sign_in_tries": "how often passwords were tried lately",
    "intakes": "articles' texts, kept while they are worked on",
    "renames": "renames that come to claims in batches, until they have come to all",
    "rename_claims": "the claims that a rename has not come to yet",
    "webhook_messages": "what was sent, in the bytes of its time",
    "webhook_deliveries": "how far each message has come",
    "webhook_attempts": "what receivers answered",
}
"""Tables that nothing in the record speaks of, and what they hold."""
UNPROVED_COLUMNS: Mapping[tuple[str, str], str] = {
    ("events", "id"): "the id by which receivers of webhooks know an event: no hash covers it",
    ("api_keys", "last_used_at"): "when a key was last used",
    ("claim_search", "number"): "in which order claims came into the index",
    ("statement_search", "number"): "in which order statements came into the index",
} | {
    ("webhooks", column): "how the endpoint does"
    for column in (
        "state",
        "state_reason",
        "updated_at",
        "failures",
        "failing_since",
        "blocked_until",
        "last_success_at",
        "last_failure_at",
        "last_error",
        "served_at",
    )
}
"""Columns of proved tables that nothing speaks of, and what they hold."""


def unproved(table: str, column: str | None = None) -> str | None:
    """What an unproved table or column holds; None where verify proves it."""
    if column is not None and (table, column) in UNPROVED_COLUMNS:
        return UNPROVED_COLUMNS[table, column]
    return UNPROVED.get(table)


DANGLING = (KeyError, TypeError, ValueError, AttributeError)
"""What reading raises where rows of one thing are missing, or are of another."""

Progress = Callable[[int, int], None] | None


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, how many breaks there are, the first of them, and the first few; and what
    nothing in the database can prove."""

    ok: bool
    claims: int
    things: int
    events: int
    broken: int
    first_break: Break | None
    breaks: tuple[Break, ...]
    remarks: tuple[Remark, ...]


def verify(connection: Connection, *, progress: Progress = None) -> Report:
    """Read everything, as it is at one instant, and compare.  For `Database.read`.

    `progress` is told now and then how many claims are done, and of how many.
    """
    with hold_snapshot(connection):
        return compare(connection, progress)


def compare(connection: Connection, progress: Progress = None) -> Report:
    """What `verify` does, in a transaction of the caller's."""
    total = connection.execute(select(func.count()).select_from(tables.claims)).scalar_one()
    unfinished = rename_checks.read_unfinished(connection)
    found: list[Break] = []
    claims = events = broken = 0
    low: str | None = None
    while True:
        batch, high = _batch(connection, low)
        beside = {
            table.name: _Beside(connection, table, order, low, high)
            for table, order in (
                (tables.events, tables.events.c.number),
                (tables.claim_versions, tables.claim_versions.c.version),
                (tables.state_links, tables.state_links.c.place),
                (tables.links, tables.links.c.id),
                (tables.decisions, tables.decisions.c.id),
                (tables.claim_tags, tables.claim_tags.c.tag),
                (claim_search, claim_search.c.number),
            )
        }
        known = index_rebuild.read_sources_between(connection, low, high)
        events += beside["events"].count
        for row in batch:
            mine = {name: rows.of(row.id) for name, rows in beside.items()}
            if row.id in unfinished.claims:
                del mine[claim_search.name]
            for one in _check(row, mine, known):
                broken += 1
                found += [one] if len(found) < LISTED else []
        for name, rows in beside.items():
            for claim in rows.left:
                broken += 1
                one = Break(claim, None, name, "a claim", "none: rows of no claim")
                found += [one] if len(found) < LISTED else []
        claims += len(batch)
        if progress is not None:
            progress(claims, total)
        if high is None:
            break
        low = high
    counts = Counts()
    remarks: list[Remark] = []
    rest: Iterator[Break | Remark] = chain(
        check_things(connection, counts),
        _statements(connection, unfinished.statements),
        check_indexes(connection),
        check_numbers(connection),
    )
    for finding in rest:
        if isinstance(finding, Remark):
            remarks.append(finding)
            continue
        broken += 1
        found += [finding] if len(found) < LISTED else []
    remarks += [*unfinished.remarks, *counts.remarks()]
    remarks += [Remark(table, f"not proved: {held}") for table, held in UNPROVED.items()]
    grouped: dict[tuple[str, str], list[str]] = {}
    for (table, name), held in UNPROVED_COLUMNS.items():
        grouped.setdefault((table, held), []).append(name)
    remarks += [
        Remark(table, f"not proved, {', '.join(names)}: {held}")
        for (table, held), names in grouped.items()
    ]
    return Report(
        ok=not broken,
        claims=claims,
        things=counts.things,
        events=events + counts.events,
        broken=broken,
        first_break=found[0] if found else None,
        breaks=tuple(found),
        remarks=tuple(remarks),
    )


def _batch(connection: Connection, low: str | None) -> tuple[list[Row[Any]], str | None]:
    """The next claims after `low`, and the id of the last of them; None where it is the last of
    all.  Fewer where they have long histories: what is in memory stays of one size."""
    query = select(tables.claims).order_by(tables.claims.c.id).limit(BATCH)
    if low is not None:
        query = query.where(tables.claims.c.id > low)
    rows = list(connection.execute(query).all())
    few = max(1, sum(size <= VERSIONS for size in accumulate(row.version for row in rows)))
    last = few == len(rows) < BATCH or not rows
    return rows[:few], None if last else rows[few - 1].id


class _Beside:
    """The rows of one table that belong to the claims above `low` up to `high`, in that order."""

    def __init__(
        self,
        connection: Connection,
        table: Table,
        order: Column[Any],
        low: str | None,
        high: str | None,
    ) -> None:
        query = select(table).where(table.c.claim.is_not(None)).order_by(table.c.claim, order)
        if low is not None:
            query = query.where(table.c.claim > low)
        if high is not None:
            query = query.where(table.c.claim <= high)
        rows = connection.execute(query).all()
        self.count = len(rows)
        self.left = {claim: list(mine) for claim, mine in groupby(rows, key=lambda row: row.claim)}
        """The rows that nobody has asked for, by claim."""

    def of(self, claim: str) -> list[Row[Any]]:
        return self.left.pop(claim, [])


def _check(
    row: Row[Any], beside: Mapping[str, list[Row[Any]]], known: searchable_fields.FieldSources
) -> Iterator[Break]:
    """The breaks of one claim: first those of its record, then those of what is derived."""
    claim: str = row.id
    lines = beside["events"]
    if not lines:
        yield Break(claim, None, "events", "at least 1", "none")
        return
    yield from check_chain(claim, lines)
    state: ClaimState | None = None
    implied = Implied()
    former: set[str] = set()
    snapshots = {one.version: one for one in beside["claim_versions"]}
    differing: list[Break] = []
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        before = state
        try:
            event = Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))
            history.require_matching_status(before, event)
            state = history.apply(before, event, claim_id=claim)
            implied.follow(before, state, event, orjson.loads(line.actor))
            former |= index_writer.list_lost_terms((before, state, event), known)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # What does not fold leaves nothing to compare the rest with.
            found = f"{type(error).__name__}: {error}"
            yield Break(claim, line.number, "fold", "an event that can follow", clip(found))
            return
        aside = claim_writer.build_event_columns(state, event)
        yield from compare_row(claim, line.number, "events", aside, line._mapping)
        snapshot = snapshots.pop(line.number, None)
        if following is not None:
            differing += _version(claim, state, snapshot, line, following)
        elif snapshot is not None:
            snapshots[line.number] = snapshot
    assert state is not None
    expected = claim_writer.build_row(state, lines[-1].hash) | {"created_at": lines[0].recorded_at}
    yield from compare_row(claim, None, "claims", expected, row._mapping)
    further = {place: {"state": one} for place, one in states.list_further_links(state).items()}
    yield from compare_rows(
        claim, "state_links", further, {one.place: one._mapping for one in beside["state_links"]}
    )
    yield from differing
    for version in snapshots:
        yield Break(claim, version, "claim_versions", "no row", "a row")
    yield from compare_rows(
        claim, "links", implied.links, {one.id: one._mapping for one in beside["links"]}
    )
    yield from compare_rows(
        claim, "decisions", implied.decisions, {one.id: one._mapping for one in beside["decisions"]}
    )
    tags = {(one.tag, one.added_at): one._mapping for one in beside["claim_tags"]}
    yield from compare_rows(claim, "claim_tags", implied.tags, tags)
    if claim_search.name not in beside:
        return
    searched = _searched(index_writer.build_claim_row(state, known, former), "former")
    yield from compare_rows(
        claim,
        "claim_search",
        {claim: searched},
        {one.claim: one._mapping for one in beside["claim_search"]},
    )


def _searched(row: Mapping[str, Any], *more: str) -> dict[str, Any]:
    """A row of a search index as it is read back."""
    return {"words": parse_line(row["search_words"])} | {
        name: row[f"search_{name}"] for name in more
    }


def _statements(connection: Connection, unfinished: Collection[str]) -> Iterator[Break]:
    """Where the index of statements says otherwise than they do; `claim` is the statement's id.
    Those that a rename has not come to are `unfinished`."""
    low: str | None = None
    while True:
        query = select(tables.statements.c.id).order_by(tables.statements.c.id).limit(BATCH)
        batch = connection.scalars(
            query.where(tables.statements.c.id > low) if low else query
        ).all()
        if not batch:
            return
        high = batch[-1]
        rows = connection.execute(
            select(statement_search).where(
                statement_search.c.statement <= high,
                *([statement_search.c.statement > low] if low else ()),
            )
        ).all()
        found = {one.statement: one._mapping for one in rows}
        for row in _statement_rows(connection, low, high, batch):
            if isinstance(row, Break):
                yield row
                continue
            key = row["search_statement"]
            if key in unfinished:
                continue
            mine = {key: found[key]} if key in found else {}
            yield from compare_rows(
                key, "statement_search", {key: _searched(row)}, mine, kind="statement"
            )
        low = high


def _statement_rows(
    connection: Connection, low: str | None, high: str, keys: Sequence[str]
) -> Iterator[dict[str, Any] | Break]:
    """What the index should hold of each statement; a break for one whose rows dangle."""
    try:
        rows = index_writer.build_statement_rows(
            connection, *index_rebuild.list_bounds(tables.statements.c.id, low, high)
        )
    except DANGLING:
        for key in keys:
            try:
                mine = tables.statements.c.id == key
                yield from index_writer.build_statement_rows(connection, mine)
            except DANGLING as error:
                found = clip(f"{type(error).__name__}: {error}")
                yield Break(
                    key, None, "statements", "rows that belong together", found, "statement"
                )
        return
    yield from rows


def _version(
    claim: str,
    state: ClaimState,
    snapshot: Row[Any] | None,
    line: Row[Any],
    following: Row[Any],
) -> Iterator[Break]:
    """Whether `snapshot` is what the claim was from `line` until `following`.

    The events of one change share an instant, and only the last of them leaves a snapshot.  So one
    may be missing where the instant stays the same; it would have held for no time at all.
    """
    if snapshot is None:
        if line.recorded_at != following.recorded_at:
            yield Break(claim, line.number, "claim_versions", "a row", "no row")
        return
    expected = {
        "recorded_at": line.recorded_at,
        "superseded_at": following.recorded_at,
        "status": state.status.value,
        "lifecycle": state.lifecycle.value,
        "agrees": evidence.is_as_suggested(state, evidence.suggest_status(state)),
        "part_of": state.part_of,
        "assignee": state.assignee,
        "document": documents.render_document(state),
    }
    yield from compare_row(claim, line.number, "claim_versions", expected, snapshot._mapping)


def check_indexes(connection: Connection) -> Iterator[Break]:
    """Where a full-text index is not there, or misses rows of its table."""
    for table in (claim_search, statement_search):
        index = INDEXES[table.name]
        if connection.dialect.name == "sqlite":
            indexed = sql_table(f"{index}_docsize", column("id"))
            missing = connection.scalar(
                select(func.count())
                .select_from(table)
                .where(table.c.number.not_in(select(indexed.c.id)))
            )
            beyond = connection.scalar(
                select(func.count())
                .select_from(indexed)
                .where(indexed.c.id.not_in(select(table.c.number)))
            )
            found = f"{missing} rows not in the index {index}, {beyond} too many in it"
            right = not missing and not beyond
        else:
            right = bool(
                connection.scalar(
                    text(
                        "SELECT indisvalid AND indisready FROM pg_index "
                        "WHERE indexrelid = to_regclass(:index)"
                    ),
                    {"index": index},
                )
            )
            found = f"no usable index {index}"
        if not right:
            yield Break("", None, table.name, "every row in its index", found, "record")
