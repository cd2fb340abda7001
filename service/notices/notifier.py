"""Runs the worker that tells people what was recorded, beside the dispatcher of webhooks.

It looks at the record after the commit, so that nobody who records something waits for it, however
many follow it.  Its position is in the database: whichever process comes next goes on from there.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Connection

from service.domain.errors import ClaimdeskError
from service.notices import (
    desk_alerts,
    endpoint_alerts,
    inbox,
    mailings,
    notice_jobs,
    notice_plan,
    overdue_claims,
)
from service.store.background_tasks import end_task
from service.store.engine import Database
from service.store.wakeups import wait_for_wakeup
from service.uses import contact_addresses

LOOK_SECONDS = 1.0
"""How often it looks if nothing wakes it."""
PAUSE_SECONDS = 0.25
"""Between two turns: what is recorded meanwhile is looked at together, beside the requests of the
same process."""
BREATH_SECONDS = 0.05
"""Between two batches where many are to be told, so that others write too: on SQLite one at a time
does."""
MOST_BATCHES = 20
"""Batches of one turn."""
CLEANING_SECONDS = 60.0
WATCH_SECONDS = 60.0
"""How often it looks at the desk itself; first when the dispatcher has had so long to catch up with
what fell due before it ran."""
WORK: tuple[tuple[Callable[..., datetime | None], Callable[..., object]], ...] = (
    (notice_jobs.find_next_due, notice_jobs.tell_due),
    (overdue_claims.find_next_overdue, overdue_claims.tell_overdue),
    (endpoint_alerts.find_change, endpoint_alerts.tell_administrators),
    (mailings.find_next_mailing, mailings.send_due),
)
"""What is due at some time: how to find when, and a batch of it."""
log = structlog.get_logger("notices")


class Notifier:
    """`start` it, and `stop` it in the end."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._wakeup = asyncio.Event()
        self._looked_at = (-1, -1)
        """A stored position, and up to where nobody was to be told of anything after it."""

    def start(self) -> None:
        self._database.wakeups.subscribe(self._wakeup.set)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop after the transaction that is under way."""
        await end_task(self._task)
        self._task = None

    async def take_turn(self) -> bool:
        """Look at a stretch of the record, and tell a batch of people what is due.

        Returns whether there may be more to do at once.
        """
        has_more = await self._look_at_record()
        if not await self._database.read(_is_anything_due, now=self._clock()):
            return has_more
        for find_next, work in WORK:
            due_at = await self._database.read(find_next)
            if due_at is None:
                continue
            now = self._clock()
            if due_at > now:
                continue
            has_more = True
            for _ in range(MOST_BATCHES):
                if await self._database.write(work, now=now) is not True:
                    break
                await asyncio.sleep(BREATH_SECONDS if self._database.embedded else 0)
        return has_more

    async def clean_up(self) -> None:
        """Write down how far the record was looked at, delete old notices, and ask at addresses
        that had to wait."""
        stored_seq, until = self._looked_at
        if until > stored_seq:
            await self._database.write(
                notice_jobs.save_position, stored_seq=stored_seq, until=until
            )
        await self._database.write(inbox.delete_old_notices, now=self._clock())
        await self._database.write(contact_addresses.ask_waiting, now=self._clock())

    async def watch_desk(self) -> None:
        """Tell administrators if webhooks are late or the disk is nearly full, and when no more."""
        free, now = self._database.measure_room(), self._clock()
        if await self._database.read(desk_alerts.has_change, free=free, now=now):
            await self._database.write(desk_alerts.tell_changes, free=free, now=now)

    async def _look_at_record(self) -> bool:
        now = self._clock()
        plan = await self._database.read(notice_plan.make_plan, self._looked_at, now=now)
        if plan.is_last:
            return False
        if plan.is_empty:
            self._looked_at = (plan.stored, plan.until)
        else:
            await self._database.write(notice_jobs.carry_out, plan, now=now)
        return True

    async def _run(self) -> None:
        cleaned_at = 0.0
        loop = asyncio.get_running_loop()
        watched_at = loop.time()
        while True:
            self._wakeup.clear()
            has_more = False
            try:
                has_more = await self.take_turn()
                if loop.time() - watched_at > WATCH_SECONDS:
                    watched_at = loop.time()
                    await self.watch_desk()
                if loop.time() - cleaned_at > CLEANING_SECONDS:
                    await self.clean_up()
                    cleaned_at = loop.time()
            except ClaimdeskError as error:
                log.warning("notices wait", problem=error.detail)
            except Exception:
                # The next look may do better; `claimdesk doctor` says how far behind it is.
                log.exception("people were not told")
            if not has_more:
                await wait_for_wakeup(self._wakeup, LOOK_SECONDS)
            await asyncio.sleep(PAUSE_SECONDS)


def _is_anything_due(connection: Connection, *, now: datetime) -> bool:
    """Say whether there is any work: one transaction in the turns that find none, most of all."""
    dues = (find_next(connection) for find_next, _ in WORK)
    return any(due_at is not None and due_at <= now for due_at in dues)
