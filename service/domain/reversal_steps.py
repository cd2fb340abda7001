"""The steps of `history`: what voids and ways back do to a claim."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.domain.claims import ClaimState, Lifecycle

if TYPE_CHECKING:
    from service.domain.history import Event


def void_claim(state: ClaimState, _event: Event) -> ClaimState:
    return replace(state, lifecycle=Lifecycle.VOID, former_lifecycle=state.lifecycle, pending=None)


def restore_claim(state: ClaimState, event: Event) -> ClaimState:
    lifecycle = Lifecycle(event.data["after"]["lifecycle"])
    return replace(state, lifecycle=lifecycle, former_lifecycle=None, pending=None)
