"""Connections to brokers: guarded where they are made, bounded in what they bring, kept a while."""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, SupportsIndex, TypeVar, cast

from service.webhooks.address_guard import AddressGuard
from service.webhooks.broker_addresses import BrokerAddress
from service.webhooks.exchanges import BrokerFailure

ANSWER_BYTES = 128 * 1024
"""What a broker may bring for one message."""
MAX_IDLE = 64
"""Connections kept in all."""
KEEPALIVE_SECONDS = 30.0


class BoundedReader(asyncio.StreamReader):
    """A reader that ends the connection where one answer is longer than ANSWER_BYTES."""

    def __init__(self) -> None:
        super().__init__()
        self._received = 0
        self._carrier: asyncio.Transport | None = None

    def begin_answer(self) -> None:
        """Count from here."""
        self._received = 0

    def set_transport(self, transport: asyncio.BaseTransport) -> None:
        super().set_transport(transport)
        self._carrier = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        data = bytes(data)
        self._received += len(data)
        if self._received <= ANSWER_BYTES:
            super().feed_data(data)
        else:
            self.set_exception(BrokerFailure(f"more than {ANSWER_BYTES // 1024} KiB came back"))
            assert self._carrier is not None
            self._carrier.abort()


class BrokerStream:
    """One connection, as the transports of brokers use it."""

    def __init__(self, reader: BoundedReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._unencrypted: asyncio.StreamWriter | None = None

    async def start_tls(self, tls: ssl.SSLContext, host: str) -> None:
        """Encrypt what follows.  What came before, and was not read, is dropped with its reader."""
        loop = asyncio.get_running_loop()
        reader = BoundedReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport = await loop.start_tls(self.writer.transport, protocol, tls, server_hostname=host)
        assert transport is not None
        reader.set_transport(transport)
        # A writer that is collected closes the socket, which is still used.
        self._unencrypted = self.writer
        self.reader = reader
        self.writer = asyncio.StreamWriter(transport, protocol, reader, loop)

    @property
    def is_encrypted(self) -> bool:
        return self.writer.get_extra_info("ssl_object") is not None

    def abort(self) -> None:
        """Close at once: what was not sent is lost."""
        self.writer.transport.abort()


async def open_stream(
    guard: AddressGuard, address: BrokerAddress, tls: ssl.SSLContext | None, seconds: float
) -> BrokerStream:
    """Connect to a permitted address of the host, encrypted from the start if `tls` is given.

    Tries the addresses in turn, each for its share of the remaining seconds.  Raises
    AddressRefused or OSError.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    addresses = await guard.resolve_addresses(
        address.host, address.port, is_encrypted=address.is_encrypted
    )
    failure: OSError | None = None
    for remaining, literal in zip(range(len(addresses), 0, -1), addresses, strict=True):
        reader = BoundedReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            async with asyncio.timeout((end - loop.time()) / remaining):
                transport, _ = await loop.create_connection(
                    lambda protocol=protocol: protocol,
                    literal,
                    address.port,
                    ssl=tls,
                    server_hostname=address.host if tls is not None else None,
                )
        except OSError as error:  # TimeoutError is one
            failure = error
        else:
            return BrokerStream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
    assert failure is not None
    raise failure


class BrokerConnection(Protocol):
    """A connection that carries one message at a time."""

    @property
    def is_usable(self) -> bool: ...

    async def close(self, *, at_once: bool = False) -> None: ...


Connection = TypeVar("Connection", bound=BrokerConnection)


class KeptConnections(Generic[Connection]):
    """The idle connections of each endpoint, shared with no other."""

    def __init__(self) -> None:
        self._idle: OrderedDict[str, tuple[BrokerAddress, list[tuple[float, Connection]]]] = (
            OrderedDict()
        )
        self._closed = False
        self._sweeping: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def borrow(
        self, endpoint: str, address: BrokerAddress, connect: Callable[[], Awaitable[Connection]]
    ) -> AsyncIterator[Connection]:
        """Lend an idle connection of the endpoint's, or a new one.  After a failure it closes."""
        connection = await self._take(endpoint, address) or await connect()
        try:
            yield connection
        except BaseException:
            await connection.close(at_once=True)
            raise
        await self._put_back(endpoint, address, connection)

    async def close(self) -> None:
        """Close the idle connections; those in use close after their answer."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        while self._idle:
            await self._close_oldest()

    async def _take(self, endpoint: str, address: BrokerAddress) -> Connection | None:
        kept_address, connections = self._idle.get(endpoint, (address, []))
        while connections:
            _, connection = connections.pop()
            if kept_address == address and connection.is_usable:
                return connection
            await connection.close()
        return None

    async def _put_back(
        self, endpoint: str, address: BrokerAddress, connection: Connection
    ) -> None:
        kept_address, connections = self._idle.setdefault(endpoint, (address, []))
        if not connections:
            self._idle[endpoint] = kept_address, connections = address, []
        if self._closed or kept_address != address or not connection.is_usable:
            await connection.close()
            return
        connections.append((asyncio.get_running_loop().time(), connection))
        self._idle.move_to_end(endpoint)
        while sum(len(connections) for _, connections in self._idle.values()) > MAX_IDLE:
            await self._close_oldest()
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        """Close what was idle for long, until none is."""
        while self._idle:
            await asyncio.sleep(KEEPALIVE_SECONDS)
            limit = asyncio.get_running_loop().time() - KEEPALIVE_SECONDS
            for endpoint, (_, connections) in [*self._idle.items()]:
                expired_entries = [entry for entry in connections if entry[0] <= limit]
                connections[:] = [entry for entry in connections if entry[0] > limit]
                if not connections:
                    del self._idle[endpoint]
                for _, connection in expired_entries:
                    await connection.close()

    async def _close_oldest(self) -> None:
        _, (_, connections) = self._idle.popitem(last=False)
        for _, connection in connections:
            await connection.close()
