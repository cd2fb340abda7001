"""Drafts holds: "do not use while the desk checks", beside the status of a claim.

A hold changes nothing of what the desk has decided.  It ends when somebody ends it, or by itself
when its time has come: by rule, with the next event of the claim or by `deadline_keeper`.
"""

from dataclasses import replace
from datetime import datetime

from service.domain.claims import ClaimState, format_instant
from service.domain.errors import AlreadySettled, Invalid
from service.domain.history import Draft
from service.domain.proposals import require_open_claim

RULE = "hold_until"
"""The rule that ends a hold whose time has come."""


def draft_hold(state: ClaimState, *, reason: str, until: datetime | None, now: datetime) -> Draft:
    """Draft a hold, or another reason or end of the one that stands.

    Raises Invalid for an end that has passed, and ClaimMerged, ClaimWithdrawn or ClaimVoid.
    """
    require_open_claim(state)
    if until is not None and until <= now:
        raise Invalid("a hold ends later than now", loc=("body", "until"))
    data = {"reason": reason, "until": None if until is None else format_instant(until)}
    return Draft("hold.placed", data)


def draft_end(state: ClaimState, *, now: datetime) -> Draft:
    """Draft that somebody ends the hold.  Raises AlreadySettled if the claim is not held."""
    if state.hold is None or state.hold.has_ended(now):
        raise AlreadySettled("This claim is not on hold.", claim=state.id)
    return _draft_end(state, rule=None)


def draft_due_end(state: ClaimState, *, now: datetime) -> list[Draft]:
    """Draft the end of a hold whose time has come; nothing for any other claim."""
    if state.hold is None or not state.hold.has_ended(now):
        return []
    return [_draft_end(state, rule=RULE)]


def drop_due_hold(state: ClaimState, moment: datetime) -> ClaimState:
    """Return the claim as it is shown at `moment`, without a hold that has ended by then."""
    if state.hold is None or not state.hold.has_ended(moment):
        return state
    return replace(state, hold=None)


def _draft_end(state: ClaimState, *, rule: str | None) -> Draft:
    assert state.hold is not None
    until = state.hold.until
    data = {
        "reason": state.hold.reason,
        "until": None if until is None else format_instant(until),
    }
    return Draft("hold.ended", data, rule)
