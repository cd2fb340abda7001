"""Drafts voids and ways back: of what was recorded by mistake, and of what was done by mistake.

Functions here are pure, like those of `amendments`.  A way back makes things as if the act had not
happened, from now on.  It never confirms: a claim that fell meanwhile stays fallen, and what has
changed while the claim was closed is weighed when it opens again.
"""

from service.domain.changes import Change
from service.domain.claims import ClaimState, DecisionKind, Lifecycle
from service.domain.errors import AlreadySettled, ClaimMerged
from service.domain.history import Draft
from service.domain.proposals import require_open_claim


def void_claim(state: ClaimState, *, reason: str) -> Change:
    """Return the change that says that the claim was recorded by mistake.

    Raises ClaimMerged, or AlreadySettled if it is void already.
    """
    if state.lifecycle is Lifecycle.VOID:
        raise AlreadySettled("This claim is void already.", claim=state.id)
    if state.lifecycle is Lifecycle.MERGED:
        raise ClaimMerged(
            f"This claim was merged into {state.merged_into}: void that one, or separate this one "
            "from it first.",
            merged_into=state.merged_into,
        )
    draft = _draft_lifecycle("claim.voided", state, Lifecycle.VOID, reason)
    return Change(DecisionKind.VOID, (draft,), {"claim": state.id}, reason)


def restore_claim(state: ClaimState, *, reason: str, since: ClaimState) -> Change:
    """Return the change that says that the claim was no mistake; `since` is what it was before.

    Raises AlreadySettled if the claim is not void.
    """
    if state.lifecycle is not Lifecycle.VOID:
        raise AlreadySettled("This claim is not void: there is nothing to restore.", claim=state.id)
    former = state.former_lifecycle or Lifecycle.ACTIVE
    return _open_claim(state, former, reason=reason, since=since)


def reinstate_claim(state: ClaimState, *, reason: str, since: ClaimState) -> Change:
    """Return the change that says that the claimant did not withdraw the claim; `since` is what it
    was before.

    Raises AlreadySettled if nobody did, and ClaimMerged or ClaimVoid.
    """
    if state.lifecycle is not Lifecycle.WITHDRAWN:
        require_open_claim(state)
        raise AlreadySettled(
            "This claim was not withdrawn: there is nothing to reinstate.", claim=state.id
        )
    return _open_claim(state, Lifecycle.ACTIVE, reason=reason, since=since)


def _open_claim(
    state: ClaimState, lifecycle: Lifecycle, *, reason: str, since: ClaimState
) -> Change:
    draft = _draft_lifecycle("claim.restored", state, lifecycle, reason)
    request = {"claim": state.id, "was": state.lifecycle.value}
    return Change(DecisionKind.RESTORATION, (draft,), request, reason, since=since)


def _draft_lifecycle(type: str, state: ClaimState, lifecycle: Lifecycle, reason: str) -> Draft:
    before, after = {"lifecycle": state.lifecycle.value}, {"lifecycle": lifecycle.value}
    return Draft(type, {"before": before, "after": after, "reason": reason})
