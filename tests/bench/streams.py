"""A thousand open event streams on one process: what they weigh, and how late a change arrives.

The listeners are a process of their own, `python -m tests.bench.streams PORT STREAMS KEY…`.  All
clocks are this machine's, whose cores server and listeners share.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import cast

from tests.bench import generate
from tests.bench.cache import Cache
from tests.bench.places import ROOT
from tests.bench.servers import Server
from tests.bench.service_load import new_key
from tests.bench.webhooks.figures import Figure, Goal, Rounds
from tests.bench.webhooks.receiver import Receiver
from tests.bench.webhooks.service import (
    Changes,
    middle_and_tail,
    prepare_bench,
    run_server,
    wait_until,
)

PART = "streams"
CLAIMS = 10_000
STREAMS, EACH = 1_000, 50  # of a key
RATES = (4, 50)  # changes a second
SECONDS = 5
IDLE_SECONDS = 4
HEAVIER = Goal(most=60)
TAIL = Goal(most=1_000)


def measure(cache: Cache, kinds: Sequence[str], *, seed: int, rounds: int) -> list[Figure]:
    world = generate.world(seed)
    results = Rounds(PART)
    receiver = Receiver()
    try:
        bench_desk = cache.desk(CLAIMS, kinds, seed).desk
        for _ in range(rounds):
            for kind in kinds:
                bench = prepare_bench(kind, bench_desk, world, receiver)
                keys = [new_key(bench.url) for _ in range(STREAMS // EACH)]
                with run_server(bench.url, "--no-dispatch") as server:
                    changes = Changes(bench, server)
                    changes.make(RATES[-1], SECONDS)  # connections, plans, pages of the database
                    _listened(results, kind, server, changes, keys)
    finally:
        receiver.stop()
    print(f"  {PART}: done", flush=True)
    return results.figures()


def _listened(
    rounds: Rounds, kind: str, server: Server, changes: Changes, keys: Sequence[str]
) -> None:
    before = server.memory()["Pss"]
    with open_listeners(server.port, keys) as listeners:
        memory_open = server.memory()["Pss"]
        rounds.add(f"PSS of {STREAMS} streams", kind, "MB", (memory_open - before) / 1e6, HEAVIER)
        idle = server.cpu()
        time.sleep(IDLE_SECONDS)
        rounds.add("processor, idle", kind, "%", (server.cpu() - idle) / IDLE_SECONDS * 100)
        for rate in RATES:
            count = rate * SECONDS
            listeners.clear()
            processor_time = server.cpu()
            changes.make(rate, SECONDS)
            expected = count * STREAMS
            row = f"{rate} changes/s"
            if not wait_until(lambda: listeners.count() >= expected, 20):  # noqa: B023 -- asked at once
                rounds.add_problem(row, kind, "ms", f"{listeners.count()} of {expected} came")
                continue
            processor_time = server.cpu() - processor_time
            middle, tail = middle_and_tail(listeners.late())
            rounds.add(f"{row}: p50", kind, "ms", middle)
            rounds.add(f"{row}: p99", kind, "ms", tail, TAIL)
            rounds.add(f"{row}: processor", kind, "µs/event", processor_time / expected * 1e6)
        weight = (server.memory()["Pss"] - before) / 1e6
        rounds.add(f"PSS of {STREAMS} streams, after that", kind, "MB", weight, HEAVIER)


class Listeners:
    """The process; it answers a line with a line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def count(self) -> int:
        return int(self._ask("count"))

    def late(self) -> list[float]:
        """Seconds from each event, by its own instant, to each listener."""
        return cast(list[float], json.loads(self._ask("late")))

    def clear(self) -> None:
        self._ask("clear")

    def _ask(self, what: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@contextmanager
def open_listeners(port: int, keys: Sequence[str]) -> Iterator[Listeners]:
    """So many streams, all open."""
    command = (sys.executable, "-m", "tests.bench.streams", str(port), str(STREAMS), *keys)
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "open\n":
            raise RuntimeError("the listeners did not get their streams")
        yield Listeners(process)
    finally:
        process.kill()
        process.communicate()


# --- the listeners' process ---

_late: list[float] = []
RECORDED = b'"recorded_at":"'
CHANGED = b"\nevent: claim.status_changed\n"


class _Stream(asyncio.Protocol):
    """Asks for a stream, and notes how late each change of status comes."""

    def __init__(self, key: str) -> None:
        self.open = asyncio.Event()
        self._asked = (
            "GET /v1/events/stream HTTP/1.1\r\nHost: bench\r\n"
            f"Authorization: Bearer {key}\r\n\r\n".encode()
        )
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._asked)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            if b"retry: " in block:
                self.open.set()
            elif CHANGED in block:
                at = block.partition(RECORDED)[2].partition(b'"')[0].decode()
                _late.append(now - datetime.fromisoformat(at).timestamp())


async def _listen(port: int, count: int, keys: Sequence[str]) -> None:
    loop = asyncio.get_running_loop()
    streams = [_Stream(keys[number % len(keys)]) for number in range(count)]
    for stream in streams:
        await loop.create_connection(lambda protocol=stream: protocol, "127.0.0.1", port)  # type: ignore[misc]
        async with asyncio.timeout(10):
            await stream.open.wait()
    print("open", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(_late) if line == "late\n" else len(_late), flush=True)
        if line == "clear\n":
            _late.clear()


if __name__ == "__main__":
    asyncio.run(_listen(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
