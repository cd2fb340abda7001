"""All measurements of webhooks, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from tests.bench import generate
from tests.bench.cache import Cache
from tests.bench.webhooks import backlog, latency, outbox, throughput
from tests.bench.webhooks.figures import Figure, Goal, Rounds
from tests.bench.webhooks.receiver import Receiver
from tests.bench.webhooks.service import Bench, prepare_bench, run_dispatcher

PARTS = ("changes", "deliveries", "latency", "hole", "backlog")
CLAIMS = 10_000
COPIES = dict(zip(outbox.CASES, ("run_nobody", "run_told", "run_sent"), strict=True))


def measure(
    cache: Cache,
    kinds: Sequence[str],
    parts: Sequence[str],
    *,
    seed: int,
    rounds: int,
    seconds: int,
) -> list[Figure]:
    world = generate.world(seed)
    figures: list[Figure] = []
    with ExitStack() as stack:
        receiver = Receiver()
        stack.callback(receiver.stop)
        ceiling = throughput.ceiling(receiver)
        print(f"    receiver  {ceiling:,.0f} requests/s at most")

        def desks(copy: str = "run") -> list[Bench]:
            bench_desk = cache.desk(CLAIMS, kinds, seed, copy).desk
            return [prepare_bench(kind, bench_desk, world, receiver) for kind in kinds]

        def note(rounds: Rounds) -> None:
            figures.extend(rounds.figures())
            print(f"  {rounds.part}: done", flush=True)

        if "changes" in parts:
            by_copy = {case: desks(copy) for case, copy in COPIES.items()}
            cases = [
                {case: benches[number] for case, benches in by_copy.items()}
                for number in range(len(kinds))
            ]
            note(outbox.measure(cases, world, rounds, seconds))
        benches = desks()
        if "deliveries" in parts:
            note(_idle(benches))
            note(throughput.measure(benches, rounds))
        if "latency" in parts:
            note(latency.measure_steady(benches, rounds))
        if "hole" in parts:
            note(latency.black_hole(benches, rounds))
        if "backlog" in parts:
            note(backlog.measure(benches))
    return figures


def _idle(benches: Sequence[Bench]) -> Rounds:
    rounds = Rounds("deliveries")
    for bench in benches:
        with run_dispatcher(bench.url) as worker:
            rounds.add("PSS idle", bench.kind, "MB", worker.memory()["Pss"] / 1e6, Goal(most=120))
    return rounds
