"""The schedule of tries, and how long an endpoint is left alone."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import backoff
from service.domain.backoff import (
    BREAKER_FAILURES,
    SCHEDULE,
    compute_pause,
    compute_retry_delay,
    is_probing,
)

TRIES = len(SCHEDULE) + 1


def test_schedule_begins_soon_and_grows_over_three_days() -> None:
    """What it is in full is compared with the documents, in `tests/webhooks/test_document.py`."""
    assert SCHEDULE[0] < 10
    assert list(SCHEDULE) == sorted(SCHEDULE)
    assert timedelta(days=2.9) < timedelta(seconds=sum(SCHEDULE)) < timedelta(days=3)


@given(st.integers(1, TRIES - 1), st.randoms(use_true_random=False))
def test_each_delay_is_within_jitter_of_the_schedule(tries: int, chance: random.Random) -> None:
    """A fifth more or less, never beyond."""
    wait = compute_retry_delay(tries, chance=chance)
    assert wait is not None
    base_delay = SCHEDULE[tries - 1]
    assert base_delay * 0.8 <= wait.total_seconds() <= base_delay * 1.2 + 1e-6


def test_jitter_is_spread_over_its_whole_width() -> None:
    """What failed together is not tried together: waits differ, up to both ends."""
    chance = random.Random(7)
    delays = [compute_retry_delay(7, chance=chance) or timedelta() for _ in range(2000)]
    parts = [delay / timedelta(seconds=SCHEDULE[6]) for delay in delays]
    assert min(parts) < 0.81
    assert max(parts) > 1.19
    assert 0.98 < sum(parts) / len(parts) < 1.02
    assert len({compute_retry_delay(7) for _ in range(20)}) > 1


@pytest.mark.parametrize("tries", [TRIES, TRIES + 1, 1000])
def test_no_delay_follows_the_last_attempt(tries: int) -> None:
    """There is one try more than there are delays."""
    assert compute_retry_delay(tries) is None


def test_schedule_can_be_given() -> None:
    """Operators may set another; an empty one tries once."""
    assert compute_retry_delay(1, ()) is None
    wait = compute_retry_delay(2, (1, 100))
    assert wait is not None
    assert 80 <= wait.total_seconds() <= 120
    assert compute_retry_delay(3, (1, 100)) is None


@pytest.mark.parametrize("failures", range(BREAKER_FAILURES))
def test_few_failures_do_not_open_the_circuit_breaker(failures: int) -> None:
    """Fewer than five in a row: no rest, no probing."""
    assert compute_pause(failures) is None
    assert not is_probing(failures)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 600), (11, 600), (10_000, 600)],
)
def test_pause_doubles_up_to_ten_minutes(failures: int, seconds: int) -> None:
    """30 s after the fifth, then twice as long with each probe that fails."""
    assert compute_pause(failures) == timedelta(seconds=seconds)
    assert is_probing(failures)


def test_documented_times_of_holding_back_and_giving_up() -> None:
    """A head is waited for an hour; an endpoint is given up after five days."""
    assert timedelta(hours=1) == backoff.HOLD
    assert timedelta(days=5) == backoff.GIVE_UP
