"""Derives a claim's lane: its statuses with the instants from which and until which it had them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from service.domain.claims import Lifecycle, Status
from service.domain.history import Event

EVENT_TYPES = (
    "claim.created",
    "claim.status_changed",
    "claim.merged",
    "claim.withdrawn",
    "claim.voided",
    "claim.restored",
    "claim.separated",
)
"""The events from which a lane is drawn."""
ENDING_TYPES = ("claim.merged", "claim.voided")
"""Those after which a claim has no status until it is opened again."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A status from one instant until another; until None: the claim still has it."""

    status: Status
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Lane:
    """The intervals follow each other; while a claim was merged or void there is a gap, or the end.
    A withdrawn claim keeps its last status, so its lane goes on past `closed_at`."""

    intervals: tuple[Interval, ...]
    lifecycle: Lifecycle
    closed_at: datetime | None


def draw_lane(events: Iterable[Event]) -> Lane:
    """Draw the lane of one claim from its events of `EVENT_TYPES`, oldest first.

    A status that the claim had for no time is left out: nobody could have printed it.
    """
    turns: list[tuple[Status | None, datetime]] = []
    status = Status.ASSERTED
    lifecycle, closed_at, withdrawn_at = Lifecycle.ACTIVE, None, None
    for event in events:
        at = event.recorded_at
        if event.type in ("claim.created", "claim.status_changed"):
            status = Status(event.data.get("status", Status.ASSERTED))
            turns.append((status, at))
        elif event.type == "claim.withdrawn":
            lifecycle, closed_at, withdrawn_at = Lifecycle.WITHDRAWN, at, at
        elif event.type in ENDING_TYPES:
            is_merge = event.type == "claim.merged"
            lifecycle, closed_at = Lifecycle.MERGED if is_merge else Lifecycle.VOID, at
            turns.append((None, at))
        else:
            lifecycle = Lifecycle(event.data["after"]["lifecycle"])
            closed_at = withdrawn_at if lifecycle is Lifecycle.WITHDRAWN else None
            turns.append((status, at))
    intervals: list[Interval] = []
    for (had_status, since), until in zip(turns, [*(at for _, at in turns[1:]), None], strict=True):
        if until == since or had_status is None:
            continue
        if intervals and (intervals[-1].status, intervals[-1].until) == (had_status, since):
            since = intervals.pop().since
        intervals.append(Interval(had_status, since, until))
    return Lane(tuple(intervals), lifecycle, closed_at)
