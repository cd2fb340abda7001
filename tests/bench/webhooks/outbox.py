"""What it costs a change that webhooks are told of it: changes a second at 16 connections, with
nobody to tell, with two endpoints, and with a dispatcher in the same process besides."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from tests.bench import wrk
from tests.bench.generate import World
from tests.bench.run import Alone, Cell, Runner, _cell
from tests.bench.servers import Client, Server
from tests.bench.webhooks import rows
from tests.bench.webhooks.figures import Rounds
from tests.bench.webhooks.rows import Endpoint
from tests.bench.webhooks.service import Bench, run_server, wait_until
from tests.bench.workloads import WORKLOADS, Asking

NOBODY, TOLD, SENT = "no endpoint", "2 endpoints, no dispatcher", "2 endpoints, dispatcher inside"
CASES = (NOBODY, TOLD, SENT)
DRAIN_SECONDS = 60


def measure(benches: Sequence[dict[str, Bench]], world: World, rounds: int, seconds: int) -> Rounds:
    """`benches`: for each kind of database, one desk for each case."""
    results = Rounds("changes")
    with ExitStack() as stack:
        runners = []
        for by_case in benches:
            for case, bench in by_case.items():
                rows.clear(bench.url)
                if case != NOBODY:
                    url = bench.receiver.url("/now")
                    rows.endpoints(bench.url, [Endpoint(f"{url}/{n}") for n in range(2)])
                options = () if case == SENT else ("--no-dispatch",)
                server = stack.enter_context(run_server(bench.url, *options))
                runners.append((case, bench, _runner(bench, server)))
        for turn in range(rounds):
            loads: dict[tuple[str, str], float] = {}
            for position in range(len(runners)):
                case, bench, runner = runners[(position + turn) % len(runners)]
                load = _round(results, case, bench, runner, world, turn, seconds)
                if load is not None:
                    loads[bench.kind, case] = load
            for (kind, case), per_second in loads.items():
                results.add(case, kind, "/s", per_second)
                base_load = loads.get((kind, NOBODY))
                if case != NOBODY and base_load:
                    results.add(case, kind, "×none", per_second / base_load)
    return results


def _runner(bench: Bench, server: Server) -> Runner:
    api = replace(bench.target.api, headers=bench.headers)
    return Runner(bench.target, bench.desk, server, api, Alone(0, 0, 0))


def _round(
    rounds: Rounds,
    case: str,
    bench: Bench,
    runner: Runner,
    world: World,
    turn: int,
    seconds: int,
) -> float | None:
    cell = Cell()
    before = rows.count(bench.url)
    with Client(runner.server.port) as client:
        asking = Asking(
            runner.api,
            client,
            bench.desk.sample,
            world.vocabulary,
            [],
            seconds,
            nonce=f"{turn}-",
        )
        _cell(cell, WORKLOADS["transition"], runner, asking, seconds)
    delivery_count = rows.count(bench.url) - before
    if delivery_count < (0 if case == NOBODY else 2 * cell.loads[0].requests):
        cell.problems.append(f"{cell.loads[0].requests} changes, {delivery_count} deliveries")
    if cell.problems:
        rounds.add_problem(case, bench.kind, "/s", cell.problems[0])
    load: wrk.Load = cell.loads[0]
    if case == SENT:
        began = time.monotonic()
        if wait_until(lambda: rows.pending(bench.url) == 0, DRAIN_SECONDS):
            rounds.add(f"{case}: backlog gone after", bench.kind, "s", time.monotonic() - began)
        else:
            rounds.add_problem(case, bench.kind, "/s", "the backlog does not drain")
    rounds.add(f"{case}: p99", bench.kind, "ms", load.p99)
    return None if cell.problems else load.per_second
