"""Workers that are killed or stopped, or that a delivery kills.

Judged by two ledgers: what the API acknowledged, and what the receiver got.
"""

import asyncio
import os
import signal
import socket
import time

import pytest

from service.webhooks.settlement import LOST_ERROR
from tests.faults.receiving import Arrival, Gate, Receiver, build_answering, build_slow, wait_until
from tests.faults.served import Started
from tests.faults.stage import LEASE, TIMEOUT, Stage, build_condition, hold_lock

DELIVERED = "claimdesk_webhook_latency_seconds_count"
FENCED = 'claimdesk_webhook_attempts_total{outcome="fenced"}'
ENDPOINTS = "FROM webhooks"


def test_kill_9_after_the_2xx_sends_the_same_delivery_again(stage: Stage) -> None:
    """`kill -9` of a worker that was told 204 and had not yet written it down: once the lease has
    ended another delivers again, the same id and the same bytes."""
    stage.serve("--no-dispatch")
    endpoint = stage.register()
    claim = stage.record_claim()
    worker = stage.work()
    wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 1)  # claim.created
    gate = stage.receiver.answer = Gate()
    stage.change_claim(claim)
    wait_until(lambda: len(stage.receiver.arrivals) == 2)
    count_before = worker.figure(DELIVERED)
    with hold_lock(stage.database_url, ENDPOINTS):
        gate.open()
        # It has read the answer, and waits for the lock to write that down.
        wait_until(lambda: worker.figure(DELIVERED) == count_before + 1)
        worker.kill()
    assert stage.count_deliveries("state = 'pending' AND lease IS NOT NULL") == 1
    stage.work()
    wait_until(lambda: len(stage.receiver.arrivals) == 3)
    _, first, second = stage.receiver.arrivals
    assert second.at - first.at > LEASE - 0.1
    assert (second.id, second.body) == (first.id, first.body)
    for arrival in (first, second):
        arrival.verify(endpoint["secret"])
    wait_until(lambda: stage.list_outcomes(endpoint, first.id) == ["lost", "delivered"])


def test_kill_9_before_sending_leaves_the_delivery_to_another_worker(stage: Stage) -> None:
    """`kill -9` of a worker that leased a delivery and had not sent a byte of it: once the lease
    has ended another delivers it, for the first time as far as the receiver can tell."""
    # With the queue of a listener full, whoever connects waits.
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    sockets = [socket.socket() for _ in range(4)]
    for each in sockets:
        each.setblocking(False)
        each.connect_ex(listener.getsockname())
    stage.serve("--no-dispatch")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    endpoint = stage.call("POST", "/v1/webhooks", {"url": url})
    worker = stage.work()
    stage.record_claim()
    wait_until(lambda: stage.count_deliveries("lease IS NOT NULL") == 1)
    worker.kill()
    for each in sockets:
        each.close()
    receiver = Receiver(listener)
    try:
        stage.work()
        wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 1)
        (arrival,) = receiver.arrivals
        arrival.verify(endpoint["secret"])
        assert stage.list_outcomes(endpoint, arrival.id) == ["lost", "delivered"]
    finally:
        receiver.close()


def test_worker_stopped_past_its_lease_changes_nothing(stage: Stage) -> None:
    """SIGSTOP while a receiver thinks, SIGCONT when another worker has long delivered: what the
    late one has to say (a failure) is fenced, and the delivery stays delivered."""
    stage.serve("--no-dispatch")
    endpoint = stage.register()
    gate = stage.receiver.answer = Gate()
    late = stage.work()
    stage.record_claim()
    wait_until(lambda: stage.receiver.arrivals)
    late.signal(signal.SIGSTOP)
    stage.receiver.answer = build_answering(204)
    stage.work()
    wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 1)
    before = stage.look("SELECT * FROM webhook_deliveries")
    gate.open(500)
    late.signal(signal.SIGCONT)
    wait_until(lambda: late.figure(FENCED) == 1, what=lambda: late.output)
    assert "settled too late" in late.output
    assert stage.look("SELECT * FROM webhook_deliveries") == before
    (delivery,) = stage.list_deliveries(endpoint)
    assert stage.list_outcomes(endpoint, delivery["id"]) == ["lost", "delivered"]
    assert len(stage.receiver.arrivals) == 2
    health = stage.call("GET", f"/v1/webhooks/{endpoint['id']}")["health"]
    assert health["failures_in_a_row"] == 0


def test_delivery_that_kills_its_worker_becomes_dead(stage: Stage) -> None:
    """Whoever sends it is killed, and started anew: after as many tries as the schedule has it is
    dead, and listed; what else there is, of the same claim too, is delivered, nothing of it lost
    and nothing given up."""
    schedule = {"CLAIMDESK_WEBHOOK_SCHEDULE": "0.1,0.1"}
    stage.serve("--no-dispatch")
    # Each answer takes a moment, so that there are others in flight when a worker dies.
    stage.receiver.answer = build_slow(0.02)
    endpoint = stage.register(event_types=["claim.status_changed"])
    worker = stage.work(**schedule)
    bitten = []

    async def kill(arrival: Arrival) -> int | None:
        if arrival.data["reason"] == "poison":
            bitten.append(arrival)
            if len(bitten) > 1:
                # The first time it takes others with it; those that it took each time would be
                # given up with it, as nobody could tell which of them it was.
                await asyncio.sleep(0.6)
            os.kill(worker.pid, signal.SIGKILL)
            return None
        return await build_slow(0.02)(arrival)

    stage.receiver.answer = kill
    claims = [stage.record_claim() for _ in range(4)]
    stage.change_claim(claims[0], "poison")
    for _ in range(3):
        for claim in claims:
            stage.change_claim(claim)

    def is_settled() -> bool:
        nonlocal worker
        if not worker.alive:
            worker = stage.work(**schedule)
        return stage.count_deliveries("state = 'pending'") == 0

    wait_until(is_settled)
    assert len(bitten) == 3
    (dead,) = [
        delivery for delivery in stage.list_deliveries(endpoint) if delivery["state"] == "dead"
    ]
    assert (dead["id"], dead["last_error"]) == (bitten[0].id, LOST_ERROR)
    assert stage.list_outcomes(endpoint, dead["id"]) == ["lost"] * 3
    assert len({each.body for each in bitten}) == 1
    arrived_reasons = {
        each.data["reason"] for each in stage.receiver.arrivals if each.status == 204
    }
    acknowledged_reasons = {reason for reasons in stage.acknowledged.values() for reason in reasons}
    assert arrived_reasons == acknowledged_reasons - {"poison"}


@pytest.mark.parametrize(
    ("database_kind", "process"),
    [("sqlite", "serve"), ("postgresql", "dispatch")],
    indirect=["database_kind"],
)
def test_sigterm_leaves_no_lease_and_sends_nothing_twice(stage: Stage, process: str) -> None:
    """What is under way is finished and written down, what is not is left to others at once: no
    lease stays behind, nothing is sent twice, and the process ends within the timeout and 5 s."""
    if process == "serve":
        ending: Started = stage.serve()
    else:
        stage.serve("--no-dispatch")
        ending = stage.work()
    stage.receiver.answer = build_slow(0.1)
    stage.receiver.by_path["/hangs"] = Gate()
    webhook = stage.register(max_in_flight=2)
    stage.register("/hangs", max_in_flight=2)
    stage.set_state(webhook, "paused")
    for claim in [stage.record_claim() for _ in range(12)]:
        stage.change_claim(claim)
    stage.set_state(webhook, "active")
    wait_until(lambda: len(stage.receiver.at("/hook")) > 2 and stage.receiver.at("/hangs"))
    assert stage.count_deliveries("lease IS NOT NULL") > 1
    began = time.monotonic()
    ending.terminate()
    code = ending.wait(TIMEOUT + 5)
    print(f"ended after {time.monotonic() - began:.2f} s")
    assert code in (0, -15), ending.output
    assert "Traceback" not in ending.output
    assert stage.count_deliveries("lease IS NOT NULL") == 0
    sent_count = len(stage.receiver.at("/hook"))
    assert (
        stage.count_deliveries(f"{build_condition(webhook)} AND state = 'delivered'") == sent_count
    )
    assert sent_count < 24
    stage.serve()
    wait_until(
        lambda: stage.count_deliveries(f"{build_condition(webhook)} AND state = 'pending'") == 0
    )
    arrivals = stage.receiver.at("/hook")
    assert len({arrival.id for arrival in arrivals}) == len(arrivals) == 24
