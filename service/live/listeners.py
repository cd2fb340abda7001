"""Serve all event streams of a process from one reader of the record.

The reader looks when it is woken by a commit and twice a second, and only while somebody listens.
What it finds is held in a ring of bounded size; a listener has no queue, only the number it has
come to. A listener that is too far behind for the ring reads from the database until it has caught
up.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import structlog

from service.accounts import credentials
from service.accounts.credentials import Credential
from service.config import Settings
from service.domain.access import Audience
from service.domain.errors import ClaimdeskError, EpochEnded, StreamsFull, TooManyStreams
from service.domain.positions import START_AGAIN
from service.live.event_ring import EventRing, HeldEvent, Render, take_chunk
from service.live.inbox_watch import InboxWatch
from service.metrics import Metrics
from service.record import event_queries, tail
from service.record.event_queries import EventFilter
from service.store.background_tasks import end_task
from service.store.engine import Database

POLL_SECONDS = 0.5
"""Where no wake-up comes, an event is found within this."""
SPACING_SECONDS = 0.1
"""Time between looks: what comes meanwhile goes out together, in one write to each client."""
PAGE_EVENTS = 500
"""How many events one look reads."""
FIRST_EVENTS = 500
"""How many of the newest a reader starts with: they serve clients that come back after a restart
without a query for each."""
CATCH_UP_EVENTS = 40
"""How many events a listener behind the ring reads at once."""
MAX_CATCHING_UP = 2
"""How many such listeners read at once: other requests need connections to the database too."""
WAKE_BATCH = 50
"""Listeners that are woken before other tasks of the process have their turn."""
CHECK_SECONDS = 1.0
"""How often credentials are read anew, and silent or stuck listeners are looked for."""
HEARTBEAT_SECONDS = 15.0
STUCK_SECONDS = 30.0
"""A client that takes nothing for so long is cut off."""
log = structlog.get_logger("live")


class Listener:
    """One open stream."""

    __slots__ = (
        "audience",
        "caller",
        "credential",
        "cut",
        "ended",
        "event_filter",
        "has_news",
        "inbox_of",
        "position",
        "sending_since",
        "sent_at",
        "wake",
    )

    def __init__(
        self,
        position: int,
        event_filter: EventFilter,
        audience: Audience,
        caller: str,
        credential: Credential | None,
        inbox_of: str | None = None,
    ) -> None:
        self.position = position
        """All that is numbered up to here was sent, or is not wanted."""
        self.event_filter = event_filter
        self.audience = audience
        self.caller = caller
        """Whose streams it counts as one of."""
        self.credential = credential
        """None for the public."""
        self.inbox_of = inbox_of
        """The person who is told here of news in their inbox."""
        self.has_news = False
        self.wake = asyncio.Event()
        self.ended = False
        self.cut: Callable[[], None] | None = None
        """Drops the connection, with what its client has not taken of it."""
        self.sent_at = time.monotonic()
        self.sending_since: float | None = None

    @property
    def is_silent(self) -> bool:
        """Whether it is time for a heartbeat."""
        return time.monotonic() - self.sent_at > HEARTBEAT_SECONDS

    def end(self) -> None:
        """End the stream; one that waits for its client to take something is cut."""
        self.ended = True
        self.wake.set()
        if self.sending_since is not None and self.cut is not None:
            self.cut()


class EventHub:
    """The listeners of a process, and the reader that they share."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Callable[[], datetime],
        metrics: Metrics,
        render: Render,
    ) -> None:
        self.database = database
        self.epoch = ""
        """Of the record; set on start."""
        self.clock = clock
        self.max_streams = settings.streams
        self.max_each = settings.streams_each
        public = settings.streams_public
        self.max_public = self.max_streams // 2 if public is None else public
        self.ring = EventRing()
        self.sent = metrics.stream_events
        self.cut_off = metrics.streams_cut
        metrics.streams.set_function(lambda: len(self._listeners))
        metrics.streams_behind.set_function(self._measure_lag)
        self._render = render
        self._listeners: set[Listener] = set()
        self._each: Counter[str] = Counter()
        self._public = 0
        """How many of them are nobody's in particular."""
        self._somebody_listens = asyncio.Event()
        self._is_ring_kept = False
        self._wake = asyncio.Event()
        self._pages = asyncio.Semaphore(MAX_CATCHING_UP)
        self._tasks: list[asyncio.Task[None]] = []
        self._inboxes = InboxWatch(database, lambda: [*self._listeners])

    def start(self) -> None:
        self._inboxes.start()
        self.database.wakeups.subscribe(self._wake.set)
        self._tasks = [
            asyncio.create_task(self._run_reader()),
            asyncio.create_task(self._run_checks()),
        ]

    async def stop(self) -> None:
        await self._inboxes.stop()
        for listener in [*self._listeners]:
            listener.end()
        for task in self._tasks:
            await end_task(task)

    async def find_start(self, after: int | None) -> int:
        """Return where a stream begins: after the event with this number, else with what comes now.

        Raises EpochEnded for a number that the record has not come to: it was put back by hand.
        """
        if after is None:
            return await self.database.read(tail.newest)
        if after > self.ring.top and after > await self.database.read(
            event_queries.read_last_number
        ):
            raise EpochEnded(START_AGAIN)
        return after

    def admit(self, listener: Listener) -> None:
        """Let a stream begin; `dismiss` it in the end. Raises TooManyStreams, StreamsFull."""
        if self._each[listener.caller] >= self.max_each:
            raise TooManyStreams(
                f"You have {self.max_each} streams open already: close one, or filter less.",
                headers={"Retry-After": "5"},
            )
        if len(self._listeners) >= self.max_streams:
            raise StreamsFull(
                f"This server has {self.max_streams} streams open, and opens no more.",
                headers={"Retry-After": "30"},
            )
        if listener.credential is None and self._public >= self.max_public:
            raise StreamsFull(
                f"This server has {self.max_public} streams open for readers without a key; the "
                "others are for those who are signed in. Poll /v1/events instead.",
                headers={"Retry-After": "30"},
            )
        self._public += listener.credential is None
        self._listeners.add(listener)
        self._each[listener.caller] += 1
        self._somebody_listens.set()

    def dismiss(self, listener: Listener) -> None:
        """Forget a stream that has ended."""
        if listener not in self._listeners:
            return
        self._public -= listener.credential is None
        self._listeners.discard(listener)
        self._each[listener.caller] -= 1
        if not self._each[listener.caller]:
            del self._each[listener.caller]

    async def take_events(self, listener: Listener) -> list[HeldEvent]:
        """Return what a listener is sent next, and move its position; empty where it has all."""
        event_filter, audience = listener.event_filter, listener.audience
        if not self._is_ring_kept:
            return []
        if listener.position >= self.ring.floor:
            chunk, listener.position = self.ring.take(listener.position, event_filter, audience)
        else:
            async with self._pages:
                lines, after = await self.database.read(
                    event_queries.list_events_after,
                    after=listener.position,
                    limit=CATCH_UP_EVENTS,
                    event_filter=event_filter,
                )
            if after == listener.position:
                # Another transaction holds the record back, and will not for long.
                await asyncio.sleep(SPACING_SECONDS)
            held_events = (HeldEvent(line, self._render) for line in lines)
            chunk, listener.position = take_chunk(
                held_events, event_filter, audience, position=after
            )
        self.sent.inc(len(chunk))
        return chunk

    def is_behind(self, listener: Listener) -> bool:
        """Return whether there is something that this listener has not looked at."""
        return self._is_ring_kept and listener.position < self.ring.top

    async def _run_reader(self) -> None:
        """Keep the ring up to date while somebody listens."""
        while True:
            if not self._listeners:
                self._is_ring_kept = False
                self._somebody_listens.clear()
                await self._somebody_listens.wait()
            self._wake.clear()
            more = False
            try:
                more = await self._look()
            except Exception as error:
                # Whatever it is, streams stay open, and the next look finds what this one missed.
                self._log_failure("streams wait for the database", error)
                await asyncio.sleep(CHECK_SECONDS)
            await asyncio.sleep(SPACING_SECONDS)
            if not more:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()

    async def _look(self) -> bool:
        """Read what is new and wake the listeners; return whether there is more."""
        before = self.ring.top
        if self._is_ring_kept:
            lines, top = await self.database.read(
                event_queries.list_events_after, after=before, limit=PAGE_EVENTS
            )
            if top == before:
                return False
            self.ring.extend([HeldEvent(line, self._render) for line in lines], top=top)
        else:
            lines, top = await self.database.read(event_queries.list_newest, limit=FIRST_EVENTS)
            floor = lines[0].seq - 1 if len(lines) == FIRST_EVENTS else 0
            self.ring.reset([HeldEvent(line, self._render) for line in lines], floor=floor, top=top)
            self._is_ring_kept = True
        for number, listener in enumerate([*self._listeners]):
            listener.wake.set()
            if number % WAKE_BATCH == WAKE_BATCH - 1:
                await asyncio.sleep(0)
        return len(lines) == PAGE_EVENTS

    async def _run_checks(self) -> None:
        """Every second, end streams whose key or session no longer holds, cut those that are
        stuck, and wake those that have been silent, for a heartbeat."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            now = time.monotonic()
            for listener in [*self._listeners]:
                since = listener.sending_since
                if since is not None and now - since > STUCK_SECONDS:
                    self.cut_off.inc()
                    listener.end()
                elif listener.is_silent:
                    listener.wake.set()
            try:
                await self._check_credentials()
            except Exception as error:
                # While the database cannot be asked, nothing that is new is sent either.
                self._log_failure("streams were not checked", error)

    async def _check_credentials(self) -> None:
        """End the streams whose key or session no longer holds."""
        credentials_in_use = {
            listener.credential for listener in self._listeners if listener.credential is not None
        }
        if not credentials_in_use:
            return
        now = self.clock()
        current = await self.database.read(credentials.refresh_credentials, credentials_in_use)
        valid = {
            credential
            for credential, renewal in current.items()
            if renewal.actor.role == credential.actor.role
            and (renewal.expires_at is None or renewal.expires_at > now)
        }
        for listener in [*self._listeners]:
            if listener.credential in credentials_in_use and listener.credential not in valid:
                listener.end()

    def _measure_lag(self) -> int:
        """Return by how many numbers the last stream is behind the record."""
        return max([0, *(self.ring.top - listener.position for listener in self._listeners)])

    @staticmethod
    def _log_failure(what: str, error: Exception) -> None:
        if isinstance(error, ClaimdeskError):
            log.warning(what, problem=error.detail)
        else:
            log.exception(what)
