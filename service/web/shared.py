"""Answers that all callers without a name share, and the queue in which they are made.

A page for strangers is made once for each state of the record, and kept for a few seconds, since it
says how long ago things were. Whoever asks meanwhile waits for the same answer. Only a few answers
are made for strangers at a time, so that those who are signed in do not wait; where the queue is
full, the next request is refused with Retry-After. An answer that has to be made costs more of the
caller's allowance than one that is there (`PAGE_COST`).
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
from service.domain.errors import ServerBusy
from service.store.engine import Database
from service.web import replica_choice

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
class Stored:
    state: State
    until: float
    body: bytes
    headers: list[tuple[bytes, bytes]]


class SharedAnswers:
    """The answers that were made for strangers, and the queue of those who wait for one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stored: OrderedDict[str, Stored] = OrderedDict()
        self._bytes = 0
        self._makers = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._made: dict[str, asyncio.Lock] = {}

    async def answer(self, call: "Call", build: Build, *, cost: int) -> Response:
        """Respond with what `build` makes, or made for somebody else a moment ago.

        Raises RateLimited, and Busy where too many wait.
        """
        if call.caller is not None:
            return await build()
        request = call.request
        if not _is_shared(request):
            return await self._make(call, build, cost)
        newest, last_settled = await board_queries.read_newest_event(call.reader)
        state = State(newest, self._database.commits)
        key = f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"
        answer = self._find(key, state)
        if answer is not None:
            return answer
        lock = self._made.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                answer = self._find(key, state)
                if answer is not None:
                    return answer
                response = await self._make(call, build, cost)
                if last_settled and response.status_code == 200:
                    self._keep(key, state, response)
                return response
        finally:
            if not lock.locked():
                self._made.pop(key, None)

    async def _make(self, call: "Call", build: Build, cost: int) -> Response:
        call.services.callers.charge(call.request, cost - 1)
        async with self._take_turn():
            return await build()

    @asynccontextmanager
    async def _take_turn(self) -> AsyncIterator[None]:
        """Wait for one of the few places, and hold it.  Raises Busy where too many wait."""
        if self._waiting >= MOST_WAITING:
            raise ServerBusy(
                "Too many readers are waiting for pages: try again in a moment.",
                headers={"Retry-After": "2"},
            )
        self._waiting += 1
        try:
            await self._makers.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._makers.release()

    def _find(self, key: str, state: State) -> Response | None:
        entry = self._stored.get(key)
        if entry is None or entry.state != state or entry.until < time.monotonic():
            return None
        self._stored.move_to_end(key)
        response = Response(entry.body)
        response.raw_headers = [*entry.headers]
        return response

    def _keep(self, key: str, state: State, response: Response) -> None:
        body = bytes(response.body)
        self._drop(key)
        until = time.monotonic() + KEPT_SECONDS
        self._stored[key] = Stored(state, until, body, [*response.raw_headers])
        self._bytes += len(body)
        while self._bytes > MOST_BYTES:
            self._drop(next(iter(self._stored)))

    def _drop(self, key: str) -> None:
        entry = self._stored.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.body)


def _is_shared(request: Request) -> bool:
    """Whether others get the same: no cookie that changes it, no condition in the request, and
    nothing that the caller has written."""
    own = ("cookie", "if-none-match", "if-modified-since", replica_choice.HEADER)
    return not any(name in request.headers for name in own)
