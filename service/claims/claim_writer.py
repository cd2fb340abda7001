"""Writes the events of claims, on top of `writer`, which writes those of every subject.

`load_claim` locks a claim and returns its state.  `record_events` appends events, applies the
automatic moves of the rules, updates everything derived from the record and writes the webhooks,
all in the caller's transaction.  Events that another desk recorded are appended unchanged by
`imported_events.append_events`.  No other code writes claims' events, `claims`, `claim_versions`,
`links` or `decisions`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, bindparam, case, null, select

from service.claims import (
    claim_inserts,
    documents,
    existence,
    projections,
    rename_queue,
    state_cache,
    use_changes,
    webhook_bodies,
)
from service.claims.claim_batches import ClaimBatch
from service.claims.event_sequences import EventSequence
from service.claims.pending_statements import PendingStatement
from service.domain import (
    access,
    amendments,
    evidence,
    history,
    holds,
    inquiry_drafts,
    lifecycle,
    supersession,
)
from service.domain.access import Actor
from service.domain.claims import UNLISTED, Cause, ClaimState
from service.domain.errors import PreconditionFailed
from service.domain.history import Draft, Event
from service.domain.instants import compute_end
from service.domain.things import Row
from service.record import writer
from service.record.canonical import GENESIS
from service.search.index import index_writer
from service.store import states, wakeups
from service.store.compiled_statements import CompiledStatement
from service.store.engine import clamp_now
from service.store.tables import claims
from service.store.transaction_context import context_of
from service.webhooks import outbox

Versions = Collection[int] | None
"""The versions that an If-Match names; None is `*` or no condition."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A claim's state and the hash that its next event continues from."""

    state: ClaimState
    last_hash: str


@dataclass(frozen=True, slots=True)
class Recorded(Loaded):
    """A claim after a change, with the events that the change appended."""

    events: tuple[Event, ...]


LOAD = CompiledStatement(
    select(
        # A state that is kept in memory is not sent again.
        case((claims.c.last_hash == bindparam("kept_hash"), null()), else_=claims.c.state),
        claims.c.last_hash,
        rename_queue.HAS_RENAMES,
    )
    .where(claims.c.id == bindparam("claim"))
    .with_for_update()
)
HOLD = select(claims.c.changed_at).where(claims.c.id == bindparam("claim")).with_for_update()


def load_claim(
    connection: Connection, claim_id: str, *, versions: Versions = None, now: datetime
) -> Loaded:
    """Lock the claim and read it.

    A rename that has not reached this claim yet is recorded on it first, so that nobody decides on
    an outdated name or root; and so is a deadline that has passed.  `versions` are
    compared with the version before that, which is what the caller read.  Raises NotFound, or
    PreconditionFailed if the claim's version is none of `versions`.
    """
    kept_hash, kept_state = state_cache.STATES.find(claim_id) or ("", None)
    row = LOAD.run(connection, {"claim": claim_id, "kept_hash": kept_hash}).first()
    if row is None:
        raise existence.build_not_found("claim")
    if row[0] is None:
        assert kept_state is not None, "the hash that was asked for came with a state"
        state = kept_state
    else:
        state = states.read_locked(connection, claim_id, row[0])
        state_cache.STATES.keep(state, row[1])
    if versions is not None and state.version not in versions:
        raise PreconditionFailed(
            f"You read another version; the claim is at version {state.version} now. "
            "Read it again and decide anew.",
            version=state.version,
        )
    loaded_claim = Loaded(state, row[1])
    due = holds.draft_due_end(state, now=now)
    due += inquiry_drafts.draft_passed_deadlines(state, now=now)
    if due:
        loaded_claim = record_events(connection, loaded_claim, due, actor=access.SYSTEM, now=now)
    return _catch_up(connection, loaded_claim, now=now) if row[2] else loaded_claim


def _catch_up(connection: Connection, loaded_claim: Loaded, *, now: datetime) -> Loaded:
    """Record the renames that have not reached a claim, in order, with their own actors."""
    for rename in rename_queue.take_renames(connection, loaded_claim.state.id):
        if rename.draft is None:
            index_writer.reindex_claims(connection, [loaded_claim.state])
        elif history.is_affected(loaded_claim.state, rename.draft):
            loaded_claim = record_events(
                connection, loaded_claim, [rename.draft], actor=rename.actor, now=now
            )
    return loaded_claim


def load_claims(
    connection: Connection, claim_ids: Collection[str], *, now: datetime
) -> dict[str, Loaded]:
    """Lock several claims, always in the same order, so that two writers cannot deadlock."""
    ids_in_order = sorted(set(claim_ids))
    for claim_id in ids_in_order:
        load_claim(connection, claim_id, now=now)
    # Again: a rename that came to one of them may have changed another, of which it is part.
    return {claim_id: load_claim(connection, claim_id, now=now) for claim_id in ids_in_order}


def lock_claims(connection: Connection, claim_ids: Collection[str], *, now: datetime) -> datetime:
    """Lock several claims like `load_claims`, without reading them.

    Returns the instant of a change of all of them: `now`, or the last instant at which one of them
    changed if the clock went back.  So at any instant the change shows on all of them or on none.
    """
    for claim_id in sorted(set(claim_ids)):
        now = clamp_now(connection.scalar(HOLD, {"claim": claim_id}), now)
    return now


def begin_record(
    connection: Connection,
    claim_id: str,
    drafts: Sequence[Draft],
    *,
    origin: PendingStatement | None,
    actor: Actor,
    now: datetime,
    batch: ClaimBatch | None = None,
) -> Recorded:
    """Begin a claim's record with `claim.created`, and the events that come with it.

    `origin` is the statement that the claim is made of, where that is to be written with it.  With
    a `batch` nothing is written yet: the batch writes it with others.
    """
    return _append(
        connection,
        None,
        claim_id,
        drafts,
        origin=origin,
        actor=actor,
        now=now,
        cause=None,
        batch=batch,
    )


def record_events(
    connection: Connection,
    loaded_claim: Loaded,
    drafts: Sequence[Draft],
    *,
    actor: Actor,
    now: datetime,
    cause: Cause | None = None,
    since: ClaimState | None = None,
) -> Recorded:
    """Append `drafts` and the events that follow from them by rule.

    `cause` replaces the cause of the automatic move (with a merge, say), which follows from what is
    new beside `since`, or beside the claim as it is.  A change that shows on the parent is recorded
    there too.  Without drafts nothing happens.
    """
    if not drafts:
        return Recorded(loaded_claim.state, loaded_claim.last_hash, ())
    return _append(
        connection,
        loaded_claim,
        loaded_claim.state.id,
        drafts,
        actor=actor,
        now=now,
        cause=cause,
        since=since,
    )


def _append(
    connection: Connection,
    loaded_claim: Loaded | None,
    claim_id: str,
    drafts: Sequence[Draft],
    *,
    actor: Actor,
    now: datetime,
    cause: Cause | None,
    since: ClaimState | None = None,
    origin: PendingStatement | None = None,
    batch: ClaimBatch | None = None,
) -> Recorded:
    before = loaded_claim.state if loaded_claim else None
    at = clamp_now(before.updated_at if before else None, now)
    last_hash = loaded_claim.last_hash if loaded_claim else GENESIS
    sequence = EventSequence(claim_id, before, last_hash, actor=actor, at=at)
    after = sequence.append(drafts)
    if before is not None:
        automatic = lifecycle.find_automatic_move(since or before, after, cause=cause)
        if automatic is not None:
            after = sequence.append([automatic])
    recorded_claim = Recorded(after, sequence.last_hash, sequence.events)
    if batch is not None:
        row = build_row(after, sequence.last_hash)
        batch.add_claim(row, sequence.steps, sequence.lines, origin)
        return recorded_claim
    row_changes = _write(connection, before, after, sequence, origin=origin, at=at, now=now)
    states.write_further_links(connection, before, after)
    wakeups.notify_after_commit(connection)
    projections.write_row_changes(connection, row_changes)
    if before is not None:
        use_changes.outdate_uses(connection, after, sequence.events, now=now)
    _update_parents(connection, before, after, actor=actor, now=now)
    for claim_superseded, succession in supersession.list_changes(before, after):
        draft = Draft("claim.superseded", {**succession}, "supersession")
        superseded_claim = load_claim(connection, claim_superseded, now=now)
        record_events(connection, superseded_claim, [draft], actor=actor, now=now)
    state_cache.STATES.keep(after, sequence.last_hash)
    return recorded_claim


def _write(
    connection: Connection,
    before: ClaimState | None,
    after: ClaimState,
    sequence: EventSequence,
    *,
    origin: PendingStatement | None,
    at: datetime,
    now: datetime,
) -> list[projections.RowChange]:
    """Write events, the claim's row, its version before, its words and the webhooks, in one round
    trip; returns what the events change beside that."""
    new_row = build_row(after, sequence.last_hash)
    parameters = {f"new_{name}": value for name, value in new_row.items()}
    lines = [*(origin.lines if origin is not None else ()), *sequence.lines]
    parameters |= writer.build_parameters("line", lines)
    messages = 0
    row_changes: list[projections.RowChange] = []
    base_url = context_of(connection).base_url
    for (previous, state, event), line in zip(sequence.steps, sequence.lines, strict=True):
        event_actor = orjson.loads(line["actor"])
        row_changes += projections.list_row_changes(previous, state, event, event_actor)
        # All of them tell of the claim as the whole change leaves it: what it was in between held
        # for no time at all, and nobody may print that.
        by = event_actor.get("name")
        body = webhook_bodies.render_message(event, after, by=by, base_url=base_url)
        if body is not None:
            prefix = f"told_{messages}"
            parameters |= outbox.build_parameters(prefix, event, line, after, body, now=now)
            messages += 1
    if origin is not None:
        index_row: index_writer.IndexRow | None = index_writer.build_claim_row(
            after, origin.sources, ()
        )
        parameters |= origin.build_parameters()
    else:
        index_row = index_writer.build_row_after(connection, sequence.steps)
    parameters |= index_row or {}
    if before is None:
        renderings = len(origin.quote_rows) if origin is not None else 0
        parameters |= {"new_id": after.id, "new_created_at": at}
        writes = claim_inserts.build_opening(len(lines), messages, renderings)
    else:
        parameters |= {"claim_id": after.id, "superseded_at": at}
        writes = claim_inserts.build_continuation(len(lines), messages, index_row is not None)
    writes.run(connection, parameters)
    return row_changes


def build_row(state: ClaimState, last_hash: str) -> Row:
    """Build the columns of `claims` that a state determines."""
    suggestion = evidence.suggest_status(state, explain=False)
    return {
        "version": state.version,
        "document": documents.render_document(state, suggestion),
        "assignee": state.assignee,
        "due_at": state.due_at,
        "merged_into": state.merged_into,
        "status": state.status.value,
        "kind": state.kind.value,
        "lifecycle": state.lifecycle.value,
        "story": state.story,
        "claimant": state.claimant.party if state.claimant else None,
        "claimant_root": state.claimant.root if state.claimant else None,
        "part_of": state.part_of,
        "origin_statement": state.origin_statement,
        "agrees": evidence.is_as_suggested(state, suggestion),
        "challenged": evidence.is_challenged(state),
        "pending": state.pending is not None,
        "claimed_at": state.claimed_at,
        "claimed_end": compute_end(state.claimed_at, state.precision),
        "precision": state.precision.value,
        "status_since": state.status_since,
        "superseded_since": state.superseded_by.recorded_at if state.superseded_by else None,
        "changed_at": state.updated_at,
        "hold_since": state.hold.since if state.hold else None,
        "hold_until": state.hold.until if state.hold else None,
        "state": states.write_out(state),
        "last_hash": last_hash,
    }


def _update_parents(
    connection: Connection,
    before: ClaimState | None,
    after: ClaimState,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Update the `components` that the parent serves: they are part of its version."""
    parent_before = before.part_of if before else None
    if parent_before is not None and parent_before != after.part_of:
        parent = load_claim(connection, parent_before, now=now)
        record_events(
            connection,
            parent,
            [amendments.draft_component_change(after, is_removed=True)],
            actor=actor,
            now=now,
        )
    if after.part_of is None:
        return
    shown_fields = (after.text, after.status, after.lifecycle, after.part_of)
    if before and shown_fields == (before.text, before.status, before.lifecycle, before.part_of):
        return
    parent = load_claim(connection, after.part_of, now=now)
    is_unlisted = after.lifecycle in UNLISTED
    record_events(
        connection,
        parent,
        [amendments.draft_component_change(after, is_removed=is_unlisted)],
        actor=actor,
        now=now,
    )
