"""The interleaved run: in every round each workload goes to each target in turn."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.bench import desk, sample, wrk
from tests.bench.api import Api
from tests.bench.desk import Desk
from tests.bench.generate import World
from tests.bench.servers import Client, Server
from tests.bench.targets import TARGETS, Target
from tests.bench.workloads import WORKLOADS, Asking, Plan, Workload, versions

IN_FLIGHT = wrk.CONNECTIONS  # requests that wrk leaves unanswered at the end of a run


@dataclass
class Cell:
    """One workload on one target at one size: a load per round, the processor time that the server
    took for a request of it (s), and whatever was wrong."""

    loads: list[wrk.Load] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Alone:
    """A target with no other server beside it to share pages with. Seconds, bytes."""

    cold_start: float
    idle: int
    file_backed: int


@dataclass
class Runner:
    """A target that serves a desk. `loaded`: bytes, the most that was seen."""

    target: Target
    desk: Desk
    server: Server
    api: Api
    alone: Alone
    loaded: int = 0
    plans: dict[str, Plan | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def url(self) -> str:
        return self.desk.urls[self.target.database]

    def weigh(self) -> None:
        """The servers running now share file-backed pages: those count as they did alone."""
        self.loaded = max(self.loaded, self.server.memory()["Pss_Anon"] + self.alone.file_backed)


@dataclass
class Results:
    cells: dict[tuple[str, str, int], Cell]  # (workload, target, claims)
    runners: list[Runner]
    rounds: int
    seconds: int


def weigh_alone(target: Target, loaded_desk: Desk, api: Api) -> Alone:
    server = target.start(loaded_desk.urls[target.database])
    try:
        for key in loaded_desk.sample.read[:20]:
            server.ask("GET", api.claim(key), api.headers)
        time.sleep(1)
        weight = server.memory()
    finally:
        server.stop()
    return Alone(server.cold_start, weight["Pss"], weight["Pss_File"])


def measure(
    desks: Sequence[Desk],
    targets: Sequence[str],
    workloads: Sequence[str],
    *,
    world: World,
    seed: int,
    rounds: int,
    seconds: int,
) -> Results:
    bodies = sample.new_claims(world, seed)
    runners: list[Runner] = []
    cells: dict[tuple[str, str, int], Cell] = defaultdict(Cell)
    try:
        pairs = [(TARGETS[name], loaded_desk) for loaded_desk in desks for name in targets]
        urls = [loaded_desk.urls[target.database] for target, loaded_desk in pairs]
        apis = [
            replace(target.api, headers=target.prepare(url))
            for (target, _), url in zip(pairs, urls, strict=True)
        ]
        weights = [weigh_alone(*pair, api) for pair, api in zip(pairs, apis, strict=True)]
        for (target, loaded_desk), url, api, alone in zip(pairs, urls, apis, weights, strict=True):
            server = target.start(url)
            runners.append(Runner(target, loaded_desk, server, api, alone))
        for turn in range(rounds):
            for name in workloads:
                for position in range(len(runners)):
                    runner = runners[(position + turn) % len(runners)]
                    cell = cells[name, runner.name, runner.desk.claims]
                    with Client(runner.server.port) as client:
                        asking = Asking(
                            runner.api,
                            client,
                            runner.desk.sample,
                            world.vocabulary,
                            bodies,
                            seconds,
                            nonce=f"{runner.name[:5].replace(':', '')}{turn}x",
                        )
                        _cell(cell, WORKLOADS[name], runner, asking, seconds)
                    runner.weigh()
            print(f"round {turn + 1} of {rounds}", flush=True)
    finally:
        for runner in runners:
            runner.server.stop()
    return Results(
        {key: cell for key, cell in cells.items() if cell.loads}, runners, rounds, seconds
    )


def _cell(cell: Cell, workload: Workload, runner: Runner, asking: Asking, seconds: int) -> None:
    plan = runner.plans.get(workload.name)
    if workload.name not in runner.plans or (plan is not None and plan.writes):
        first = workload.name not in runner.plans
        plan = runner.plans[workload.name] = workload.plan(asking)
        if plan is not None and first:
            _rehearse(cell, plan, runner, asking.client)
            if plan.writes:  # the rehearsal has used some of them up
                plan = workload.plan(replace(asking, nonce=asking.nonce + "again"))
    if plan is None:
        return
    before = _count_written(workload, runner, asking) if plan.writes else 0
    began = runner.server.cpu()
    load = wrk.run(runner.server.port, plan.requests, seconds)
    cell.loads.append(load)
    cell.cpu.append((runner.server.cpu() - began) / max(load.requests, 1))
    if load.errors:
        cell.problems.append(f"{load.refused} refused, {load.broken} broken")
    if plan.writes:
        time.sleep(0.3)
        written_count = _count_written(workload, runner, asking) - before
        if load.requests > len(plan.requests):
            cell.problems.append("ran out of requests")
        if not load.errors and not load.requests <= written_count <= load.requests + IN_FLIGHT:
            cell.problems.append(f"{load.requests} answered, {written_count} written")


def _rehearse(cell: Cell, plan: Plan, runner: Runner, client: Client) -> None:
    """wrk counts only 400 and above as errors: see that the answers are as expected; warm up."""
    for raw in plan.requests[:20]:
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, path, _ = first.split(" ")
        headers: Mapping[str, str] = dict(line.split(": ", 1) for line in lines)
        status, _, answer = client.ask(method, path, headers, body or None)
        if status != plan.status:
            cell.problems.append(f"{first}: {status}, not {plan.status}: {answer[:300]!r}")
            break
    if not plan.writes:
        wrk.run(runner.server.port, plan.requests, 1)


def _count_written(workload: Workload, runner: Runner, asking: Asking) -> int:
    """What the writes so far come to, seen from outside."""
    if workload.name == "transition":
        return sum(version for version, _ in versions(asking).values())
    return desk.count(runner.url, runner.target.table)
