"""One attempt at an endpoint that is a broker: what is in the stream, and what goes wrong."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import nats
import pytest
import redis.asyncio
import standardwebhooks
import trustme
from nats.aio.msg import Msg

from service.domain.webhooks import Format
from service.webhooks.address_guard import AddressGuard
from service.webhooks.broker_addresses import split_credentials
from service.webhooks.delivery import Sender
from service.webhooks.exchanges import Answer, Outgoing
from tests.support.brokers import (
    JETSTREAM,
    AnswerEater,
    Broker,
    NatsServer,
    RedisServer,
    build_broker,
)
from tests.webhooks import receivers
from tests.webhooks.senders import (
    LOOPBACK,
    NOW,
    PUBLIC,
    SECRET,
    build_resolver,
    load_usual_authorities,
    run_sender,
)

KINDS = ("nats", "redis")
BODY = '{"text": "ü"}'.encode()


@pytest.fixture(scope="module", params=KINDS)
def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    broker = build_broker(request.param, tmp_path_factory.mktemp(request.param))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def closed_broker(broker: Broker, tmp_path: Path) -> Iterator[Broker]:
    """A broker of the same kind that asks for a password."""
    options = {
        "nats": ["authorization { user: desk, password: right }"],
        "redis": ["requirepass right", "user desk on >right ~* +@all"],
    }
    guarded_broker = build_broker(broker.format, tmp_path, *options[broker.format])
    guarded_broker.start()
    yield guarded_broker
    guarded_broker.kill()


def build_message(
    broker: Broker, url: str, *, message: str = "evt_1", timeout: float = 5.0
) -> Outgoing:
    public_url, credentials = split_credentials(url)
    return Outgoing(
        endpoint="endpoint",
        url=public_url,
        headers={},
        secrets=(SECRET,),
        message=message,
        body=BODY,
        timeout=timeout,
        format=Format(broker.format),
        credentials=credentials,
    )


async def attempt_once(broker: Broker, url: str, *, seconds: float = 5.0) -> Answer:
    async with run_sender() as sender:
        return await sender.send(build_message(broker, url, timeout=seconds))


# --- what is appended ---


async def test_stream_gets_the_stored_bytes_signed_with_their_id(broker: Broker) -> None:
    """The bytes that HTTP endpoints get, with the headers by which the published library verifies
    them; what the broker answered is in the log."""
    now = datetime.now(UTC)
    await broker.create_stream("signed")
    async with run_sender(clock=lambda: now) as sender:
        answer = await sender.send(build_message(broker, broker.url("signed")))
    assert (answer.delivered, answer.status, answer.error) == (True, None, None)
    reply = json.loads(answer.response_body)
    assert (reply["stream"].lower(), reply["duplicate"]) == ("signed", False)
    [message] = await broker.read("signed")
    assert (message.body, message.id) == (BODY, "evt_1")
    assert message.headers["webhook-timestamp"] == str(int(now.timestamp()))
    standardwebhooks.Webhook(SECRET).verify(message.body, message.headers)


async def test_message_that_is_sent_again_is_in_the_stream_once(broker: Broker) -> None:
    """By its id, whichever connection and dispatcher brings it; others are appended."""
    await broker.create_stream("once")
    url = broker.url("once")
    async with run_sender() as first, run_sender() as second:
        answers = [
            await first.send(build_message(broker, url, message="a")),
            await first.send(build_message(broker, url, message="b")),
            await first.send(build_message(broker, url, message="a")),
            await second.send(build_message(broker, url, message="b")),
        ]
    assert [json.loads(answer.response_body)["duplicate"] for answer in answers] == [
        False,
        False,
        True,
        True,
    ]
    assert [message.id for message in await broker.read("once")] == ["a", "b"]


async def test_lost_acknowledgement_makes_no_second_message(broker: Broker) -> None:
    """The broker took it and its answer is lost: a failed attempt, and the next is a duplicate."""
    await broker.create_stream("lost")
    async with AnswerEater(broker) as eater, run_sender() as sender:
        message = build_message(broker, broker.url("lost", port=eater.port), timeout=0.5)
        eater.eats = True
        failure = await sender.send(message)
        assert (failure.delivered, failure.error) == (False, "timed out after 0.5 s")
        assert eater.eaten.is_set()
        eater.eats = False
        answer = await sender.send(replace(message, timeout=5.0))
        assert answer.delivered
        assert json.loads(answer.response_body)["duplicate"] is True
    assert len(await broker.read("lost")) == 1


async def test_redis_stream_that_was_deleted_begins_anew(broker: Broker) -> None:
    """Redelivery fills a stream that somebody deleted: what is remembered of it is void."""
    if not isinstance(broker, RedisServer):
        pytest.skip("not run: JetStream forgets ids with their stream")
    url = broker.url("gone")
    assert (await attempt_once(broker, url)).delivered
    async with redis.asyncio.Redis(port=broker.port, db=3) as client:
        await client.delete("gone")
    assert (await attempt_once(broker, url)).delivered
    assert [message.id for message in await broker.read("gone")] == ["evt_1"]


async def test_connections_are_kept_and_shared_out(broker: Broker) -> None:
    """Each attempt in flight has a connection of its own; idle ones are used again."""
    await broker.create_stream("many")
    connection_count = 0

    async def count(host: str, port: int) -> list[str]:
        nonlocal connection_count
        connection_count += 1
        return ["127.0.0.1"]

    url = broker.url("many").replace("127.0.0.1", "broker.example")
    async with run_sender(resolve=count) as sender:
        for round_ in range(3):
            answers = await asyncio.gather(
                *(
                    sender.send(build_message(broker, url, message=f"{round_}-{number}"))
                    for number in range(4)
                )
            )
            assert all(answer.delivered for answer in answers)
        assert connection_count == 4
    assert len(await broker.read("many")) == 12


# --- what goes wrong ---


async def test_broker_that_is_down_is_a_failed_attempt(broker: Broker) -> None:
    answer = await attempt_once(broker, broker.url("down", port=1))
    assert (answer.delivered, answer.error) == (False, "connection refused")


async def test_broker_that_restarts_gets_the_next_attempt(broker: Broker, tmp_path: Path) -> None:
    """A connection that was kept and is gone is noticed, and what was in the stream is there."""
    other = build_broker(broker.format, tmp_path)
    other.start()
    try:
        await other.create_stream("restart")
        url = other.url("restart")
        async with run_sender() as sender:
            assert (await sender.send(build_message(other, url, message="a"))).delivered
            other.kill()
            await asyncio.sleep(0.05)  # the loop sees that the connection ended
            refusal = await sender.send(build_message(other, url, message="b"))
            assert refusal.error == "connection refused"
            other.start()
            answer = await sender.send(build_message(other, url, message="b"))
            assert answer.delivered, answer.error
        assert [message.id for message in await other.read("restart")] == ["a", "b"]
    finally:
        other.kill()


@pytest.mark.parametrize("user", ["", "desk:wrong", "other:right"])
async def test_wrong_password_says_so_and_is_in_no_answer(closed_broker: Broker, user: str) -> None:
    answer = await attempt_once(closed_broker, closed_broker.url("secret", user=user))
    assert not answer.delivered
    assert answer.error is not None
    assert answer.error.startswith("the broker refused the user")
    assert not (user and user in repr(answer))


async def test_right_password_logs_in(closed_broker: Broker) -> None:
    """Percent-encoded, as addresses have them."""
    url = closed_broker.url("open", user="desk:%72ight")
    answer = await attempt_once(closed_broker, url, seconds=2)
    if closed_broker.format == "redis":
        assert answer.delivered, answer.error
    else:  # it is let in, and there is no such stream yet
        assert str(answer.error).startswith("no stream of JetStream takes the subject open")


@pytest.mark.parametrize("options", [(), (JETSTREAM,)])
async def test_subject_without_a_stream_is_a_failed_attempt_with_its_remedy(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Without JetStream, or without a stream for the subject, a message would be gone."""
    server = NatsServer(tmp_path, *options)
    server.start()
    try:
        answer = await attempt_once(server, server.url("nobody.listens"))
    finally:
        server.kill()
    assert answer.error == (
        "no stream of JetStream takes the subject nobody.listens: on the broker, switch "
        "JetStream on and run: nats stream add CLAIMS --subjects nobody.listens"
    )


async def test_answer_of_another_service_is_no_acknowledgement(broker: Broker) -> None:
    """Who listens on a subject without a stream, and answers, has appended nothing."""
    if not isinstance(broker, NatsServer):
        pytest.skip("not run: Redis has no listeners")
    async with await nats.connect(f"nats://127.0.0.1:{broker.port}") as client:
        for subject, reply in (("service.text", b"ok"), ("service.json", b'{"ok": true}')):

            async def answer_with(message: Msg, reply: bytes = reply) -> None:
                await message.respond(reply)

            await client.subscribe(subject, cb=answer_with)
            await client.flush()
            answer = await attempt_once(broker, broker.url(subject))
            assert answer.error == f"what took the subject {subject} is no stream of JetStream"


async def test_user_who_may_not_append_is_told_what_is_missing(
    broker: Broker, tmp_path: Path
) -> None:
    options = {
        "nats": [
            "authorization { users: [{ user: desk, password: right, "
            'permissions: { publish: "other", subscribe: "_INBOX.>" } }] }'
        ],
        "redis": ["user desk on >right ~* +@read"],
    }
    strict = build_broker(broker.format, tmp_path, *options[broker.format])
    strict.start()
    try:
        answer = await attempt_once(strict, strict.url("claims", user="desk:right"))
    finally:
        strict.kill()
    assert str(answer.error).startswith("the broker refused it (")
    assert ("EVAL" if broker.format == "redis" else "_INBOX") in str(answer.error)
    assert answer.seconds < 2


async def test_key_that_is_no_stream_is_a_failed_attempt(broker: Broker) -> None:
    if not isinstance(broker, RedisServer):
        pytest.skip("not run: NATS has no other kinds of keys")
    async with redis.asyncio.Redis(port=broker.port, db=3) as client:
        await client.set("text", "x")
    answer = await attempt_once(broker, broker.url("text"))
    assert answer.error == (
        "text is something else than a stream there: name another in the address"
    )


async def test_http_server_is_no_broker(broker: Broker) -> None:
    async with receivers.run_receiver(
        receivers.build_endless(b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", 1)
    ) as there:
        answer = await attempt_once(broker, broker.url("x", port=there.port), seconds=1)
    assert not answer.delivered
    assert "check host and port" in str(answer.error) or "timed out" in str(answer.error)


@asynccontextmanager
async def run_impostor(first: bytes, part: bytes) -> AsyncIterator[tuple[int, bytearray]]:
    """What sends `first`, then `part` again and again, and keeps what it is sent."""
    input_bytes = bytearray()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def listen() -> None:
            while data := await reader.read(65536):
                input_bytes.extend(data)

        listening = asyncio.create_task(listen())
        try:
            writer.write(first)
            while part and not writer.is_closing():
                writer.write(part)
                await writer.drain()
            await listening
        except OSError:
            pass
        finally:
            listening.cancel()
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], input_bytes
    finally:
        server.close()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [b"x" * 65536, b"PING\r\n" * 1000, b"+OK\r\n" * 1000])
async def test_endless_answer_is_cut_off(kind: str, part: bytes, tmp_path: Path) -> None:
    """Bounded in memory and time, whatever a broker that is none sends."""
    broker = build_broker(kind, tmp_path)
    first = b'INFO {"headers": true, "max_payload": 1000000}\r\nPONG\r\n' if kind == "nats" else b""
    async with run_impostor(first, part) as (port, _):
        answer = await attempt_once(broker, broker.url("x", port=port), seconds=2)
    assert not answer.delivered
    assert answer.seconds < 2.5


# --- where connections lead ---


async def test_password_is_not_sent_where_a_broker_offers_no_tls(tmp_path: Path) -> None:
    """tls:// means it: whoever stands between cannot talk us out of it."""
    broker = NatsServer(tmp_path)
    async with run_impostor(b'INFO {"headers": true, "tls_required": false}\r\n', b"") as (
        port,
        input_bytes,
    ):
        url = broker.url("x", user="desk:right", port=port, tls=True)
        answer = await attempt_once(broker, url)
    assert str(answer.error).startswith("refused: The broker offers no TLS")
    assert input_bytes == b""


async def test_server_that_a_broker_names_is_not_visited(tmp_path: Path) -> None:
    """NATS servers name others of their cluster: nobody checked those addresses."""
    broker = NatsServer(tmp_path)
    async with receivers.run_receiver(receivers.swallow_request) as other:
        urls = json.dumps([f"127.0.0.1:{other.port}"])
        info = f'INFO {{"headers": true, "connect_urls": {urls}}}\r\n'.encode()
        async with run_impostor(info + b"-ERR 'gone'\r\n", b"") as (port, _):
            answer = await attempt_once(broker, broker.url("x", port=port))
    assert not answer.delivered
    assert other.connections == 0


@pytest.mark.parametrize("trusted", [True, False])
async def test_tls_checks_the_certificate_of_the_name(
    broker: Broker, tmp_path: Path, trusted: bool
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("broker.example")
    key, chain, root = (tmp_path / name for name in ("key.pem", "chain.pem", "root.pem"))
    certificate.private_key_pem.write_to_path(key)
    certificate.cert_chain_pems[0].write_to_path(chain)
    authority.cert_pem.write_to_path(root)
    options = {
        "nats": [f'tls {{ cert_file: "{chain}", key_file: "{key}" }}'],
        "redis": [f"tls-cert-file {chain}", f"tls-key-file {key}", f"tls-ca-cert-file {root}"],
    }[broker.format]
    secure = build_broker(broker.format, tmp_path, *options)
    if broker.format == "redis":
        options += ["port 0", f"tls-port {secure.port}", "tls-auth-clients no"]
        port, secure = secure.port, build_broker(broker.format, tmp_path, *options)
        secure.port = port
    secure.start()
    context = ssl.create_default_context()
    (authority if trusted else other).configure_trust(context)
    url = secure.url("claims", tls=True).replace("127.0.0.1", "broker.example")
    try:
        async with run_sender(verify=context) as sender:
            answer = await sender.send(build_message(broker, url))
    finally:
        secure.kill()
    if not trusted:
        assert str(answer.error).startswith(("TLS: unable to get local", "TLS: self-signed"))
    elif broker.format == "redis":
        assert answer.delivered, answer.error
    else:
        assert str(answer.error).startswith("no stream of JetStream takes")


@pytest.mark.parametrize(
    ("address", "allow", "fault"),
    [
        ("10.1.2.3", False, "private or reserved"),
        (PUBLIC, False, "Without TLS"),
        ("127.0.0.1", True, None),
    ],
)
async def test_guard_decides_where_brokers_are(
    broker: Broker, address: str, allow: bool, fault: str | None
) -> None:
    """Private addresses are refused unless they are opened, and so are others without TLS."""
    guard = AddressGuard(allow_cidrs=LOOPBACK if allow else [], resolve=build_resolver([address]))
    await broker.create_stream("guarded")
    url = broker.url("guarded").replace("127.0.0.1", "broker.example")
    sender = Sender(guard, lambda: NOW, verify=load_usual_authorities())
    try:
        answer = await sender.send(build_message(broker, url))
    finally:
        await sender.close()
    if fault is None:
        assert answer.delivered, answer.error
    else:
        assert fault in str(answer.error)
        assert str(answer.error).startswith("refused: ")
