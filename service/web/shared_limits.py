"""Limits that hold over all processes on one PostgreSQL.

Each process counts by itself, which costs a request nothing, and once a second tells the database
what its callers have spent and learns what they have spent everywhere.  So a caller who spreads
requests over processes gains at most what each of them lets pass within one second.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256

import structlog

from service.domain.errors import ClaimdeskError
from service.store import shared_limits
from service.store.background_tasks import end_task
from service.store.engine import Database
from service.web.limits import Limiter

SYNC_SECONDS = 1.0
SYNCS_UNTIL_CLEANUP = 60
log = structlog.get_logger("limits")


class SharedLimits:
    """Shares `limiters`, by names that tell their callers apart.  `start` it, `stop` it."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], limiters: Mapping[str, Limiter]
    ) -> None:
        self._database = database
        self._clock = clock
        self._limiters = {
            name: limiter for name, limiter in limiters.items() if limiter.limit is not None
        }
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._database.embedded or not self._limiters:
            return
        for limiter in self._limiters.values():
            limiter.spending = {}
        self._task = asyncio.create_task(self._keep_sharing())

    async def stop(self) -> None:
        await end_task(self._task)

    async def _keep_sharing(self) -> None:
        syncs = 0
        while True:
            await asyncio.sleep(SYNC_SECONDS)
            syncs += 1
            try:
                await self._share()
                if syncs % SYNCS_UNTIL_CLEANUP == 0:
                    await self._database.write(shared_limits.delete_old_spending, now=self._clock())
            except ClaimdeskError as error:
                # The database is away: each process goes on counting by itself.
                log.debug("limits were not shared", problem=error.detail)
            except Exception:
                # Whatever it is, the next second may do better, and requests are served meanwhile.
                log.exception("sharing limits failed")

    async def _share(self) -> None:
        spending = {
            hash_caller(name, caller): (limiter, caller, seconds)
            for name, limiter in self._limiters.items()
            for caller, seconds in (limiter.spending or {}).items()
        }
        if not spending:
            return
        for limiter in self._limiters.values():
            limiter.spending = {}
        try:
            seconds_by_key = await self._database.write(
                shared_limits.add_spending, {key: spending[key][2] for key in spending}
            )
        except BaseException:
            for limiter, caller, seconds in spending.values():
                assert limiter.spending is not None, "it is shared"
                limiter.spending[caller] = limiter.spending.get(caller, 0.0) + seconds
            raise
        for key, seconds in seconds_by_key.items():
            limiter, caller, _ = spending[key]
            limiter.take_in(caller, seconds)


def hash_caller(name: str, caller: str) -> str:
    """Return the digest by which the database knows a caller: addresses are not kept in clear."""
    return sha256(f"{name} {caller}".encode()).hexdigest()
