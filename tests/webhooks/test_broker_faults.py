"""Attempts at brokers that refuse, break off or answer nonsense, and the connections between."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
import redis.asyncio
from nats.js.api import DiscardPolicy, StreamConfig

from service.webhooks import broker_streams
from tests.support.brokers import JETSTREAM, Broker, NatsServer, RedisServer, build_broker
from tests.webhooks.senders import run_sender
from tests.webhooks.test_brokers import attempt_once, build_message

LOGIN = {
    "nats": [
        (b"", b'INFO {"headers": true, "max_payload": 1000000}\r\n'),
        (b"PING\r\n", b"PONG\r\n"),
    ],
    "redis": [(b"SELECT", b"+OK\r\n")],
}


@asynccontextmanager
async def run_script(*steps: tuple[bytes, bytes]) -> AsyncIterator[int]:
    """A server that waits for the first text of each step, answers the second, then hangs up."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for awaited_bytes, answer in steps:
                if awaited_bytes:
                    await reader.readuntil(awaited_bytes)
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass  # the sender hung up first
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize(
    ("kind", "answer", "error"),
    [
        ("nats", b"-ERR 'a fault'\r\n", "the connection was lost before the broker"),
        ("nats", b"", "the connection was lost before the broker acknowledged the message"),
        ("redis", b"", "the connection was lost before the broker acknowledged the message"),
        ("redis", b"-MOVED 1 10.0.0.1:7000\r\n", "another node of the cluster has claims"),
        ("redis", b"-ERR a fault\r\n", "the broker answered: a fault"),
        ("redis", b"+OK\r\n", "what answers there is no Redis server: check host and port"),
        ("redis", b"?\r\n", "what answers there is no Redis server: check host and port"),
    ],
)
async def test_answer_to_a_message_is_explained(
    kind: str, answer: bytes, error: str, tmp_path: Path
) -> None:
    request_bytes = {"nats": b"PUB", "redis": b"EVAL"}[kind]
    broker = build_broker(kind, tmp_path)
    never = [(b"\0", b"")] if answer else []
    async with run_script(*LOGIN[kind], (request_bytes, answer), *never) as port:
        failure = await attempt_once(broker, broker.url("claims", port=port), seconds=3)
    assert not failure.delivered
    assert str(failure.error).startswith(error)


@pytest.mark.parametrize(("kind", "answer"), [("nats", b"HELLO\r\n"), ("redis", b"?\r\n")])
async def test_other_server_is_named_as_no_broker(kind: str, answer: bytes, tmp_path: Path) -> None:
    """It answers nonsense before anybody has logged in."""
    broker = build_broker(kind, tmp_path)
    request_bytes = {"nats": b"", "redis": b"SELECT"}[kind]
    async with run_script((request_bytes, answer)) as port:
        failure = await attempt_once(broker, broker.url("claims", port=port), seconds=3)
    assert "check host and port" in str(failure.error)


async def test_message_beyond_the_limits_of_nats_is_explained(tmp_path: Path) -> None:
    """The server takes shorter messages only, or the stream is full and keeps what it has."""
    short = NatsServer(tmp_path, JETSTREAM, "max_payload: 8")
    short.start()
    try:
        failure = await attempt_once(short, short.url("claims"))
    finally:
        short.kill()
    assert str(failure.error).startswith("the message is longer than the broker takes")


async def test_full_stream_of_nats_is_explained(tmp_path: Path) -> None:
    broker = NatsServer(tmp_path, JETSTREAM)
    broker.start()
    full_stream = StreamConfig(
        name="FULL", subjects=["full"], max_msgs=1, discard=DiscardPolicy.NEW
    )
    try:
        async with await nats.connect(f"nats://127.0.0.1:{broker.port}") as client:
            await client.jetstream().add_stream(full_stream)
            await client.jetstream().publish("full", b"first")
        failure = await attempt_once(broker, broker.url("full"))
    finally:
        broker.kill()
    assert failure.error == "JetStream did not take the message: maximum messages exceeded"


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ("maxmemory 1", "the broker is out of memory"),
        ("replicaof 127.0.0.1 1", "the broker is a read-only replica"),
    ],
)
async def test_redis_that_takes_nothing_is_explained(
    option: str, error: str, tmp_path: Path
) -> None:
    full_server = RedisServer(tmp_path, option)
    full_server.start()
    try:
        failure = await attempt_once(full_server, full_server.url("claims"))
    finally:
        full_server.kill()
    assert str(failure.error).startswith(error)


# --- connections that are kept ---


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Redis, since NATS does not list its clients."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


async def send_at_once(broker: Broker, *urls: str) -> int:
    """Send a message to each address at the same time; return how many connections are kept."""
    async with run_sender() as sender:
        answers = await asyncio.gather(
            *(
                sender.send(build_message(broker, url, message=f"{number}"))
                for number, url in enumerate(urls)
            )
        )
        assert all(answer.delivered for answer in answers)
        await asyncio.sleep(0.1)
        async with redis.asyncio.Redis(port=broker.port) as client:
            return len(await client.client_list()) - 1


async def test_idle_connection_is_closed_after_a_while(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = redis_server.url("idle")
    assert await send_at_once(redis_server, url, url) == 2
    monkeypatch.setattr(broker_streams, "KEEPALIVE_SECONDS", 0.02)
    assert await send_at_once(redis_server, url, url) == 0


async def test_no_more_connections_are_kept_than_the_bound(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_streams, "MAX_IDLE", 1)
    url = redis_server.url("bounded")
    assert await send_at_once(redis_server, url, url, url) == 1


async def test_connection_to_the_address_before_is_not_kept(redis_server: RedisServer) -> None:
    """Somebody changes the address of an endpoint while a message is on its way."""
    assert (
        await send_at_once(redis_server, redis_server.url("before"), redis_server.url("after")) == 1
    )
