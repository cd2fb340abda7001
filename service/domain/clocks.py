"""Checks whether this machine's clock can be right.

It is compared with the record, with the clock of the database server, and with the time that has
passed since the last look.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.domain.claims import format_instant
from service.domain.errors import ClockWrong

ABSENCE = timedelta(days=60)
"""After a longer absence, somebody has to confirm that the clock is right."""
ADVICE = (
    "Nothing was changed. Set the clock right; changes are taken again by themselves then. If it is"
    " right as it is, say so: claimdesk clock accept"
)


@dataclass(frozen=True, slots=True)
class ClockReference:
    """What a clock is compared with."""

    newest_event: datetime | None = None
    last_seen: datetime | None = None
    """When a process last tried to write to this database."""
    server_ahead: timedelta | None = None
    """By how much the database server's clock is ahead of this machine's; None where there is no
    server, or it is this machine."""
    accepted_at: datetime | None = None
    """When somebody last confirmed that the clock is right."""
    accepted_up_to: datetime | None = None
    """The latest instant in the record at that time: events up to it prove nothing any more."""
    accepted_server_ahead: timedelta = timedelta()


def find_clock_fault(
    reference: ClockReference, *, now: datetime, tolerance: timedelta
) -> str | None:
    """Say why a clock that shows `now` cannot be right; None if it can."""
    for name, instant in (
        ("The newest event was recorded", reference.newest_event),
        ("This database was last written to", reference.last_seen),
    ):
        if instant is None or now >= instant - tolerance:
            continue
        if reference.accepted_up_to is None or instant > reference.accepted_up_to:
            return (
                f"The clock is behind: it says {format_instant(now)}. {name} at "
                f"{format_instant(instant)}, {_describe_length(instant - now)} later."
            )
    ahead = reference.server_ahead
    if ahead is not None and abs(ahead - reference.accepted_server_ahead) > tolerance:
        return (
            f"The clock says {format_instant(now)}, and that of the database server "
            f"{format_instant(now + ahead)}: they differ by {_describe_length(abs(ahead))}."
        )
    seen_at = reference.last_seen
    if seen_at is not None and now > seen_at + ABSENCE:
        return (
            f"The clock is ahead, perhaps: it says {format_instant(now)}. This database was last "
            f"written to at {format_instant(seen_at)}, {_describe_length(now - seen_at)} earlier."
        )
    return None


class ClockGuard:
    """Refuses changes while the clock cannot be right.

    It reads no database: `compare_with` gives it what to compare with from time to time.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        tolerance: timedelta,
        stopwatch: Callable[[], float] | None = None,
    ) -> None:
        """`stopwatch` returns seconds that pass whatever the clock is set to.  It is None for a
        clock that is not the machine's, which is checked in `compare_with` only."""
        self.clock = clock
        self.tolerance = tolerance
        self.stopwatch = stopwatch
        self._reference = ClockReference()
        self._anchor: tuple[datetime, float] | None = None
        self._server: tuple[datetime, float] | None = None
        """What the clock of the database server showed, and the stopwatch at that time."""
        self._fault: str | None = None

    def compare_with(
        self, reference: ClockReference, *, measured_at: datetime | None = None
    ) -> None:
        """Compare the clock with `reference` from now on.

        Leaps are measured from here on if somebody has confirmed the clock, or if it kept pace.
        `measured_at` is what this clock showed when the server's was read.
        """
        now = self.clock()
        if reference.accepted_at != self._reference.accepted_at or self._find_leap(now) is None:
            self._anchor = None
        self._reference = reference
        self._server = None
        if reference.server_ahead is not None and self.stopwatch is not None:
            self._server = ((measured_at or now) + reference.server_ahead, self.stopwatch())
        self._fault = self._find_fault(now)
        if self._fault is None and self._anchor is None and self.stopwatch is not None:
            self._anchor = (now, self.stopwatch())

    def require(self) -> None:
        """Raise ClockWrong if the clock cannot be right."""
        if self.stopwatch is not None:
            self._fault = self._find_fault(self.clock())
        if self._fault is not None:
            raise ClockWrong(f"{self._fault} {ADVICE}")

    def _find_fault(self, now: datetime) -> str | None:
        reference = self._reference
        if self._server is not None and self.stopwatch is not None:
            server_time, count = self._server
            shows = server_time + timedelta(seconds=self.stopwatch() - count)
            reference = replace(reference, server_ahead=shows - now)
        leap = self._find_leap(now)
        return leap or find_clock_fault(reference, now=now, tolerance=self.tolerance)

    def _find_leap(self, now: datetime) -> str | None:
        if self._anchor is None or self.stopwatch is None:
            return None
        anchored_at, count = self._anchor
        expected_instant = anchored_at + timedelta(seconds=self.stopwatch() - count)
        if abs(now - expected_instant) <= self.tolerance:
            return None
        direction = "ahead" if now > expected_instant else "back"
        return (
            f"The clock was set {direction} by {_describe_length(abs(now - expected_instant))} "
            f"while the server ran: it says {format_instant(now)}, and should say about "
            f"{format_instant(expected_instant)}."
        )


def count_seconds() -> float:
    """Return seconds that pass whatever the clock is set to, even while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def _describe_length(length: timedelta) -> str:
    """Return `3 days`, `2 hours` or `7 minutes`: in the largest unit of which there are two."""
    for unit, seconds in (("year", 31_556_952), ("day", 86_400), ("hour", 3_600)):
        if length.total_seconds() >= 2 * seconds:
            return f"{round(length.total_seconds() / seconds)} {unit}s"
    return f"{round(length.total_seconds() / 60)} minutes"
