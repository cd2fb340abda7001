"""The steps of `history`: what holds do to a claim."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.domain.claims import ClaimState, Hold, parse_instant

if TYPE_CHECKING:
    from service.domain.history import Event


def place_hold(state: ClaimState, event: Event) -> ClaimState:
    """Hold the claim, or go on holding it for another reason or until another instant."""
    since = event.recorded_at if state.hold is None else state.hold.since
    until = event.data["until"]
    return replace(
        state, hold=Hold(event.data["reason"], since, parse_instant(until) if until else None)
    )


def end_hold(state: ClaimState, _event: Event) -> ClaimState:
    return replace(state, hold=None)
