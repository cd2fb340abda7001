"""One attempt against receivers that behave, and that do not.  Real sockets on loopback."""

import asyncio
import gc
import re
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.metadata import version
from typing import Any, NamedTuple

import httpcore
import pytest
import standardwebhooks

from service.webhooks import delivery, exchanges, http_transport
from tests.webhooks import receivers
from tests.webhooks.receivers import (
    OK,
    Behaviour,
    Receiver,
    build_answering,
    build_closing,
    build_endless,
    build_half_closing,
    close_connection,
)
from tests.webhooks.senders import (
    EMPTY,
    HOUR,
    NOW,
    SECRET,
    attempt_once,
    build_outgoing,
    run_sender,
)


@pytest.fixture(scope="module", autouse=True)
def leak_check() -> Iterator[None]:
    """A socket that one of these tests left open warns at the end of the last."""
    yield
    gc.collect()


# --- what is sent ---


async def test_receiver_gets_the_stored_bytes_signed() -> None:
    """A POST of the very bytes, signed for the moment of the attempt, for the published library."""
    now = datetime.now(UTC)
    async with (
        receivers.run_receiver(build_answering(OK)) as there,
        run_sender(clock=lambda: now) as sender,
    ):
        message = replace(
            build_outgoing(there.url + "/ü?a=b%20c", body='{"text": "ü"}'.encode()),
            headers={"Authorization": "Bearer x", "X-Text": "grün"},
        )
        answer = await sender.send(message)
    assert answer.delivered
    assert (answer.status, answer.error, answer.started_at) == (200, None, now)
    assert (answer.response_headers, answer.response_body) == ({"content-length": "2"}, "ok")
    assert 0 < answer.seconds < 5
    [request] = there.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert body == message.body
    first, *rest = head.decode().split("\r\n")
    assert first == "POST /hook/%C3%BC?a=b%20c HTTP/1.1"
    request_headers = {
        name.lower(): value for name, value in (line.split(": ", 1) for line in rest)
    }
    assert len(request_headers) == len(rest)
    assert request_headers.items() >= {
        ("host", f"127.0.0.1:{there.port}"),
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        ("accept", "*/*"),
        ("accept-encoding", "identity"),
        ("user-agent", f"Claimdesk/{version('claimdesk')}"),
        ("authorization", "Bearer x"),
        ("x-text", "grün"),
        ("webhook-id", "evt_1"),
        ("webhook-timestamp", str(int(now.timestamp()))),
    }
    standardwebhooks.Webhook(SECRET).verify(body, request_headers)


async def test_custom_headers_replace_no_reserved_header() -> None:
    """Custom headers cannot replace ours, nor those that frame the message, in any case."""
    names = "Webhook-Id webhook-extra CONTENT-LENGTH content-type Host Transfer-Encoding Connection"
    async with receivers.run_receiver(build_answering(OK)) as there, run_sender() as sender:
        custom = dict.fromkeys([*names.split(), "User-Agent", "Proxy-Authorization"], "1")
        assert (await sender.send(replace(build_outgoing(there.url), headers=custom))).delivered
    lines = there.requests[0].split(b"\r\n\r\n")[0].split(b"\r\n")
    assert not [line for line in lines if line.endswith(b": 1")]


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"X-A": "a\r\nX-B: b"}},
        {"headers": {"X A": "a"}},
        {"headers": {"X-Ü": "a"}},
        {"headers": {"": "a"}},
        {"headers": {"X-A": "\ud800"}},
        {"secrets": ("nonsense",)},
        {"secrets": ()},
        {"url": "https://user@hooks.example/"},
        {"url": "https://☃☃.example/"},
        {"url": "ftp://hooks.example/"},
    ],
)
async def test_message_that_cannot_be_sent_is_a_failed_attempt(changes: dict[str, object]) -> None:
    """Nothing that is wrong with the message raises, and nothing of it leaves."""
    async with receivers.run_receiver(build_answering(OK)) as there, run_sender() as sender:
        answer = await sender.send(replace(build_outgoing(there.url), **changes))  # type: ignore[arg-type]
    assert answer.error
    assert (answer.status, answer.delivered, there.requests) == (None, False, [])


# --- receivers that misbehave ---

OK_HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Case(NamedTuple):
    """A receiver, and what its answer must be: a status, or an error like this."""

    name: str
    behave: Behaviour
    status: int | None = None
    error: str | None = None
    timeout: float = 5.0


NO_ANSWER = "without sending a response"
CASES = [
    Case("resets", receivers.reset_connection, error="connection reset|connection lost"),
    Case("closes", close_connection, error=NO_ANSWER),
    Case("half-closes unanswered", build_half_closing(), error=NO_ANSWER),
    Case("half-closes answered", build_half_closing(OK_HEAD + b"\r\nok"), 200),
    Case("half-closes in the head", build_half_closing(OK_HEAD + b"A"), error="no HTTP"),
    Case("does not read", receivers.answer_unread, 413),
    Case("black hole", receivers.swallow_request, error="timed out after 0.3 s", timeout=0.3),
    Case("drips a head", build_endless(OK_HEAD, b"a: b\r\n", 0.01), error="timed out", timeout=0.3),
    Case("drips a body", build_endless(OK_HEAD + b"\r\n", b"x", 0.01), 200, timeout=0.3),
    Case(
        "drips its failure", build_endless(b"HTTP/1.1 500 No\r\n\r\n", b"x", 0.01), 500, timeout=0.3
    ),
    Case("streams", build_endless(OK_HEAD + b"\r\n", b"x" * 65536), 200),
    Case("streams tiny chunks", build_endless(CHUNKED, b"1\r\nx\r\n" * 9999), 200),
    Case("breaks its chunks", build_closing(CHUNKED + b"zz\r\n"), 200),
    Case("stops early", build_closing(OK_HEAD + b"Content-Length: 9\r\n\r\nok"), 200),
    Case("gzip bomb", build_closing(receivers.build_gzip_bomb()), 200),
    Case("204 with a body", build_closing(EMPTY + b"surprise"), 204),
    Case("headers for ever", build_endless(OK_HEAD, b"a: b\r\n" * 99), error="no HTTP"),
    Case("one header for ever", build_endless(OK_HEAD + b"a: ", b"x" * 1000), error="no HTTP"),
    Case("a status line for ever", build_endless(b"HTTP/1.1 200 ", b"x" * 1000), error="no HTTP"),
    Case("another protocol", build_closing(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), error="no HTTP answer"),
    Case(
        "two lengths",
        build_closing(OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\n")),
        error="no H",
    ),
    Case(
        "a length of words", build_closing(OK_HEAD + b"Content-Length: x\r\n\r\n"), error="no HTTP"
    ),
    Case("a NUL in a header", build_closing(OK_HEAD + b"a: \x00\r\n\r\n"), error="no HTTP"),
    Case("status 99", build_closing(b"HTTP/1.1 099 No\r\n\r\n"), error="no HTTP"),
    Case("status 999", build_closing(b"HTTP/1.1 999 No\r\n\r\n"), 999),
    Case(
        "informs first",
        build_closing(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n" + OK),
        200,
    ),
    Case(
        "informs for ever", build_endless(b"", b"HTTP/1.1 102 Wait\r\n\r\n" * 400), error="128 KiB"
    ),
    Case(
        "switches protocols",
        build_closing(b"HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n"),
        error="no HTTP",
    ),
    Case("gone", build_closing(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"), 410),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_misbehaving_receiver_costs_bounded_time_and_memory(case: Case) -> None:
    """Each costs bounded time and memory and is one answer: a head that was read whole decides."""
    async with receivers.run_receiver(case.behave) as there, run_sender() as sender:
        answer = await sender.send(
            build_outgoing(there.url, timeout=case.timeout, body=b"x" * 5000)
        )
    assert answer.seconds < 2
    assert answer.status == case.status
    assert answer.delivered == (case.status in (200, 204))
    if case.error is None:
        assert answer.error is None
    else:
        assert answer.error is not None
        assert re.search(case.error, answer.error), answer.error
        assert len(answer.error) <= 300
    assert len(answer.response_body.encode()) <= 4096
    assert there.sent < 16 * 1024 * 1024
    assert there.connections == 1


async def test_a_dripping_body_holds_a_slot_for_a_second_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the head the attempt is decided: its body has BODY_SECONDS, not the whole deadline."""
    assert http_transport.BODY_SECONDS == 1.0
    monkeypatch.setattr(http_transport, "BODY_SECONDS", 0.2)
    answer = await attempt_once(build_endless(b"HTTP/1.1 202 OK\r\n\r\n", b"x", 0.02), seconds=5)
    assert answer.delivered
    assert 0.15 < answer.seconds < 1
    assert set(answer.response_body) == {"x"}


async def test_incomplete_body_is_kept_as_far_as_it_came() -> None:
    """What arrived before the break is in the answer, which is that of the head."""
    answer = await attempt_once(
        build_closing(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nas far as")
    )
    assert answer.delivered
    assert answer.response_body == "as far as"


async def test_answer_is_read_up_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 16 KiB of a body its sender is hung up on, however long it might go on: neither the
    second for bodies nor the deadline is waited for."""
    monkeypatch.setattr(http_transport, "BODY_SECONDS", 1000)

    async def pause(receiver: Receiver, reader: Any, writer: Any) -> None:
        await receiver.request(reader)
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        await receiver.send(writer, head + b"x" * 16 * 1024)
        await reader.read()  # until it is hung up on

    async with asyncio.timeout(20):
        answer = await attempt_once(pause, seconds=1000)
    assert (answer.delivered, len(answer.response_body)) == (True, exchanges.BODY_BYTES)


async def test_answer_is_kept_up_to_its_limit() -> None:
    """4 KiB of text that PostgreSQL takes, 50 headers of 4 KiB in all; any bytes are readable."""
    body = b"\x00\xff" + "ü".encode() * 5000
    answer = await attempt_once(
        build_closing(
            b"HTTP/1.1 200 OK\r\nX-Name: caf\xc3\xa9 \xff\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
    )
    assert answer.delivered
    assert answer.response_headers["x-name"] == "café \N{REPLACEMENT CHARACTER}"
    assert answer.response_headers["set-cookie"] == "a=1, b=2"
    assert answer.response_body.startswith("\N{REPLACEMENT CHARACTER}üü")
    assert 4090 < len(answer.response_body.encode()) <= 4096
    many = b"".join(b"H%d: x\r\n" % number for number in range(90))
    answer = await attempt_once(
        build_closing(b"HTTP/1.1 200 OK\r\n" + many + b"Content-Length: 0\r\n\r\n")
    )
    assert len(answer.response_headers) == 50
    wide = b"".join(b"H%d: %b\r\n" % (number, b"x" * 1000) for number in range(9))
    answer = await attempt_once(
        build_closing(b"HTTP/1.1 200 OK\r\n" + wide + b"Content-Length: 0\r\n\r\n")
    )
    assert list(answer.response_headers) == ["h0", "h1", "h2", "h3"]


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    """A 3xx is a failure, and where it points nobody comes."""
    with receivers.open_listener() as (target, port):
        location = f"http://127.0.0.1:{port}/"
        head = f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        answer = await attempt_once(build_closing(head.encode()))
        assert receivers.has_no_connection(target)
    assert (answer.status, answer.error, answer.delivered) == (status, None, False)
    assert answer.response_headers["location"] == location


async def test_proxy_variables_and_cookies_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy in the environment is not used, a cookie is not sent back."""
    with receivers.open_listener() as (proxy, port):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
        async with receivers.run_receiver(build_answering(cookie)) as there, run_sender() as sender:
            for _ in range(2):
                assert (await sender.send(build_outgoing(there.url))).delivered
        assert receivers.has_no_connection(proxy)
    assert b"cookie" not in there.requests[1].lower()


# --- when to come again ---


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", timedelta()),
        ("120", timedelta(seconds=120)),
        (" 7 ", timedelta(seconds=7)),
        ("-5", timedelta()),
        ("3600", HOUR),
        ("3601", HOUR),
        ("9" * 5000, HOUR),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), timedelta(seconds=90)),
        ("Mon, 02 Mar 2026 09:31:00 -0000", timedelta(seconds=60)),
        (format_datetime(NOW - HOUR, usegmt=True), timedelta()),
        (format_datetime(NOW + 5 * HOUR, usegmt=True), HOUR),
        ("Fri, 31 Dec 9999 23:59:59 -2300", HOUR),
        ("Mon, 02 Mar 99999 09:31:00 GMT", None),
        ("soon", None),
        ("1.5", None),
        ("--5", None),
        ("١٢", None),
        ("", None),
        ("-", None),
        ("Mon, 99 Mar 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_takes_seconds_and_dates(value: str, expected: timedelta | None) -> None:
    """Seconds or a date, between now and an hour; nonsense is none."""
    assert delivery.parse_retry_after(value, NOW) == expected


@pytest.mark.parametrize(
    "value", [b"120", format_datetime(NOW + timedelta(seconds=120), usegmt=True).encode()]
)
async def test_retry_after_header_reaches_the_answer(value: bytes) -> None:
    """Both forms of Retry-After reach the answer, counted on the injected clock."""
    head = b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nretry-AFTER: %b\r\n\r\n" % value
    answer = await attempt_once(build_closing(head))
    assert (answer.status, answer.retry_after) == (429, timedelta(seconds=120))
    assert not answer.delivered
    assert (await attempt_once(build_closing(OK))).retry_after is None


def test_unforeseen_errors_are_described() -> None:
    """The cause is told before what wraps it; an error without words of its own has its name."""
    assert delivery.describe_error(OSError(113, "No route to host")) == "no route to host"
    assert delivery.describe_error(OSError("odd\x00")) == "OSError: odd"
    assert delivery.describe_error(httpcore.ConnectTimeout()) == "timed out connecting"
    assert delivery.describe_error(BrokenPipeError()) == "connection reset"
    assert delivery.describe_error(ssl.SSLError(1, "odd")) == "TLS: odd"
    assert len(delivery.describe_error(ValueError("x" * 1000))) == 300
