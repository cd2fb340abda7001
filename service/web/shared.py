"""Answers that everybody without a name shares, and the lane in which they are made.

A page that strangers read is made once for each state of the record and kept for a few seconds,
for it says how long ago things were; whoever asks meanwhile waits for the same answer.  What has to
be made for strangers is made a few at a time, so that those who are signed in are not kept waiting;
where too many wait, the next is told to come back.  Making an answer costs its asker's allowance
more than reading one (`PAGE_COST`): work is weighed, not requests counted.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from service.claims import board_queries
from service.domain.errors import Busy
from service.store.engine import Database

if TYPE_CHECKING:
    from service.web.calls import Call

KEPT_SECONDS = 15.0
MOST_BYTES = 16 * 1024 * 1024
AT_ONCE = 2
"""How many answers are made for strangers at the same time."""
MOST_WAITING = 64
PAGE_COST, LIST_COST = 20, 5
"""What making an answer costs its asker, in requests."""
Build = Callable[[], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class State:
    """What the database held when an answer was made."""

    newest: int
    commits: int
    """Of this process: not everything that a page shows is an event of a claim."""


@dataclass(frozen=True, slots=True)
class Kept:
    state: State
    until: float
    body: bytes
    headers: list[tuple[bytes, bytes]]


class SharedAnswers:
    """What was made for strangers, and who waits for more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0
        self._lane = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._made: dict[str, asyncio.Lock] = {}

    async def answer(self, call: "Call", build: Build, *, cost: int) -> Response:
        """The answer of `build`, or what it made for somebody else a moment ago.

        Raises RateLimited, and Busy where too many wait.
        """
        if call.caller is not None:
            return await build()
        request = call.request
        if not _is_shared(request):
            return await self._make(call, build, cost)
        newest, settled = await board_queries.reached(self._database)
        state = State(newest, self._database.commits)
        key = f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"
        kept = self._find(key, state)
        if kept is not None:
            return kept
        lock = self._made.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                kept = self._find(key, state)
                if kept is not None:
                    return kept
                response = await self._make(call, build, cost)
                if settled and response.status_code == 200:
                    self._keep(key, state, response)
                return response
        finally:
            if not lock.locked():
                self._made.pop(key, None)

    async def _make(self, call: "Call", build: Build, cost: int) -> Response:
        call.services.callers.charge(call.request, cost - 1)
        async with self._turn():
            return await build()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One of the few places in the lane."""
        if self._waiting >= MOST_WAITING:
            raise Busy(
                "Too many readers are waiting for pages: try again in a moment.",
                headers={"Retry-After": "2"},
            )
        self._waiting += 1
        try:
            await self._lane.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._lane.release()

    def _find(self, key: str, state: State) -> Response | None:
        kept = self._kept.get(key)
        if kept is None or kept.state != state or kept.until < time.monotonic():
            return None
        self._kept.move_to_end(key)
        response = Response(kept.body)
        response.raw_headers = [*kept.headers]
        return response

    def _keep(self, key: str, state: State, response: Response) -> None:
        body = bytes(response.body)
        self._drop(key)
        until = time.monotonic() + KEPT_SECONDS
        self._kept[key] = Kept(state, until, body, [*response.raw_headers])
        self._bytes += len(body)
        while self._bytes > MOST_BYTES:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= len(kept.body)


def _is_shared(request: Request) -> bool:
    """Whether others get the same: no cookie that changes it, and no condition in the request."""
    own = ("cookie", "if-none-match", "if-modified-since")
    return not any(name in request.headers for name in own)
