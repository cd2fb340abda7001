"""From the event, by its own timestamp, to its arrival: idle, at a steady pace, and beside an
endpoint that accepts and never answers.  All clocks are this machine's."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.bench.servers import Server
from tests.bench.webhooks import rows
from tests.bench.webhooks.figures import Goal, Rounds
from tests.bench.webhooks.rows import Endpoint
from tests.bench.webhooks.service import (
    Bench,
    Changes,
    middle_and_tail,
    run_dispatcher,
    run_server,
    wait_until,
)

STEADY, IDLE = 50, 4  # changes a second
SECONDS = 6
P50, P99 = Goal(most=50), Goal(most=200)
PROMPT = Goal(most=25)
"""p99 of one server that nobody asks for anything else."""
ENDPOINTS = 10
SHARED = 10  # changes a second that ten endpoints are told of
BESIDE_A_HOLE = "p99 of the healthy, with / without a hole"
HEALTHY = 1.2  # times the p99 of the healthy alone
ARRIVE_SECONDS = 10


def measure_steady(benches: Sequence[Bench], rounds: int) -> Rounds:
    results = Rounds("event → 2xx")
    for _ in range(rounds):
        for bench in benches:
            _one_endpoint(bench)
            with run_server(bench.url) as server:
                changes = Changes(bench, server)
                _note(results, "idle", bench, changes, IDLE, P50, PROMPT)
                _note(results, f"{STEADY}/s", bench, changes, STEADY, P50, P99)
            if bench.kind == "sqlite":
                continue
            for bell in ("on", "off"):
                _one_endpoint(bench)
                setting = {"CLAIMDESK_WEBHOOK_BELL": bell}
                with (
                    run_server(bench.url, "--no-dispatch", **setting) as server,
                    run_dispatcher(bench.url, **setting),
                ):
                    changes = Changes(bench, server)
                    words = f"apart, bell {bell}"
                    goals = (P50, P99) if bell == "on" else (None, Goal(most=1_200))
                    _note(results, f"{words}, idle", bench, changes, IDLE, *goals)
                    _note(results, f"{words}, {STEADY}/s", bench, changes, STEADY, *goals)
    return results


def _one_endpoint(bench: Bench) -> None:
    rows.clear(bench.url)
    rows.endpoints(bench.url, [Endpoint(bench.receiver.url("/now/0"))])


def _note(
    rounds: Rounds,
    row: str,
    bench: Bench,
    changes: Changes,
    per_second: float,
    p50: Goal | None,
    p99: Goal | None,
) -> None:
    times = _times(rounds, row, bench, changes, per_second)
    if times is not None:
        middle, tail = middle_and_tail(times)
        rounds.add(f"{row}: p50", bench.kind, "ms", middle, p50)
        rounds.add(f"{row}: p99", bench.kind, "ms", tail, p99)


def _times(
    rounds: Rounds, row: str, bench: Bench, changes: Changes, per_second: float, each: int = 1
) -> list[float] | None:
    """Seconds to each arrival at an endpoint that answers; `each` of them for a change."""
    changes.make(2, 1)  # connections, plans
    time.sleep(0.5)
    bench.receiver.clear()
    changes.late = 0
    changes.make(per_second, SECONDS)
    expected = round(per_second * SECONDS) * each

    def arrived() -> bool:
        return bench.receiver.count() >= expected

    wait_until(arrived, ARRIVE_SECONDS)
    arrivals = [
        arrival for arrival in bench.receiver.arrivals() if not arrival.path.startswith("/hole")
    ]
    if len({(item.path, item.message) for item in arrivals}) < expected:
        rounds.add_problem(row, bench.kind, "ms", f"{len(arrivals)} of {expected} came")
        return None
    if changes.late > expected / each / 10:
        rounds.add_problem(row, bench.kind, "ms", f"{changes.late} changes began late")
    return [item.late for item in arrivals]


def black_hole(benches: Sequence[Bench], rounds: int) -> Rounds:
    results = Rounds("black hole")
    for turn in range(rounds):
        for bench in benches:
            tails: dict[int, float] = {}
            for healthy in (ENDPOINTS, ENDPOINTS - 1) if turn % 2 else (ENDPOINTS - 1, ENDPOINTS):
                rows.clear(bench.url)
                with run_server(bench.url) as server:
                    tail = _measure_beside_backlog(results, bench, server, healthy)
                if tail is not None:
                    tails[healthy] = tail
            if len(tails) == 2:
                results.add(
                    BESIDE_A_HOLE,
                    bench.kind,
                    "×",
                    tails[ENDPOINTS - 1] / tails[ENDPOINTS],
                    Goal(most=HEALTHY),
                )
    return results


def _measure_beside_backlog(
    rounds: Rounds, bench: Bench, server: Server, healthy: int
) -> float | None:
    """p99 of `healthy` endpoints; the others, up to ten, are holes."""
    paths = [f"/{'now' if n < healthy else 'hole'}/{n}" for n in range(ENDPOINTS)]
    rows.endpoints(bench.url, [Endpoint(bench.receiver.url(path)) for path in paths])
    row = "10 healthy" if healthy == ENDPOINTS else "9 healthy and a hole"
    row += f", {SHARED} changes/s"
    changes = Changes(bench, server)
    times = _times(rounds, row, bench, changes, SHARED, healthy)
    if times is None:
        return None
    middle, tail = middle_and_tail(times)
    rounds.add(f"{row}: p50", bench.kind, "ms", middle)
    rounds.add(f"{row}: p99", bench.kind, "ms", tail)
    return tail


def measure_fresh(bench: Bench, changes: Changes, per_second: float, path: str) -> list[float]:
    """Seconds to each arrival at the endpoint at `path`, whatever else arrives."""
    changes.make(2, 1)
    time.sleep(0.5)
    bench.receiver.clear()
    changes.make(per_second, SECONDS)
    time.sleep(3)
    times = [arrival.late for arrival in bench.receiver.arrivals() if arrival.path == path]
    missing = round(per_second * SECONDS) - len(times)
    return times + [float(ARRIVE_SECONDS)] * max(0, missing)
