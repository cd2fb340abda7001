"""A receiver in a process of its own, with as little between the socket and the answer as possible.

POST /now/…   answered at once        POST /slow/…  after 20 ms
POST /hole/…  never answered          GET /count    arrivals so far
GET /arrivals what has arrived, as JSON: [path, webhook-id, time, first bytes of the body]
GET /clear    forgets
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from tests.bench.servers import Server

DELAY_SECONDS = 0.02
KEPT_BYTES = 120  # of a body: its type and timestamp come first
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"

_arrivals: list[tuple[bytes, bytes, float, bytes]] = []


class _Connection(asyncio.Protocol):
    """Takes one request after another; every body has a Content-Length."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received = self.received + data if self.received else data
        while True:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.received[:end]
            names = head.lower()
            size = int(_value(names, names, b"\r\ncontent-length:") or 0)
            if len(self.received) < end + 4 + size:
                return
            body = self.received[end + 4 : end + 4 + size]
            self.received = self.received[end + 4 + size :]
            method, path, _ = head.split(b" ", 2)
            if method == b"POST":
                key = _value(head, names, b"\r\nwebhook-id:")
                _arrivals.append((path, key, time.time(), body[:KEPT_BYTES]))
                self._answer(path)
            else:
                self._tell(path)

    def _answer(self, path: bytes) -> None:
        if path.startswith(b"/now"):
            self.transport.write(ANSWER)
        elif path.startswith(b"/slow"):
            asyncio.get_running_loop().call_later(DELAY_SECONDS, self.transport.write, ANSWER)

    def _tell(self, path: bytes) -> None:
        if path == b"/arrivals":
            arrivals = [
                (path.decode(), key.decode(), at, body.decode(errors="replace"))
                for path, key, at, body in _arrivals
            ]
            answer = json.dumps(arrivals).encode()
        else:
            answer = b"%d" % len(_arrivals)
        if path == b"/clear":
            _arrivals.clear()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer)
        )


def _value(head: bytes, names: bytes, name: bytes) -> bytes:
    start = names.find(name)
    if start < 0:
        return b""
    start += len(name)
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else None].strip()


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    server = await loop.create_server(_Connection, sock=listener)
    await stop.wait()
    server.close()


# --- seen from the run ---


@dataclass(frozen=True)
class Arrival:
    path: str
    message: str
    at: float
    event_at: float | None
    """When the event was recorded, by its body; None for what is no event of ours."""

    @property
    def late(self) -> float:
        """Seconds from the event to here."""
        assert self.event_at is not None
        return self.at - self.event_at


class Receiver:
    def __init__(self) -> None:
        command = (sys.executable, "-m", "tests.bench.webhooks.receiver", "{port}")
        self._server = Server(command, {}, "/count")
        self.port = self._server.port

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def count(self) -> int:
        return int(self._ask("/count"))

    def clear(self) -> None:
        self._ask("/clear")

    def arrivals(self) -> list[Arrival]:
        return [
            Arrival(path, message, at, _event_at(body))
            for path, message, at, body in json.loads(self._ask("/arrivals"))
        ]

    def stop(self) -> None:
        self._server.stop()

    def _ask(self, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        return self._server.ask("GET", path, headers)[2]


def _event_at(body: str) -> float | None:
    _, separator, rest = body.partition('"timestamp":"')
    if not separator:
        return None
    return datetime.fromisoformat(rest.split('"', 1)[0]).timestamp()


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve(int(sys.argv[1])))
    else:
        uvloop.run(_serve(int(sys.argv[1])))
