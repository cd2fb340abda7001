"""A dispatcher that stops leaves nothing behind: no lease, no answer unheard."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from service.config import Settings
from service.domain.errors import Unavailable
from service.domain.webhooks import DeliveryState
from service.store.engine import Database
from service.webhooks.dispatcher import Pauses
from tests.webhooks.board import Board
from tests.webhooks.receivers import OK, Receiver, build_answering, run_receiver, swallow_request
from tests.webhooks.running import SHORT, Running, run_dispatcher, wait_until

pytestmark = pytest.mark.usefixtures("dispatcher_log")


async def test_stop_waits_for_attempts_in_flight(settings: Settings, live_board: Board) -> None:
    """A receiver that is about to answer is heard, and its answer written down."""
    event = asyncio.Event()

    async def answer_slowly(receiver: Receiver, reader: Any, writer: Any) -> None:
        await receiver.request(reader)
        event.set()
        await asyncio.sleep(0.2)
        await receiver.send(writer, OK)

    async with (
        run_receiver(answer_slowly) as receiver,
        run_dispatcher(settings, live_board.database),
    ):
        webhook = await live_board.create_endpoint(url=receiver.url)
        message = await live_board.put_event(webhook)
        await event.wait()
    row = await live_board.read_delivery(webhook, message)
    assert (row.state, row.lease) == (DeliveryState.DELIVERED, None)


async def test_stop_releases_leases_of_unfinished_attempts(
    settings: Settings, live_board: Board
) -> None:
    """What is still under way after the pause for it is due again at once for whoever is next."""
    async with (
        run_receiver(swallow_request) as receiver,
        run_dispatcher(settings, live_board.database, Pauses(stop=0.05)),
    ):
        webhook = await live_board.create_endpoint(url=receiver.url)
        messages = [await live_board.put_event(webhook, claim=str(i)) for i in range(3)]
        await wait_until(lambda: receiver.connections == 3)
    for message in messages:
        row = await live_board.read_delivery(webhook, message)
        assert (row.state, row.lease, row.attempts, row.tries) == ("pending", None, 0, 0)
        assert row.visible_at <= datetime.now(UTC)


async def test_stop_during_a_turn_leaves_no_lease(settings: Settings, live_board: Board) -> None:
    """What a turn leases while the dispatcher is told to stop is handed back, not sent."""
    stopping: list[asyncio.Task[None]] = []
    async with (
        run_receiver(build_answering(OK)) as receiver,
        run_dispatcher(settings, live_board.database) as running,
    ):

        async def stop(turn: Any) -> None:
            if turn.leased and not stopping:
                stopping.append(asyncio.create_task(running.dispatcher.stop()))
                await asyncio.sleep(0.05)

        running.meddled.after = stop
        webhook = await live_board.create_endpoint(url=receiver.url)
        message = await live_board.put_event(webhook)
        await wait_until(lambda: bool(stopping))
        await stopping[0]
        row = await live_board.read_delivery(webhook, message)
        assert (row.state, row.lease, row.attempts) == ("pending", None, 0)
    assert receiver.requests == []


async def test_stop_settles_finished_attempts(settings: Settings, live_board: Board) -> None:
    """An attempt that ends as the dispatcher gives up on it is settled: its lease is its own."""
    running = Running(settings, live_board.database, SHORT, {})
    await live_board.put_event(await live_board.create_endpoint())
    lease = await live_board.lease_delivery()

    async def ended() -> None:
        """All that there was to do."""

    task = asyncio.create_task(ended())
    await task
    running.dispatcher._sending[task] = lease
    await running.dispatcher.stop()
    assert running.dispatcher._unsent == []


@pytest.mark.parametrize("error", [Unavailable("The database is gone."), ValueError("a defect")])
async def test_stop_does_not_wait_for_a_database_that_is_gone(
    settings: Settings, live_board: Board, error: Exception
) -> None:
    """A few turns fail, and that is that: the leases end by themselves."""
    async with (
        run_receiver(build_answering(OK)) as receiver,
        run_dispatcher(settings, live_board.database) as running,
    ):

        async def fail_turn(turn: dict[str, Any]) -> None:
            if turn["attempts"]:
                raise error

        running.meddled.before = fail_turn
        webhook = await live_board.create_endpoint(url=receiver.url)
        await live_board.put_event(webhook)
        await wait_until(lambda: len(receiver.requests) == 1)
        async with asyncio.timeout(3):
            await running.dispatcher.stop()


async def test_dispatcher_can_stop_before_it_starts(settings: Settings, database: Database) -> None:
    """A dispatcher that was never started can be stopped."""
    await Running(settings, database, SHORT, {}).dispatcher.stop()
