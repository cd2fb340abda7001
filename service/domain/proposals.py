"""Proposals: decisions that wait for a second person.

All kinds of decisions (`DecisionKind`) wait in the same way.  A proposal keeps what was printed
when it was made, and what would be printed once it is approved.  It can be approved as long as both
are still so.  An outdated proposal stays visible until it is rejected, withdrawn, or replaced by
the next proposal.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from service.domain import printed, second_person
from service.domain.access import Actor
from service.domain.claims import ClaimState, DecisionKind, Lifecycle, Pending
from service.domain.errors import (
    ClaimMerged,
    ClaimVoid,
    ClaimWithdrawn,
    DecisionOutdated,
    DecisionPending,
    Invalid,
    NotFound,
    SecondPersonNeeded,
)
from service.domain.history import Draft
from service.domain.plain_data import make_plain


class LapseReason(StrEnum):
    """Why a proposal ended without a decision on it."""

    OUTDATED = "outdated"
    """What is printed had changed, and a newer proposal took its place."""
    PROPOSER_DISABLED = "proposer_disabled"


FOR_CLOSED_CLAIMS = frozenset(
    {
        DecisionKind.RETRACTION,
        DecisionKind.WITHDRAWAL,
        DecisionKind.VOID,
        DecisionKind.RESTORATION,
        DecisionKind.SEPARATION,
    }
)
"""What puts the record right, of a claim that is closed too."""


def require_open_claim(state: ClaimState) -> None:
    """Raise ClaimMerged, ClaimWithdrawn or ClaimVoid unless the claim can still change."""
    if state.lifecycle is Lifecycle.MERGED:
        raise ClaimMerged(
            f"This claim was merged into {state.merged_into}: change that one.",
            merged_into=state.merged_into,
        )
    if state.lifecycle is Lifecycle.WITHDRAWN:
        raise ClaimWithdrawn("The claimant has withdrawn this claim; its last status is kept.")
    if state.lifecycle is Lifecycle.VOID:
        raise ClaimVoid("This claim was recorded by mistake: restore it first if it was not.")


def draft_proposal(state: ClaimState, proposal: Pending, outcome: ClaimState) -> Draft:
    """Draft a proposal, whose approval would make the claim `outcome`.

    Raises DecisionPending if another one waits; `draft_lapse_if_outdated` can end that.
    """
    if state.pending is not None:
        raise DecisionPending(
            f"{state.pending.proposed_by_name} has proposed {describe_proposal(state.pending)}: "
            "approve, reject or withdraw that first.",
            decision=state.pending.id,
        )
    state_print, prints = printed.read_printed(state), printed.read_printed(outcome)
    bound_proposal = replace(proposal, seen=state_print, prints=prints)
    digest = printed.compute_digest(state_print, prints)
    return Draft("decision.proposed", make_plain(bound_proposal) | {"digest": digest})


def describe_proposal(pending: Pending) -> str:
    """Say in a word or two what a proposal would change."""
    return f"{pending.to}" if pending.change is None else f"another {pending.kind}"


def draft_lapse_if_outdated(state: ClaimState) -> list[Draft]:
    """Draft the end of a proposal that cannot be approved any more, to make room for another.

    Returns nothing if no proposal waits, or if the one that waits may still be approved.
    """
    proposal = state.pending
    if proposal is None or proposal.seen is None:
        return []
    if not printed.list_differences(proposal.seen, printed.read_printed(state)):
        return []
    return [draft_lapse(state, proposal.id, reason=LapseReason.OUTDATED)]


def draft_lapse(state: ClaimState, decision_id: str, *, reason: LapseReason) -> Draft:
    """Draft the end of a proposal without a decision on it.  Allowed on closed claims too."""
    if state.pending is None or state.pending.id != decision_id:
        raise NotFound("No such decision waits on this claim.")
    return Draft("decision.lapsed", {"decision": decision_id, "reason": reason.value})


def require_proposal(state: ClaimState, decision_id: str | None = None) -> Pending:
    """Return the proposal that waits.

    Raises NotFound, and ClaimMerged, ClaimWithdrawn or ClaimVoid if what waits is only for a claim
    in force.
    """
    proposal = state.pending
    if proposal is None or proposal.kind not in FOR_CLOSED_CLAIMS:
        require_open_claim(state)
    if proposal is None or decision_id not in (None, proposal.id):
        raise NotFound("No such decision waits on this claim.")
    return proposal


def require_approvable_proposal(
    state: ClaimState,
    decision_id: str,
    *,
    actor: Actor,
    printed_then: Mapping[str, Any] | None = None,
) -> Pending:
    """Return the proposal that waits, which `actor` may approve.

    `seen` is what was printed when it was proposed, for proposals that do not say.  Raises
    SecondPersonNeeded for its proposer, DecisionOutdated if what is printed has changed.
    """
    proposal = require_proposal(state, decision_id)
    second_person.require_second_person(proposal, actor)
    seen_before = proposal.seen if proposal.seen is not None else printed_then
    if seen_before is not None:
        _require_same(
            state,
            proposal,
            seen_before,
            printed.read_printed(state),
            "what is printed of this claim",
        )
    return proposal


def require_same_outcome(state: ClaimState, proposal: Pending, outcome: ClaimState) -> None:
    """Raise DecisionOutdated unless the claim would print what the proposer saw it would print."""
    if proposal.prints is not None:
        _require_same(
            state,
            proposal,
            proposal.prints,
            printed.read_printed(outcome),
            "what this decision would print",
        )


def build_outdated_error(state: ClaimState, proposal: Pending, why: str) -> DecisionOutdated:
    """Return the error for a proposal that cannot be approved any more; `why` is a sentence."""
    return DecisionOutdated(
        f"{why} Look at it anew: reject this proposal, or propose again.",
        decision=proposal.id,
        changed=[],
        version=state.version,
    )


def _require_same(
    state: ClaimState,
    proposal: Pending,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    what: str,
) -> None:
    differences = printed.list_differences(before, after)
    if differences:
        raise DecisionOutdated(
            f"Since {proposal.proposed_by_name} proposed this, {what} has changed: "
            f"{', '.join(differences)}. Look at it anew: reject this proposal, or propose again.",
            decision=proposal.id,
            changed=[
                {"field": name, "seen": before.get(name), "now": after.get(name)}
                for name in differences
            ],
            version=state.version,
        )


def draft_approval(proposal: Pending, *, actor: Actor, note: str | None) -> Draft:
    """Draft the approval of a decision; other events record what it changes."""
    return Draft(
        "decision.approved",
        {
            "decision": proposal.id,
            "kind": proposal.kind.value,
            "decided_by": proposal.proposed_by_name,
            "approved_by": actor.name,
            "approval_note": note,
        },
    )


def draft_rejection(state: ClaimState, decision_id: str, *, comment: str) -> Draft:
    """Draft the rejection of the proposal that waits.  Raises Invalid without a comment."""
    require_proposal(state, decision_id)
    if not comment.strip():
        raise Invalid("a rejection needs a comment", loc=("body", "comment"))
    return Draft("decision.rejected", {"decision": decision_id, "comment": comment})


def draft_withdrawal(
    state: ClaimState, decision_id: str, *, actor: Actor, reason: str | None
) -> Draft:
    """Draft the withdrawal of one's own proposal.  Raises SecondPersonNeeded for another's."""
    if require_proposal(state, decision_id).proposed_by != actor.id:
        raise SecondPersonNeeded(
            "Only its proposer may withdraw a decision; others reject it.", decision=decision_id
        )
    return Draft("decision.withdrawn", {"decision": decision_id, "reason": reason})
