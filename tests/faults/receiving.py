"""A receiver of webhooks on a real socket, which keeps a ledger of what it got.

It lives on an event loop in a thread of its own, so that it answers whatever a test does.
"""

import asyncio
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from standardwebhooks import Webhook

T = TypeVar("T")


@dataclass(slots=True)
class Arrival:
    """One request, in the order in which they came; `status` is what it was answered with."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    status: int | None = None

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def type(self) -> str:
        return str(json.loads(self.body)["type"])

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data

    def verify(self, secret: str) -> None:
        """With the published library.  Raises WebhookVerificationError."""
        Webhook(secret).verify(self.body, self.headers)


Answer = Callable[[Arrival], Awaitable[int | None]]
"""The status to answer with; None closes the connection without a word."""


async def accept(_: Arrival) -> int:
    return 204


def build_answering(status: int) -> Answer:
    async def answer(_: Arrival) -> int:
        return status

    return answer


def build_slow(seconds: float) -> Answer:
    async def answer(_: Arrival) -> int:
        await asyncio.sleep(seconds)
        return 204

    return answer


class Gate:
    """Answers nobody until it is opened; then with what `open` was given."""

    def __init__(self) -> None:
        self._answer: Future[int | None] = Future()

    def open(self, status: int | None = 204) -> None:
        self._answer.set_result(status)

    async def __call__(self, _: Arrival) -> int | None:
        return await asyncio.shield(asyncio.wrap_future(self._answer))


class Unsteady:
    """Answers 500 now and then, at random, though never three times in a row to one path: five
    would open the breaker, which is another test's subject."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._in_a_row: Counter[str] = Counter()

    async def __call__(self, arrival: Arrival) -> int:
        if self._in_a_row[arrival.path] < 2 and random.random() < self._share:
            self._in_a_row[arrival.path] += 1
            return 500
        self._in_a_row[arrival.path] = 0
        return 204


class Receiver:
    """Answers as `answer` says, or as `by_path` says for a path."""

    def __init__(self, listener: socket.socket | None = None, *, keep_alive: bool = True) -> None:
        self.arrivals: list[Arrival] = []
        self.answer: Answer = accept
        self.by_path: dict[str, Answer] = {}
        self.keep_alive = keep_alive
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._ended: asyncio.Event
        has_started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(has_started,), daemon=True)
        self._thread.start()
        assert has_started.wait(10)

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Arrival]:
        return [arrival for arrival in self.arrivals if arrival.path == path]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it on the receiver's loop, for a test that has none of its own."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def call(self, function: Callable[[], None]) -> None:
        """Likewise."""
        self._loop.call_soon_threadsafe(function)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    def _run(self, is_started: threading.Event) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(is_started))

    async def _serve(self, started: threading.Event) -> None:
        self._ended = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(self._converse, sock=self._listener)
        started.set()
        await self._ended.wait()
        server.close()
        for writer in [*self._open]:
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        arrival = Arrival(first.split()[1], headers, body, time.monotonic())
        self.arrivals.append(arrival)
        status = await self.by_path.get(arrival.path, self.answer)(arrival)
        if status is None:
            return False
        arrival.status = status
        rest = "" if self.keep_alive else "Connection: close\r\n"
        writer.write(f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n{rest}\r\n".encode())
        await writer.drain()
        if not self.keep_alive:
            writer.write_eof()
            await reader.read()
        return self.keep_alive


def wait_until(
    condition: Callable[[], Any], *, seconds: float = 30, what: Callable[[], Any] | None = None
) -> None:
    """Return once `condition` holds; fail with `what` where it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what() if what else condition}")
        time.sleep(0.02)
