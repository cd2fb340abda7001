"""A receiver that is down for three days, on a clock of the test's own."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from service.domain.backoff import SCHEDULE
from service.domain.webhooks import DeliveryState, EndpointState
from service.webhooks.leases import Leased
from tests.support.desk import Desk
from tests.webhooks.board import Board

STATUSES = (None, 500, 404, 302, 429)


async def take_next_turn(board: Board, webhook: str) -> list[Leased]:
    """Go on to when something may be sent to the endpoint, and lease it."""
    while True:
        rows = [row for row in await board.list_deliveries() if row.state == "pending"]
        if not rows:
            return []
        due = min(row.visible_at for row in rows)
        board.now = max(board.now, due, (await board.read_webhook(webhook)).blocked_until or due)
        leases = await board.lease_deliveries()
        if leases:
            return leases


async def test_failing_delivery_is_tried_by_the_schedule(board: Board) -> None:
    """At once, then after each delay of the schedule, within a fifth, whatever the breaker does
    meanwhile; then it is dead.  Each try is in the log."""
    board.rules = replace(board.rules, chance=random.Random(11))
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    began, end = board.now, board.now
    tried_at = []
    while leases := await take_next_turn(board, webhook):
        tried_at.append(board.now)
        board.advance_clock(seconds=15)
        end = board.now
        status = STATUSES[len(tried_at) % len(STATUSES)]
        await board.settle_attempts(board.build_attempt(leases[0], status, started_at=tried_at[-1]))
    assert tried_at[0] == began
    assert len(tried_at) == len(SCHEDULE) + 1
    for planned_delay, each, following in zip(SCHEDULE, tried_at, tried_at[1:], strict=False):
        actual_delay = (following - each).total_seconds() - 15
        assert planned_delay * 0.8 <= actual_delay <= planned_delay * 1.2
    assert timedelta(hours=58) < tried_at[-1] - began < timedelta(hours=87)
    row = await board.read_delivery(webhook, message)
    assert (row.state, row.attempts, row.settled_at) == (DeliveryState.DEAD, len(tried_at), end)
    log = await board.list_attempts()
    assert [line.number for line in log] == list(range(1, len(tried_at) + 1))
    assert [line.started_at for line in log] == tried_at
    assert {line.outcome for line in log} == {"failed"}


async def test_everything_arrives_after_an_outage(desk: Desk) -> None:
    """Three days and more of nothing: what was given up is listed as dead, what is new waits; the
    endpoint was never disabled by the operators' silence, and after recovery each event is
    delivered once, with its own id."""
    board = Board(desk.database)
    # As real as a desk's: the API and the dispatcher share the clock.
    board.now = datetime.now(UTC).replace(microsecond=0)
    desk.clock.now = board.now
    await desk.record_parties()
    response = await desk.admin.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/hook"})
    assert response.status_code == 201, response.text
    webhook = response.json()["id"]
    claim = (await desk.record_claim())["id"]
    await desk.link_statement(claim, "requests_confirmation", "washington")
    messages = {row.message for row in await board.list_deliveries()}
    assert len(messages) == 3  # the claim, the link, and the status that follows from it
    board.now = desk.clock.now
    began = board.now
    while board.now < began + timedelta(hours=100):
        leases = await take_next_turn(board, webhook)
        if not leases:
            break
        await board.settle_attempts(*(board.build_attempt(each, 503) for each in leases))
    endpoint = await board.read_webhook(webhook)
    assert endpoint.state == EndpointState.ACTIVE
    desk.clock.now = board.now = max(board.now, began + timedelta(hours=100))

    path = f"/v1/webhooks/{webhook}"
    page = await desk.admin.get(f"{path}/deliveries", params={"state": "dead"})
    dead = {item["id"] for item in page.json()["items"]}
    assert dead == messages
    since = (began - timedelta(minutes=5)).isoformat()
    for _ in range(2):  # asked twice, nothing is sent twice
        answer = await desk.admin.post(f"{path}/recovery", json={"since": since})
        assert answer.status_code in (200, 202), answer.text
    board.now = desk.clock.now
    arrivals = []
    while leases := await take_next_turn(board, webhook):
        arrivals += [each.message for each in leases]
        await board.settle_attempts(*(board.build_attempt(each) for each in leases))
    assert sorted(arrivals) == sorted(messages)
    positions = {row.message: row.position for row in await board.list_deliveries()}
    assert [positions[message] for message in arrivals] == sorted(positions.values())
    page = await desk.admin.get(f"{path}/deliveries", params={"state": "delivered"})
    assert {item["id"] for item in page.json()["items"]} == messages
