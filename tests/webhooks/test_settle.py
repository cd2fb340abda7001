"""Settling: how an answer changes a delivery and the health of its endpoint."""

from datetime import timedelta
from typing import Any

import pytest

from service.domain.access import SYSTEM
from service.domain.backoff import BREAKER_FAILURES, GIVE_UP
from service.domain.webhooks import DeliveryState, EndpointState
from service.webhooks import retention, webhook_commands
from tests.webhooks.board import Board

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_2xx_is_delivered(board: Board, status: int) -> None:
    """Any 2xx ends a delivery; the attempt and the new state are written together."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    lease = await board.lease_delivery()
    board.advance_clock(seconds=1)
    settlement = await board.settle_attempts(
        board.build_attempt(lease, status, response_headers={"x-id": "7"}, response_body="thanks")
    )
    assert [outcome for _, outcome in settlement.outcomes] == ["delivered"]
    row = await board.read_delivery(webhook, message)
    assert (row.state, row.lease, row.last_status, row.last_error) == (
        DeliveryState.DELIVERED,
        None,
        status,
        None,
    )
    assert row.settled_at == row.first_tried_at == board.now
    (line,) = await board.list_attempts()
    assert (line.number, line.outcome, line.status, line.error) == (1, "delivered", status, None)
    assert (line.url, line.started_at, line.seconds) == (lease.url, board.now, 0.1)
    assert (line.response_headers, line.response_body) == ('{"x-id":"7"}', "thanks")
    assert (await board.read_webhook(webhook)).last_success_at == board.now


@pytest.mark.parametrize("status", [100, 301, 302, 304, 307, 400, 404, 429, 500, 503, None])
async def test_any_other_status_is_one_failed_attempt(board: Board, status: int | None) -> None:
    """3xx, 4xx, 5xx, or no answer: one attempt, tried again after the schedule's wait."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    settlement = await board.settle_attempts(
        board.build_attempt(await board.lease_delivery(), status)
    )
    assert [outcome for _, outcome in settlement.outcomes] == ["failed"]
    why = f"the receiver answered {status}" if status else "connection refused"
    row = await board.read_delivery(webhook, message)
    assert (row.state, row.lease, row.last_status, row.last_error) == (
        DeliveryState.PENDING,
        None,
        status,
        why,
    )
    assert (row.visible_at, row.settled_at) == (board.now + 5 * SECOND, None)
    (line,) = await board.list_attempts()
    assert (line.outcome, line.error) == ("failed", why)
    endpoint = await board.read_webhook(webhook)
    assert (endpoint.failures, endpoint.last_error, endpoint.state) == (1, why, "active")
    assert endpoint.failing_since == endpoint.last_failure_at == board.now
    assert endpoint.blocked_until is None


async def test_an_answer_cut_short_is_a_failure(board: Board) -> None:
    """A 200 whose head was not read whole is none."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    await board.settle_attempts(
        board.build_attempt(await board.lease_delivery(), 200, error="no HTTP answer")
    )
    assert (await board.read_delivery(webhook, message)).last_error == "no HTTP answer"


async def test_410_disables_the_endpoint(board: Board) -> None:
    """Gone is gone: the endpoint is disabled with its reason, and its deliveries are kept."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    settlement = await board.settle_attempts(board.build_attempt(await board.lease_delivery(), 410))
    reason = "the receiver answered 410 Gone"
    assert settlement.disabled == [(webhook, reason)]
    endpoint = await board.read_webhook(webhook)
    assert (endpoint.state, endpoint.state_reason) == (EndpointState.DISABLED, reason)
    assert (await board.read_delivery(webhook, message)).state == DeliveryState.PENDING
    board.advance_clock(days=1)
    assert await board.list_due_endpoints() == []
    await board.set_state(webhook, EndpointState.ACTIVE)
    assert (await board.lease_delivery()).message == message


async def test_answer_of_an_old_address_does_not_change_health(board: Board) -> None:
    """The address was changed while attempts were under way: their answers are theirs, and neither
    disable the new address nor count against it."""
    webhook = await board.create_endpoint()
    messages = [await board.put_event(webhook, claim=str(i)) for i in range(3)]
    leases = await board.lease_deliveries()
    await board.set_columns(webhook, url="https://cms.example/new")
    settlement = await board.settle_attempts(
        *(
            board.build_attempt(each, status)
            for each, status in zip(leases, (410, 500, 200), strict=True)
        )
    )
    assert [outcome for _, outcome in settlement.outcomes] == ["failed", "failed", "delivered"]
    assert settlement.disabled == []
    endpoint = await board.read_webhook(webhook)
    assert (endpoint.state, endpoint.failures, endpoint.last_error) == ("active", 0, None)
    assert (endpoint.last_success_at, endpoint.last_failure_at) == (None, None)
    assert {row.message: row.last_status for row in await board.list_deliveries()} == dict(
        zip(messages, (410, 500, 200), strict=True)
    )


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_heeded(board: Board, status: int) -> None:
    """The endpoint is left alone until then, whatever is due; the delivery waits as long; others
    are not concerned."""
    webhook, other = await board.create_endpoint(), await board.create_endpoint()
    message = await board.put_event(webhook, other, claim="a")
    lease = next(each for each in await board.lease_deliveries() if each.webhook == webhook)
    await board.settle_attempts(board.build_attempt(lease, status, retry_after=1800))
    until = board.now + timedelta(minutes=30)
    assert (await board.read_webhook(webhook)).blocked_until == until
    assert (await board.read_delivery(webhook, message)).visible_at == until
    await board.put_event(webhook, other, claim="b")
    assert await board.list_due_endpoints() == [other]
    board.now = until
    assert {each.message for each in await board.lease_deliveries() if each.webhook == webhook} >= {
        message
    }


async def test_retry_after_counts_only_with_429_and_503(board: Board) -> None:
    """Beside other statuses it is not heeded; nor shorter than the schedule."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    await board.settle_attempts(
        board.build_attempt(await board.lease_delivery(), 500, retry_after=1800)
    )
    assert (await board.read_webhook(webhook)).blocked_until is None
    board.advance_clock(seconds=5)
    await board.settle_attempts(
        board.build_attempt(await board.lease_delivery(), 429, retry_after=1)
    )
    assert (await board.read_webhook(webhook)).blocked_until == board.now + SECOND
    assert (await board.read_delivery(webhook, message)).visible_at == board.now + 30 * SECOND


async def test_retry_after_survives_a_success(board: Board) -> None:
    """A 2xx that comes after a 429 does not end the time that the receiver asked for."""
    webhook = await board.create_endpoint()
    await board.put_events([(webhook, "a"), (webhook, "b")])
    busy, well = await board.lease_deliveries()
    await board.settle_attempts(board.build_attempt(busy, 429, retry_after=60))
    await board.settle_attempts(board.build_attempt(well, 200))
    endpoint = await board.read_webhook(webhook)
    assert (endpoint.failures, endpoint.blocked_until) == (0, board.now + 60 * SECOND)


async def test_the_breaker_opens_after_five_failures_in_a_row(board: Board) -> None:
    """Four failures leave an endpoint as it is; the fifth has it rest for 30 s; then one delivery
    is tried, and each time that fails the rest is twice as long, up to ten minutes."""
    webhook = await board.create_endpoint()
    await board.fail_attempts(webhook, BREAKER_FAILURES - 1)
    await board.put_events([(webhook, str(i)) for i in range(20)])
    leases = await board.lease_deliveries()
    assert len(leases) == 8
    await board.release_leases(*leases[1:])
    await board.settle_attempts(board.build_attempt(leases[0], 500))
    for rest in (30, 60, 120, 240, 480, 600, 600):
        until = board.now + rest * SECOND
        assert (await board.read_webhook(webhook)).blocked_until == until
        board.now = until - SECOND
        assert await board.list_due_endpoints() == []
        board.now = until
        turn = await board.take_turn()
        (probe,) = turn.leased
        assert probe.failing
        assert turn.busy == {webhook}
        assert await board.lease_deliveries(endpoints=[webhook]) == []
        await board.settle_attempts(board.build_attempt(probe, 500))
    board.now = (await board.read_webhook(webhook)).blocked_until
    probe = await board.lease_delivery()
    turn = await board.take_turn(board.build_attempt(probe, 200))
    endpoint = await board.read_webhook(webhook)
    assert (endpoint.failures, endpoint.failing_since, endpoint.blocked_until) == (0, None, None)
    assert len(turn.leased) == 8


async def test_waiting_for_the_breaker_costs_no_attempts(board: Board) -> None:
    """While the endpoint rests, what is due stays due, untried."""
    webhook = await board.create_endpoint()
    await board.fail_attempts(webhook, BREAKER_FAILURES)
    message = await board.put_event(webhook)
    board.advance_clock(seconds=29)
    assert await board.lease_deliveries(endpoints=[webhook]) == []
    row = await board.read_delivery(webhook, message)
    assert (row.attempts, row.tries) == (0, 0)


async def test_failures_in_flight_when_the_breaker_opens_count_once(board: Board) -> None:
    """Eight that fail together open the breaker and lengthen nothing, whether they are settled
    together or one after the other."""
    for together in (True, False):
        webhook = await board.create_endpoint()
        await board.put_events([(webhook, str(i)) for i in range(8)])
        attempts = [
            board.build_attempt(each, 500)
            for each in await board.lease_deliveries(endpoints=[webhook])
        ]
        for batch in [attempts] if together else [[attempt] for attempt in attempts]:
            await board.settle_attempts(*batch)
        endpoint = await board.read_webhook(webhook)
        assert endpoint.failures == BREAKER_FAILURES
        assert endpoint.blocked_until == board.now + 30 * SECOND


async def test_a_success_between_failures_begins_the_count_anew(board: Board) -> None:
    """In a row means in the order in which they were asked for."""
    webhook = await board.create_endpoint()
    await board.put_events([(webhook, str(i)) for i in range(8)])
    leases = await board.lease_deliveries()
    attempts = [
        board.build_attempt(each, 200 if i == 4 else 500, started_at=board.now + i * SECOND)
        for i, each in enumerate(leases)
    ]
    await board.settle_attempts(*reversed(attempts))
    endpoint = await board.read_webhook(webhook)
    assert (endpoint.failures, endpoint.blocked_until) == (3, None)


async def test_five_days_of_failures_disable_the_endpoint(board: Board) -> None:
    """Just before it nothing happens; a success in between begins the days anew; at five days the
    endpoint is disabled with the last reason, and the operators are told."""
    webhook = await board.create_endpoint()
    await board.fail_attempts(webhook)
    board.now += GIVE_UP - SECOND
    await board.fail_attempts(webhook)
    assert (await board.read_webhook(webhook)).state == EndpointState.ACTIVE
    message = await board.put_event(webhook)
    await board.settle_attempts(board.build_attempt(await board.lease_delivery()))
    assert (await board.read_delivery(webhook, message)).state == DeliveryState.DELIVERED
    await board.fail_attempts(webhook)
    board.now = (await board.read_webhook(webhook)).failing_since + GIVE_UP
    await board.put_event(webhook, claim=None)
    settlement = await board.settle_attempts(board.build_attempt(await board.lease_delivery(), 502))
    reason = "nothing but failure for five days: the receiver answered 502"
    assert settlement.disabled == [(webhook, reason)]
    endpoint = await board.read_webhook(webhook)
    assert (endpoint.state, endpoint.state_reason) == (EndpointState.DISABLED, reason)


async def test_settling_keeps_a_paused_endpoint_paused(board: Board) -> None:
    """What was under way when an endpoint was paused is settled; neither long failure nor success
    makes of the pause something else."""
    webhook = await board.create_endpoint()
    await board.fail_attempts(webhook)
    await board.put_events([(webhook, "a"), (webhook, "b")])
    board.now += GIVE_UP
    failing_lease, well = await board.lease_deliveries()
    await board.set_state(webhook, EndpointState.PAUSED, "moving house")
    await board.settle_attempts(board.build_attempt(failing_lease, 500))
    await board.settle_attempts(board.build_attempt(well, 200))
    endpoint = await board.read_webhook(webhook)
    assert (endpoint.state, endpoint.state_reason) == (EndpointState.PAUSED, "moving house")


async def test_a_stale_token_changes_nothing(board: Board) -> None:
    """A worker that comes back after its lease was taken up: not the delivery, not the log, not
    the endpoint, whatever it has to say; and its neighbours in the same turn are settled."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook, claim="a")
    late = await board.lease_delivery()
    board.advance_clock(seconds=60)
    current = await board.lease_delivery()
    neighbour_message = await board.put_event(webhook, claim="b")
    neighbour = await board.lease_delivery()
    before = (await board.read_delivery(webhook, message), await board.list_attempts())
    settlement = await board.settle_attempts(
        board.build_attempt(late, 410), board.build_attempt(neighbour)
    )
    assert {(each.lease, outcome) for each, outcome in settlement.outcomes} == {
        (late.lease, "fenced"),
        (neighbour.lease, "delivered"),
    }
    assert await board.read_delivery(webhook, message) == before[0]
    assert [line for line in await board.list_attempts() if line.message == message] == before[1]
    assert (await board.read_webhook(webhook)).state == EndpointState.ACTIVE
    assert (await board.read_delivery(webhook, neighbour_message)).state == DeliveryState.DELIVERED
    await board.settle_attempts(board.build_attempt(current))
    last_settlement: Any = await board.settle_attempts(board.build_attempt(current, 500))
    assert [outcome for _, outcome in last_settlement.outcomes] == ["fenced"]
    assert (await board.read_delivery(webhook, message)).state == DeliveryState.DELIVERED


async def test_expired_lease_that_nobody_took_still_settles(board: Board) -> None:
    """Late, but the token stands: what is known is written down."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    late = await board.lease_delivery()
    board.advance_clock(minutes=5)
    await board.settle_attempts(board.build_attempt(late))
    assert (await board.read_delivery(webhook, message)).state == DeliveryState.DELIVERED


async def test_attempt_of_a_deleted_delivery_is_fenced(board: Board) -> None:
    """The endpoint was deleted and cleared away while an attempt was under way."""
    webhook = await board.create_endpoint()
    await board.put_event(webhook)
    lease = await board.lease_delivery()
    await board.database.write(
        webhook_commands.remove_webhook, webhook, actor=SYSTEM, now=board.now
    )
    for _ in range(2):
        await board.database.write(retention.delete_old_deliveries, now=board.now)
    settlement = await board.settle_attempts(board.build_attempt(lease))
    assert [outcome for _, outcome in settlement.outcomes] == ["fenced"]
