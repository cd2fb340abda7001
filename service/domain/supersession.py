"""A claim that supersedes an earlier one: 17 dead, where the claimant had said 12."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

from service.domain.claims import UNLISTED, ClaimState, Newer, Precision, parse_instant
from service.domain.plain_data import make_plain

if TYPE_CHECKING:
    from service.domain.history import Event


class Succession(TypedDict):
    """The data of `claim.superseded`: the claim that supersedes, and what it says."""

    by: str | None
    text: str | None
    claimed_at: str | None
    precision: str | None


ENDED: Succession = {"by": None, "text": None, "claimed_at": None, "precision": None}
"""Nothing supersedes the claim any more."""


def list_changes(before: ClaimState | None, after: ClaimState) -> list[tuple[str, Succession]]:
    """Return what a change of a claim changes on those that it supersedes, or has superseded: the
    id of each, and the data of its `claim.superseded`."""
    had, has = _describe(before), _describe(after)
    if had == has:
        return []
    changes = []
    if had is not None and (has is None or has[0] != had[0]):
        changes.append((had[0], ENDED))
    if has is not None:
        changes.append(has)
    return changes


def _describe(state: ClaimState | None) -> tuple[str, Succession] | None:
    """Return which claim this one supersedes, and what that one says of it; None if it supersedes
    none, or is in no list itself."""
    if state is None or state.supersedes is None or state.lifecycle in UNLISTED:
        return None
    return state.supersedes, {
        "by": state.id,
        "text": state.text,
        "claimed_at": make_plain(state.claimed_at),
        "precision": state.precision.value,
    }


def mark_superseded(state: ClaimState, event: Event) -> ClaimState:
    """Say by which claim this one is superseded, or that it is no more."""
    data = event.data
    if data["by"] is None:
        return replace(state, superseded_by=None)
    earlier = state.superseded_by
    is_known = earlier is not None and earlier.id == data["by"]
    newer = Newer(
        data["by"],
        data["text"],
        parse_instant(data["claimed_at"]),
        Precision(data["precision"]),
        earlier.recorded_at if earlier and is_known else event.recorded_at,
    )
    return replace(state, superseded_by=newer)
