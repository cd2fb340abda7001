"""Old deliveries are deleted in small batches; pending ones are not."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from service.domain.access import SYSTEM
from service.store import webhook_tables as tables
from service.store.engine import Database
from service.webhooks import retention, webhook_commands
from tests.store.locks import hold_lock, wait_for_waiting
from tests.webhooks.board import Board

MOMENT = timedelta(microseconds=1)
DAYS_30, DAYS_90 = timedelta(days=30), timedelta(days=90)


async def delete_old(board: Board, batch: int = retention.BATCH) -> int:
    return await board.database.write(retention.delete_old_deliveries, now=board.now, batch=batch)


async def list_deliveries(board: Board) -> set[tuple[str, str]]:
    return {(row.webhook, row.message) for row in await board.list_deliveries()}


async def list_messages(board: Board) -> set[str]:
    return {row.id for row in await board.read_rows(select(tables.webhook_messages.c.id))}


@pytest.mark.parametrize(("state", "age"), [("delivered", DAYS_30), ("dead", DAYS_90)])
async def test_settled_deliveries_are_deleted_in_time(
    board: Board, state: str, age: timedelta
) -> None:
    """Delivered after 30 days, dead after 90, counted from when that was settled; with its
    attempts and its message."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    await board.settle_attempts(board.build_attempt(await board.lease_delivery()))
    await board.set_delivery_columns(webhook, message, state=state)
    board.now += age
    assert await delete_old(board) == 0
    assert await list_deliveries(board) == {(webhook, message)}
    board.now += MOMENT
    assert await delete_old(board) == 1
    assert await delete_old(board) == 0
    assert (
        await list_deliveries(board),
        await list_messages(board),
        await board.list_attempts(),
    ) == (
        set(),
        set(),
        [],
    )


async def test_pending_deliveries_of_active_endpoints_are_kept(board: Board) -> None:
    """However old; and so does what is under way."""
    webhook = await board.create_endpoint(max_in_flight=1)
    messages = await board.put_events([(webhook, "a"), (webhook, "b")])
    board.now += 10 * DAYS_90
    await board.lease_delivery()
    assert await delete_old(board) == 0
    assert await list_deliveries(board) == {(webhook, message) for message in messages}


@pytest.mark.parametrize("state", ["paused", "disabled"])
async def test_pending_deliveries_of_paused_endpoints_are_deleted_in_the_end(
    board: Board, state: str
) -> None:
    """What has been due for 90 days to an endpoint that is paused or disabled; not what was asked
    for again since, nor what it was given or refused lately, however old the event."""
    webhook = await board.create_endpoint()
    await board.set_columns(webhook, state=state)
    waiting, retry, arrival, dead = [
        await board.put_event(webhook, claim=name) for name in ("waiting", "again", "given", "dead")
    ]
    board.now += DAYS_90
    await board.set_delivery_columns(webhook, retry, visible_at=board.now)
    await board.set_delivery_columns(webhook, arrival, state="delivered", settled_at=board.now)
    await board.set_delivery_columns(webhook, dead, state="dead", settled_at=board.now)
    assert await delete_old(board) == 0
    board.now += MOMENT
    assert await delete_old(board) == 1
    assert await delete_old(board) == 0
    assert await list_deliveries(board) == {(webhook, each) for each in (retry, arrival, dead)}
    assert await list_messages(board) == {retry, arrival, dead}
    assert waiting not in await list_messages(board)


async def test_a_message_goes_with_its_last_delivery(board: Board) -> None:
    """While another endpoint has it to come, or keeps its record, the message stays."""
    endpoint, other = await board.create_endpoint(), await board.create_endpoint()
    message = await board.put_event(endpoint, other)
    await board.set_delivery_columns(endpoint, message, state="delivered", settled_at=board.now)
    board.now += DAYS_30 + MOMENT
    assert await delete_old(board) == 1
    assert await list_messages(board) == {message}
    await board.set_delivery_columns(other, message, state="delivered", settled_at=board.now)
    board.now += DAYS_30 + MOMENT
    assert await delete_old(board) == 1
    assert await list_messages(board) == set()


async def test_batches_are_small(board: Board) -> None:
    """Each transaction forgets a batch, and says how many those were until none are left."""
    webhook = await board.create_endpoint()
    for message in await board.put_events([(webhook, str(i)) for i in range(10)]):
        await board.set_delivery_columns(webhook, message, state="delivered", settled_at=board.now)
    board.now += DAYS_90
    assert [await delete_old(board, batch=4) for _ in range(4)] == [4, 4, 2, 0]


async def test_deleted_endpoint_is_removed_with_its_deliveries(board: Board) -> None:
    """All that it had goes, whatever its age and state, then itself; the others keep theirs."""
    webhook, other = await board.create_endpoint(), await board.create_endpoint()
    messages = [await board.put_event(webhook, other, claim=name) for name in "abc"]
    lease = next(each for each in await board.lease_deliveries() if each.webhook == webhook)
    await board.settle_attempts(board.build_attempt(lease))
    await board.database.write(
        webhook_commands.remove_webhook, webhook, actor=SYSTEM, now=board.now
    )
    assert await delete_old(board) == 3
    assert await delete_old(board) == 0
    assert {row.id for row in await board.read_rows(select(tables.webhooks.c.id))} == {other}
    assert await list_deliveries(board) == {(other, message) for message in messages}
    assert await list_messages(board) == set(messages)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_an_endpoint_is_not_deleted_before_what_it_had(
    board: Board, database_url: str
) -> None:
    """What another holds locked is passed over; the endpoint waits for it and goes later."""
    webhook = await board.create_endpoint()
    await board.put_event(webhook)
    await board.database.write(
        webhook_commands.remove_webhook, webhook, actor=SYSTEM, now=board.now
    )
    async with hold_lock(database_url, "SELECT 1 FROM webhook_deliveries FOR UPDATE"):
        assert await delete_old(board) == 0
    assert await delete_old(board) == 1
    assert await delete_old(board) == 0
    assert await board.read_rows(select(tables.webhooks.c.id)) == []


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_concurrent_retention_leaves_no_message(
    database: Database, board: Board, database_url: str
) -> None:
    """Of a message's last two deliveries each is deleted by another dispatcher, at the same time:
    the message goes with them."""
    endpoint, other = await board.create_endpoint(), await board.create_endpoint()
    message = await board.put_event(endpoint, other)
    await board.set_delivery_columns(endpoint, message, state="delivered", settled_at=board.now)
    await board.set_delivery_columns(other, message, state="dead", settled_at=board.now)
    board.now += DAYS_90 + MOMENT
    async with hold_lock(database_url, "SELECT 1 FROM webhook_messages FOR UPDATE") as lock:
        runs = [asyncio.create_task(delete_old(board))]
        await wait_for_waiting(database_url, 1)
        runs.append(asyncio.create_task(delete_old(board)))
        await wait_for_waiting(database_url, 2)
        await lock.release()
        assert await asyncio.gather(*runs) == [1, 1]
    rows = await board.read_rows(select(func.count()).select_from(tables.webhook_messages))
    assert rows[0][0] == 0
