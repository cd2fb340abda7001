"""Receivers on loopback that misbehave, each in its own way, and certificates for some."""

import asyncio
import gzip
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

import trustme

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(eq=False)
class Receiver:
    """One listener; what it was asked, and how often it was reached."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    sent: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        """Head and body.  Raises IncompleteReadError where the sender has gone."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        whole = head + await reader.readexactly(length)
        self.requests.append(whole)
        return whole

    async def send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        await writer.drain()
        self.sent += len(data)


Behaviour = Callable[[Receiver, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def run_receiver(
    behave: Behaviour, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Receiver]:
    """A listener that treats each connection as `behave` does, then closes it."""
    receiver = Receiver()
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        receiver.open.add(writer)
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await behave(receiver, reader, writer)
        finally:
            tasks.discard(task)
            receiver.open.discard(writer)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for writer in list(receiver.open):
            writer.transport.abort()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def build_answering(*parts: bytes, times: int | None = None) -> Behaviour:
    """Answers each request with these bytes; closes after `times` of them."""

    async def behave(
        receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        remaining = times
        while remaining is None or remaining > 0:
            await receiver.request(reader)
            for part in parts:
                await receiver.send(writer, part)
            remaining = None if remaining is None else remaining - 1

    return behave


def build_closing(*parts: bytes) -> Behaviour:
    """Answers one request with these bytes and closes."""
    return build_answering(*parts, times=1)


def build_endless(start: bytes, part: bytes, pause: float = 0) -> Behaviour:
    """Answers with `start`, then `part` for ever, a pause before each."""

    async def behave(
        receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await receiver.request(reader)
        await receiver.send(writer, start)
        while True:
            await asyncio.sleep(pause)
            await receiver.send(writer, part)

    return behave


async def swallow_request(
    receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Reads and never answers."""
    while await reader.read(65536):
        pass


async def reset_connection(
    receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Reads the request and sends RST."""
    await receiver.request(reader)
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def close_connection(
    receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Reads the request and leaves without a word."""
    await receiver.request(reader)


def build_half_closing(*parts: bytes) -> Behaviour:
    """Says this, sends FIN and goes on reading."""

    async def behave(
        receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await receiver.request(reader)
        for part in parts:
            await receiver.send(writer, part)
        writer.write_eof()
        await swallow_request(receiver, reader, writer)

    return behave


async def answer_unread(
    receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answers 413 before it has read the body, and closes."""
    await reader.readuntil(b"\r\n\r\n")
    await receiver.send(writer, b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")


def build_gzip_bomb() -> bytes:
    """32 MiB of zeros in 32 KiB."""
    bomb = gzip.compress(bytes(32 * 1024 * 1024))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    return head.encode() + bomb


@contextmanager
def open_listener() -> Iterator[tuple[socket.socket, int]]:
    """A bare socket that listens: its queue of connections says whether anyone came."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener, listener.getsockname()[1]


def has_no_connection(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return True
    return False


class Certificates:
    """A certificate authority of our own, and what it signs."""

    def __init__(self) -> None:
        self._authority = trustme.CA()
        self.trusting = ssl.create_default_context()
        self._authority.configure_trust(self.trusting)

    def server(self, *names: str) -> ssl.SSLContext:
        """A server's context with a certificate for these names and addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*names).configure_cert(context)
        return context
