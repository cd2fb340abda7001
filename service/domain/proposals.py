"""Decisions that wait for a second person: proposed, bound to what prints, and settled.

Whatever a decision changes (`DecisionKind`), it waits in the same way.  A proposal keeps what
printed when it was made and what would print once it is approved; it is approved only as long as
both are so.  An outdated proposal stays where everybody can see it, until it is rejected, taken
back, or replaced by the next proposal.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from service.domain import printed, second_person
from service.domain.access import Actor
from service.domain.claims import ClaimState, Lifecycle, Pending
from service.domain.errors import (
    ClaimMerged,
    ClaimWithdrawn,
    DecisionOutdated,
    DecisionPending,
    Invalid,
    NotFound,
    SecondPersonNeeded,
)
from service.domain.history import Draft, make_plain


class LapseReason(StrEnum):
    """Why a proposal ended without anybody's word on it."""

    OUTDATED = "outdated"
    """What prints had changed, and a newer proposal took its place."""
    PROPOSER_DISABLED = "proposer_disabled"


def require_open_claim(state: ClaimState) -> None:
    """Raise ClaimMerged or ClaimWithdrawn unless the claim can still change."""
    if state.lifecycle is Lifecycle.MERGED:
        raise ClaimMerged(
            f"This claim was merged into {state.merged_into}: change that one.",
            merged_into=state.merged_into,
        )
    if state.lifecycle is Lifecycle.WITHDRAWN:
        raise ClaimWithdrawn("The claimant has withdrawn this claim; its last status is kept.")


def draft_proposal(state: ClaimState, proposal: Pending, outcome: ClaimState) -> Draft:
    """The event that records a proposal, after which the claim would be `outcome`.

    Raises DecisionPending: one proposal at a time.  `draft_lapse_if_outdated` makes room for it.
    """
    if state.pending is not None:
        raise DecisionPending(
            f"{state.pending.proposed_by_name} has proposed {describe_proposal(state.pending)}: "
            "approve, reject or withdraw that first.",
            decision=state.pending.id,
        )
    seen, prints = printed.read_printed(state), printed.read_printed(outcome)
    bound = replace(proposal, seen=seen, prints=prints)
    digest = printed.compute_digest(seen, prints)
    return Draft("decision.proposed", make_plain(bound) | {"digest": digest})


def describe_proposal(pending: Pending) -> str:
    """What a proposal is for, in a word or two."""
    return f"{pending.to}" if pending.change is None else f"another {pending.kind}"


def draft_lapse_if_outdated(state: ClaimState) -> list[Draft]:
    """The event that ends a waiting proposal whose ground has changed, to make room for another.

    Empty where none waits, or where the one that waits may still be approved.
    """
    waiting = state.pending
    if waiting is None or waiting.seen is None:
        return []
    if not printed.list_differences(waiting.seen, printed.read_printed(state)):
        return []
    return [draft_lapse(state, waiting.id, reason=LapseReason.OUTDATED)]


def draft_lapse(state: ClaimState, decision_id: str, *, reason: LapseReason) -> Draft:
    """End a proposal that nobody can carry on.  Allowed on closed claims too."""
    if state.pending is None or state.pending.id != decision_id:
        raise NotFound("No such decision waits on this claim.")
    return Draft("decision.lapsed", {"decision": decision_id, "reason": reason.value})


def require_proposal(state: ClaimState, decision_id: str | None = None) -> Pending:
    """The proposal that waits on the claim.  Raises NotFound, ClaimMerged, ClaimWithdrawn."""
    require_open_claim(state)
    waiting = state.pending
    if waiting is None or decision_id not in (None, waiting.id):
        raise NotFound("No such decision waits on this claim.")
    return waiting


def require_approvable_proposal(
    state: ClaimState,
    decision_id: str,
    *,
    actor: Actor,
    seen: Mapping[str, Any] | None = None,
) -> Pending:
    """The waiting decision, which `actor` may approve as things stand.

    `seen` is what printed when it was proposed, where the proposal itself does not say.  Raises
    SecondPersonNeeded for its proposer, DecisionOutdated where that has changed.
    """
    waiting = require_proposal(state, decision_id)
    second_person.require_second_person(waiting, actor)
    then = waiting.seen if waiting.seen is not None else seen
    if then is not None:
        _require_same(
            state, waiting, then, printed.read_printed(state), "what is printed of this claim"
        )
    return waiting


def require_same_outcome(state: ClaimState, waiting: Pending, outcome: ClaimState) -> None:
    """Raise DecisionOutdated unless what would print is what the proposer saw would print."""
    if waiting.prints is not None:
        _require_same(
            state,
            waiting,
            waiting.prints,
            printed.read_printed(outcome),
            "what this decision would print",
        )


def build_outdated_error(state: ClaimState, waiting: Pending, why: str) -> DecisionOutdated:
    """The refusal of an approval whose ground has gone, for `why`."""
    return DecisionOutdated(
        f"{why} Look at it anew: reject this proposal, or propose again.",
        decision=waiting.id,
        changed=[],
        version=state.version,
    )


def _require_same(
    state: ClaimState,
    waiting: Pending,
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    what: str,
) -> None:
    changed = printed.list_differences(then, now)
    if changed:
        raise DecisionOutdated(
            f"Since {waiting.proposed_by_name} proposed this, {what} has changed: "
            f"{', '.join(changed)}. Look at it anew: reject this proposal, or propose again.",
            decision=waiting.id,
            changed=[{"field": name, "seen": then[name], "now": now.get(name)} for name in changed],
            version=state.version,
        )


def draft_approval(waiting: Pending, *, actor: Actor, note: str | None) -> Draft:
    """The event that settles a decision whose change is recorded by events of its own."""
    return Draft(
        "decision.approved",
        {
            "decision": waiting.id,
            "kind": waiting.kind.value,
            "decided_by": waiting.proposed_by_name,
            "approved_by": actor.name,
            "approval_note": note,
        },
    )


def draft_rejection(state: ClaimState, decision_id: str, *, comment: str) -> Draft:
    """Turn the waiting decision down.  Raises Invalid without a comment that says why."""
    require_proposal(state, decision_id)
    if not comment.strip():
        raise Invalid("a rejection needs a comment", loc=("body", "comment"))
    return Draft("decision.rejected", {"decision": decision_id, "comment": comment})


def draft_withdrawal(
    state: ClaimState, decision_id: str, *, actor: Actor, reason: str | None
) -> Draft:
    """Take one's own proposal back."""
    if require_proposal(state, decision_id).proposed_by != actor.id:
        raise SecondPersonNeeded(
            "Only its proposer may withdraw a decision; others reject it.", decision=decision_id
        )
    return Draft("decision.withdrawn", {"decision": decision_id, "reason": reason})
