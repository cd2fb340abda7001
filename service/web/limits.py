"""A rate limit for each caller: in this process, and by `SharedLimits` in all of them."""

import time
from dataclasses import dataclass

from service.domain.errors import RateLimited

WINDOW = 60.0
MOST_CALLERS = 20_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller has left: `remaining` requests of `limit`, all of them again in `reset` s."""

    limit: int
    remaining: int
    reset: int


class Limiter:
    """The generic cell rate algorithm: a caller may spend a minute's requests at once, and regains
    them evenly.  `limit` None lets everything pass."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.spending: dict[str, float] | None = None
        """What was spent since other processes last learned of it, in seconds of a caller's
        allowance; None where nobody shares this limit."""
        self._free_at: dict[str, float] = {}

    def spend(self, caller: str, cost: int = 1) -> Allowance | None:
        """Count one request, or work worth `cost` of them.  Raises RateLimited with the seconds to
        wait."""
        if self.limit is None:
            return None
        now = time.monotonic()
        step = WINDOW / self.limit
        free_at = max(self._free_at.get(caller, now), now) + step * min(cost, self.limit)
        if free_at - now > WINDOW + 1e-9:
            wait = max(1, int(free_at - now - WINDOW) + 1)
            raise RateLimited(
                f"{self.limit} requests a minute are allowed; wait {wait} s.",
                headers={"Retry-After": str(wait), **build_headers(Allowance(self.limit, 0, wait))},
            )
        if len(self._free_at) >= MOST_CALLERS:
            self._free_at = {
                caller: free_at for caller, free_at in self._free_at.items() if free_at > now
            }
        self._free_at[caller] = free_at
        if self.spending is not None:
            cost_seconds = step * min(cost, self.limit)
            self.spending[caller] = self.spending.get(caller, 0.0) + cost_seconds
        used_seconds = free_at - now
        return Allowance(self.limit, int((WINDOW - used_seconds) / step), int(used_seconds) + 1)

    def take_in(self, caller: str, seconds: float) -> None:
        """Take in what a caller has spent in all processes, and add what it has spent here since
        that."""
        not_shared = self.spending.get(caller, 0.0) if self.spending is not None else 0.0
        free_at = time.monotonic() + seconds + not_shared
        self._free_at[caller] = max(self._free_at.get(caller, free_at), free_at)


def build_headers(allowance: Allowance) -> dict[str, str]:
    """Build the fields of draft-ietf-httpapi-ratelimit-headers."""
    return {
        "RateLimit-Policy": f'"minute";q={allowance.limit};w={int(WINDOW)}',
        "RateLimit": f'"minute";r={allowance.remaining};t={allowance.reset}',
    }
