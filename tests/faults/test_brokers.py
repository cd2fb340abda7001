"""Workers that are killed over a broker: what is in its stream, judged by what was acknowledged."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.faults.receiving import wait_until
from tests.faults.stage import Stage, hold_lock
from tests.support.brokers import Broker, build_broker

DELIVERED = "claimdesk_webhook_latency_seconds_count"
ENDPOINTS = "FROM webhooks"


@pytest.fixture(params=("nats", "redis"))
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    broker = build_broker(request.param, tmp_path)
    broker.start()
    asyncio.run(broker.create_stream("claims"))
    yield broker
    broker.kill()


def test_kill_9_after_the_acknowledgement_leaves_one_message(stage: Stage, broker: Broker) -> None:
    """`kill -9` of a worker that the broker had acknowledged to and that had not written it down:
    another sends it again, the broker knows it, and the stream has each event once, in order."""
    stage.serve("--no-dispatch")
    endpoint = stage.call(
        "POST", "/v1/webhooks", {"url": broker.url("claims"), "format": broker.format}
    )
    claim = stage.record_claim()
    worker = stage.work()
    wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 1)  # claim.created
    count_before = worker.figure(DELIVERED)
    broker.suspend()
    stage.change_claim(claim)
    wait_until(lambda: stage.count_deliveries("lease IS NOT NULL") == 1)
    with hold_lock(stage.database_url, ENDPOINTS):
        broker.resume()
        # It has read the acknowledgement, and waits for the lock to write that down.
        wait_until(lambda: worker.figure(DELIVERED) == count_before + 1)
        worker.kill()
    assert stage.count_deliveries("state = 'pending' AND lease IS NOT NULL") == 1
    stage.change_claim(claim)
    stage.work()
    wait_until(lambda: stage.count_deliveries("state = 'delivered'") == 3)
    messages = asyncio.run(broker.read("claims"))
    deliveries = stage.list_deliveries(endpoint)[::-1]
    assert [message.id for message in messages] == [each["id"] for each in deliveries]
    assert [orjson.loads(message.body)["type"] for message in messages] == [
        "claim.created",
        "claim.status_changed",
        "claim.status_changed",
    ]
    assert stage.list_outcomes(endpoint, messages[1].id) == ["lost", "delivered"]
    second_attempt = stage.read_delivery(endpoint, messages[1].id)["attempt_log"][1]
    assert orjson.loads(second_attempt["response_body"])["duplicate"] is True
