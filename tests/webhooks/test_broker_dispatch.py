"""The dispatcher and brokers: order, outages and lost workers, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config import Settings
from service.store.engine import Database
from tests.support.brokers import Broker, build_broker
from tests.webhooks.board import Board
from tests.webhooks.running import run_dispatcher, wait_until
from tests.webhooks.senders import LOOPBACK


@pytest.fixture(params=("nats", "redis"))
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    broker = build_broker(request.param, tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def loopback_settings(settings: Settings) -> Settings:
    changes = {"webhook_allow_cidrs": tuple(LOOPBACK), "webhook_schedule": (0.1,) * 50}
    return settings.model_copy(update=changes)


async def count_pending(board: Board) -> int:
    return sum(delivery.state == "pending" for delivery in await board.list_deliveries())


async def test_events_of_each_claim_are_in_the_stream_in_their_order(
    loopback_settings: Settings, database: Database, live_board: Board, broker: Broker
) -> None:
    """Several claims at once over several connections; each event is there once."""
    board = live_board
    await broker.create_stream("claims")
    webhook = await board.create_endpoint(format=broker.format, url=broker.url("claims"))
    claims = ["a", "b", "c"] * 10
    messages = await board.put_events([(webhook, claim) for claim in claims], body=b'{"x":1}')
    async with run_dispatcher(loopback_settings, database):
        await wait_until(lambda: _is_done(board), seconds=30)
    arrivals = [message.id for message in await broker.read("claims")]
    assert sorted(arrivals) == sorted(messages)
    for claim in "abc":
        own = [message for message, name in zip(messages, claims, strict=True) if name == claim]
        assert [message for message in arrivals if message in own] == own


async def test_broker_that_was_down_gets_what_waited_in_order(
    loopback_settings: Settings, database: Database, live_board: Board, broker: Broker
) -> None:
    """Failed attempts say why; once it is back everything is in the stream, once."""
    board = live_board
    await broker.create_stream("claims")
    broker.kill()
    webhook = await board.create_endpoint(format=broker.format, url=broker.url("claims"))
    messages = await board.put_events([(webhook, "a")] * 3)
    async with run_dispatcher(loopback_settings, database):

        async def has_failed() -> bool:
            return len(await board.list_attempts(webhook)) >= 2

        await wait_until(has_failed, seconds=30)
        broker.start()
        # The breaker would leave it alone for half a minute.
        await board.set_columns(webhook, failures=0, blocked_until=None)
        await wait_until(lambda: _is_done(board), seconds=30)
    assert [message.id for message in await broker.read("claims")] == messages
    first, *_ = [row for row in await board.list_attempts(webhook) if row.message == messages[0]]
    assert (first.outcome, first.status, first.error) == ("failed", None, "connection refused")
    assert first.url == broker.url("claims")


async def _is_done(board: Board) -> bool:
    return await count_pending(board) == 0
