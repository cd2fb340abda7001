"""Appends messages to Redis streams, each once by its id, which the broker remembers for a week.

The protocol is redis-py's; the connection below it is ours, so that the guard decides where it
leads.  Of its client only the connection is used: no pool, no retries, no cluster, and the protocol
in which servers cannot send clients elsewhere (RESP2).
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Any

import orjson
from redis import exceptions
from redis.asyncio.connection import AbstractConnection

from service.webhooks.address_guard import AddressGuard
from service.webhooks.broker_addresses import BrokerAddress, parse_address
from service.webhooks.broker_streams import BrokerStream, KeptConnections, open_stream
from service.webhooks.exchanges import BrokerFailure, Outgoing, Rendered, Reply

REMEMBERED_SECONDS = 7 * 24 * 3600
"""Longer than a delivery is tried (`backoff.SCHEDULE`), with every wait at its longest."""
APPEND = """
local known = redis.call('GET', KEYS[2])
if known and redis.call('EXISTS', KEYS[1]) == 1 then return {known, 1} end
local entry = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
redis.call('SET', KEYS[2], entry, 'EX', ARGV[1])
return {entry, 0}
"""
"""Appends ARGV[2…] to the stream KEYS[1], unless KEYS[2] knows the message; atomic on the broker.
A stream that was deleted begins anew."""


class RedisTransport:
    """Appends as many at once as it is asked to."""

    def __init__(self, guard: AddressGuard, tls: ssl.SSLContext) -> None:
        self._guard = guard
        self._tls = tls
        self._kept: KeptConnections[RedisConnection] = KeptConnections()

    async def exchange(
        self, outgoing: Outgoing, rendering: Rendered, reply: Reply, deadline: asyncio.Timeout
    ) -> None:
        url = self._guard.check_url(outgoing.url)
        address = parse_address(url, outgoing.credentials)

        async def connect() -> RedisConnection:
            tls = self._tls if address.is_encrypted else None
            stream = await open_stream(self._guard, address, tls, outgoing.timeout)
            return await RedisConnection.log_in(stream, address)

        try:
            async with self._kept.borrow(outgoing.endpoint, address, connect) as connection:
                entry, is_duplicate = await connection.append(
                    address.name, outgoing.message, rendering
                )
        except (exceptions.RedisError, ValueError, TypeError) as error:
            raise BrokerFailure(_describe_error(error, address)) from error
        reply.body += orjson.dumps(
            {"stream": address.name, "entry": entry, "duplicate": is_duplicate}
        )

    async def close(self) -> None:
        await self._kept.close()


class RedisConnection:
    """A connection that is logged in."""

    def __init__(self, stream: BrokerStream, address: BrokerAddress) -> None:
        self._stream = stream
        self._connection = _GuardedConnection(stream, address)

    @classmethod
    async def log_in(cls, stream: BrokerStream, address: BrokerAddress) -> "RedisConnection":
        """Log in over a connection that was just made; it is closed where that fails."""
        connection = cls(stream, address)
        try:
            await connection._connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await connection.close(at_once=True)
            raise
        return connection

    @property
    def is_usable(self) -> bool:
        return self._connection.is_connected and not self._stream.reader.at_eof()

    async def append(self, stream: str, message: str, rendering: Rendered) -> tuple[str, bool]:
        """Append a message; returns its entry, and whether that was there already."""
        self._stream.reader.begin_answer()
        fields = [part for header in rendering.headers.items() for part in header]
        # In braces, so that both keys are on one node of a cluster.
        key = f"{{{stream}}}:claimdesk:{message}"
        await self._connection.send_command(
            "EVAL", APPEND, 2, stream, key, REMEMBERED_SECONDS, *fields, "body", rendering.body
        )
        answer = await self._connection.read_response()
        if not isinstance(answer, list) or len(answer) != 2 or not isinstance(answer[0], bytes):
            raise exceptions.InvalidResponse
        return answer[0].decode(), bool(answer[1])

    async def close(self, *, at_once: bool = False) -> None:
        self._stream.abort()
        with suppress(OSError, exceptions.RedisError):
            await self._connection.disconnect(nowait=True)


class _GuardedConnection(AbstractConnection):
    """A connection that is made already, as redis-py uses one."""

    def __init__(self, stream: BrokerStream, address: BrokerAddress) -> None:
        super().__init__(
            db=address.database,
            username=address.user,
            password=address.password,
            protocol=2,
            socket_timeout=None,
            socket_connect_timeout=None,
            driver_info=None,
        )
        self._stream: BrokerStream | None = stream
        self._place = f"{address.host}:{address.port}"

    async def _connect(self) -> None:
        """Take the connection, once."""
        if self._stream is None:
            raise ConnectionResetError
        self._reader, self._writer = self._stream.reader, self._stream.writer
        self._stream = None

    def _host_error(self) -> str:
        return self._place

    def repr_pieces(self) -> list[tuple[str, Any]]:
        return [("place", self._place)]


def _describe_error(error: Exception, address: BrokerAddress) -> str:
    """Say what the broker did not do, and the remedy."""
    text = str(error)
    code = text.split(" ", 1)[0]
    if isinstance(error, exceptions.AuthenticationError) or code in ("WRONGPASS", "NOAUTH"):
        return (
            "the broker refused the user or password: write those that it knows into the "
            "webhook's address"
        )
    if isinstance(error, exceptions.NoPermissionError):
        return (
            f"the broker refused it ({text}): let its user run EVAL, GET, EXISTS, XADD and SET on "
            f"{address.name} and {{{address.name}}}:claimdesk:*"
        )
    if code == "WRONGTYPE" or "WRONGTYPE" in text:
        return f"{address.name} is something else than a stream there: name another in the address"
    if isinstance(error, exceptions.MovedError):
        return f"another node of the cluster has {address.name}: name that node in the address"
    if isinstance(error, exceptions.ReadOnlyError) or "READONLY" in text:
        return "the broker is a read-only replica: name the primary in the address"
    if isinstance(error, exceptions.OutOfMemoryError) or "OOM" in text:
        return "the broker is out of memory: trim its streams or raise its maxmemory"
    if isinstance(error, exceptions.InvalidResponse):
        return "what answers there is no Redis server: check host and port"
    if isinstance(error, exceptions.ConnectionError):
        return "the connection was lost before the broker acknowledged the message"
    if isinstance(error, exceptions.RedisError):
        return f"the broker answered: {text}"
    return "what answers there is no Redis server: check host and port"
