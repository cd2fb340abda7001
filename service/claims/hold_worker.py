"""Runs the worker that ends holds whose time has come, in the background of a server.

Every server process has one.  It keeps no state, and two of them at one claim end its hold once:
whoever locks the claim second finds none.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

import structlog

from service.claims import hold_commands
from service.domain.errors import ClaimdeskError
from service.store.engine import Database

LOOK_SECONDS = 2.0
"""How often to look.  A hold that has ended is not served meanwhile: only the event comes later."""
log = structlog.get_logger("holds")


class HoldWorker:
    """`start` it, and `stop` it in the end."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._end_due_holds()
            except ClaimdeskError as error:
                log.warning("a hold waits to be ended", problem=error.detail)
            except Exception:
                # The next look may do better, and what is served is right meanwhile.
                log.exception("holds could not be ended")

    async def _end_due_holds(self) -> None:
        # Writers wait for each other: nobody waits for a look that finds nothing.
        first = await self._database.read(hold_commands.read_next_end)
        while first is not None and first <= self._clock():
            await self._database.write(hold_commands.end_due_holds, now=self._clock())
            first = await self._database.read(hold_commands.read_next_end)
