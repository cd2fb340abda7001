"""The order of deliveries: within an endpoint and a claim, and nothing beyond it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from service.domain.backoff import HOLD
from service.domain.webhooks import DeliveryState
from service.store.webhook_tables import webhook_deliveries
from service.webhooks import due_deliveries
from service.webhooks.leases import Leased
from tests.webhooks.board import Board

SECOND = timedelta(seconds=1)


def list_messages(leased: list[Leased]) -> list[str]:
    return [each.message for each in leased]


async def test_deliveries_of_a_claim_are_sent_one_at_a_time(board: Board) -> None:
    """Of a claim one delivery is under way; settling it sends the next at once, in the same turn.
    Other claims and other endpoints do not wait."""
    endpoint, other = await board.create_endpoint(), await board.create_endpoint()
    first, second, third = [await board.put_event(endpoint, other, claim="a") for _ in range(3)]
    other_claim = await board.put_event(endpoint, claim="b")
    leases = await board.lease_deliveries()
    assert {(leased_delivery.webhook, leased_delivery.message) for leased_delivery in leases} == {
        (endpoint, first),
        (endpoint, other_claim),
        (other, first),
    }
    head = next(
        leased_delivery
        for leased_delivery in leases
        if (leased_delivery.webhook, leased_delivery.message) == (endpoint, first)
    )
    for expected in (second, third):
        turn = await board.take_turn(board.build_attempt(head))
        assert [
            (leased_delivery.webhook, leased_delivery.message) for leased_delivery in turn.leased
        ] == [(endpoint, expected)]
        (head,) = turn.leased
    assert (await board.take_turn(board.build_attempt(head))).leased == []
    assert (await board.read_delivery(other, second)).attempts == 0


async def test_held_delivery_uses_no_slot(board: Board) -> None:
    """While the first fails, the next ones are not tried: no attempts, no tries, no log."""
    webhook = await board.create_endpoint()
    head = await board.put_event(webhook)
    followers = [await board.put_event(webhook) for _ in range(3)]
    while board.now < (await board.read_delivery(webhook, head)).created_at + timedelta(minutes=50):
        lease = await board.lease_delivery()
        assert lease.message == head
        await board.settle_attempts(board.build_attempt(lease, 500))
        await board.set_columns(webhook, blocked_until=None)
        board.now = (await board.read_delivery(webhook, head)).visible_at
    for follower in followers:
        row = await board.read_delivery(webhook, follower)
        assert (row.attempts, row.tries, row.losses, row.first_tried_at) == (0, 0, 0, None)
    assert {line.message for line in await board.list_attempts()} == {head}


async def test_failing_delivery_holds_back_later_ones_for_an_hour(board: Board) -> None:
    """Until an hour has passed since the first try of the one before, it is waited for; then it is
    not, and those that overtake keep their own order."""
    webhook = await board.create_endpoint()
    head, second, third = [await board.put_event(webhook) for _ in range(3)]
    began = board.now
    await board.settle_attempts(board.build_attempt(await board.lease_delivery(), 500))
    later = began + timedelta(hours=3)
    await board.set_delivery_columns(webhook, head, visible_at=later)
    board.advance_clock(minutes=1)
    assert await board.lease_deliveries() == []
    board.now = began + HOLD - SECOND
    assert await board.lease_deliveries() == []
    board.now = began + HOLD
    overtaking = await board.lease_delivery()
    assert overtaking.message == second
    turn = await board.take_turn(board.build_attempt(overtaking))
    assert list_messages(turn.leased) == [third]
    await board.settle_attempts(board.build_attempt(turn.leased[0]))
    board.now = later
    assert list_messages(await board.lease_deliveries()) == [head]


async def test_lost_delivery_holds_back_later_ones_for_an_hour(board: Board) -> None:
    """A delivery that kills its worker each time holds the later ones back for an hour as well,
    not for the days until it is given up."""
    webhook = await board.create_endpoint()
    head, second = await board.put_event(webhook), await board.put_event(webhook)
    began = board.now
    leased_messages: set[str] = set()
    while second not in leased_messages:
        leased_messages |= {*list_messages(await board.lease_deliveries())}
        board.advance_clock(seconds=60)
        assert board.now <= began + HOLD + timedelta(minutes=3)
    assert board.now >= began + HOLD
    assert (await board.read_delivery(webhook, head)).first_tried_at == began


async def test_replay_holds_back_later_ones_for_an_hour(board: Board) -> None:
    """What is sent again is held to have been tried never."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    await board.settle_attempts(board.build_attempt(await board.lease_delivery()))
    assert (await board.read_delivery(webhook, message)).first_tried_at == board.now
    await board.redeliver_message(webhook, message)
    row = await board.read_delivery(webhook, message)
    assert (row.state, row.replay, row.first_tried_at, row.settled_at, row.tries) == (
        DeliveryState.PENDING,
        True,
        None,
        None,
        0,
    )


async def test_unordered_endpoint_gets_all_at_once(board: Board) -> None:
    """An endpoint with ordering `none` gets everything at once; pings wait for nobody anyway."""
    loose, strict = await board.create_endpoint(ordering="none"), await board.create_endpoint()
    messages = [await board.put_event(loose, claim="a") for _ in range(3)]
    pings = [await board.put_event(strict, claim=None) for _ in range(3)]
    leases = await board.lease_deliveries()
    assert (
        list_messages(
            [leased_delivery for leased_delivery in leases if leased_delivery.webhook == loose]
        )
        == messages
    )
    assert (
        list_messages(
            [leased_delivery for leased_delivery in leases if leased_delivery.webhook == strict]
        )
        == pings
    )


async def test_giving_up_order_releases_held_deliveries(board: Board) -> None:
    """What was held back behind a failing head is due once its endpoint's ordering is `none`; the
    head itself waits for its next try, and nobody else's change lets anything go."""
    webhook, other = await board.create_endpoint(), await board.create_endpoint()
    head, *held_messages = [await board.put_event(webhook, other) for _ in range(3)]
    leases = await board.lease_deliveries()
    assert list_messages(leases) == [head, head]
    await board.settle_attempts(*(board.build_attempt(each, 500) for each in leases))
    await board.take_turn()  # looks at those behind it, and holds them back
    assert await board.lease_deliveries() == []
    await board.change_endpoint(webhook, max_in_flight=4)
    assert await board.lease_deliveries() == []
    await board.change_endpoint(webhook, ordering="none")
    assert [(each.webhook, each.message) for each in await board.lease_deliveries()] == [
        (webhook, message) for message in held_messages
    ]
    assert (await board.read_delivery(webhook, head)).visible_at > board.now


async def test_replays_and_new_events_do_not_wait_for_each_other(board: Board) -> None:
    """Replays wait for each other, in the order of the record; a newer event waits for none of
    them, nor they for it."""
    webhook = await board.create_endpoint()
    old = [await board.put_event(webhook) for _ in range(3)]
    for _ in old:
        await board.settle_attempts(board.build_attempt(await board.lease_delivery()))
    for message in (old[2], old[0], old[1]):
        await board.redeliver_message(webhook, message)
    new = await board.put_event(webhook)
    turn = await board.take_turn()
    assert set(list_messages(turn.leased)) == {old[0], new}
    replay = next(
        leased_delivery for leased_delivery in turn.leased if leased_delivery.message == old[0]
    )
    for expected in old[1:]:
        turn = await board.take_turn(board.build_attempt(replay))
        assert list_messages(turn.leased) == [expected]
        (replay,) = turn.leased
    assert replay.attempt == 2


async def test_settling_makes_the_next_replay_or_new_event_due(board: Board) -> None:
    """What is new is followed by what is new, though something that was asked for again stands
    between them in the record and has had no turn yet."""
    webhook = await board.create_endpoint()
    first, middle, last = await board.put_events([(webhook, "a")] * 3)
    await board.set_delivery_columns(webhook, middle, state="dead", settled_at=board.now)
    lease = await board.lease_delivery()
    assert lease.message == first
    assert (await board.read_delivery(webhook, last)).visible_at > board.now
    await board.redeliver_message(webhook, middle)
    await board.settle_attempts(board.build_attempt(lease))
    assert (await board.read_delivery(webhook, last)).visible_at == board.now


async def test_dead_letter_holds_back_nothing(board: Board) -> None:
    """When the head goes dead the next is sent at once."""
    webhook = await board.create_endpoint()
    head, second = await board.put_event(webhook), await board.put_event(webhook)
    lease = await board.lease_delivery()
    await board.set_delivery_columns(webhook, head, tries=99)
    turn = await board.take_turn(board.build_attempt(lease, 500))
    assert [outcome for _, outcome in turn.settled.outcomes] == ["dead"]
    assert list_messages(turn.leased) == [second]


async def test_settling_keeps_the_backoff_of_the_next(board: Board) -> None:
    """The next one is sent at once only where it was never tried: what failed waits its time, and
    then it is the one after it that is looked for."""
    webhook = await board.create_endpoint()
    head, second, third = [await board.put_event(webhook) for _ in range(3)]
    lease = await board.lease_delivery()
    due = board.now + timedelta(hours=5)
    await board.set_delivery_columns(
        webhook, second, tries=4, first_tried_at=board.now - HOLD, visible_at=due
    )
    await board.set_delivery_columns(webhook, third, visible_at=due)
    turn = await board.take_turn(board.build_attempt(lease))
    assert list_messages(turn.leased) == [third]
    assert (await board.read_delivery(webhook, second)).visible_at == due
    assert (await board.read_delivery(webhook, head)).state == DeliveryState.DELIVERED


async def test_settling_keeps_the_due_time_of_others(board: Board) -> None:
    """Settling moves nothing later: who waited longest stays first, and is seen to be late."""
    webhook = await board.create_endpoint()
    await board.put_event(webhook)
    lease = await board.lease_delivery()
    second = await board.put_event(webhook)
    told_at = board.now
    board.advance_clock(seconds=3)
    await board.settle_attempts(board.build_attempt(lease))
    assert (await board.read_delivery(webhook, second)).visible_at == told_at


@pytest.mark.parametrize("followers", [500])
async def test_a_blocked_claim_starves_no_other(board: Board, followers: int) -> None:
    """Behind a failing head stand hundreds; a later event of another claim goes out within a few
    turns, each of which says that there is more to look at; and they are not looked at again
    before there is reason to."""
    webhook = await board.create_endpoint()
    await board.put_event(webhook, claim="stuck")
    await board.settle_attempts(board.build_attempt(await board.lease_delivery(), 500))
    await board.put_events([(webhook, "stuck")] * followers)
    other = await board.put_event(webhook, claim="free")
    turns = 0
    while other not in list_messages((turn := await board.take_turn()).leased):
        turns += 1
        assert turn.more
    assert turns <= followers / (8 * due_deliveries.CANDIDATES_PER_SLOT)
    assert not (await board.take_turn()).more
    columns = webhook_deliveries.c
    waiting = await board.read_rows(
        select(columns.message).where(columns.visible_at <= board.now, columns.lease.is_(None))
    )
    assert not waiting
