"""Posts rendered messages over HTTP.

With the head of an answer an attempt is decided; the body is a courtesy, of which 16 KiB are read,
raw, for one second at most within the deadline, so a 2xx whose body drips is delivered and holds no
slot.

Below are httpcore's connections, over the guard's backend.  Each endpoint keeps a few idle ones of
its own, shared with no other.  A connection pool would look at all connections at every step
(docs/decisions/0006-webhooks.md), and a client would follow redirects, proxies and cookies.
"""

import asyncio
import ssl
from collections import OrderedDict
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import cast

import httpcore

from service.webhooks.address_guard import AddressGuard, GuardedBackend
from service.webhooks.answer_stream import AnswerStream
from service.webhooks.exchanges import Headers, Outgoing, Rendered, Reply

MAX_TARGETS = 1024
"""Endpoints whose connections are kept."""
MAX_IDLE = 256
"""Connections kept in all."""
KEEPALIVE_SECONDS = 30.0
BODY_SECONDS = 1.0
READ_BYTES = 16 * 1024
READ_PARTS = 64
"""One-byte chunks take as long to parse as big ones."""

FIXED_HEADERS = [
    (b"Content-Type", b"application/json"),
    (b"Accept", b"*/*"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", f"Claimdesk/{version('claimdesk')}".encode()),
]


@dataclass(slots=True, eq=False)
class _Target:
    """Where an endpoint's deliveries go, and its idle connections, the latest used last."""

    url: str
    address: httpcore.URL
    host: bytes
    idle: list[httpcore.AsyncHTTP11Connection] = field(default_factory=list)


class HttpTransport:
    """Posts as many at once as it is asked to: its caller bounds that."""

    def __init__(self, guard: AddressGuard, tls: ssl.SSLContext) -> None:
        self._guard = guard
        self._tls = tls
        self._tls.set_alpn_protocols(["http/1.1"])
        self._backend = GuardedBackend(guard)
        self._targets: OrderedDict[str, _Target] = OrderedDict()
        self._idle = 0
        self._closed = False
        self._sweeping: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Close the idle connections; those in use close after their answer."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        while self._targets:
            await self._close_oldest()

    async def exchange(
        self, outgoing: Outgoing, rendering: Rendered, reply: Reply, deadline: asyncio.Timeout
    ) -> None:
        target = await self._find_target(outgoing)
        request = httpcore.Request(
            b"POST",
            target.address,
            headers=_build_headers(rendering, target),
            content=rendering.body,
        )
        connection = await self._take_idle(target) or await self._connect(target, outgoing.timeout)
        try:
            response = await connection.handle_async_request(request)
            reply.status, reply.headers = response.status, response.headers
            limit = cast(float, deadline.when())
            deadline.reschedule(min(limit, asyncio.get_running_loop().time() + BODY_SECONDS))
            stream = cast(AnswerStream, response.extensions["network_stream"])
            stream.begin_body(_find_body_length(response))
            await _read_body(response, reply.body)
        finally:
            await self._put_back(target, outgoing.endpoint, connection)

    # --- connections ---

    async def _find_target(self, outgoing: Outgoing) -> _Target:
        """Find the target of an endpoint.  Raises AddressRefused."""
        target = self._targets.get(outgoing.endpoint)
        if target is not None and target.url == outgoing.url:
            self._targets.move_to_end(outgoing.endpoint)
            return target
        url = self._guard.check_url(outgoing.url)
        address = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        if target is not None:
            await self._close_idle(target)
        new_target = self._targets[outgoing.endpoint] = _Target(outgoing.url, address, url.netloc)
        while len(self._targets) > MAX_TARGETS:
            await self._close_oldest()
        return new_target

    async def _connect(self, target: _Target, seconds: float) -> httpcore.AsyncHTTP11Connection:
        origin = target.address.origin
        host = origin.host.decode("ascii")
        secure = origin.scheme == b"https"
        stream = await self._backend.connect_tcp(host, origin.port, seconds)
        return httpcore.AsyncHTTP11Connection(
            origin,
            await stream.start_tls(self._tls, host) if secure else stream,
            KEEPALIVE_SECONDS,
        )

    async def _take_idle(self, target: _Target) -> httpcore.AsyncHTTP11Connection | None:
        while target.idle:
            connection = target.idle.pop()
            self._idle -= 1
            # Readable while idle is closed, or says what nobody asked.
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _put_back(
        self, target: _Target, endpoint: str, connection: httpcore.AsyncHTTP11Connection
    ) -> None:
        current = not self._closed and self._targets.get(endpoint) is target
        if not (current and connection.is_idle() and not connection.has_expired()):
            await connection.aclose()
            return
        target.idle.append(connection)
        self._idle += 1
        while self._idle > MAX_IDLE:
            await self._close_oldest()
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        """Close expired connections, until none is idle."""
        while self._idle:
            await asyncio.sleep(KEEPALIVE_SECONDS)
            for target in list(self._targets.values()):
                expired_connections = [
                    connection for connection in target.idle if connection.has_expired()
                ]
                for connection in expired_connections:
                    target.idle.remove(connection)
                    self._idle -= 1
                for connection in expired_connections:
                    await connection.aclose()

    async def _close_oldest(self) -> None:
        _, target = self._targets.popitem(last=False)
        await self._close_idle(target)

    async def _close_idle(self, target: _Target) -> None:
        while target.idle:
            self._idle -= 1
            await target.idle.pop().aclose()


def _build_headers(rendering: Rendered, target: _Target) -> Headers:
    return [
        (b"Host", target.host),
        *FIXED_HEADERS,
        (b"Content-Length", b"%d" % len(rendering.body)),
        *((name.encode(), value.encode()) for name, value in rendering.headers.items()),
    ]


async def _read_body(response: httpcore.Response, body: bytearray) -> None:
    """Read the raw body up to READ_BYTES.  Where there is more, the connection closes."""
    try:
        async with aclosing(response.aiter_stream()) as parts:  # type: ignore[type-var]
            count = 0
            async for part in parts:
                body += part[: READ_BYTES - len(body)]
                count += 1
                if len(body) == READ_BYTES or count == READ_PARTS:
                    break
    finally:
        await response.aclose()


def _find_body_length(response: httpcore.Response) -> int | None:
    """Return how long the head says the body is; None where only the body tells."""
    if response.status in (204, 304):
        return 0
    headers = [(name.lower(), value) for name, value in response.headers]
    if any(name == b"transfer-encoding" for name, _ in headers):
        return None
    lengths = {
        length.strip()
        for name, value in headers
        if name == b"content-length"
        for length in value.split(b",")
    }
    return int(lengths.pop()) if len(lengths) == 1 else None
