"""A clock beside that of the database server, between two looks at it."""

import time
from datetime import timedelta

import pytest

from service.domain.clocks import ClockGuard, ClockReference, count_seconds
from service.domain.errors import ClockWrong
from tests.domain.builders import NOON

TOLERANCE = timedelta(minutes=5)


def test_clock_that_leaves_the_servers_is_noticed_before_the_next_look() -> None:
    """The server's clock is reckoned forward by the stopwatch from what it showed."""
    wall_clock, stopwatch = [NOON], [0.0]
    guard = ClockGuard(lambda: wall_clock[0], tolerance=TOLERANCE, stopwatch=lambda: stopwatch[0])
    reference = ClockReference(server_ahead=timedelta(minutes=4), accepted_at=NOON)
    guard.compare_with(reference, measured_at=NOON)
    wall_clock[0] += timedelta(minutes=10)
    stopwatch[0] += 600
    guard.require()
    wall_clock[0] += timedelta(minutes=4)
    stopwatch[0] += 360
    with pytest.raises(ClockWrong, match="that of the database server"):
        guard.require()


@pytest.mark.parametrize("has_boot_clock", [True, False])
def test_seconds_are_counted_forwards(
    has_boot_clock: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the system has no clock that counts its sleep."""
    if not has_boot_clock:
        monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    before = count_seconds()
    assert 0 <= count_seconds() - before < 60
