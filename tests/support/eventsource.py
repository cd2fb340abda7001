"""A client of event streams that keeps to the letter of WHATWG HTML, 9.2: the oracle for ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Message:
    """An event as it is dispatched (9.2.6)."""

    type: str
    data: str
    last_event_id: str

    @property
    def item(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.data)
        return content


class Parser:
    """Lines in, events out, with the buffers that the specification names."""

    def __init__(self, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id
        self.retry: int | None = None
        self.comments = 0
        self._type = self._data = ""
        self._id = last_event_id

    def line(self, line: str) -> Message | None:
        """What a line completes: an empty one dispatches what came before it."""
        if not line:
            return self._dispatch()
        if line.startswith(":"):
            self.comments += 1
            return None
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._type = value
        elif field == "data":
            self._data += value + "\n"
        elif field == "id" and "\x00" not in value:
            self._id = value
        elif field == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value)
        return None

    def _dispatch(self) -> Message | None:
        self.last_event_id = self._id
        type_, data = self._type, self._data
        self._type = self._data = ""
        if not data:
            return None
        return Message(type_ or "message", data.removesuffix("\n"), self.last_event_id)


class Source:
    """One connection of an EventSource."""

    def __init__(self, response: httpx.Response, last_event_id: str) -> None:
        self.response = response
        self.parser = Parser(last_event_id)
        self._lines = _split_lines(response)
        self._waiting: asyncio.Task[str] | None = None

    @property
    def last_event_id(self) -> str:
        return self.parser.last_event_id

    async def next(self, *, seconds: float = 20) -> Message | None:
        """The next event; None where the stream ends, TimeoutError where it stays silent."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    message = self.parser.line(await self._line())
                except (StopAsyncIteration, httpx.TransportError):
                    return None
                if message is not None:
                    return message

    async def until(self, holds: Any, *, seconds: float = 20) -> None:
        """Read on until something holds of the parser; what comes is not looked at."""
        async with asyncio.timeout(seconds):
            while not holds(self.parser):
                self.parser.line(await self._line())

    async def take(self, count: int) -> list[Message]:
        messages = [await self.next() for _ in range(count)]
        return [each for each in messages if each is not None]

    async def _line(self) -> str:
        # A wait that is given up must not close the stream: the line is kept for the next.
        if self._waiting is None:
            self._waiting = asyncio.ensure_future(anext(self._lines))
        line = await asyncio.shield(self._waiting)
        self._waiting = None
        return line

    async def close(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._waiting
        await self.response.aclose()


async def _split_lines(response: httpx.Response) -> AsyncIterator[str]:
    """Lines as the specification ends them, not as Python does: we end them with LF alone."""
    rest = b""
    async for part in response.aiter_bytes():
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            assert b"\r" not in line
            yield line.decode()


@asynccontextmanager
async def open_source(
    client: httpx.AsyncClient, last_event_id: str = "", **query: Any
) -> AsyncIterator[Source]:
    """A stream that is open, and knows where it begins."""
    headers = {"Accept": "text/event-stream"}
    if last_event_id:
        headers["Last-Event-ID"] = last_event_id
    request = client.build_request("GET", "/v1/events/stream", params=query, headers=headers)
    response = await client.send(request, stream=True)
    source = Source(response, last_event_id)
    try:
        if response.status_code == 200:
            await source.until(lambda parser: parser.retry is not None and parser.last_event_id)
        else:
            await response.aread()
        yield source
    finally:
        await source.close()
