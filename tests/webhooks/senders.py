"""A sender for receivers on loopback, and messages for it."""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache

from service.webhooks.address_guard import AddressGuard, Resolve
from service.webhooks.delivery import Sender
from service.webhooks.exchanges import Answer, Outgoing
from tests.webhooks import receivers
from tests.webhooks.receivers import (
    Behaviour,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


PUBLIC = "93.184.215.14"


async def resolve_to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


@cache
def load_usual_authorities() -> ssl.SSLContext:
    """Reading them takes a fifth of a second."""
    return ssl.create_default_context()


def build_outgoing(url: str, *, timeout: float = 5.0, body: bytes = b'{"type":"x"}') -> Outgoing:
    return Outgoing("endpoint", url, {}, (SECRET,), "evt_1", body, timeout)


@asynccontextmanager
async def run_sender(
    *,
    clock: Callable[[], datetime] = lambda: NOW,
    resolve: Resolve = resolve_to_loopback,
    verify: ssl.SSLContext | None = None,
) -> AsyncIterator[Sender]:
    guard = AddressGuard(allow_http=True, allow_cidrs=LOOPBACK, resolve=resolve)
    sender = Sender(guard, clock, verify=verify or load_usual_authorities())
    try:
        yield sender
    finally:
        await sender.close()


async def attempt_once(behave: Behaviour, *, seconds: float = 5.0) -> Answer:
    async with receivers.run_receiver(behave) as there, run_sender() as sender:
        return await sender.send(build_outgoing(there.url, timeout=seconds))


def build_resolver(*answers: list[str] | Exception) -> Resolve:
    """A resolver that gives these answers, one after the other; the last again and again."""
    answers_left = list(answers)

    async def resolve(_host: str, _port: int) -> list[str]:
        answer = answers_left.pop(0) if len(answers_left) > 1 else answers_left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return resolve
