"""Records a change, or proposes it if a second person has to agree."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from service.claims import claim_writer
from service.claims.claim_writer import Loaded
from service.domain import changes, ids, proposals
from service.domain.access import Actor
from service.domain.changes import Change
from service.domain.claims import ClaimState
from service.domain.history import Event
from service.domain.proposals import LapseReason
from service.store.tables import decisions


@dataclass(frozen=True, slots=True)
class Outcome:
    """The claim after a command: the first event that it recorded, or the id of the pending
    decision."""

    state: ClaimState
    change: Event | None
    decision: str | None


def submit_change(
    connection: Connection,
    loaded_claim: Loaded,
    change: Change,
    *,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Record `change`, or propose it if it changes what two people vouch for.

    Raises DecisionPending if another proposal is pending that can still be approved.
    """
    decision_id = ids.make_id()
    drafts = changes.submit_change(
        loaded_claim.state, change, four_eyes=four_eyes, actor=actor, decision_id=decision_id
    )
    recording = claim_writer.record_events(
        connection,
        loaded_claim,
        drafts,
        actor=actor,
        now=now,
        cause=change.cause,
        since=change.since,
    )
    if drafts and drafts[-1].type == "decision.proposed":
        return Outcome(recording.state, None, decision_id)
    first = recording.events[0] if recording.events else None
    return Outcome(recording.state, first, None)


def lapse_proposals(
    connection: Connection, proposer: str, *, reason: LapseReason, actor: Actor, now: datetime
) -> int:
    """End every proposal of somebody who can no longer stand by it; returns how many.

    Called in the transaction that disables the account: `proposer` is the id of its actor.
    """
    claim_ids = select(decisions.c.claim).where(
        decisions.c.proposed_by == proposer, decisions.c.state == "pending"
    )
    lapse_count = 0
    for loaded_claim in claim_writer.load_claims(
        connection, connection.scalars(claim_ids).all(), now=now
    ).values():
        waiting = loaded_claim.state.pending
        # Somebody may have settled it while we waited for the claim.
        if waiting is not None and waiting.proposed_by == proposer:
            draft = proposals.draft_lapse(loaded_claim.state, waiting.id, reason=reason)
            claim_writer.record_events(connection, loaded_claim, [draft], actor=actor, now=now)
            lapse_count += 1
    return lapse_count
