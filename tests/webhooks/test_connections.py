"""Which connections an attempt makes, keeps and closes; TLS; both event loops."""

import asyncio
import gc
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from service.webhooks import http_transport
from service.webhooks.address_guard import AddressGuard
from service.webhooks.answer_stream import READ_BYTES
from service.webhooks.delivery import Sender
from service.webhooks.exchanges import Answer
from tests.webhooks import receivers
from tests.webhooks.receivers import (
    OK,
    Certificates,
    Receiver,
    build_answering,
    build_closing,
    build_endless,
)
from tests.webhooks.senders import (
    EMPTY,
    NOW,
    attempt_once,
    build_outgoing,
    load_usual_authorities,
    run_sender,
)

BRIMFUL = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
BRIMFUL %= READ_BYTES - len(BRIMFUL) - 3
BRIMFUL += b"x" * (READ_BYTES - len(BRIMFUL))
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\na\nb\r\n2;x=y\r\nok\r\n0\r\nTrailer: x\r\n\r\n"
)


@pytest.fixture(scope="module", autouse=True)
def leak_check() -> Iterator[None]:
    """A socket that one of these tests left open warns at the end of the last."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


# --- connections ---


async def test_closed_port_is_reported() -> None:
    """Where nobody listens the answer says so."""
    with socket.socket() as unused_port:
        unused_port.bind(("127.0.0.1", 0))
        async with run_sender() as sender:
            answer = await sender.send(
                build_outgoing(f"http://127.0.0.1:{unused_port.getsockname()[1]}/")
            )
    assert (answer.error, answer.status) == ("connection refused", None)


async def test_private_addresses_are_refused_at_the_connection() -> None:
    """The answer says what was refused and which setting opens it; nobody was connected to."""
    with receivers.open_listener() as (listener, port):
        sender = Sender(AddressGuard(allow_http=True), lambda: NOW, verify=load_usual_authorities())
        answer = await sender.send(build_outgoing(f"http://127.0.0.1:{port}/"))
        assert answer.error is not None
        assert answer.error.startswith("refused: 127.0.0.1 is private")
        assert "CLAIMDESK_WEBHOOK_ALLOW_CIDRS" in answer.error
        assert receivers.has_no_connection(listener)
        await sender.close()


async def test_each_connection_checks_the_addresses_of_its_name() -> None:
    """DNS that answers otherwise for the second connection gets no second connection."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    async def rebinding(_host: str, _port: int) -> list[str]:
        return answers.pop(0)

    async with (
        receivers.run_receiver(build_closing(OK)) as there,
        run_sender(resolve=rebinding) as sender,
    ):
        message = build_outgoing(f"http://hooks.example:{there.port}/")
        assert (await sender.send(message)).delivered
        answer = await sender.send(message)
        assert answer.error is not None
        assert answer.error.startswith("refused: hooks.example is at 10.0.0.1")
        assert there.connections == 1
    assert f"Host: hooks.example:{there.port}".encode() in there.requests[0]


async def test_name_lookup_is_under_the_deadline() -> None:
    """A name server that does not answer times out like any receiver."""

    async def hang(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(60)
        raise AssertionError("unreachable")

    async with run_sender(resolve=hang) as sender:
        answer = await sender.send(build_outgoing("http://hooks.example/", timeout=0.1))
    assert answer.error in ("timed out after 0.1 s", "timed out connecting")
    assert answer.seconds < 0.5


async def test_connections_are_reused() -> None:
    """One after the other goes over one connection, at once over as many as there are."""
    async with receivers.run_receiver(build_answering(OK)) as there, run_sender() as sender:
        for _ in range(20):
            assert (await sender.send(build_outgoing(there.url))).delivered
        assert there.connections == 1
        together = await asyncio.gather(
            *(sender.send(build_outgoing(there.url)) for _ in range(50))
        )
        assert all(answer.delivered for answer in together)
        assert there.connections == 50
        await sender.send(replace(build_outgoing(there.url), endpoint="another"))
        assert there.connections == 51, "endpoints share none"


@pytest.mark.parametrize(
    "parts",
    [
        [EMPTY],
        [CHUNKED],
        [b"HTTP/1.1 103 Hints\r\n\r\n" + OK],
        [OK[:-5], OK[-5:-3], OK[-3:]],
        [CHUNKED[:-9], CHUNKED[-9:-1], CHUNKED[-1:]],
    ],
    ids=["204", "chunked", "informs first", "split 200", "split chunks"],
)
async def test_connection_is_kept_after_any_complete_answer(parts: list[bytes]) -> None:
    """However the answer is framed, and wherever the network parts it."""

    async def behave(
        receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await receiver.request(reader)
            for part in parts:
                await receiver.send(writer, part)
                await asyncio.sleep(0.005)

    async with receivers.run_receiver(behave) as there, run_sender() as sender:
        for _ in range(3):
            assert (await sender.send(build_outgoing(there.url))).delivered
        assert there.connections == 1


async def test_connection_that_is_closed_while_idle_is_replaced() -> None:
    """However long after the answer the receiver closes it."""
    closing = asyncio.Event()

    async def behave(
        receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await receiver.request(reader)
        await receiver.send(writer, OK)
        await closing.wait()

    async with receivers.run_receiver(behave) as there, run_sender() as sender:
        assert (await sender.send(build_outgoing(there.url))).delivered
        closing.set()
        await asyncio.sleep(0.05)
        assert (await sender.send(build_outgoing(there.url))).delivered
        assert there.connections == 2


async def test_a_connection_that_was_closed_meanwhile_costs_no_attempt() -> None:
    """The receiver closes after each answer without a word: every delivery arrives all the same."""
    async with receivers.run_receiver(build_closing(OK)) as there, run_sender() as sender:
        for _ in range(10):
            assert (await sender.send(build_outgoing(there.url))).delivered
            await asyncio.sleep(0.005)
        assert there.connections == 10


@pytest.mark.parametrize(
    "rest",
    [b"surprise", b"HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n", b"x" * 100_000],
    ids=["text", "an answer", "much"],
)
@pytest.mark.parametrize(
    "head",
    [EMPTY, OK, BRIMFUL, CHUNKED, OK.replace(b"\r\n", b"\n")],
    ids=["204", "200", "one full read", "chunked", "bare line ends"],
)
async def test_bytes_after_an_answer_do_not_answer_the_next_request(
    head: bytes, rest: bytes
) -> None:
    """After a 204 with a body, or any answer with more behind it, the connection is closed."""
    async with (
        receivers.run_receiver(build_answering(head + rest)) as there,
        run_sender() as sender,
    ):
        for _ in range(4):
            answer = await sender.send(build_outgoing(there.url))
            assert answer.delivered, answer
        assert there.connections == 4


async def test_changed_url_takes_effect_at_once() -> None:
    """The connections to the old address are closed; the next goes to the new."""
    async with (
        receivers.run_receiver(build_answering(OK)) as old,
        receivers.run_receiver(build_answering(OK)) as new,
        run_sender() as sender,
    ):
        await sender.send(build_outgoing(old.url))
        await sender.send(build_outgoing(new.url))
        await asyncio.sleep(0.05)
        assert not old.open
        assert (old.connections, new.connections) == (1, 1)


async def test_idle_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After KEEPALIVE_SECONDS an idle connection is closed, though nothing is sent any more."""
    monkeypatch.setattr(http_transport, "KEEPALIVE_SECONDS", 0.1)
    async with receivers.run_receiver(build_answering(OK)) as there, run_sender() as sender:
        await sender.send(build_outgoing(there.url))
        assert len(there.open) == 1
        await asyncio.sleep(0.06)
        await sender.send(replace(build_outgoing(there.url), endpoint="later"))
        await asyncio.sleep(0.4)
        assert not there.open
        assert (await sender.send(build_outgoing(there.url))).delivered
        assert there.connections == 3


async def test_number_of_kept_connections_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more endpoints, or more connections, than are kept, the longest unused go."""
    monkeypatch.setattr(http_transport, "MAX_TARGETS", 3)
    async with receivers.run_receiver(build_answering(OK)) as there, run_sender() as sender:
        for number in range(5):
            await sender.send(replace(build_outgoing(there.url), endpoint=str(number)))
        await asyncio.sleep(0.05)
        assert len(there.open) == 3
        await sender.send(replace(build_outgoing(there.url), endpoint="4"))
        assert there.connections == 5
    monkeypatch.setattr(http_transport, "MAX_IDLE", 2)
    async with receivers.run_receiver(build_answering(OK)) as there, run_sender() as sender:
        for number in range(3):
            await sender.send(replace(build_outgoing(there.url), endpoint=str(number)))
        await asyncio.sleep(0.05)
        assert len(there.open) == 2


async def test_closing_closes_everything() -> None:
    """After close nothing is open; what was in flight ends, and keeps no connection."""
    late = asyncio.Event()

    async def behave(
        receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await receiver.request(reader)
        await late.wait()
        await receiver.send(writer, OK)
        await receivers.swallow_request(receiver, reader, writer)

    async with receivers.run_receiver(behave) as there, run_sender() as sender:
        send_task = asyncio.create_task(sender.send(build_outgoing(there.url)))
        await asyncio.sleep(0.05)
        await sender.close()
        late.set()
        assert (await send_task).delivered
        await asyncio.sleep(0.05)
        assert not there.open


async def test_cancelled_attempt_closes_its_connection() -> None:
    """CancelledError goes through, whether before the head or in the body, and closes."""
    for behave in (
        receivers.swallow_request,
        build_endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x", 0.01),
    ):
        async with receivers.run_receiver(behave) as there, run_sender() as sender:
            send_task = asyncio.create_task(sender.send(build_outgoing(there.url)))
            await asyncio.sleep(0.1)
            send_task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await send_task
            await asyncio.sleep(0.05)
            assert not there.open


# --- TLS ---


async def send_over_tls(
    certificates: Certificates, names: str, host: str = "hooks.example", *, trusting: bool = True
) -> tuple[Answer, Receiver]:
    verify = certificates.trusting if trusting else None
    server = certificates.server(names)
    async with (
        receivers.run_receiver(build_answering(OK), tls=server) as there,
        run_sender(verify=verify) as sender,
    ):
        for _ in range(2):
            answer = await sender.send(build_outgoing(f"https://{host}:{there.port}/hook"))
    return answer, there


async def test_the_certificate_is_checked_against_the_name(certificates: Certificates) -> None:
    """The connection goes to the address, while certificate and Host are the name's."""
    answer, there = await send_over_tls(certificates, "hooks.example")
    assert answer.delivered, answer.error
    assert there.connections == 1
    assert f"Host: hooks.example:{there.port}".encode() in there.requests[0]


async def test_certificate_for_the_address_is_not_accepted_for_the_name(
    certificates: Certificates,
) -> None:
    """A certificate for another name, or for the very address connected to, is refused."""
    for names in ("other.example", "127.0.0.1"):
        answer, there = await send_over_tls(certificates, names)
        assert answer.error is not None
        assert answer.error.startswith("TLS: Hostname mismatch")
        assert there.requests == []
    answer, _ = await send_over_tls(certificates, "127.0.0.1", "127.0.0.1")
    assert answer.delivered, "for a literal address it does"


async def test_tls_server_name_is_the_host_of_the_url(certificates: Certificates) -> None:
    """SNI carries the name, so that a host with many certificates shows the right one."""
    server_names: list[str | None] = []
    server = certificates.server("hooks.example")
    server.sni_callback = lambda _socket, name, _context: server_names.append(name)
    async with (
        receivers.run_receiver(build_answering(OK), tls=server) as there,
        run_sender(verify=certificates.trusting) as sender,
    ):
        assert (await sender.send(build_outgoing(f"https://hooks.example:{there.port}/"))).delivered
    assert server_names == ["hooks.example"]


@pytest.mark.parametrize("rest", [b"surprise", b""], ids=["a tail", "a closing"])
async def test_connection_with_unread_tls_data_is_not_used_again(
    certificates: Certificates, rest: bytes
) -> None:
    """Bytes or a closing that TLS has read with the answer: the connection is not used again."""
    server = certificates.server("hooks.example")
    behave = build_answering(OK, rest) if rest else build_closing(OK)
    async with (
        receivers.run_receiver(behave, tls=server) as there,
        run_sender(verify=certificates.trusting) as sender,
    ):
        for _ in range(3):
            answer = await sender.send(build_outgoing(f"https://hooks.example:{there.port}/"))
            assert answer.delivered, answer
            await asyncio.sleep(0.01)
        assert there.connections == 3


async def test_certificates_of_unknown_authorities_are_refused(certificates: Certificates) -> None:
    """Without the test's authority, the usual ones decide."""
    answer, there = await send_over_tls(certificates, "hooks.example", trusting=False)
    assert answer.error is not None
    assert answer.error.startswith("TLS: unable to get local issuer certificate")
    assert there.requests == []


async def test_server_that_requires_a_client_certificate_is_a_failure(
    certificates: Certificates,
) -> None:
    """We have none to show: it says so after the handshake, and resets."""
    server = certificates.server("hooks.example")
    server.verify_mode = ssl.CERT_REQUIRED
    async with (
        receivers.run_receiver(build_answering(OK), tls=server) as there,
        run_sender(verify=certificates.trusting) as sender,
    ):
        answer = await sender.send(build_outgoing(f"https://hooks.example:{there.port}/"))
    assert answer.error is not None
    assert re.match("TLS: |connection (reset|lost)", answer.error), answer.error


async def test_server_without_tls_is_a_failure(certificates: Certificates) -> None:
    """Plain text, a closed connection, or silence instead of a handshake: each ends in time."""

    async def talk(
        receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(10)
        await receiver.send(writer, b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def leave(
        _it: Receiver, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(65536)

    for behave, words in (
        (talk, "TLS: wrong version number"),
        (leave, "eof"),  # in OpenSSL's words, or in Python's
        (receivers.swallow_request, "timed out after 0.2 s"),
    ):
        async with receivers.run_receiver(behave) as there, run_sender() as sender:
            url = f"https://hooks.example:{there.port}/"
            answer = await sender.send(build_outgoing(url, timeout=0.2))
        assert answer.error is not None
        assert words in answer.error, answer.error
        assert "ssl.c" not in answer.error, answer.error


# --- event loops ---


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_attempts_work_on_both_event_loops(
    loop: Callable[[], asyncio.AbstractEventLoop], certificates: Certificates, tmp_path: Path
) -> None:
    """asyncio's own loop and uvloop: kept and closed connections, TLS, resets, black holes."""
    server = certificates.server("hooks.example")

    async def scenario() -> None:
        await test_connections_are_reused()
        await test_a_connection_that_was_closed_meanwhile_costs_no_attempt()
        await test_closed_port_is_reported()
        await test_cancelled_attempt_closes_its_connection()
        await test_server_without_tls_is_a_failure(certificates)
        assert (await attempt_once(receivers.reset_connection)).error in (
            "connection reset",
            "connection lost",
        )
        assert (
            await attempt_once(receivers.swallow_request, seconds=0.1)
        ).error == "timed out after 0.1 s"
        for behave in (build_answering(OK), build_closing(OK)):
            async with (
                receivers.run_receiver(behave, tls=server) as there,
                run_sender(verify=certificates.trusting) as sender,
            ):
                for _ in range(3):
                    answer = await sender.send(
                        build_outgoing(f"https://hooks.example:{there.port}/")
                    )
                    assert answer.delivered, answer
                    await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scenario())
