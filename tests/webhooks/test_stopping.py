"""A dispatcher that stops leaves nothing behind: no lease, no answer unheard."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from service.config import Settings
from service.domain.errors import Unavailable
from service.domain.webhooks import DeliveryState
from service.store.engine import Database
from service.webhooks import dispatcher
from tests.webhooks.board import Board
from tests.webhooks.receivers import OK, Receiver, build_answering, run_receiver, swallow
from tests.webhooks.running import Running, run_dispatcher, wait_until

pytestmark = pytest.mark.usefixtures("impatient", "said")


async def test_stop_waits_for_attempts_in_flight(settings: Settings, today: Board) -> None:
    """A receiver that is about to answer is heard, and its answer written down."""
    asked = asyncio.Event()

    async def slow(it: Receiver, reader: Any, writer: Any) -> None:
        await it.request(reader)
        asked.set()
        await asyncio.sleep(0.2)
        await it.send(writer, OK)

    async with run_receiver(slow) as it, run_dispatcher(settings, today.database):
        webhook = await today.endpoint(url=it.url)
        message = await today.tell(webhook)
        await asked.wait()
    row = await today.delivery(webhook, message)
    assert (row.state, row.lease) == (DeliveryState.DELIVERED, None)


async def test_stop_releases_leases_of_unfinished_attempts(
    settings: Settings, today: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is still under way after STOP_SECONDS is due again at once for whoever comes next."""
    monkeypatch.setattr(dispatcher, "STOP_SECONDS", 0.05)
    async with run_receiver(swallow) as it, run_dispatcher(settings, today.database):
        webhook = await today.endpoint(url=it.url)
        messages = [await today.tell(webhook, claim=str(i)) for i in range(3)]
        await wait_until(lambda: it.connections == 3)
    for message in messages:
        row = await today.delivery(webhook, message)
        assert (row.state, row.lease, row.attempts, row.tries) == ("pending", None, 0, 0)
        assert row.visible_at <= datetime.now(UTC)


async def test_stop_during_a_turn_leaves_no_lease(settings: Settings, today: Board) -> None:
    """What a turn leases while the dispatcher is told to stop is handed back, not sent."""
    stopping: list[asyncio.Task[None]] = []
    async with (
        run_receiver(build_answering(OK)) as it,
        run_dispatcher(settings, today.database) as running,
    ):

        async def stop(turn: Any) -> None:
            if turn.leased and not stopping:
                stopping.append(asyncio.create_task(running.dispatcher.stop()))
                await asyncio.sleep(0.05)

        running.meddled.after = stop
        webhook = await today.endpoint(url=it.url)
        message = await today.tell(webhook)
        await wait_until(lambda: bool(stopping))
        await stopping[0]
        row = await today.delivery(webhook, message)
        assert (row.state, row.lease, row.attempts) == ("pending", None, 0)
    assert it.requests == []


async def test_stop_settles_finished_attempts(settings: Settings, today: Board) -> None:
    """An attempt that ends as the dispatcher gives up on it is settled: its lease is its own."""
    running = Running(settings, today.database, {})
    await today.tell(await today.endpoint())
    leased = await today.lease_one()

    async def ended() -> None:
        """All that there was to do."""

    task = asyncio.create_task(ended())
    await task
    running.dispatcher._sending[task] = leased
    await running.dispatcher.stop()
    assert running.dispatcher._unsent == []


@pytest.mark.parametrize("error", [Unavailable("The database is gone."), ValueError("a defect")])
async def test_stop_does_not_wait_for_a_database_that_is_gone(
    settings: Settings, today: Board, error: Exception
) -> None:
    """A few turns fail, and that is that: the leases end by themselves."""
    async with (
        run_receiver(build_answering(OK)) as it,
        run_dispatcher(settings, today.database) as running,
    ):

        async def fails(turn: dict[str, Any]) -> None:
            if turn["attempts"]:
                raise error

        running.meddled.before = fails
        webhook = await today.endpoint(url=it.url)
        await today.tell(webhook)
        await wait_until(lambda: len(it.requests) == 1)
        async with asyncio.timeout(3):
            await running.dispatcher.stop()


async def test_dispatcher_can_stop_before_it_starts(settings: Settings, database: Database) -> None:
    """A dispatcher that was never started can be stopped."""
    await Running(settings, database, {}).dispatcher.stop()
