"""Appends messages to streams of NATS JetStream, each once by its `Nats-Msg-Id`.

The client is nats-py's; the connection below it is ours, so that the guard decides where it leads.
A client that lost it does not connect again: servers name others to go to, which nobody checked.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Any

import orjson
from nats import errors
from nats.aio.client import Client
from nats.aio.transport import Transport
from nats.js import errors as jetstream_errors
from nats.js.api import PubAck

from service.webhooks.address_guard import AddressGuard, AddressRefused
from service.webhooks.broker_addresses import BrokerAddress, parse_address
from service.webhooks.broker_streams import BrokerStream, KeptConnections, open_stream
from service.webhooks.exchanges import BrokerFailure, Outgoing, Rendered, Reply

CLOSE_SECONDS = 1.0


class NatsTransport:
    """Appends as many at once as it is asked to."""

    def __init__(self, guard: AddressGuard, tls: ssl.SSLContext) -> None:
        self._guard = guard
        self._tls = tls
        self._kept: KeptConnections[NatsConnection] = KeptConnections()

    async def exchange(
        self, outgoing: Outgoing, rendering: Rendered, reply: Reply, deadline: asyncio.Timeout
    ) -> None:
        url = self._guard.check_url(outgoing.url)
        address = parse_address(url, outgoing.credentials)

        async def connect() -> NatsConnection:
            stream = await open_stream(self._guard, address, None, outgoing.timeout)
            return await NatsConnection.log_in(stream, address, self._tls, outgoing.timeout)

        headers = {"Nats-Msg-Id": outgoing.message, **rendering.headers}
        try:
            async with self._kept.borrow(outgoing.endpoint, address, connect) as connection:
                acknowledgement = await connection.append(
                    address.name, headers, rendering.body, outgoing.timeout
                )
        except (errors.Error, ValueError, KeyError, TypeError, AttributeError) as error:
            # What is no acknowledgement of JetStream's fails to be read as one.
            raise BrokerFailure(_describe_error(error, address)) from error
        reply.body += orjson.dumps(
            {
                "stream": acknowledgement.stream,
                "seq": acknowledgement.seq,
                "duplicate": bool(acknowledgement.duplicate),
            }
        )

    async def close(self) -> None:
        await self._kept.close()


class NatsConnection:
    """A client that is logged in, and its connection."""

    def __init__(self, stream: BrokerStream) -> None:
        self._stream = stream
        self._client = Client()
        # Where the client makes its connections is not documented: hence the pin in pyproject.toml.
        self._client._transport = _GuardedTransport(stream)
        self._failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    @classmethod
    async def log_in(
        cls, stream: BrokerStream, address: BrokerAddress, tls: ssl.SSLContext, seconds: float
    ) -> "NatsConnection":
        """Log in over a connection that was just made; it is closed where that fails."""
        connection = cls(stream)
        has_password = address.password is not None
        try:
            transport = connection._client._transport
            assert isinstance(transport, _GuardedTransport)
            transport.use_tls(tls, address.host, is_required=address.is_encrypted)
            await connection._client.connect(
                "nats://broker:4222",  # a stand-in: the connection is made
                name="claimdesk",
                user=address.user if has_password else None,
                password=address.password,
                token=None if has_password else address.user,
                tls=tls,
                tls_hostname=address.host,
                connect_timeout=seconds,  # type: ignore[arg-type]
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                error_cb=connection._note_failure,
                closed_cb=connection._note_closing,
            )
        except BaseException:
            await connection.close(at_once=True)
            raise
        return connection

    @property
    def is_usable(self) -> bool:
        return self._client.is_connected and not self._failed.done()

    async def append(
        self, subject: str, headers: dict[str, str], body: bytes, seconds: float
    ) -> PubAck:
        """Append a message to the stream that takes the subject."""
        self._stream.reader.begin_answer()
        publishing = asyncio.ensure_future(
            self._client.jetstream().publish(subject, body, timeout=seconds, headers=headers)
        )
        try:
            either: tuple[asyncio.Future[Any], ...] = publishing, self._failed
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not publishing.done():
                raise self._failed.result()
            return publishing.result()
        finally:
            publishing.cancel()

    async def close(self, *, at_once: bool = False) -> None:
        if at_once:
            self._stream.abort()
        with suppress(OSError, errors.Error):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._client.close()
        self._stream.abort()
        self._failed.cancel()

    async def _note_failure(self, error: Exception) -> None:
        if not self._failed.done():
            self._failed.set_result(error)

    async def _note_closing(self) -> None:
        await self._note_failure(errors.UnexpectedEOF())


class _GuardedTransport(Transport):
    """A connection that is made already, as nats-py uses one."""

    def __init__(self, stream: BrokerStream) -> None:
        self._stream = stream
        self._tls: ssl.SSLContext | None = None
        self._host = ""
        self._must_encrypt = False
        self._is_taken = False

    def use_tls(self, tls: ssl.SSLContext, host: str, *, is_required: bool) -> None:
        """Say how to encrypt; with `is_required` nothing is written before."""
        self._tls, self._host, self._must_encrypt = tls, host, is_required

    async def connect(self, uri: Any, buffer_size: int, connect_timeout: int) -> None:
        """Nothing to do, once."""
        if self._is_taken:
            raise ConnectionResetError
        self._is_taken = True

    async def connect_tls(
        self, uri: Any, ssl_context: ssl.SSLContext, buffer_size: int, connect_timeout: int
    ) -> None:
        assert self._tls is not None
        await self._stream.start_tls(self._tls, self._host)

    def write(self, payload: bytes) -> None:
        self._require_encryption()
        self._stream.writer.write(payload)

    def writelines(self, payload: list[bytes]) -> None:
        self._require_encryption()
        self._stream.writer.writelines(payload)

    def _require_encryption(self) -> None:
        """Let nothing out, the password least of all, where the server offers no TLS."""
        if self._must_encrypt and not self._stream.is_encrypted:
            raise AddressRefused(
                "The broker offers no TLS, and the address begins with tls://. Switch TLS on at "
                "the broker, or write nats:// for a network of your own."
            )

    async def read(self, buffer_size: int) -> bytes:
        return await self._stream.reader.read(buffer_size)

    async def readline(self) -> bytes:
        return await self._stream.reader.readline()

    async def drain(self) -> None:
        await self._stream.writer.drain()

    async def wait_closed(self) -> None:
        with suppress(OSError):
            await self._stream.writer.wait_closed()

    def close(self) -> None:
        self._stream.writer.close()

    def at_eof(self) -> bool:
        return self._stream.reader.at_eof()

    def __bool__(self) -> bool:
        return True


def _describe_error(error: Exception, address: BrokerAddress) -> str:
    """Say what the broker did not do, and the remedy."""
    text = str(error).removeprefix("nats: ").strip("'\" ")
    lower = text.lower()
    if isinstance(error, jetstream_errors.NoStreamResponseError):
        return (
            f"no stream of JetStream takes the subject {address.name}: on the broker, switch "
            f"JetStream on and run: nats stream add CLAIMS --subjects {address.name}"
        )
    if isinstance(error, jetstream_errors.APIError):
        return f"JetStream did not take the message: {error.description}"
    if isinstance(error, errors.AuthorizationError) or "authorization violation" in lower:
        return (
            "the broker refused the user, password or token: write those that it knows into the "
            "webhook's address"
        )
    if "permissions violation" in lower:
        return (
            f"the broker refused it ({text}): let its user publish to {address.name} and "
            "subscribe to _INBOX.>"
        )
    if isinstance(error, errors.MaxPayloadError):
        return "the message is longer than the broker takes: raise its max_payload"
    if isinstance(error, errors.UnexpectedEOF | errors.ConnectionClosedError):
        return "the connection was lost before the broker acknowledged the message"
    if "expecting info" in lower or "info message" in lower:
        return "what answers there is no NATS server: check host and port"
    if isinstance(error, errors.Error):
        return f"the broker answered: {text}"
    return f"what took the subject {address.name} is no stream of JetStream"
