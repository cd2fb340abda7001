"""Says to streams that ask for it that somebody's inbox has something new, or less that is unread.

The worker of notices writes after the commit of what it tells of, so events come too early to count
by.  It looks when it is woken by a commit, and once a second, while somebody asks.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from service.domain.errors import ClaimdeskError
from service.notices import inbox
from service.store.background_tasks import end_task
from service.store.engine import Database
from service.store.wakeups import wait_for_wakeup

if TYPE_CHECKING:
    from service.live.listeners import Listener

OVERLAP = timedelta(seconds=5)
"""Whoever marks notices as read first may commit last: readings are looked for so far back."""
LOOK_SECONDS = 1.0
SPACING_SECONDS = 0.1
log = structlog.get_logger("live")


class InboxWatch:
    """`start` it, and `stop` it in the end; `list_listeners` gives the streams that are open."""

    def __init__(
        self, database: Database, list_listeners: Callable[[], Collection["Listener"]]
    ) -> None:
        self._database = database
        self._list_listeners = list_listeners
        self._wake = asyncio.Event()
        self._newest: str | None = None
        """The last notice that was looked at."""
        self._newest_reading: datetime | None = None
        self._known_readings: set[tuple[str, datetime]] = set()
        """Those of the last look that the next may find again."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._database.wakeups.subscribe(self._wake.set)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        await end_task(self._task)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._look()
            except ClaimdeskError as error:
                log.warning("inboxes wait for the database", problem=error.detail)
            except Exception:
                # The next look finds what this one missed.
                log.exception("inboxes were not looked at")
            await asyncio.sleep(SPACING_SECONDS)
            await wait_for_wakeup(self._wake, LOOK_SECONDS)

    async def _look(self) -> None:
        waiting: dict[str, list[Listener]] = {}
        for listener in self._list_listeners():
            if listener.inbox_of is not None:
                waiting.setdefault(listener.inbox_of, []).append(listener)
        if not waiting and self._newest is not None:
            return  # from here on, for who asks next: it is little that comes again
        persons, self._newest = await self._database.read(
            inbox.list_reached, after=self._newest, persons=list(waiting)
        )
        for person in {*persons, *await self._find_readers(list(waiting))}:
            for listener in waiting[person]:
                listener.has_news = True
                listener.wake.set()

    async def _find_readers(self, persons: Sequence[str]) -> set[str]:
        """Find those of these people who marked notices as read since the last look."""
        last = self._newest_reading
        readings, newest = await self._database.read(
            inbox.list_readings, after=None if last is None else last - OVERLAP, persons=persons
        )
        news = readings - self._known_readings
        self._known_readings = readings
        self._newest_reading = newest or datetime.min.replace(tzinfo=UTC) + OVERLAP
        return {person for person, _ in news}
