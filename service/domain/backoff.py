"""When a delivery is retried, what its receiver may ask for, and how long a failing endpoint is
paused."""

import random
from collections.abc import Sequence
from datetime import timedelta

SCHEDULE = (5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 86_400)
"""Seconds from one attempt to the next.  After the last one, three days on, a delivery is dead."""
JITTER = 0.2
"""Spreads the retries of deliveries that failed at the same time."""

_RANDOM = random.Random()  # noqa: S311 -- jitter need not be unguessable

HOLD = timedelta(hours=1)
"""How long a delivery that keeps failing holds back the later ones about its claim."""
GIVE_UP = timedelta(days=5)
"""An endpoint that has only failed for so long is disabled."""

BUSY = (429, 503)
"""With Retry-After, nothing is sent to a receiver that answers these until then."""
GONE = 410
"""An endpoint whose receiver answers this is disabled."""

BREAKER_FAILURES = 5
BREAKER_FIRST = timedelta(seconds=30)
BREAKER_MOST = timedelta(minutes=10)


def compute_retry_delay(
    tries: int, schedule: Sequence[float] = SCHEDULE, *, chance: random.Random | None = None
) -> timedelta | None:
    """Return how long to wait after the `tries`th attempt (1, 2, …); None if it was the last."""
    if tries > len(schedule):
        return None
    spread = (chance or _RANDOM).uniform(1 - JITTER, 1 + JITTER)
    return timedelta(seconds=schedule[tries - 1] * spread)


def compute_pause(failures: int) -> timedelta | None:
    """Return how long an endpoint is paused after so many failures in a row; None if it is not.

    Then one delivery is tried.  If that fails too, the next pause is twice as long.
    """
    if failures < BREAKER_FAILURES:
        return None
    doublings = min(failures - BREAKER_FAILURES, 10)
    return min(BREAKER_FIRST * (1 << doublings), BREAKER_MOST)


def is_probing(failures: int) -> bool:
    """Say whether only one delivery at a time may be tried."""
    return failures >= BREAKER_FAILURES
