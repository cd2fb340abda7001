"""The service's processes, and changes made at a steady pace."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from tests.bench.api import Api
from tests.bench.desk import Desk
from tests.bench.generate import World
from tests.bench.servers import Client, Server
from tests.bench.service_load import new_key
from tests.bench.targets import EMBEDDED, SERVICE, TARGETS, Target
from tests.bench.webhooks.receiver import Receiver
from tests.bench.workloads import CYCLE

COMMAND = (sys.executable, "-m", "service.cli")
CONNECTIONS = 4  # of whoever makes changes at a steady pace


@dataclass(frozen=True)
class Bench:
    """What every measurement has at hand. `url`: a desk of that kind to do with as one likes."""

    kind: str
    desk: Desk
    world: World
    receiver: Receiver
    headers: dict[str, str]

    @property
    def target(self) -> Target:
        return TARGETS[EMBEDDED if self.kind == "sqlite" else SERVICE]

    @property
    def url(self) -> str:
        return self.desk.urls[self.kind]


def prepare_bench(kind: str, desk: Desk, world: World, receiver: Receiver) -> Bench:
    key = new_key(desk.urls[kind])
    return Bench(kind, desk, world, receiver, {"Authorization": f"Bearer {key}"})


def environment(url: str, **settings: str) -> dict[str, str]:
    return {
        "CLAIMDESK_DATABASE_URL": url,
        "CLAIMDESK_RATE_LIMIT": "off",
        "CLAIMDESK_LOG_FORMAT": "json",
        "CLAIMDESK_WEBHOOK_ALLOW_HTTP": "on",
        "CLAIMDESK_WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8",
        **settings,
    }


@contextmanager
def run_server(url: str, *options: str, **settings: str) -> Iterator[Server]:
    server = Server(
        (*COMMAND, "serve", "--port", "{port}", *options), environment(url, **settings), "/healthz"
    )
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def run_dispatcher(url: str, **settings: str) -> Iterator[Server]:
    server = Server(
        (*COMMAND, "dispatch", "--metrics-port", "{port}"), environment(url, **settings), "/metrics"
    )
    try:
        yield server
    finally:
        server.stop()


class Changes:
    """Status changes on claims that move: never two at once on one claim."""

    def __init__(self, bench: Bench, server: Server) -> None:
        self._bench = bench
        self._port = server.port
        self._api = Api(headers=bench.headers)
        self._next = 0
        self._lock = threading.Lock()
        self.late = 0
        """Changes that could not be begun within a twentieth of a second of their time."""

    def make(self, per_second: float, seconds: float) -> None:
        """Begin one change after another, each at its time, whatever the answers take."""
        count = round(per_second * seconds)
        began = time.perf_counter()
        workers = [
            threading.Thread(target=self._work, args=(began, per_second, number, count))
            for number in range(CONNECTIONS)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def _work(self, began: float, per_second: float, first: int, count: int) -> None:
        with Client(self._port) as client:
            for number in range(first, count, CONNECTIONS):
                key = self._claim()
                path = self._api.claim(key)
                claim = json.loads(client.ask("GET", path, self._api.headers)[2])
                pause = began + number / per_second - time.perf_counter()
                if pause > 0:
                    time.sleep(pause)
                self.late += pause < -0.05
                self._change(client, key, claim)

    def _claim(self) -> Any:
        moving = self._bench.desk.sample.moving
        with self._lock:
            self._next = (self._next + 1) % len(moving)
            return moving[self._next]

    def _change(self, client: Client, key: Any, claim: dict[str, Any]) -> None:
        to, reason = next((to, reason) for status, to, reason in CYCLE if status == claim["status"])
        headers = {
            **self._api.headers,
            "If-Match": f'"{claim["version"]}"',
            "Content-Type": "application/json",
        }
        body = json.dumps({"to": to, "reason": reason}).encode()
        path = self._api.status_changes(key)
        status, _, answer = client.ask("POST", path, headers, body)
        if status != 201:
            raise RuntimeError(f"POST {path}: {status} {answer[:300]!r}")


def middle_and_tail(seconds: Sequence[float]) -> tuple[float, float]:
    """p50 and p99, in milliseconds."""
    parts = quantiles(seconds, n=100, method="inclusive")
    return parts[49] * 1000, parts[98] * 1000


def wait_until(condition: Any, seconds: float, *, every: float = 0.05) -> bool:
    """Wait for it; says whether it came true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
