"""Derives a claim's lane: its statuses with the instants from which and until which it had them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from service.domain.claims import Lifecycle, Status
from service.domain.history import Event

EVENT_TYPES = ("claim.created", "claim.status_changed", "claim.merged", "claim.withdrawn")
"""The events from which a lane is drawn."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A status from one instant until another; until None: the claim still has it."""

    status: Status
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Lane:
    """The intervals follow each other without gaps.  A merged claim's lane ends when it was merged;
    a withdrawn claim keeps its last status, so its lane goes on past `closed_at`."""

    intervals: tuple[Interval, ...]
    lifecycle: Lifecycle
    closed_at: datetime | None


def draw_lane(events: Iterable[Event]) -> Lane:
    """Draw the lane of one claim from its events of `EVENT_TYPES`, oldest first.

    A status that the claim had for no time is left out: nobody could have printed it.
    """
    turns: list[tuple[Status, datetime]] = []
    lifecycle, closed_at = Lifecycle.ACTIVE, None
    for event in events:
        if event.type == "claim.created":
            turns.append((Status.ASSERTED, event.recorded_at))
        elif event.type == "claim.status_changed":
            turns.append((Status(event.data["status"]), event.recorded_at))
        else:
            merged = event.type == "claim.merged"
            lifecycle = Lifecycle.MERGED if merged else Lifecycle.WITHDRAWN
            closed_at = event.recorded_at
    end = closed_at if lifecycle is Lifecycle.MERGED else None
    intervals: list[Interval] = []
    for (status, since), until in zip(turns, [*(at for _, at in turns[1:]), end], strict=True):
        if until == since:
            continue
        if intervals and intervals[-1].status is status:
            since = intervals.pop().since
        intervals.append(Interval(status, since, until))
    return Lane(tuple(intervals), lifecycle, closed_at)
