"""Whether this process can write: it tries a change, no more often than it has to."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from service.domain.clocks import ClockGuard
from service.domain.errors import Unavailable
from service.operations.clock import compare_clock
from service.operations.signs_of_life import record_sign_of_life
from service.store import releases
from service.store.engine import Database

FRESH_SECONDS = 5.0
"""For so long a try is good for everybody who asks: anybody may ask, and each try is a write."""
FAILED_SECONDS = 1.0
ANSWER_SECONDS = 10.0
"""A change that takes longer is not taken: it may wait for a standby that is gone."""
NO_ANSWER = (
    "The database has not taken a change within {seconds:g} s. It may be busy, or wait for a "
    "synchronous standby that is gone."
)
HEARTBEAT_SECONDS = 300.0
"""At least so often a process that serves leaves a sign of life, whether it is asked or not."""


class Readiness:
    """Tries to write, and remembers how the last try ended."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], guard: ClockGuard
    ) -> None:
        self._database = database
        self._clock = clock
        self._guard = guard
        self._trying = asyncio.Lock()
        self._tried_at = -HEARTBEAT_SECONDS
        self._problem: Unavailable | None = None

    async def require(self) -> None:
        """Require that changes can be written.  Raises what a change would be refused with."""
        self._guard.require()
        async with self._trying:
            valid_for = FRESH_SECONDS if self._problem is None else FAILED_SECONDS
            if time.monotonic() - self._tried_at >= valid_for:
                await self._try()
        if self._problem is not None:
            # Anew for each who asks: a raised exception gathers the places it was raised at.
            raise type(self._problem)(self._problem.detail, **self._problem.extras)

    async def leave_sign(self) -> None:
        """Try a write where none was tried for long."""
        async with self._trying:
            if time.monotonic() - self._tried_at >= HEARTBEAT_SECONDS:
                await self._try()

    async def _try(self) -> None:
        self._problem = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await compare_clock(self._database, self._guard)
                await self._database.write(record_sign_of_life, now=self._clock())
                self._database.require_room()
                await self._database.read(releases.require_schema)
        except Unavailable as problem:
            self._problem = problem
        except TimeoutError:
            self._problem = Unavailable(NO_ANSWER.format(seconds=ANSWER_SECONDS))
        finally:
            self._tried_at = time.monotonic()
