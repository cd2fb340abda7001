"""The connection below HTTP: bounds an answer, and keeps each answer apart from what follows it."""

import re
import ssl
from contextlib import suppress
from typing import Any

import httpcore

READ_BYTES = 16 * 1024
ANSWER_BYTES = 128 * 1024
"""What one request may bring back.  Above h11's limit of 100 KiB for a head, so that only an
endless row of 1xx responses, which h11 does not count, ever reaches it."""
BLANK_LINE = re.compile(rb"\n\r?\n")
"""The end of a head, as h11 finds it."""


class AnswerStream(httpcore.AsyncNetworkStream):
    """A connection that hands its reader one answer at a time, of at most ANSWER_BYTES.

    httpcore's parser would keep what follows an answer (the body of a 204) and take it for the next
    one.  So it never gets a byte past the end of an answer: a head at a time, then as much as
    `begin_body` says.  What is left here shows as readable, and httpcore closes such a connection.

    httpcore writes head and body of a request apart; here they wait for the first read and leave
    as one.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._unsent = b""
        self._received = 0
        self._read_was_full = False
        self._buffer = b""
        self._head_end = b""
        """The last two bytes of a head that goes on in the next read."""
        self._in_head = True
        self._body_left: int | None = None

    def begin_body(self, length: int | None) -> None:
        """Hand out `length` bytes after a head; with None single lines, with one of which a chunked
        body ends."""
        self._in_head = False
        self._body_left = length

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._unsent:
            unsent, self._unsent = self._unsent, b""
            self._received = 0
            self._in_head, self._head_end, self._body_left = True, b"", None
            # A receiver that closed already may have answered first (413): read what there is.
            with suppress(httpcore.WriteError):
                await self._inner.write(unsent, timeout)
        if not self._buffer:
            self._buffer = await self._receive(min(max_bytes, READ_BYTES), timeout)
        size = self._measure_part()
        part, self._buffer = self._buffer[:size], self._buffer[size:]
        return part

    async def _receive(self, limit: int, timeout: float | None) -> bytes:  # noqa: ASYNC109
        data = await self._inner.read(limit, timeout)
        self._received += len(data)
        self._read_was_full = len(data) == limit
        if self._received > ANSWER_BYTES:
            raise httpcore.ReadError(f"more than {ANSWER_BYTES // 1024} KiB came back")
        return data

    def _measure_part(self) -> int:
        """Return how much of the buffer belongs to the answer for certain."""
        if self._in_head:
            text = self._head_end + self._buffer
            blank = BLANK_LINE.search(text)
            if blank is None:
                self._head_end = text[-2:]
                return len(self._buffer)
            size = blank.end() - len(self._head_end)
            self._head_end = b""
            return size
        if self._body_left is None:
            return self._buffer.find(b"\n") + 1 or len(self._buffer)
        size = min(self._body_left, len(self._buffer))
        self._body_left -= size
        return size

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._unsent += buffer

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 — httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        try:
            return AnswerStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))
        except BaseException:
            # httpcore closes it for an Exception, but leaks it when the deadline cancels.
            await self._inner.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        # A full read may have left bytes behind, in a queue that the socket knows nothing of.
        if info == "is_readable" and (
            self._buffer or self._read_was_full or _has_tls_data(self._inner)
        ):
            return True
        return self._inner.get_extra_info(info)


def _has_tls_data(stream: httpcore.AsyncNetworkStream) -> bool:
    """Tell whether TLS has read a closing or more bytes already, which the socket does not show.

    The connection is then not used again, so the byte is not missed.
    """
    tls: ssl.SSLObject | None = stream.get_extra_info("ssl_object")
    if tls is None:
        return False
    try:
        tls.read(1)
    except ssl.SSLError as error:
        return not isinstance(error, ssl.SSLWantReadError)
    return True
