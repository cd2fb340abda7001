"""The yardstick of deliveries: a bare loop that posts, with no database behind it.

`python -m tests.bench.webhooks.bare CLIENT CONCURRENCY SECONDS URL` prints posts a second.
CLIENT is `sender` (`service.webhooks.delivery.Sender`, which signs) or `httpx` (one AsyncClient
for every five connections, signed too: of the ways to use it that were measured, the quickest).
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from ipaddress import ip_network

import httpx

from service.domain.webhooks import make_secret
from service.webhooks import signatures
from service.webhooks.address_guard import AddressGuard
from service.webhooks.delivery import Sender
from service.webhooks.exchanges import Outgoing
from tests.bench.servers import ROOT
from tests.bench.webhooks.rows import BODY

CLIENTS = ("sender", "httpx")
CONCURRENCIES = (4, 16, 64)
SHARD = 5
Post = Callable[[int, str], Awaitable[None]]


def measure(client: str, concurrency: int, seconds: float, url: str) -> float:
    """Posts a second, by a process of its own."""
    process = subprocess.run(
        [sys.executable, "-m", __name__, client, str(concurrency), str(seconds), url],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(process.stdout)


async def _rate(client: str, concurrency: int, seconds: float, url: str) -> float:
    posting = _open_sender(url) if client == "sender" else _open_poster(url, concurrency)
    post_count = 0
    until = time.perf_counter() + 0.3  # of warming up

    async def keep(number: int) -> None:
        nonlocal post_count
        while time.perf_counter() < until:
            await posting(number, f"msg_{number}_{post_count}")
            post_count += 1

    await asyncio.gather(*map(keep, range(concurrency)))
    post_count = 0
    began = time.perf_counter()
    until = began + seconds
    await asyncio.gather(*map(keep, range(concurrency)))
    return post_count / (time.perf_counter() - began)


def _open_sender(url: str) -> Post:
    guard = AddressGuard(allow_http=True, allow_cidrs=(ip_network("127.0.0.0/8"),))
    sender = Sender(guard, lambda: datetime.now(UTC))
    secrets = (make_secret(),)

    async def post(_: int, message: str) -> None:
        answer = await sender.send(Outgoing("one", url, {}, secrets, message, BODY, 15.0))
        if not answer.delivered:
            raise RuntimeError(answer.error)

    return post


def _open_poster(url: str, concurrency: int) -> Post:
    limits = httpx.Limits(max_connections=SHARD, max_keepalive_connections=SHARD)
    count = -(-concurrency // SHARD)
    clients = [httpx.AsyncClient(limits=limits, timeout=15, trust_env=False) for _ in range(count)]
    secrets = (make_secret(),)

    async def post(number: int, message: str) -> None:
        signature_headers = signatures.build_headers(secrets, message, int(time.time()), BODY)
        headers = {"Content-Type": "application/json", **signature_headers}
        answer = await clients[number % count].post(url, content=BODY, headers=headers)
        if answer.status_code != 204:
            raise RuntimeError(f"answered {answer.status_code}")

    return post


if __name__ == "__main__":
    client, concurrency, seconds, url = sys.argv[1:]
    print(asyncio.run(_rate(client, int(concurrency), float(seconds), url)))
