"""Several servers and two dispatchers on one PostgreSQL."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import pytest

from tests.bench import wrk
from tests.bench.servers import read_processor_time
from tests.faults.receiving import wait_until
from tests.faults.served import Served
from tests.faults.stage import Stage
from tests.infrastructure.writing import Writing, require_order
from tests.support.desk import build_claim
from tests.support.lengths import add_table

pytestmark = [
    pytest.mark.scale,
    pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True),
]
SECONDS, PASSES, CLAIMS = 4, 3, 64
PATIENT = {"CLAIMDESK_WEBHOOK_LEASE_SECONDS": "20", "CLAIMDESK_WEBHOOK_TIMEOUT_SECONDS": "10"}
"""Nothing is killed here: what a busy machine takes its time with is no failure."""


def test_deliveries_of_each_claim_keep_their_order_over_processes(stage: Stage, long: bool) -> None:
    """A claim's changes go to the servers in turn, their deliveries to whichever dispatcher leases
    them: each claim's arrive in order, and both dispatchers have a share."""
    servers = [stage.serve("--no-dispatch") for _ in range(4 if long else 2)]
    stage.spread(*servers)
    workers = [stage.work(**PATIENT) for _ in range(2)]
    stage.register(event_types=["claim.status_changed"])
    writing = Writing(stage, 200)
    writing.wait_for_more(1000 if long else 200)
    writing.stop()
    wait_until(lambda: stage.count_deliveries("state <> 'delivered'") == 0, seconds=120)
    reasons = [each.data["reason"] for each in stage.receiver.at("/hook") if each.status == 204]
    require_order(stage, list(dict.fromkeys(reasons)))
    shares = [worker.figure("claimdesk_webhook_latency_seconds_count") for worker in workers]
    assert min(shares) > 0
    first, last = writing.acknowledged_at[0], writing.acknowledged_at[-1]
    add_table(
        f"{len(servers)} servers, 2 dispatchers",
        f"{writing.measure_rate(first, last):.0f} changes/s, {len(reasons)} deliveries in order, "
        f"{shares[0]:.0f} and {shares[1]:.0f} by each dispatcher",
    )


def test_throughput_of_four_servers_beside_one(stage: Stage, long: bool, tmp_path: Path) -> None:
    """Measured in turn: one server and four, with the same number of connections in all."""
    if not long or shutil.which("wrk") is None:
        pytest.skip("not run: a measurement, of make scale, with wrk")
    servers = [stage.serve("--no-dispatch") for _ in range(4)]
    for _ in range(2):
        stage.work()
    rows = []
    for work in ("read", "change", "record"):
        figures: dict[int, list[tuple[float, float]]] = {1: [], 4: []}
        for _ in range(PASSES):
            for count, measurements in figures.items():
                measurements.append(measure(stage, servers[:count], work))
        (single_rate, one_cost), (four, four_cost) = [
            [median(values) for values in zip(*measurements, strict=True)]
            for measurements in figures.values()
        ]
        rows.append(
            f"{work:<8}{single_rate:8.0f}/s {one_cost:7.0f} µs{four:10.0f}/s {four_cost:7.0f} µs"
            f"{four / single_rate:8.2f}"
        )
    add_table("        one server            four servers          ratio", *rows)


def measure(stage: Stage, servers: list[Served], work: str) -> tuple[float, float]:
    """Requests a second that succeeded, and the servers' processor time of each, in µs."""
    loads = [render(stage, work) for _ in servers]
    connections = wrk.CONNECTIONS // len(servers)
    before = sum(read_processor_time(server.pid) for server in servers)

    def run(server: Served, requests: list[bytes]) -> wrk.Load:
        port = int(server.url.rpartition(":")[2])
        return wrk.run(port, requests, SECONDS, connections=connections)

    with ThreadPoolExecutor(len(servers)) as pool:
        results = list(pool.map(run, servers, loads))
    processor_time = sum(read_processor_time(server.pid) for server in servers) - before
    assert not sum(result.broken for result in results)
    requests = sum(result.requests for result in results)
    success_share = 1 - sum(result.refused for result in results) / requests
    assert success_share > 0.9, results
    return sum(
        result.per_second for result in results
    ) * success_share, processor_time / requests * 1e6


def render(stage: Stage, work: str) -> list[bytes]:
    """Requests to repeat: each server has claims of its own to change."""
    headers = {"Authorization": f"Bearer {stage.token}", "If-Match": "*"}
    if work == "record":
        stage.ask("POST", "/v1/parties", {"slug": "belgrade", "name": "Belgrade"})
        return [wrk.render("POST", "/v1/claims", headers, build_claim())]
    claims = [stage.record_claim() for _ in range(CLAIMS)]
    if work == "read":
        return [wrk.render("GET", f"/v1/claims/{claim}", headers) for claim in claims]
    return [
        wrk.render(
            "POST",
            f"/v1/claims/{claim}/status-changes",
            headers,
            {"to": status, "reason": "a measured change"},
        )
        for status in ("awaiting_confirmation", "asserted")
        for claim in claims
    ]
