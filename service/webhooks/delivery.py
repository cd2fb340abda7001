"""One attempt at a delivery: sign the stored bytes, post them, say what came back.

`Sender.send` returns an `Answer` whatever happens.  One deadline covers all of it: looking up,
connecting, TLS, writing, and the head of the answer.  With the head an attempt is decided; the
body is a courtesy, of which 16 KiB are read, raw, for one second at most within the deadline, so a
2xx whose body drips is delivered and holds no slot.

Below is httpcore, which is what httpx itself speaks HTTP with, over the guard's backend.  Not
httpx's client: its pool walks all connections at every step (docs/decisions/0006-webhooks.md), and
each endpoint here keeps its own few, never shared with another's.  So there is no pool, hence no
redirect, proxy, cookie, HTTP/2 or decompression to switch off.
"""

import asyncio
import re
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import cast

import httpcore
import httpx

from service.domain.webhooks import is_reserved_header
from service.webhooks import signatures
from service.webhooks.address_guard import AddressGuard, AddressRefused, GuardedBackend
from service.webhooks.answer_stream import AnswerStream

LANES = 1024
"""Endpoints whose connections are kept."""
IDLE = 256
"""Connections kept in all."""
KEEPALIVE_SECONDS = 30.0
BODY_SECONDS = 1.0
READ_BYTES = 16 * 1024
READ_PARTS = 64
"""One-byte chunks take as long to parse as big ones."""
BODY_BYTES = 4 * 1024
HEADER_COUNT = 50
HEADER_BYTES = 4 * 1024
ERROR_LENGTH = 300
RETRY_AFTER = timedelta(hours=1)

FIXED = [
    (b"Content-Type", b"application/json"),
    (b"Accept", b"*/*"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", f"Claimdesk/{version('claimdesk')}".encode()),
]

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message for one endpoint.  `timeout` is in seconds and covers the whole attempt."""

    endpoint: str
    url: str
    headers: Mapping[str, str]
    secrets: tuple[str, ...]
    message: str
    body: bytes
    timeout: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt.  `error` is None when the head of an answer was read whole."""

    started_at: datetime
    seconds: float
    status: int | None
    error: str | None
    retry_after: timedelta | None
    response_headers: dict[str, str]
    response_body: str

    @property
    def delivered(self) -> bool:
        return self.error is None and self.status is not None and 200 <= self.status < 300


@dataclass(slots=True, eq=False)
class _Lane:
    """An endpoint's target and its idle connections, the latest used last."""

    url: str
    target: httpcore.URL
    host: bytes
    idle: list[httpcore.AsyncHTTP11Connection] = field(default_factory=list)


@dataclass(slots=True)
class _Reply:
    """What has been read so far, whatever interrupts."""

    status: int | None = None
    headers: Headers = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)


class Sender:
    """Sends as many at once as it is asked to: who calls bounds that.

    `clock` says when an attempt began; `verify` replaces the usual certificate authorities.
    Belongs to the event loop it is first used on.
    """

    def __init__(
        self,
        guard: AddressGuard,
        clock: Callable[[], datetime],
        *,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._clock = clock
        # SSL_CERT_FILE, where an operator sets it, otherwise certifi's.
        self._tls = httpx.create_ssl_context() if verify is None else verify
        self._tls.set_alpn_protocols(["http/1.1"])
        self._backend = GuardedBackend(guard)
        self._lanes: OrderedDict[str, _Lane] = OrderedDict()
        self._idle = 0
        self._closed = False
        self._sweeping: asyncio.Task[None] | None = None

    async def send(self, outgoing: Outgoing) -> Answer:
        """One attempt.  Raises nothing but CancelledError."""
        started_at = self._clock()
        began = time.perf_counter()
        reply = _Reply()
        error: str | None = None
        try:
            async with asyncio.timeout(outgoing.timeout) as deadline:
                await self._exchange(outgoing, started_at, reply, deadline)
        except Exception as failure:
            if reply.status is None:
                error = (
                    f"timed out after {outgoing.timeout:g} s"
                    if deadline.expired()
                    else describe(failure)
                )
        return Answer(
            started_at=started_at,
            seconds=time.perf_counter() - began,
            status=reply.status,
            error=error,
            retry_after=self._retry_after(reply.headers),
            response_headers=_readable(reply.headers),
            response_body=_text(reply.body),
        )

    async def close(self) -> None:
        """Close the idle connections; those in use close after their answer."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        while self._lanes:
            await self._close_oldest()

    async def _exchange(
        self, outgoing: Outgoing, at: datetime, reply: _Reply, deadline: asyncio.Timeout
    ) -> None:
        lane = await self._lane(outgoing)
        request = httpcore.Request(
            b"POST", lane.target, headers=_headers(outgoing, lane, at), content=outgoing.body
        )
        connection = await self._idle_connection(lane) or await self._connect(
            lane, outgoing.timeout
        )
        try:
            response = await connection.handle_async_request(request)
            reply.status, reply.headers = response.status, response.headers
            limit = cast(float, deadline.when())
            deadline.reschedule(min(limit, asyncio.get_running_loop().time() + BODY_SECONDS))
            stream = cast(AnswerStream, response.extensions["network_stream"])
            stream.begin_body(_find_body_length(response))
            await _read(response, reply.body)
        finally:
            await self._put_back(lane, outgoing.endpoint, connection)

    # --- connections ---

    async def _lane(self, outgoing: Outgoing) -> _Lane:
        """Raises Refused."""
        lane = self._lanes.get(outgoing.endpoint)
        if lane is not None and lane.url == outgoing.url:
            self._lanes.move_to_end(outgoing.endpoint)
            return lane
        url = self._guard.check_url(outgoing.url)
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        if lane is not None:
            await self._close_idle(lane)
        fresh = self._lanes[outgoing.endpoint] = _Lane(outgoing.url, target, url.netloc)
        while len(self._lanes) > LANES:
            await self._close_oldest()
        return fresh

    async def _connect(self, lane: _Lane, seconds: float) -> httpcore.AsyncHTTP11Connection:
        origin = lane.target.origin
        host = origin.host.decode("ascii")
        secure = origin.scheme == b"https"
        stream = await self._backend.connect_tcp(host, origin.port, seconds)
        return httpcore.AsyncHTTP11Connection(
            origin,
            await stream.start_tls(self._tls, host) if secure else stream,
            KEEPALIVE_SECONDS,
        )

    async def _idle_connection(self, lane: _Lane) -> httpcore.AsyncHTTP11Connection | None:
        while lane.idle:
            connection = lane.idle.pop()
            self._idle -= 1
            # Readable while idle is closed, or says what nobody asked.
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _put_back(
        self, lane: _Lane, endpoint: str, connection: httpcore.AsyncHTTP11Connection
    ) -> None:
        current = not self._closed and self._lanes.get(endpoint) is lane
        if not (current and connection.is_idle() and not connection.has_expired()):
            await connection.aclose()
            return
        lane.idle.append(connection)
        self._idle += 1
        while self._idle > IDLE:
            await self._close_oldest()
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        """Close what has expired, until nothing is idle."""
        while self._idle:
            await asyncio.sleep(KEEPALIVE_SECONDS)
            for lane in list(self._lanes.values()):
                expired = [connection for connection in lane.idle if connection.has_expired()]
                for connection in expired:
                    lane.idle.remove(connection)
                    self._idle -= 1
                for connection in expired:
                    await connection.aclose()

    async def _close_oldest(self) -> None:
        _, lane = self._lanes.popitem(last=False)
        await self._close_idle(lane)

    async def _close_idle(self, lane: _Lane) -> None:
        while lane.idle:
            self._idle -= 1
            await lane.idle.pop().aclose()

    def _retry_after(self, headers: Headers) -> timedelta | None:
        for name, value in headers:
            if name.lower() == b"retry-after":
                return parse_retry_after(value.decode("latin-1"), self._clock())
        return None


def _headers(outgoing: Outgoing, lane: _Lane, at: datetime) -> Headers:
    signed = signatures.build_headers(
        outgoing.secrets, outgoing.message, int(at.timestamp()), outgoing.body
    )
    return [
        (b"Host", lane.host),
        *FIXED,
        (b"Content-Length", b"%d" % len(outgoing.body)),
        *((name.encode(), value.encode()) for name, value in signed.items()),
        *(
            (name.encode(), value.encode())
            for name, value in outgoing.headers.items()
            if not is_reserved_header(name)
        ),
    ]


async def _read(response: httpcore.Response, body: bytearray) -> None:
    """The raw body up to READ_BYTES.  The rest is not read: the connection closes."""
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


def parse_retry_after(value: str, now: datetime) -> timedelta | None:
    """Seconds or an HTTP-date (RFC 9110, 10.2.3), from `now`, between nothing and RETRY_AFTER."""
    value = value.strip()
    digits = value.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        seconds = 0 if value != digits else int(digits[:10])
        return min(timedelta(seconds=seconds), RETRY_AFTER)
    try:
        date = parsedate_to_datetime(value)
        # Without a zone it is UTC, as HTTP-dates are.
        left = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(timedelta(), min(left, RETRY_AFTER))


def _readable(headers: Headers) -> dict[str, str]:
    """The headers that fit; of one name the values are joined."""
    kept: dict[str, str] = {}
    room = HEADER_BYTES
    for raw_name, raw_value in headers[:HEADER_COUNT]:
        name, value = _text(raw_name).lower(), _text(raw_value)
        room -= len(name.encode()) + len(value.encode()) + 2
        if room < 0:
            break
        kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept


def _text(data: bytes | bytearray) -> str:
    """At most BODY_BYTES of text that both databases take."""
    if not data:
        return ""
    text = data.decode(errors="replace").replace("\x00", "")
    return text.encode()[:BODY_BYTES].decode(errors="ignore")


def describe(error: BaseException) -> str:
    """A few words for what went wrong, found by walking to its causes."""
    words = next(filter(None, map(_words, _causes(error))), None)
    return (words or f"{type(error).__name__}: {error}").replace("\x00", "")[:ERROR_LENGTH]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The causes first: httpcore's exceptions say less than what they wrap."""
    if error is not None:
        yield from _causes(error.__cause__ or error.__context__)
        yield error


def _words(error: BaseException) -> str | None:
    match error:
        case AddressRefused():
            return f"refused: {error}"
        case ssl.SSLCertVerificationError():
            return f"TLS: {error.verify_message}"
        case ssl.SSLError():
            # Where in its source, "(_ssl.c:992)", is nothing to an operator.
            reason = getattr(error, "reason", None) or re.sub(r" *\(_ssl.*\)$", "", str(error))
            return f"TLS: {reason.lower().replace('_', ' ')}"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError() | BrokenPipeError():
            return "connection reset"
        case OSError() if error.strerror:
            return error.strerror.lower()
        case httpcore.RemoteProtocolError():
            return f"no HTTP answer: {error}"
        case httpcore.TimeoutException():
            return "timed out connecting"
        case httpcore.ReadError():
            return str(error) or "connection lost"
        case _:
            return None
