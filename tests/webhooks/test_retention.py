"""What is old is forgotten in small batches; what is waited for never is."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from service.accounts.account_commands import SYSTEM
from service.store import webhook_tables as tables
from service.store.engine import Database
from service.webhooks import retention, webhook_commands
from tests.store.locks import holding, until_waiting
from tests.webhooks.board import Board

MOMENT = timedelta(microseconds=1)
DAYS_30, DAYS_90 = timedelta(days=30), timedelta(days=90)


async def forget(board: Board) -> int:
    return await board.database.write(retention.delete_old_deliveries, now=board.now)


async def kept(board: Board) -> set[tuple[str, str]]:
    return {(row.webhook, row.message) for row in await board.deliveries()}


async def messages(board: Board) -> set[str]:
    return {row.id for row in await board.rows(select(tables.webhook_messages.c.id))}


@pytest.mark.parametrize(("state", "age"), [("delivered", DAYS_30), ("dead", DAYS_90)])
async def test_what_is_settled_goes_in_time(board: Board, state: str, age: timedelta) -> None:
    """Delivered after 30 days, dead after 90, counted from when that was settled; with its
    attempts and its message."""
    webhook = await board.endpoint()
    message = await board.tell(webhook)
    await board.settle(board.attempt(await board.lease_one()))
    await board.put_delivery(webhook, message, state=state)
    board.now += age
    assert await forget(board) == 0
    assert await kept(board) == {(webhook, message)}
    board.now += MOMENT
    assert await forget(board) == 1
    assert await forget(board) == 0
    assert (await kept(board), await messages(board), await board.log()) == (set(), set(), [])


async def test_what_waits_for_an_endpoint_that_is_active_stays(board: Board) -> None:
    """However old; and so does what is under way."""
    webhook = await board.endpoint(max_in_flight=1)
    told = await board.tell_all([(webhook, "a"), (webhook, "b")])
    board.now += 10 * DAYS_90
    await board.lease_one()
    assert await forget(board) == 0
    assert await kept(board) == {(webhook, message) for message in told}


@pytest.mark.parametrize("state", ["paused", "disabled"])
async def test_what_nobody_lets_go_out_goes_in_the_end(board: Board, state: str) -> None:
    """What has been due for 90 days to an endpoint that is paused or disabled; not what was asked
    for again since, nor what it was given or refused lately, however old the event."""
    webhook = await board.endpoint()
    await board.put(webhook, state=state)
    waiting, again, delivered, dead = [
        await board.tell(webhook, claim=name) for name in ("waiting", "again", "given", "dead")
    ]
    board.now += DAYS_90
    await board.put_delivery(webhook, again, visible_at=board.now)
    await board.put_delivery(webhook, delivered, state="delivered", settled_at=board.now)
    await board.put_delivery(webhook, dead, state="dead", settled_at=board.now)
    assert await forget(board) == 0
    board.now += MOMENT
    assert await forget(board) == 1
    assert await forget(board) == 0
    assert await kept(board) == {(webhook, one) for one in (again, delivered, dead)}
    assert await messages(board) == {again, delivered, dead}
    assert waiting not in await messages(board)


async def test_a_message_goes_with_its_last_delivery(board: Board) -> None:
    """While another endpoint has it to come, or keeps its record, the message stays."""
    one, other = await board.endpoint(), await board.endpoint()
    message = await board.tell(one, other)
    await board.put_delivery(one, message, state="delivered", settled_at=board.now)
    board.now += DAYS_30 + MOMENT
    assert await forget(board) == 1
    assert await messages(board) == {message}
    await board.put_delivery(other, message, state="delivered", settled_at=board.now)
    board.now += DAYS_30 + MOMENT
    assert await forget(board) == 1
    assert await messages(board) == set()


async def test_batches_are_small(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transaction forgets a batch, and says how many those were until none are left."""
    monkeypatch.setattr(retention, "BATCH", 4)
    webhook = await board.endpoint()
    for message in await board.tell_all([(webhook, str(i)) for i in range(10)]):
        await board.put_delivery(webhook, message, state="delivered", settled_at=board.now)
    board.now += DAYS_90
    assert [await forget(board) for _ in range(4)] == [4, 4, 2, 0]


async def test_a_deleted_endpoint_is_cleared_away(board: Board) -> None:
    """All that it had goes, whatever its age and state, then itself; the others keep theirs."""
    webhook, other = await board.endpoint(), await board.endpoint()
    told = [await board.tell(webhook, other, claim=name) for name in "abc"]
    leased = next(one for one in await board.lease() if one.webhook == webhook)
    await board.settle(board.attempt(leased))
    await board.database.write(
        webhook_commands.remove_webhook, webhook, actor=SYSTEM, now=board.now
    )
    assert await forget(board) == 3
    assert await forget(board) == 0
    assert {row.id for row in await board.rows(select(tables.webhooks.c.id))} == {other}
    assert await kept(board) == {(other, message) for message in told}
    assert await messages(board) == set(told)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_an_endpoint_is_not_deleted_before_what_it_had(
    board: Board, database_url: str
) -> None:
    """What another holds locked is passed over; the endpoint waits for it and goes later."""
    webhook = await board.endpoint()
    await board.tell(webhook)
    await board.database.write(
        webhook_commands.remove_webhook, webhook, actor=SYSTEM, now=board.now
    )
    async with holding(database_url, "SELECT 1 FROM webhook_deliveries FOR UPDATE"):
        assert await forget(board) == 0
    assert await forget(board) == 1
    assert await forget(board) == 0
    assert await board.rows(select(tables.webhooks.c.id)) == []


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_two_who_forget_at_once_leave_no_message(
    database: Database, board: Board, database_url: str
) -> None:
    """Of a message's last two deliveries each is deleted by another dispatcher, at the same time:
    the message goes with them."""
    one, other = await board.endpoint(), await board.endpoint()
    message = await board.tell(one, other)
    await board.put_delivery(one, message, state="delivered", settled_at=board.now)
    await board.put_delivery(other, message, state="dead", settled_at=board.now)
    board.now += DAYS_90 + MOMENT
    async with holding(database_url, "SELECT 1 FROM webhook_messages FOR UPDATE") as held:
        both = [asyncio.create_task(forget(board))]
        await until_waiting(database_url, 1)
        both.append(asyncio.create_task(forget(board)))
        await until_waiting(database_url, 2)
        await held.release()
        assert await asyncio.gather(*both) == [1, 1]
    left = await board.rows(select(func.count()).select_from(tables.webhook_messages))
    assert left[0][0] == 0
