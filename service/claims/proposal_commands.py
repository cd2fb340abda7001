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
    loaded: Loaded,
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
        loaded.state, change, four_eyes=four_eyes, actor=actor, decision_id=decision_id
    )
    recorded = claim_writer.record_events(
        connection, loaded, drafts, actor=actor, now=now, cause=change.cause, since=change.since
    )
    if drafts and drafts[-1].type == "decision.proposed":
        return Outcome(recorded.state, None, decision_id)
    first = recorded.events[0] if recorded.events else None
    return Outcome(recorded.state, first, None)


def lapse_proposals(
    connection: Connection, proposer: str, *, reason: LapseReason, actor: Actor, now: datetime
) -> int:
    """End every proposal of somebody who can no longer stand by it; returns how many.

    Called in the transaction that disables the account: `proposer` is the id of its actor.
    """
    claim_ids = select(decisions.c.claim).where(
        decisions.c.proposed_by == proposer, decisions.c.state == "pending"
    )
    lapsed = 0
    for loaded in claim_writer.load_claims(
        connection, connection.scalars(claim_ids).all(), now=now
    ).values():
        waiting = loaded.state.pending
        # Somebody may have settled it while we waited for the claim.
        if waiting is not None and waiting.proposed_by == proposer:
            draft = proposals.draft_lapse(loaded.state, waiting.id, reason=reason)
            claim_writer.record_events(connection, loaded, [draft], actor=actor, now=now)
            lapsed += 1
    return lapsed
