"""The record as another desk wrote it, appended as it is: with its ids, instants and hashes.

The second way into the record, for imports.  What is derived comes of folding, through the same
code as when it happened.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from service.claims import claim_writer, documents, projections
from service.domain import evidence, history
from service.domain.access import Actor, Role
from service.domain.claims import ClaimState
from service.domain.history import Event
from service.domain.subjects import Subject, SubjectKind
from service.record.canonical import GENESIS, canonical
from service.search.index import index_writer
from service.store import states
from service.store.compiled_statements import CompiledStatement, bind_columns
from service.store.tables import claim_versions, claims, events

UNRELATED = {"merged_into": None, "part_of": None}
HELD = (
    select(claims.c.id, claims.c.state, claims.c.last_hash)
    .where(claims.c.id.in_(bindparam("claims", expanding=True)))
    # Always in the same order, so that two writers cannot deadlock.
    .order_by(claims.c.id)
    .with_for_update()
)
REPLACE = CompiledStatement(
    update(claims)
    .where(claims.c.id == bindparam("claim_id", type_=claims.c.id.type))
    .values(bind_columns(claims, claim_writer.ROW, "new"))
)


@dataclass(frozen=True, slots=True)
class Line:
    """One event as another desk recorded it: `actor` is plain data, {id, name} or {rule}.

    `claim` is the id of its subject, which is a claim but in the lines of other things.
    """

    claim: str
    id: str
    event: Event
    actor: dict[str, Any]
    previous_hash: str
    hash: str
    salts: dict[str, str]


Step = tuple[ClaimState | None, ClaimState, Line]
"""A claim before and after a line."""


def restore(connection: Connection, lines: Sequence[Line]) -> None:
    """Append events that another desk recorded, in its order, with their ids, instants and hashes.

    No rule moves anything and nobody is told: all that followed from them is among them.  Raises
    ValueError, KeyError, TypeError or AttributeError for what does not continue a record or does
    not fold; then the transaction must not be committed.
    """
    held = connection.execute(HELD, {"claims": sorted({line.claim for line in lines})}).all()
    here = {
        one.id: claim_writer.Loaded(
            states.read_locked(connection, one.id, one.state), one.last_hash
        )
        for one in held
    }
    after = dict(here)
    steps: list[Step] = []
    superseded: list[dict[str, Any]] = []
    for line in lines:
        event, known = line.event, after.get(line.claim)
        before = known.state if known else None
        if line.previous_hash != (known.last_hash if known else GENESIS):
            raise ValueError(f"event {event.number} does not continue the record of this claim")
        state = history.apply(before, event, claim_id=line.claim)
        history.require_fit(before, event)
        if before is not None and before.updated_at != event.recorded_at:
            superseded.append(_snapshot(before, until=event.recorded_at))
        steps.append((before, state, line))
        after[line.claim] = claim_writer.Loaded(state, line.hash)
    rows = {claim: claim_writer.row(one.state, one.last_hash) for claim, one in after.items()}
    new = [claim for claim in after if claim not in here]
    if new:
        # A claim that these name may stand further down: it is named when all are there.
        connection.execute(
            insert(claims),
            [
                rows[claim] | UNRELATED | {"id": claim, "created_at": after[claim].state.created_at}
                for claim in new
            ],
        )
    connection.execute(insert(events), [_restored(state, line) for _, state, line in steps])
    if superseded:
        connection.execute(insert(claim_versions), superseded)
    stale = [claim for claim in rows if claim in here or _related(rows[claim])]
    REPLACE.run_each(connection, [_replacing(claim, rows[claim]) for claim in stale])
    for claim, one in after.items():
        states.write_further_links(
            connection, here[claim].state if claim in here else None, one.state
        )
    _index(connection, steps, here)
    for before, state, line in steps:
        actor = line.actor
        by = Actor(actor.get("id", ""), actor.get("name", actor.get("rule", "")), Role.READER)
        projections.follow(connection, before, state, line.event, actor=by)


def _index(connection: Connection, steps: Sequence[Step], claims_here: Collection[str]) -> None:
    """Make the claims findable by their words."""
    of_claims: dict[str, list[index_writer.Step]] = {}
    for before, state, line in steps:
        of_claims.setdefault(line.claim, []).append((before, state, line.event))
    for claim, mine in of_claims.items():
        row = index_writer.follow(connection, mine)
        if row is not None:
            enter = index_writer.REPLACED if claim in claims_here else index_writer.ENTERED
            enter.run(connection, row)


def _related(row: dict[str, Any]) -> bool:
    return any(row[name] is not None for name in UNRELATED)


def _restored(state: ClaimState, line: Line) -> dict[str, Any]:
    return row_of(line, Subject(SubjectKind.CLAIM, line.claim)) | claim_writer.describe_beside(
        state, line.event
    )


def row_of(line: Line, subject: Subject) -> dict[str, Any]:
    """The row of an event that another desk recorded."""
    of_claim = subject.kind is SubjectKind.CLAIM
    return {
        "id": line.id,
        "kind": subject.kind.value,
        "claim": subject.id if of_claim else None,
        "subject": None if of_claim else subject.id,
        "number": line.event.number,
        "type": line.event.type,
        "recorded_at": line.event.recorded_at,
        "actor": canonical(line.actor),
        "data": canonical(line.event.data),
        "salts": canonical(line.salts) if line.salts else None,
        "previous_hash": line.previous_hash,
        "hash": line.hash,
        "story": None,
        "said_at": None,
        "said_end": None,
    }


def _replacing(claim: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"claim_id": claim} | {f"new_{name}": value for name, value in values.items()}


def _snapshot(state: ClaimState, *, until: datetime) -> dict[str, Any]:
    """The row of `claim_versions` for what a claim was until then."""
    return {
        "claim": state.id,
        "version": state.version,
        "recorded_at": state.updated_at,
        "superseded_at": until,
        "status": state.status.value,
        "lifecycle": state.lifecycle.value,
        "agrees": evidence.agrees(state, evidence.suggest(state)),
        "part_of": state.part_of,
        "assignee": state.assignee,
        "document": documents.document(state),
    }
