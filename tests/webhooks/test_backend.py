"""The guard where a connection is made, below HTTP."""

import asyncio
import socket
import ssl
from collections.abc import Callable

import httpcore
import pytest

from service.webhooks.address_guard import AddressGuard, AddressRefused, GuardedBackend
from tests.webhooks import receivers
from tests.webhooks.senders import LOOPBACK, PUBLIC, build_resolver


async def test_connection_goes_to_the_vetted_address() -> None:
    """The name is resolved once for a connection, and never by anyone else."""
    lookups: list[tuple[str, int]] = []

    async def resolve(host: str, port: int) -> list[str]:
        lookups.append((host, port))
        return ["127.0.0.1"]

    async with receivers.run_receiver(receivers.swallow_request) as there:
        backend = GuardedBackend(AddressGuard(allow_cidrs=LOOPBACK, resolve=resolve))
        stream = await backend.connect_tcp("nowhere.invalid", there.port, 5)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", there.port)
        await stream.aclose()
    assert lookups == [("nowhere.invalid", there.port)]


@pytest.mark.parametrize(
    "addresses", [[PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["::ffff:127.0.0.1"], ["127.0.0.1"]]
)
async def test_a_private_address_gets_no_connection(addresses: list[str]) -> None:
    """With one private address among the answers nobody is connected to, the private one least."""
    with receivers.open_listener() as (listener, port):
        backend = GuardedBackend(AddressGuard(resolve=build_resolver(addresses)))
        with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
            await backend.connect_tcp("hooks.example", port, 5)
        await asyncio.sleep(0.02)
        assert receivers.has_no_connection(listener)


async def test_rebound_name_is_refused_at_the_connection() -> None:
    """A name that was public when registered and is private now is refused at the connection."""
    with receivers.open_listener() as (listener, port):
        guard = AddressGuard(resolve=build_resolver([PUBLIC], ["127.0.0.1"]))
        await guard.check_address(f"https://hooks.example:{port}/")
        with pytest.raises(AddressRefused):
            await GuardedBackend(guard).connect_tcp("hooks.example", port, 5)
        assert receivers.has_no_connection(listener)


async def test_addresses_are_tried_in_order() -> None:
    """A closed port moves on to the next address; when all fail, the last failure is told."""
    async with receivers.run_receiver(receivers.swallow_request, host="127.0.0.2") as there:
        addresses = ["127.0.0.1", "127.0.0.2"]
        backend = GuardedBackend(
            AddressGuard(allow_cidrs=LOOPBACK, resolve=build_resolver(addresses))
        )
        stream = await backend.connect_tcp("hooks.example", there.port)
        assert stream.get_extra_info("server_addr")[0] == "127.0.0.2"
        await stream.aclose()
    with pytest.raises(httpcore.ConnectError):
        await backend.connect_tcp("hooks.example", there.port, 5)


async def test_silent_address_leaves_time_for_the_next() -> None:
    """Each address has its share of the seconds: a full backlog does not eat them all."""
    async with receivers.run_receiver(receivers.swallow_request, host="127.0.0.2") as there:
        full_socket = socket.socket()
        full_socket.bind(("127.0.0.1", there.port))
        full_socket.listen(0)
        stuffing = [socket.socket() for _ in range(4)]
        for each in stuffing:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", there.port))
        addresses = ["127.0.0.1", "127.0.0.2"]
        backend = GuardedBackend(
            AddressGuard(allow_cidrs=LOOPBACK, resolve=build_resolver(addresses))
        )
        began = asyncio.get_running_loop().time()
        stream = await backend.connect_tcp("hooks.example", there.port, 1.0)
        took = asyncio.get_running_loop().time() - began
        assert stream.get_extra_info("server_addr")[0] == "127.0.0.2"
        assert 0.4 < took < 0.9
        await stream.aclose()
        for each in (*stuffing, full_socket):
            each.close()


async def test_name_lookup_counts_as_connecting_time() -> None:
    """A resolver that hangs ends with the time for connecting."""

    async def hang(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(60)
        raise AssertionError("unreachable")

    with pytest.raises(httpcore.ConnectTimeout, match=r"hooks\.example"):
        await GuardedBackend(AddressGuard(resolve=hang)).connect_tcp("hooks.example", 443, 0.05)


async def test_unix_sockets_are_refused() -> None:
    """The backend's other door is shut; sleeping is httpcore's."""
    backend = GuardedBackend(AddressGuard())
    with pytest.raises(AddressRefused):
        await backend.connect_unix_socket("/var/run/docker.sock")
    await backend.sleep(0)


async def test_a_handshake_that_is_cut_short_closes_its_socket(
    check_nothing_leaks: Callable[[], None],
) -> None:
    """Cancelled in the middle of TLS, the connection is closed at once."""
    is_closed = asyncio.Event()

    async def behave(
        receiver: receivers.Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await receivers.swallow_request(receiver, reader, writer)
        is_closed.set()

    async with receivers.run_receiver(behave) as there:
        backend = GuardedBackend(AddressGuard(allow_cidrs=LOOPBACK))
        stream = await backend.connect_tcp("127.0.0.1", there.port, 5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await stream.start_tls(ssl.create_default_context(), "hooks.example")
        await asyncio.wait_for(is_closed.wait(), 1)
    check_nothing_leaks()


@pytest.fixture
def check_nothing_leaks() -> Callable[[], None]:
    """Collect garbage, so that a socket that was left open warns in this very test."""
    import gc

    def check() -> None:
        gc.collect()

    return check
