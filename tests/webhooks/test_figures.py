"""Deliveries and endpoints are counted by state, and lateness is that of healthy endpoints."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from service.webhooks.figures import find_oldest_due, read_figures
from service.webhooks.meters import Figures, Meters
from tests.webhooks.board import Board


async def count_deliveries(board: Board) -> Figures:
    return await board.database.read(read_figures, now=board.now)


async def read_lateness(board: Board) -> float:
    return (await count_deliveries(board)).oldest_due_seconds


async def test_empty_outbox_is_not_late(board: Board) -> None:
    """An empty service has zeros, and each state of an endpoint all the same."""
    assert await count_deliveries(board) == Figures(
        due=0,
        in_flight=0,
        dead=0,
        oldest_due_seconds=0.0,
        endpoints={"active": 0, "paused": 0, "disabled": 0, "resting": 0},
    )
    assert await board.database.read(find_oldest_due, now=board.now) is None


async def test_deliveries_are_counted_by_state(board: Board) -> None:
    """Due is what may go out now, in flight what is leased; dead is dead; what waits for its time
    and what was delivered is none of them."""
    webhook = await board.create_endpoint(max_in_flight=2)
    messages = await board.put_events([(webhook, str(i)) for i in range(6)])
    first, second = await board.lease_deliveries()
    await board.settle_attempts(board.build_attempt(first))
    await board.set_delivery_columns(webhook, messages[2], state="dead", settled_at=board.now)
    await board.set_delivery_columns(
        webhook, messages[3], visible_at=board.now + timedelta(seconds=1)
    )
    stand = await count_deliveries(board)
    assert (stand.due, stand.in_flight, stand.dead) == (2, 1, 1)
    board.advance_clock(seconds=60)  # the lease has ended, and it is due again
    stand = await count_deliveries(board)
    assert (stand.due, stand.in_flight, stand.dead) == (4, 0, 1)
    assert second.message in messages


async def test_endpoints_are_counted_by_state(board: Board) -> None:
    """Deleted ones are not; an active one whose breaker is open rests as well."""
    changes: tuple[dict[str, Any], ...] = (
        {},
        {"failures": 4},
        {"failures": 5},
        {"state": "paused", "failures": 9},
    )
    for values in (*changes, {"state": "disabled"}, {"deleted_at": board.now}):
        webhook = await board.create_endpoint()
        if values:
            await board.set_columns(webhook, **values)
    assert (await count_deliveries(board)).endpoints == {
        "active": 3,
        "paused": 1,
        "disabled": 1,
        "resting": 1,
    }


async def test_oldest_due_is_of_healthy_endpoints(board: Board) -> None:
    """Late is by how long the first of all endpoints is due."""
    endpoint, other = await board.create_endpoint(), await board.create_endpoint()
    await board.put_event(endpoint)
    board.advance_clock(seconds=40)
    await board.put_event(other)
    board.advance_clock(seconds=20)
    assert await read_lateness(board) == 60
    await board.lease_deliveries(endpoints=[endpoint])
    assert await read_lateness(board) == 20


@pytest.mark.parametrize(
    "condition",
    [
        {"state": "paused"},
        {"state": "disabled"},
        {"failures": 1},
        {"blocked_until": timedelta(hours=1)},
        {"deleted_at": timedelta()},
    ],
    ids=lambda condition: next(iter(condition)),
)
async def test_failing_endpoints_are_not_late(board: Board, condition: dict[str, object]) -> None:
    """What is due to an endpoint that is paused, disabled, failing, asked to be left alone, or
    deleted says nothing of the dispatcher; the same endpoint in health does."""
    webhook = await board.create_endpoint()
    await board.put_event(webhook)
    values = {
        name: board.now + value if isinstance(value, timedelta) else value
        for name, value in condition.items()
    }
    await board.set_columns(webhook, **values)
    board.advance_clock(minutes=10)
    assert await read_lateness(board) == 0
    healthy = {"state": "active", "failures": 0, "blocked_until": None, "deleted_at": None}
    await board.set_columns(webhook, **healthy)
    assert await read_lateness(board) == 600


async def test_endpoint_whose_block_has_passed_counts(board: Board) -> None:
    """An endpoint that asked for a minute counts again after it."""
    webhook = await board.create_endpoint()
    await board.put_event(webhook)
    await board.set_columns(webhook, blocked_until=board.now + timedelta(minutes=1))
    board.advance_clock(minutes=1)
    assert await read_lateness(board) == 60


def test_gauges_show_the_figures() -> None:
    """What was counted is what operators see; every outcome is there from the start."""
    registry = CollectorRegistry()
    Meters(registry).set_gauges(
        Figures(due=1, in_flight=2, dead=3, oldest_due_seconds=4.5, endpoints={"active": 5})
    )
    for name, value in (("due", 1), ("in_flight", 2), ("dead", 3), ("oldest_due_seconds", 4.5)):
        assert registry.get_sample_value(f"claimdesk_webhook_{name}") == value
    assert registry.get_sample_value("claimdesk_webhook_endpoints", {"state": "active"}) == 5
    for outcome in ("delivered", "failed", "dead", "fenced"):
        total = registry.get_sample_value("claimdesk_webhook_attempts_total", {"outcome": outcome})
        assert total == 0
