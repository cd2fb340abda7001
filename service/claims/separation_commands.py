"""Separates claims that were merged: the way back from a merge."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection, func, select

from service.claims import (
    claim_references,
    claim_writer,
    existence,
    history_queries,
    proposal_commands,
    statement_reversals,
)
from service.claims.claim_writer import Versions
from service.claims.proposal_commands import Outcome
from service.domain import access, amendments, changes, history, lifecycle, printed, reversals
from service.domain.access import Action, Actor
from service.domain.changes import Change
from service.domain.claims import ClaimState, Lifecycle, Pending
from service.domain.errors import AlreadySettled
from service.domain.history import Draft
from service.store.tables import claims, events


def separate_claim(
    connection: Connection,
    claim_id: str,
    *,
    reason: str,
    four_eyes: bool,
    versions: Versions = None,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Make a merged claim a claim of its own again, with its components, or propose it.

    What came to the survivor with the merge leaves it, unless somebody has decided on it since.
    Where two people agreed to what would print again, or the survivor would print more boldly, it
    is proposed on the survivor.  Raises NotFound, AlreadySettled, Conflict, PreconditionFailed,
    DecisionPending.
    """
    access.require_permission(actor, Action.REVERSE)
    existence.require_claim(connection, claim_id)
    into = connection.scalar(select(claims.c.merged_into).where(claims.c.id == claim_id))
    now = claim_writer.lock_claims(connection, [claim_id, *([into] if into else [])], now=now)
    loser = claim_writer.load_claim(connection, claim_id, versions=versions, now=now).state
    if into is None or loser.merged_into != into:
        raise AlreadySettled(
            "This claim is not merged: there is nothing to separate.", claim=claim_id
        )
    survivor = claim_writer.load_claim(connection, into, now=now)
    change = plan_separation(connection, survivor.state, loser, reason=reason)
    if four_eyes and changes.needs_second_person(survivor.state, change):
        return proposal_commands.submit_change(
            connection, survivor, change, four_eyes=True, actor=actor, now=now
        )
    claim_writer.record_events(
        connection, survivor, change.drafts, actor=actor, now=now, cause=change.cause
    )
    state = open_separated_claim(connection, claim_id, reason=reason, actor=actor, now=now)
    return Outcome(state, None, None)


def plan_separation(
    connection: Connection, survivor: ClaimState, loser: ClaimState, *, reason: str
) -> Change:
    """Plan what the survivor records; both claims must be locked."""
    drafts, since = _draft_opening(connection, loser, reason=reason)
    opened_claim = lifecycle.predict_outcome(loser, drafts, since=since)
    event_rows = connection.execute(
        select(events).where(events.c.claim == survivor.id).order_by(events.c.number)
    )
    return reversals.release_claim(
        survivor,
        loser,
        list(map(history_queries.parse_event, event_rows)),
        reason=reason,
        prints_elsewhere=printed.has_agreement(opened_claim),
    )


def replan_separation(
    connection: Connection, state: ClaimState, waiting: Pending, now: datetime
) -> Change:
    """Work out a proposed separation anew.  Raises AlreadySettled, Conflict."""
    separated_id = (waiting.change or {})["separated"]
    loser = claim_writer.load_claim(connection, separated_id, now=now).state
    if loser.merged_into != state.id:
        raise AlreadySettled("The claims were separated before.", claim=separated_id)
    return plan_separation(connection, state, loser, reason=waiting.reason)


def open_separated_claim(
    connection: Connection, claim_id: str, *, reason: str, actor: Actor, now: datetime
) -> ClaimState:
    """Open a merged claim again, and give back to it the components that the merge moved."""
    loaded_claim = claim_writer.load_claim(connection, claim_id, now=now)
    survivor = loaded_claim.state.merged_into
    assert survivor is not None, "only what was merged is separated"
    components = _list_moved_components(connection, claim_id, survivor)
    now = claim_writer.lock_claims(connection, components, now=now)
    drafts, since = _draft_opening(connection, loaded_claim.state, reason=reason)
    claim_writer.record_events(connection, loaded_claim, drafts, actor=actor, now=now, since=since)
    above = claim_references.list_ancestors(connection, claim_id)
    for component in components:
        loaded_component = claim_writer.load_claim(connection, component, now=now)
        if loaded_component.state.part_of == survivor and component not in above:
            back = Draft("claim.moved", {"part_of": claim_id})
            claim_writer.record_events(connection, loaded_component, [back], actor=actor, now=now)
    return claim_writer.load_claim(connection, claim_id, now=now).state


def _draft_opening(
    connection: Connection, loser: ClaimState, *, reason: str
) -> tuple[list[Draft], ClaimState]:
    """Draft what the merged claim records when it is opened; returns what it was before, too.

    Raises AlreadySettled, and Conflict if the statement that it comes from is void.
    """
    drafts = [reversals.draft_separation(loser, reason=reason)]
    origin = statement_reversals.read_row(connection, loser.origin_statement)
    statement_reversals.require_not_void(origin)
    claim_references.require_none_newer(connection, loser)
    above = _find_parent(connection, loser)
    if above != loser.part_of:
        drafts.append(Draft("claim.moved", {"part_of": above}))
    if statement_reversals.is_withdrawn(origin):
        opened_claim = history.apply_drafts(loser, drafts)
        drafts.append(
            amendments.draft_claim_withdrawal(
                opened_claim, reason=origin.withdrawal_reason, source=origin.withdrawal_source
            )
        )
    since = history_queries.read_state_before_last(connection, loser.id, "claim.merged")
    return drafts, since


def _find_parent(connection: Connection, loser: ClaimState) -> str | None:
    """Find what the claim is part of: the claim it was part of, or what that was merged into since;
    None if that became part of this claim meanwhile."""
    above = loser.part_of
    while above is not None:
        row = connection.execute(
            select(claims.c.lifecycle, claims.c.merged_into).where(claims.c.id == above)
        ).one()
        if row.lifecycle != Lifecycle.MERGED:
            break
        above = row.merged_into
    if above is None or above == loser.id:
        return None
    return None if loser.id in claim_references.list_ancestors(connection, above) else above


def _list_moved_components(connection: Connection, claim_id: str, survivor: str) -> Sequence[str]:
    """List the components that the last merge moved from one claim to the other, and nobody since:
    that is the last move of each, at the instant of the merge."""
    merged_at = connection.scalar(
        select(func.max(events.c.recorded_at)).where(
            events.c.claim == claim_id, events.c.type == "claim.merged"
        )
    )
    components = select(claims.c.id).where(claims.c.part_of == survivor)
    rows = connection.execute(
        select(events.c.claim, events.c.recorded_at, events.c.data)
        .where(events.c.claim.in_(components), events.c.type == "claim.moved")
        .order_by(events.c.claim, events.c.number)
    )
    last = {row.claim: row for row in rows}
    return [
        claim
        for claim, row in last.items()
        if row.recorded_at == merged_at and orjson.loads(row.data)["part_of"] == survivor
    ]
