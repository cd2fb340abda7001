"""Makes one attempt at a delivery: renders the stored bytes, sends them, returns what came back.

`Sender.send` returns an `Answer` whatever happens.  One deadline covers all of it: looking up,
connecting, TLS, writing, and the answer.  What a message looks like and what carries it, the
endpoint's format says (`formats.py`).
"""

import asyncio
import re
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpcore
import httpx

from service.webhooks.address_guard import AddressGuard, AddressRefused
from service.webhooks.exchanges import (
    BODY_BYTES,
    Answer,
    BrokerFailure,
    Headers,
    MailRefused,
    Outgoing,
    Reply,
    Transport,
)
from service.webhooks.formats import FORMATS, Carrier
from service.webhooks.http_transport import HttpTransport
from service.webhooks.mail_addresses import MailServer

HEADER_COUNT = 50
HEADER_BYTES = 4 * 1024
ERROR_LENGTH = 300
RETRY_AFTER = timedelta(hours=1)


class Sender:
    """Sends as many at once as it is asked to: its caller bounds that.

    `clock` says when an attempt began; `verify` replaces the usual certificate authorities.
    Belongs to the event loop it is first used on.
    """

    def __init__(
        self,
        guard: AddressGuard,
        clock: Callable[[], datetime],
        *,
        verify: ssl.SSLContext | None = None,
        mail: MailServer | None = None,
    ) -> None:
        self._guard = guard
        self._clock = clock
        # SSL_CERT_FILE, where an operator sets it, otherwise certifi's.
        self._verify = verify
        self._tls = httpx.create_ssl_context() if verify is None else verify
        self._mail = mail
        self._transports: dict[Carrier, Transport] = {Carrier.HTTP: HttpTransport(guard, self._tls)}

    async def send(self, outgoing: Outgoing) -> Answer:
        """Make one attempt.  Raises nothing but CancelledError."""
        started_at = self._clock()
        began = time.perf_counter()
        reply = Reply()
        error: str | None = None
        try:
            async with asyncio.timeout(outgoing.timeout) as deadline:
                rules = FORMATS[outgoing.format]
                if self._mail is not None:
                    outgoing = replace(outgoing, mail_from=self._mail.mail_from)
                rendering = rules.render(outgoing, started_at)
                transport = self._find_transport(rules.carrier)
                url = rules.complete_address(outgoing.url, outgoing.credentials)
                await transport.exchange(replace(outgoing, url=url), rendering, reply, deadline)
        except Exception as failure:
            if reply.status is None:
                error = (
                    f"timed out after {outgoing.timeout:g} s"
                    if deadline.expired()
                    else describe_error(failure)
                )
        wait = self._find_retry_after(reply.headers)
        if reply.refusal is not None:
            error = reply.refusal.replace("\x00", "")[:ERROR_LENGTH]
        elif error is None:
            refusal, seconds = FORMATS[outgoing.format].read_answer(bytes(reply.body))
            if refusal is not None:
                error = refusal.replace("\x00", "")[:ERROR_LENGTH]
            if wait is None and seconds is not None:
                wait = max(timedelta(), min(timedelta(seconds=min(seconds, 1e6)), RETRY_AFTER))
        return Answer(
            started_at=started_at,
            seconds=time.perf_counter() - began,
            status=reply.status,
            error=error,
            retry_after=wait,
            response_headers=_keep_headers(reply.headers),
            response_body=_decode(reply.body),
            is_final=reply.is_final,
        )

    async def close(self) -> None:
        """Close the idle connections; those in use close after their answer."""
        for transport in self._transports.values():
            await transport.close()

    def _find_transport(self, carrier: Carrier) -> Transport:
        """Return what carries messages; but for HTTP it is imported with its first message."""
        transport = self._transports.get(carrier)
        if transport is None:
            transport = self._transports[carrier] = self._build_transport(carrier)
        return transport

    def _build_transport(self, carrier: Carrier) -> Transport:
        if carrier is Carrier.NATS:
            from service.webhooks.nats_transport import NatsTransport

            return NatsTransport(self._guard, self._tls)
        if carrier is Carrier.REDIS:
            from service.webhooks.redis_transport import RedisTransport

            return RedisTransport(self._guard, self._tls)
        from service.webhooks.smtp_transport import SmtpTransport

        # Of its own: that of HTTP says in the handshake that it speaks HTTP.
        return SmtpTransport(self._mail, self._verify or httpx.create_ssl_context())

    def _find_retry_after(self, headers: Headers) -> timedelta | None:
        for name, value in headers:
            if name.lower() == b"retry-after":
                return parse_retry_after(value.decode("latin-1"), self._clock())
        return None


def parse_retry_after(value: str, now: datetime) -> timedelta | None:
    """Read seconds or an HTTP-date (RFC 9110, 10.2.3): a wait from `now`, at most RETRY_AFTER."""
    value = value.strip()
    digits = value.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        seconds = 0 if value != digits else int(digits[:10])
        return min(timedelta(seconds=seconds), RETRY_AFTER)
    try:
        date = parsedate_to_datetime(value)
        # Without a zone it is UTC, as HTTP-dates are.
        remaining = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(timedelta(), min(remaining, RETRY_AFTER))


def _keep_headers(headers: Headers) -> dict[str, str]:
    """Return the headers that fit; values of one name are joined."""
    kept_headers: dict[str, str] = {}
    room = HEADER_BYTES
    for raw_name, raw_value in headers[:HEADER_COUNT]:
        name, value = _decode(raw_name).lower(), _decode(raw_value)
        room -= len(name.encode()) + len(value.encode()) + 2
        if room < 0:
            break
        kept_headers[name] = f"{kept_headers[name]}, {value}" if name in kept_headers else value
    return kept_headers


def _decode(data: bytes | bytearray) -> str:
    """Return at most BODY_BYTES of text that both databases take."""
    if not data:
        return ""
    text = data.decode(errors="replace").replace("\x00", "")
    return text.encode()[:BODY_BYTES].decode(errors="ignore")


def describe_error(error: BaseException) -> str:
    """Say in a few words what went wrong, by its deepest cause that has words."""
    words = next(filter(None, map(_describe_cause, _list_causes(error))), None)
    return (words or f"{type(error).__name__}: {error}").replace("\x00", "")[:ERROR_LENGTH]


def _list_causes(error: BaseException | None) -> Iterator[BaseException]:
    """List the causes first: httpcore's exceptions say less than what they wrap."""
    if error is not None:
        yield from _list_causes(error.__cause__ or error.__context__)
        yield error


def _describe_cause(error: BaseException) -> str | None:
    match error:
        case AddressRefused():
            return f"refused: {error}"
        case BrokerFailure() | MailRefused():
            return str(error)
        case ssl.SSLCertVerificationError():
            return f"TLS: {error.verify_message}"
        case ssl.SSLError():
            # Where in its source, "(_ssl.c:992)", is nothing to an operator.
            reason = getattr(error, "reason", None) or re.sub(r" *\(_ssl.*\)$", "", str(error))
            return f"TLS: {reason.lower().replace('_', ' ')}"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError() | BrokenPipeError():
            return "connection reset"
        case OSError() if error.strerror:
            return error.strerror.lower()
        case httpcore.RemoteProtocolError():
            return f"no HTTP answer: {error}"
        case httpcore.TimeoutException():
            return "timed out connecting"
        case httpcore.ReadError():
            return str(error) or "connection lost"
        case _:
            return None
