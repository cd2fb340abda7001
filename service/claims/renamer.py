"""Runs the worker that applies renames to claims, in the background of a server.

Every server process has one; those on one database take turns (`rename_queue.lease_rename`).  It
keeps no state of its own: if it is killed, another continues where it was.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import structlog

from service.claims import rename_batches, rename_queue
from service.domain.errors import ClaimdeskError
from service.store.background_tasks import end_task
from service.store.engine import Database
from service.store.wakeups import wait_for_wakeup

LOOK_SECONDS = 5.0
"""How often to look for renames that another process has begun, or left."""
TROUBLE_SECONDS = 5.0
"""How long to wait after a batch that failed."""
log = structlog.get_logger("renames")


class Renamer:
    """`start` it, and `stop` it in the end."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Look for work at once: a rename may have begun."""
        self._wake.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop after the batch that is under way."""
        await end_task(self._task)
        self._task = None

    async def _run(self) -> None:
        most = rename_batches.BATCH
        while True:
            self._wake.clear()
            began = time.monotonic()
            try:
                count = 0
                # Writers wait for each other: nobody waits for a look that finds nothing.
                if await self._database.read(rename_queue.is_under_way):
                    count = await self._database.write(
                        rename_batches.continue_rename, now=self._clock(), most=most
                    )
            except ClaimdeskError as error:
                log.warning("a rename waits", problem=error.detail)
                await asyncio.sleep(TROUBLE_SECONDS)
                continue
            except Exception:
                # One claim that cannot be changed does not undo what others of its batch got; the
                # rename waits at it, and `claimdesk doctor` says that it does.
                log.exception("a batch of a rename failed")
                most = 1
                await asyncio.sleep(TROUBLE_SECONDS)
                continue
            if count:
                # Others write as long as this did, whatever the database's own queue is like.
                await asyncio.sleep(time.monotonic() - began)
                continue
            await wait_for_wakeup(self._wake, LOOK_SECONDS)
