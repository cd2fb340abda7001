"""Append the record as another desk wrote it: with its ids, instants and hashes.

This is the second way into the record, for imports.  What is derived comes of folding, through the
same code as when it happened.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from service.claims import (
    claim_inserts,
    claim_snapshots,
    claim_writer,
    event_sequences,
    projections,
    use_changes,
)
from service.claims.claim_writer import Loaded
from service.domain import history
from service.domain.claims import ClaimState
from service.domain.history import Event
from service.domain.subjects import Subject, SubjectKind
from service.domain.things import Row
from service.record import writer
from service.record.canonical import GENESIS, render_canonical
from service.search.index import index_writer
from service.store import states
from service.store.compiled_statements import CompiledStatement, bind_columns
from service.store.tables import claim_versions, claims, events

RELATED = ("merged_into", "part_of")
SELECT_LOCKED = (
    select(claims.c.id, claims.c.state, claims.c.last_hash)
    .where(claims.c.id.in_(bindparam("claims", expanding=True)))
    # Always in the same order, so that two writers cannot deadlock.
    .order_by(claims.c.id)
    .with_for_update()
)
REPLACE = CompiledStatement(
    update(claims)
    .where(claims.c.id == bindparam("claim_id", type_=claims.c.id.type))
    .values(bind_columns(claims, claim_inserts.ROW_COLUMNS, "new"))
)


@dataclass(frozen=True, slots=True)
class ImportedEvent:
    """An event as another desk recorded it; `actor` is plain data, {id, name} or {rule}."""

    subject: Subject
    id: str
    event: Event
    actor: Mapping[str, Any]
    previous_hash: str
    hash: str
    salts: dict[str, str]


Step = tuple[ClaimState | None, ClaimState, ImportedEvent]
"""A claim before and after an event."""


def append_events(connection: Connection, imported_events: Sequence[ImportedEvent]) -> None:
    """Append claims' events that another desk recorded, in its order, with their hashes.

    No rule moves anything and no webhook is sent: all that followed from them is among them.  What
    this desk's own uses of the claims are by then follows here.
    Raises ValueError, KeyError, TypeError or AttributeError for what does not continue a record or
    does not fold; then the transaction must not be committed.
    """
    claim_ids = sorted({event.subject.id for event in imported_events})
    before = {
        row.id: Loaded(states.read_locked(connection, row.id, row.state), row.last_hash)
        for row in connection.execute(SELECT_LOCKED, {"claims": claim_ids}).all()
    }
    steps, after = _fold_events(before, imported_events)
    _write_claims(connection, before, after)
    connection.execute(
        insert(events),
        [
            build_event_row(line) | event_sequences.build_event_columns(state, line.event)
            for _, state, line in steps
        ],
    )
    superseded_versions = [
        _build_version(previous, until=line.event.recorded_at)
        for previous, _, line in steps
        if previous is not None and previous.updated_at != line.event.recorded_at
    ]
    if superseded_versions:
        connection.execute(insert(claim_versions), superseded_versions)
    for claim, loaded_claim in after.items():
        loaded_before = before.get(claim)
        states.write_further_links(
            connection, loaded_before.state if loaded_before else None, loaded_claim.state
        )
    _index_claims(connection, steps, before)
    for claim in before:
        own_events = [line.event for _, _, line in steps if line.subject.id == claim]
        use_changes.outdate_silently(connection, claim, own_events)
    for previous, state, line in steps:
        changes = projections.list_row_changes(previous, state, line.event, line.actor)
        projections.write_row_changes(connection, changes)


def _fold_events(
    before: Mapping[str, Loaded], imported_events: Sequence[ImportedEvent]
) -> tuple[list[Step], dict[str, Loaded]]:
    """Return what each event makes of its claim, and all claims after the last.

    Raises as `append_events` does.
    """
    after = dict(before)
    steps: list[Step] = []
    for line in imported_events:
        claim, event = line.subject.id, line.event
        loaded_claim = after.get(claim)
        previous = loaded_claim.state if loaded_claim else None
        if line.previous_hash != (loaded_claim.last_hash if loaded_claim else GENESIS):
            raise ValueError(f"event {event.number} does not continue the record of this claim")
        state = history.apply_event(previous, event, claim_id=claim)
        history.require_matching_status(previous, event)
        steps.append((previous, state, line))
        after[claim] = Loaded(state, line.hash)
    return steps, after


def _write_claims(
    connection: Connection, before: Mapping[str, Loaded], after: Mapping[str, Loaded]
) -> None:
    """Insert the rows of claims that are new, and replace the others."""
    rows = {
        claim: claim_writer.build_row(loaded_claim.state, loaded_claim.last_hash)
        for claim, loaded_claim in after.items()
    }
    new = [
        # A claim that these name may stand further down: it is named when all are there.
        row | dict.fromkeys(RELATED) | {"id": claim, "created_at": after[claim].state.created_at}
        for claim, row in rows.items()
        if claim not in before
    ]
    replaced_claims = [
        {"claim_id": claim} | {f"new_{name}": value for name, value in row.items()}
        for claim, row in rows.items()
        if claim in before or any(row[name] is not None for name in RELATED)
    ]
    if new:
        connection.execute(insert(claims), new)
    REPLACE.run_each(connection, replaced_claims)


def build_event_row(imported_event: ImportedEvent) -> writer.EventRow:
    """Return the row of an event that another desk recorded."""
    subject, event = imported_event.subject, imported_event.event
    is_of_claim = subject.kind is SubjectKind.CLAIM
    return {
        "id": imported_event.id,
        "kind": subject.kind.value,
        "claim": subject.id if is_of_claim else None,
        "subject": None if is_of_claim else subject.id,
        "number": event.number,
        "type": event.type,
        "recorded_at": event.recorded_at,
        "actor": render_canonical(imported_event.actor),
        "data": render_canonical(event.data),
        "salts": render_canonical(imported_event.salts) if imported_event.salts else None,
        "previous_hash": imported_event.previous_hash,
        "hash": imported_event.hash,
        "story": None,
        "said_at": None,
        "said_end": None,
    }


def _index_claims(
    connection: Connection, steps: Sequence[Step], replaced_claims: Collection[str]
) -> None:
    """Enter the words of the claims into the search index."""
    steps_of: dict[str, list[index_writer.Step]] = {}
    for before, state, line in steps:
        steps_of.setdefault(line.subject.id, []).append((before, state, line.event))
    for claim, claim_steps in steps_of.items():
        row = index_writer.build_row_after(connection, claim_steps)
        if row is not None:
            write = index_writer.COMPILED_INSERT_CLAIM
            if claim in replaced_claims:
                write = index_writer.COMPILED_UPDATE_CLAIM
            write.run(connection, row)


def _build_version(state: ClaimState, *, until: datetime) -> Row:
    """Return the row of `claim_versions` for what a claim was until then."""
    return {
        "claim": state.id,
        "version": state.version,
        "recorded_at": state.updated_at,
        "superseded_at": until,
        **claim_snapshots.build_snapshot(state),
    }
