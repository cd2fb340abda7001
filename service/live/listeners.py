"""What the event streams of a process share: one reader of the record, and who listens.

The reader looks when the bell rings and twice a second, and only while somebody listens.  What it
finds stands in a ring of bounded size; a listener keeps no queue, only the number it has come to.
Whoever is too far behind for the ring reads on from the database until it has caught up.
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
from service.domain.disclosure import Audience
from service.domain.errors import ClaimdeskError, EpochEnded, StreamsFull, TooManyStreams
from service.domain.positions import START_AGAIN
from service.live.event_ring import Held, Render, Ring, chunk
from service.metrics import Metrics
from service.record import event_queries, tail
from service.record.event_queries import Wanted
from service.store.engine import Database

POLL_SECONDS = 0.5
"""Where no bell is heard, an event is found within this."""
SPACING_SECONDS = 0.1
"""Looks are so far apart: what comes meanwhile goes out together, in one write to each client."""
PAGE = 500
"""How many events one look reads."""
FIRST = 500
"""With how many of the newest a reader starts: from those, clients that come back after a restart
are answered without a question each."""
CATCH_UP = 40
"""How many events a listener behind the ring reads at once."""
AT_A_TIME = 2
"""How many such listeners the database is asked for at once: other requests have its connections
too."""
BATCH = 50
"""Listeners woken before others of the process have their turn."""
KEEP_SECONDS = 1.0
"""How often credentials are asked for anew, and who is silent or stuck is looked for."""
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
        "position",
        "sending_since",
        "sent_at",
        "wake",
        "wanted",
    )

    def __init__(
        self,
        position: int,
        wanted: Wanted,
        audience: Audience,
        caller: str,
        credential: Credential | None,
    ) -> None:
        self.position = position
        """All that is numbered up to here was sent, or is not wanted."""
        self.wanted = wanted
        self.audience = audience
        self.caller = caller
        """Whose streams it counts among."""
        self.credential = credential
        """None for the public."""
        self.wake = asyncio.Event()
        self.ended = False
        self.cut: Callable[[], None] | None = None
        """Drops the connection with what has not been taken of it."""
        self.sent_at = time.monotonic()
        self.sending_since: float | None = None

    @property
    def silent(self) -> bool:
        """Whether it is time for a heartbeat."""
        return time.monotonic() - self.sent_at > HEARTBEAT_SECONDS

    def end(self) -> None:
        """End the stream; one that waits for its client to take something is cut."""
        self.ended = True
        self.wake.set()
        if self.sending_since is not None and self.cut is not None:
            self.cut()


class Live:
    """`start` it, and `stop` it in the end."""

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
        self.most = settings.streams
        self.most_each = settings.streams_each
        public = settings.streams_public
        self.most_public = self.most // 2 if public is None else public
        self.ring = Ring()
        self.sent = metrics.stream_events
        self.cut_off = metrics.streams_cut
        metrics.streams.set_function(lambda: len(self._listeners))
        metrics.streams_behind.set_function(self._behind)
        self._render = render
        self._listeners: set[Listener] = set()
        self._each: Counter[str] = Counter()
        self._public = 0
        """How many of them are nobody's in particular."""
        self._listened = asyncio.Event()
        self._primed = False
        """Whether the ring is kept."""
        self._wake = asyncio.Event()
        self._pages = asyncio.Semaphore(AT_A_TIME)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self.database.bell.hear(self._wake.set)
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._keep())]

    async def stop(self) -> None:
        for listener in [*self._listeners]:
            listener.end()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def beginning(self, after: int | None) -> int:
        """Where a stream begins: after the event with this number, or None: with what comes now.

        Raises EpochEnded for a number that the record has not come to: it was put back by hand.
        """
        if after is None:
            return await self.database.read(tail.newest)
        if after > self.ring.top and after > await self.database.read(event_queries.last):
            raise EpochEnded(START_AGAIN)
        return after

    def admit(self, listener: Listener) -> None:
        """Let a stream begin; `dismiss` it in the end.  Raises TooManyStreams, StreamsFull."""
        if self._each[listener.caller] >= self.most_each:
            raise TooManyStreams(
                f"You have {self.most_each} streams open already: close one, or filter less.",
                headers={"Retry-After": "5"},
            )
        if len(self._listeners) >= self.most:
            raise StreamsFull(
                f"This server has {self.most} streams open, and opens no more.",
                headers={"Retry-After": "30"},
            )
        if listener.credential is None and self._public >= self.most_public:
            raise StreamsFull(
                f"This server has {self.most_public} streams open for readers without a key; the "
                "others are for those who are signed in. Poll /v1/events instead.",
                headers={"Retry-After": "30"},
            )
        self._public += listener.credential is None
        self._listeners.add(listener)
        self._each[listener.caller] += 1
        self._listened.set()

    def dismiss(self, listener: Listener) -> None:
        if listener not in self._listeners:
            return
        self._public -= listener.credential is None
        self._listeners.discard(listener)
        self._each[listener.caller] -= 1
        if not self._each[listener.caller]:
            del self._each[listener.caller]

    async def take(self, listener: Listener) -> list[Held]:
        """What a listener is sent next, whose position moves on; nothing where it has all."""
        wanted, audience = listener.wanted, listener.audience
        if not self._primed:
            return []
        if listener.position >= self.ring.floor:
            taken, listener.position = self.ring.take(listener.position, wanted, audience)
        else:
            async with self._pages:
                lines, after = await self.database.read(
                    event_queries.tail, after=listener.position, limit=CATCH_UP, wanted=wanted
                )
            if after == listener.position:
                # Another transaction holds the record back, and will not for long.
                await asyncio.sleep(SPACING_SECONDS)
            held = (Held(line, self._render) for line in lines)
            taken, listener.position = chunk(held, wanted, audience, position=after)
        self.sent.inc(len(taken))
        return taken

    def behind(self, listener: Listener) -> bool:
        """Whether there is something that this listener has not looked at."""
        return self._primed and listener.position < self.ring.top

    async def _read(self) -> None:
        """Keep the ring true while somebody listens."""
        while True:
            if not self._listeners:
                self._primed = False
                self._listened.clear()
                await self._listened.wait()
            self._wake.clear()
            more = False
            try:
                more = await self._look()
            except Exception as error:
                # Whatever it is, streams stay open, and the next look finds what this one missed.
                self._complain("streams wait for the database", error)
                await asyncio.sleep(KEEP_SECONDS)
            await asyncio.sleep(SPACING_SECONDS)
            if not more:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()

    async def _look(self) -> bool:
        """Read what is new and wake who listens; says whether more is there."""
        before = self.ring.top
        if self._primed:
            lines, top = await self.database.read(event_queries.tail, after=before, limit=PAGE)
            if top == before:
                return False
            self.ring.extend([Held(line, self._render) for line in lines], top=top)
        else:
            lines, top = await self.database.read(event_queries.latest, limit=FIRST)
            floor = lines[0].seq - 1 if len(lines) == FIRST else 0
            self.ring.begin([Held(line, self._render) for line in lines], floor=floor, top=top)
            self._primed = True
        for number, listener in enumerate([*self._listeners]):
            listener.wake.set()
            if number % BATCH == BATCH - 1:
                await asyncio.sleep(0)
        return len(lines) == PAGE

    async def _keep(self) -> None:
        """Every second: end streams whose key or session no longer holds, cut those that are
        stuck, and wake those that have been silent, for a heartbeat."""
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            now = time.monotonic()
            for listener in [*self._listeners]:
                since = listener.sending_since
                if since is not None and now - since > STUCK_SECONDS:
                    self.cut_off.inc()
                    listener.end()
                elif listener.silent:
                    listener.wake.set()
            try:
                await self._check()
            except Exception as error:
                # While the database cannot be asked, nothing that is new is sent either.
                self._complain("streams were not checked", error)

    async def _check(self) -> None:
        held = {one.credential for one in self._listeners if one.credential is not None}
        if not held:
            return
        now = self.clock()
        current = await self.database.read(credentials.refresh_credentials, held)
        good = {
            one
            for one, found in current.items()
            if found.actor.role == one.actor.role
            and (found.expires_at is None or found.expires_at > now)
        }
        for listener in [*self._listeners]:
            if listener.credential in held and listener.credential not in good:
                listener.end()

    def _behind(self) -> int:
        """By how many numbers the stream that is furthest behind is so."""
        return max([0, *(self.ring.top - one.position for one in self._listeners)])

    @staticmethod
    def _complain(what: str, error: Exception) -> None:
        if isinstance(error, ClaimdeskError):
            log.warning(what, problem=error.detail)
        else:
            log.exception(what)
