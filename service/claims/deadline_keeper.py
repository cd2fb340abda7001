"""Runs the worker that records deadlines as they pass, in the background of a server.

Every server process has one.  The tables say what is due, and a claim is locked before its deadline
is recorded: whichever process comes first does it, and none does it twice.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from service.claims import deadlines
from service.domain.errors import ClaimdeskError
from service.store.background_tasks import end_task
from service.store.engine import Database

LOOK_SECONDS = 2.0
"""How late a deadline is recorded, at most."""
BATCH = 20
"""Claims of one transaction, at most: on SQLite nobody else writes meanwhile."""
log = structlog.get_logger("deadlines")


class DeadlineKeeper:
    """`start` it, and `stop` it in the end."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop after the batch that is under way."""
        await end_task(self._task)
        self._task = None

    async def take_turn(self) -> int:
        """Record what is due, a batch of claims at most; returns on how many claims.

        Writers wait for each other: nobody waits for a look that finds nothing.
        """
        deadline = await self._database.read(deadlines.find_next_deadline)
        if deadline is None:
            return 0
        now = self._clock()
        if deadline > now:
            return 0
        return await self._database.write(deadlines.pass_deadlines, most=BATCH, now=now)

    async def _run(self) -> None:
        while True:
            try:
                count = await self.take_turn()
            except ClaimdeskError as error:
                log.warning("a deadline waits", problem=error.detail)
                count = 0
            except Exception:
                # The next look may do better; claims behind one that cannot be changed wait with
                # it, and `claimdesk doctor` says which claim that is.
                log.exception("deadlines were not recorded")
                count = 0
            if count < BATCH:
                await asyncio.sleep(LOOK_SECONDS)
