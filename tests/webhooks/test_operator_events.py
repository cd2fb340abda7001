"""Operators are told of endpoints that fail, are disabled, or are well again."""

from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import select

from service.domain.webhooks import OPERATORS
from service.store import tables as record
from service.store import webhook_tables as tables
from service.verification import verification
from tests.webhooks.board import Board


async def list_told(board: Board, webhook: str) -> list[tuple[str, dict[str, Any]]]:
    """The types and data that an endpoint is told of, in order."""
    deliveries, messages = tables.webhook_deliveries, tables.webhook_messages
    rows = await board.read_rows(
        select(messages.c.type, messages.c.body)
        .join(deliveries, deliveries.c.message == messages.c.id)
        .where(deliveries.c.webhook == webhook, messages.c.type.in_(OPERATORS))
        .order_by(messages.c.created_at, messages.c.id)
    )
    return [(row.type, orjson.loads(row.body)["data"]) for row in rows]


async def test_breaker_that_opens_and_closes_is_told_once_each(board: Board) -> None:
    """To endpoints that name the types: not to those that take everything, nor to itself."""
    failing = await board.create_endpoint(event_types=sorted(OPERATORS), description="The CMS")
    operators = await board.create_endpoint(event_types=("webhook.failing", "webhook.recovered"))
    unfiltered = await board.create_endpoint()
    await board.fail_attempts(failing, 4)
    assert await list_told(board, operators) == []
    await board.fail_attempts(failing, 4)
    ((kind, data),) = await list_told(board, operators)
    assert kind == "webhook.failing"
    assert data["webhook"] == failing
    assert data["description"] == "The CMS"
    assert (data["failures"], data["last_event"]) == (5, "claim.amended")
    assert data["error"] == "the receiver answered 500"
    assert data["url"].endswith(f"/admin/webhooks/{failing}")
    await board.set_columns(failing, blocked_until=None)
    await board.put_event(failing, claim=None)
    (lease,) = await board.lease_deliveries(endpoints=[failing])
    await board.settle_attempts(board.build_attempt(lease, 200))
    reports = await list_told(board, operators)
    assert [kind for kind, _ in reports] == ["webhook.failing", "webhook.recovered"]
    assert (reports[1][1]["failures"], reports[1][1]["failing_since"]) == (0, None)
    assert await list_told(board, failing) == await list_told(board, unfiltered) == []


async def test_endpoint_that_is_disabled_is_told_of_and_on_its_record(board: Board) -> None:
    gone_endpoint = await board.create_endpoint()
    operators = await board.create_endpoint(event_types=("webhook.disabled",))
    await board.fail_attempts(gone_endpoint, 1, status=410)
    ((kind, data),) = await list_told(board, operators)
    assert (kind, data["error"]) == ("webhook.disabled", "the receiver answered 410")
    events = record.events
    (switch_event,) = await board.read_rows(
        select(events).where(events.c.subject == gone_endpoint, events.c.type == "webhook.switched")
    )
    assert orjson.loads(switch_event.data)["state"] == "disabled"
    report = await board.database.read(verification.verify)
    assert report.ok, report.breaks


async def test_persons_own_channel_is_nobody_elses_business(board: Board) -> None:
    """Its address is theirs: no operator is told."""
    channel = await board.create_endpoint()
    operators = await board.create_endpoint(event_types=sorted(OPERATORS))
    owner = await board.read_rows(select(record.users.c.id).limit(1))
    if not owner:
        await board.database.write(
            lambda connection: connection.execute(
                record.users.insert().values(
                    id=channel,
                    email="ana@news.example",
                    name="Ana",
                    role="checker",
                    created_at=board.now - timedelta(days=1),
                )
            )
        )
    await board.set_columns(channel, owner=channel if not owner else owner[0].id)
    await board.fail_attempts(channel, 6)
    await board.fail_attempts(channel, 1, status=410)
    assert await list_told(board, operators) == []
