"""A connection of `claimdesk serve`: uvicorn's protocol behind a guard.

The guard parses every byte first, with the same library (httptools), and hands on only what is
within the limits: a head is limited while it arrives, and so are a body's trailers, and a client
that does not finish is dropped.  It is an asyncio protocol given to uvicorn's public setting
`http=`, and creates and calls uvicorn's own protocol as uvicorn does (decision 14).
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.cli.admission import ADMISSION, Admission, Limits
from service.domain.errors import (
    AddressTooLong,
    ClaimdeskError,
    HeadTooLarge,
    RateLimited,
    RequestTimeout,
    Unavailable,
)
from service.web.event_stream import CONNECTION
from service.web.problems import build_problem

GRACE_SECONDS = 1.0
"""How long a client may take to receive the end of a stream when the server stops."""
SLICE = 8 * 1024
"""How much is parsed before it is handed on: what is refused costs no more than this."""
MAX_LINGERING = 64
MAX_DISCARDED_BYTES = 1024 * 1024
"""How much more a refused client may send while it reads why."""
IDLE, HEAD, BODY = range(3)


class RequestHead:
    """The head of a request that waits for its answer."""

    __slots__ = ("complete", "fields")

    def __init__(self, fields: int) -> None:
        self.fields = fields
        self.complete = False
        """Whether its body has arrived."""


class RequestCounter:
    """Counts what a connection sends, as the callbacks of its own parser."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.state = IDLE
        self.heads: deque[RequestHead] = deque()
        """Heads of requests whose answers have not begun."""
        self.arrived = 0
        """Requests whose heads have arrived, in all."""
        self.refusal: ClaimdeskError | None = None
        self.moved = False
        """Whether the last slice ended a head, a piece of body or a message."""
        self._unfinished = 0
        self._address = self._size = self._fields = 0
        self._head = RequestHead(0)
        self._parser = httptools.HttpRequestParser(self)

    def read(self, part: bytes) -> None:
        """Count a slice.  Raises httptools.HttpParserError where uvicorn's parser will."""
        self.moved = False
        try:
            self._parser.feed_data(part)
        except httptools.HttpParserUpgrade:
            return
        if self.state == IDLE:
            return
        self._unfinished = len(part) if self.moved else self._unfinished + len(part)
        if self._unfinished > self.limits.head_bytes + SLICE:
            self._refuse_size()

    def _refuse_size(self) -> None:
        what = "head" if self.state == HEAD else "body's trailers and framing"
        size = self.limits.head_bytes // 1024
        self._refuse(HeadTooLarge(f"A request's {what} may have {size} KiB.", limit=size * 1024))

    def _refuse(self, error: ClaimdeskError) -> None:
        self.refusal = self.refusal or error

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self.limits.head_bytes:
            self._refuse_size()

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        self.state, self.moved = HEAD, True
        self._address = self._size = self._fields = 0

    def on_url(self, url: bytes) -> None:
        self._address += len(url)
        if self._address > self.limits.address_bytes:
            size = self.limits.address_bytes // 1024
            self._refuse(AddressTooLong(f"An address may have {size} KiB.", limit=size * 1024))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        if self._fields > self.limits.fields:
            most = self.limits.fields
            self._refuse(HeadTooLarge(f"A request may have {most} header fields.", limit=most))
        self._count(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        self.state, self.moved = BODY, True
        self.arrived += 1
        self._count(self._address)
        self._head = RequestHead(self._fields)
        self.heads.append(self._head)

    def on_body(self, body: bytes) -> None:
        self.moved = True

    def on_message_complete(self) -> None:
        self.state, self.moved = IDLE, True
        # A refused body is not handed on: for the application it never ends.
        self._head.complete = self.refusal is None


class Connection(asyncio.Protocol):
    """Stands between a transport and uvicorn's protocol; requests find it in their state.

    `app_state` is the state of the lifespan, in which `Admission` has put itself.
    """

    on_shutdown: Callable[[], None] | None = None
    """Called when the server begins to stop; set by an endless answer."""

    def __init__(
        self,
        config: Config,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._loop = _loop or asyncio.get_running_loop()
        self._admission: Admission = app_state[ADMISSION]
        self._counter = RequestCounter(self._admission.limits)
        self._server = HttpToolsProtocol(
            config=config,
            server_state=server_state,
            app_state={**app_state, CONNECTION: self},
            _loop=self._loop,
        )
        self._connections: set[Any] = server_state.connections
        self.transport: asyncio.Transport | None = None
        self._answered = self._discarded = 0
        self._admitted = self._closed = self._lingers = False
        """`_closed`: nothing that arrives is handed on any more."""
        self.deadline = math.inf
        self.address = ""

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by what they do, not by their class.
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) and peer else ""
        self._set_deadline(self._admission.limits.head_seconds)
        if not self._admission.admit(self):
            self._turn_away()
            return
        # uvicorn's protocol adds itself; the guard must be told of a shutdown, too.
        self._connections.add(self)
        self._admitted = True
        self._server.connection_made(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lingers:
            self._lingers = False
            self._admission.lingering -= 1
        self._connections.discard(self)
        self._admission.release(self)
        if self._admitted:
            self._server.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._closed:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED_BYTES:
                self.abort()
            return
        if len(data) <= SLICE:
            self._handle_slice(data)
            return
        for start in range(0, len(data), SLICE):
            self._handle_slice(data[start : start + SLICE])

    def _handle_slice(self, part: bytes) -> None:
        if self._closed:
            return
        counter = self._counter
        state, arrival_count = counter.state, counter.arrived
        try:
            counter.read(part)
        except httptools.HttpParserError:
            # uvicorn's parser fails at the same byte: it answers 400 and closes.
            self._closed = True
            self._set_deadline(self._admission.limits.linger_seconds)
            self._server.data_received(part)
            return
        if counter.refusal is not None:
            self._refuse(counter.refusal, earlier=arrival_count, in_body=state == BODY)
            return
        if counter.arrived - self._answered > self._admission.limits.pipelined:
            refusal = RateLimited("Too many requests wait on this connection.")
            self._refuse(refusal, earlier=arrival_count)
            return
        if counter.arrived != arrival_count and arrival_count == self._answered:
            self._admission.serve(self)
        if counter.state != state or counter.arrived != arrival_count:
            self._renew_deadline()
        self._server.data_received(part)

    def eof_received(self) -> None:
        if self._admitted:
            self._server.eof_received()

    def pause_writing(self) -> None:
        self._set_deadline(self._admission.limits.write_seconds)
        self._server.pause_writing()

    def resume_writing(self) -> None:
        self._renew_deadline()
        self._server.resume_writing()

    # Called by the application.

    def begin_answer(self) -> RequestHead:
        """Return the head of the request that is answered next: the first that waits."""
        return self._counter.heads.popleft()

    def finish_answer(self) -> None:
        """Note that an answer has ended."""
        self.on_shutdown = None
        self._answered += 1
        if self._answered == self._counter.arrived and not self._closed:
            self._admission.wait(self)
            self._renew_deadline()

    def abort(self) -> None:
        """Drop the connection, and what the client has not received."""
        if self.transport is not None:
            self.transport.abort()

    # Called by the server and by `Admission`.

    def shutdown(self) -> None:
        """End an endless answer; uvicorn's protocol ends the others."""
        if self.on_shutdown is not None:
            self.on_shutdown()
            self._loop.call_later(GRACE_SECONDS, self.abort)
        elif self._closed:
            self.abort()

    def expire(self) -> None:
        """End a connection whose deadline has passed, with an answer to an unfinished head."""
        is_unfinished = self._counter.state == HEAD and self._answered == self._counter.arrived
        if is_unfinished and not self._closed:
            late = RequestTimeout("The head of the request did not arrive in time.")
            self._refuse(late, earlier=0)
        else:
            self.abort()

    def evict(self) -> None:
        """Drop the connection to make room for another."""
        self._closed = True
        self.abort()

    def _renew_deadline(self) -> None:
        """Set the deadline for what the client has to do next."""
        if self._closed:
            return
        limits, counter = self._admission.limits, self._counter
        if counter.state == HEAD:
            self._set_deadline(limits.head_seconds)
        elif counter.state == BODY:
            has_answered = self._answered == counter.arrived
            self._set_deadline(limits.linger_seconds if has_answered else limits.body_seconds)
        elif self._answered == counter.arrived:
            self._set_deadline(limits.idle_seconds)
        else:
            self.deadline = math.inf

    def _set_deadline(self, seconds: float) -> None:
        self.deadline = self._loop.time() + seconds

    def _refuse(self, error: ClaimdeskError, *, earlier: int, in_body: bool = False) -> None:
        """Answer with a problem and close; after `earlier` requests, close after their answers.

        With `in_body`, the last of those is the request that is refused, in its body.
        """
        self._closed = True
        self._admission.count_refusal(error.slug)
        under_way = earlier - self._answered
        if in_body and under_way == 1:
            # Its answer would wait for a body that never comes.
            self._admitted = False
            self._server.connection_lost(ConnectionAbortedError(error.detail))
        elif under_way:
            self._set_deadline(self._admission.limits.body_seconds)
            self._server.shutdown()
            return
        self._set_deadline(self._admission.limits.linger_seconds)
        self._close_with(error)

    def _turn_away(self) -> None:
        """Answer that there is no room.  Of a crowd, most are dropped without an answer."""
        self._closed = True
        if self._admission.lingering >= MAX_LINGERING:
            self.abort()
            return
        self._admission.lingering += 1
        self._lingers = True
        self._close_with(Unavailable("All connections are taken; try again."))
        self._loop.call_later(1.0, self.abort)

    def _close_with(self, error: ClaimdeskError) -> None:
        """Write a problem and close our side; what still arrives is discarded."""
        assert self.transport is not None
        answer = build_problem(error)
        lines = [
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
            "x-content-type-options: nosniff",
            "connection: close",
        ]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + bytes(answer.body))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
