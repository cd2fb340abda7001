"""Makes one attempt at a delivery: signs the stored bytes, posts them, returns what came back.

`Sender.send` returns an `Answer` whatever happens.  One deadline covers all of it: looking up,
connecting, TLS, writing, and the head of the answer.  With the head an attempt is decided; the
body is a courtesy, of which 16 KiB are read, raw, for one second at most within the deadline, so a
2xx whose body drips is delivered and holds no slot.

Below are httpcore's connections, over the guard's backend.  Each endpoint keeps a few idle ones of
its own, shared with no other.  A connection pool would look at all connections at every step
(docs/decisions/0006-webhooks.md), and a client would follow redirects, proxies and cookies.
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

MAX_TARGETS = 1024
"""Endpoints whose connections are kept."""
MAX_IDLE = 256
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

FIXED_HEADERS = [
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
    """What came back from an attempt.  `error` is None where the head of an answer is complete."""

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
class _Target:
    """Where an endpoint's deliveries go, and its idle connections, the latest used last."""

    url: str
    address: httpcore.URL
    host: bytes
    idle: list[httpcore.AsyncHTTP11Connection] = field(default_factory=list)


@dataclass(slots=True)
class _Reply:
    """What has been read so far, also if reading is interrupted."""

    status: int | None = None
    headers: Headers = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)


class Sender:
    """Sends as many at once as it is asked to: its caller bounds that.

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
        self._targets: OrderedDict[str, _Target] = OrderedDict()
        self._idle = 0
        self._closed = False
        self._sweeping: asyncio.Task[None] | None = None

    async def send(self, outgoing: Outgoing) -> Answer:
        """Make one attempt.  Raises nothing but CancelledError."""
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
                    else describe_error(failure)
                )
        return Answer(
            started_at=started_at,
            seconds=time.perf_counter() - began,
            status=reply.status,
            error=error,
            retry_after=self._find_retry_after(reply.headers),
            response_headers=_keep_headers(reply.headers),
            response_body=_decode(reply.body),
        )

    async def close(self) -> None:
        """Close the idle connections; those in use close after their answer."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        while self._targets:
            await self._close_oldest()

    async def _exchange(
        self, outgoing: Outgoing, at: datetime, reply: _Reply, deadline: asyncio.Timeout
    ) -> None:
        target = await self._find_target(outgoing)
        request = httpcore.Request(
            b"POST",
            target.address,
            headers=_build_headers(outgoing, target, at),
            content=outgoing.body,
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
        fresh = self._targets[outgoing.endpoint] = _Target(outgoing.url, address, url.netloc)
        while len(self._targets) > MAX_TARGETS:
            await self._close_oldest()
        return fresh

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
                expired = [connection for connection in target.idle if connection.has_expired()]
                for connection in expired:
                    target.idle.remove(connection)
                    self._idle -= 1
                for connection in expired:
                    await connection.aclose()

    async def _close_oldest(self) -> None:
        _, target = self._targets.popitem(last=False)
        await self._close_idle(target)

    async def _close_idle(self, target: _Target) -> None:
        while target.idle:
            self._idle -= 1
            await target.idle.pop().aclose()

    def _find_retry_after(self, headers: Headers) -> timedelta | None:
        for name, value in headers:
            if name.lower() == b"retry-after":
                return parse_retry_after(value.decode("latin-1"), self._clock())
        return None


def _build_headers(outgoing: Outgoing, target: _Target, at: datetime) -> Headers:
    signed = signatures.build_headers(
        outgoing.secrets, outgoing.message, int(at.timestamp()), outgoing.body
    )
    return [
        (b"Host", target.host),
        *FIXED_HEADERS,
        (b"Content-Length", b"%d" % len(outgoing.body)),
        *((name.encode(), value.encode()) for name, value in signed.items()),
        *(
            (name.encode(), value.encode())
            for name, value in outgoing.headers.items()
            if not is_reserved_header(name)
        ),
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


def parse_retry_after(value: str, now: datetime) -> timedelta | None:
    """Read seconds or an HTTP-date (RFC 9110, 10.2.3): a wait from `now`, at most RETRY_AFTER."""
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


def _keep_headers(headers: Headers) -> dict[str, str]:
    """Return the headers that fit; values of one name are joined."""
    kept: dict[str, str] = {}
    room = HEADER_BYTES
    for raw_name, raw_value in headers[:HEADER_COUNT]:
        name, value = _decode(raw_name).lower(), _decode(raw_value)
        room -= len(name.encode()) + len(value.encode()) + 2
        if room < 0:
            break
        kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept


def _decode(data: bytes | bytearray) -> str:
    """Return at most BODY_BYTES of text that both databases take."""
    if not data:
        return ""
    text = data.decode(errors="replace").replace("\x00", "")
    return text.encode()[:BODY_BYTES].decode(errors="ignore")


def describe_error(error: BaseException) -> str:
    """Say in a few words what went wrong, by its deepest cause that has words."""
    words = next(filter(None, map(_describe_cause, _list_causes(error))), None)
    return (words or f"{type(error).__name__}: {error}").replace("\x00", "")[:ERROR_LENGTH]


def _list_causes(error: BaseException | None) -> Iterator[BaseException]:
    """List the causes first: httpcore's exceptions say less than what they wrap."""
    if error is not None:
        yield from _list_causes(error.__cause__ or error.__context__)
        yield error


def _describe_cause(error: BaseException) -> str | None:
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
