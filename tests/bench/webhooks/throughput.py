"""Deliveries a second of one `claimdesk dispatch` on a backlog, beside bare loops that post."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench import wrk
from tests.bench.webhooks import bare, rows
from tests.bench.webhooks.figures import Goal, Rounds
from tests.bench.webhooks.receiver import Receiver
from tests.bench.webhooks.rows import BODY, Endpoint
from tests.bench.webhooks.service import Bench, run_dispatcher, wait_until

BACKLOG = 2_000
WARM = 0.2  # of the backlog, until the process has its connections and plans
BARE_SECONDS = 0.7
PATHS = {"at once": "/now", "in 20 ms": "/slow"}
SHAPES = {"1 endpoint": (1, 256), "10 endpoints": (10, 8)}  # how many, max_in_flight
LEAST_SHARE, LEAST_PER_SECOND = 0.5, 1_500
WAIT_SECONDS = 120


def ceiling(receiver: Receiver) -> float:
    """Requests a second that the receiver itself answers."""
    headers = {"webhook-id": "msg_0", "Content-Type": "application/json"}
    load = wrk.run(receiver.port, [wrk.render("POST", "/now/ceiling", headers, BODY)], 2)
    receiver.clear()
    return load.per_second


def measure(benches: Sequence[Bench], rounds: int) -> Rounds:
    results = Rounds("deliveries")
    receiver = benches[0].receiver
    for _ in range(rounds):
        best = {}
        for words, path in PATHS.items():
            rates = {}
            for client in bare.CLIENTS:
                for concurrency in bare.CONCURRENCIES:
                    url = receiver.url(f"{path}/bare")
                    rates[client, concurrency] = bare.measure(
                        client, concurrency, BARE_SECONDS, url
                    )
                quickest = max(rates[client, each] for each in bare.CONCURRENCIES)
                results.add(f"bare {client}, answered {words}", "-", "/s", quickest)
                best[words, client] = quickest
            receiver.clear()
        for position in range(len(benches)):
            bench = benches[position]
            for words, path in PATHS.items():
                for shape, (count, in_flight) in SHAPES.items():
                    row = f"{shape}, answered {words}"
                    rate = _drained(results, row, bench, path, count, in_flight)
                    if rate is None:
                        continue
                    quick = path == "/now"
                    has_goal = quick and bench.kind == "postgresql"
                    results.add(
                        row, bench.kind, "/s", rate, Goal(LEAST_PER_SECOND) if has_goal else None
                    )
                    for client in bare.CLIENTS:
                        results.add(
                            row,
                            bench.kind,
                            f"×{client}",
                            rate / best[words, client],
                            Goal(LEAST_SHARE) if quick else None,
                        )
    return results


def _drained(
    rounds: Rounds, row: str, bench: Bench, path: str, count: int, in_flight: int
) -> float | None:
    """Deliveries a second from WARM of the backlog to its end."""
    rows.clear(bench.url)
    bench.receiver.clear()
    endpoints = [
        Endpoint(bench.receiver.url(f"{path}/{n}"), max_in_flight=in_flight) for n in range(count)
    ]
    rows.deliveries(bench.url, rows.endpoints(bench.url, endpoints), BACKLOG // count)
    rows.settle_all(bench.url)
    with run_dispatcher(bench.url) as worker:
        if not wait_until(lambda: bench.receiver.count() >= BACKLOG, WAIT_SECONDS):
            rounds.add_problem(row, bench.kind, "/s", f"{bench.receiver.count()} of {BACKLOG} came")
            return None
        weight = worker.memory()["Pss"]
        processor_time = worker.cpu()
    if unsettled := rows.pending(bench.url):
        rounds.add_problem(row, bench.kind, "/s", f"{unsettled} were not settled")
    times = sorted(arrival.at for arrival in bench.receiver.arrivals())
    first = round(len(times) * WARM)
    rounds.add(f"{row}: processor", bench.kind, "µs", processor_time / BACKLOG * 1e6)
    rounds.add("PSS under load", bench.kind, "MB", weight / 1e6, Goal(most=200))
    return (len(times) - 1 - first) / (times[-1] - times[first])
