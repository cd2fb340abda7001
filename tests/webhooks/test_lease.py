"""Leases: due deliveries are taken by one dispatcher, for a while, as far as there are slots."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from service.domain.access import SYSTEM
from service.domain.backoff import SCHEDULE
from service.domain.webhooks import DeliveryState, EndpointState
from service.webhooks import due_endpoints, webhook_commands
from service.webhooks.leases import Leased
from service.webhooks.settlement import LOST_ERROR
from tests.webhooks.board import Board

MINUTE = timedelta(minutes=1)


def count_shares(leased: list[Leased]) -> Counter[str]:
    return Counter(each.webhook for each in leased)


async def test_lease_is_a_token_until_the_visibility_timeout(board: Board) -> None:
    """Leasing moves visible_at past the lease, writes a token and counts an attempt; what is sent
    are the stored bytes with the endpoint's settings of today."""
    webhook = await board.create_endpoint(headers={"X-Desk": "one"}, timeout_s=3.0)
    message = await board.put_event(webhook, body=b'{"told":1}')
    await board.set_columns(webhook, url="https://cms.example/new")
    lease = await board.lease_delivery()
    assert (lease.webhook, lease.message, lease.attempt) == (webhook, message, 1)
    assert (lease.url, lease.headers, lease.timeout) == (
        "https://cms.example/new",
        {"X-Desk": "one"},
        3,
    )
    assert (lease.body, lease.type, lease.created_at) == (b'{"told":1}', "claim.amended", board.now)
    assert not lease.failing
    row = await board.read_delivery(webhook, message)
    assert (row.lease, row.attempts, row.tries, row.state) == (lease.lease, 1, 1, "pending")
    assert row.visible_at == board.now + MINUTE
    assert (await board.read_webhook(webhook)).served_at == board.now


async def test_settings_bound_the_timeout_of_an_endpoint(board: Board) -> None:
    """No attempt is given longer than the settings say, whatever the endpoint asks for."""
    await board.put_event(await board.create_endpoint(timeout_s=60.0))
    assert (await board.lease_delivery()).timeout == 15


async def test_leased_delivery_is_leased_by_nobody_else(board: Board) -> None:
    """Until its lease ends, a delivery is not offered to another dispatcher, not even by name."""
    webhook = await board.create_endpoint()
    await board.put_event(webhook)
    await board.lease_delivery()
    board.advance_clock(seconds=59)
    assert await board.list_due_endpoints() == []
    assert await board.lease_deliveries(endpoints=[webhook]) == []


async def test_only_open_endpoints_with_due_deliveries_are_listed(board: Board) -> None:
    """Not before its time, and nothing of an endpoint that is paused, disabled, deleted or asked
    to be left alone; at its time, all that is open."""
    names = ("due", "later", "paused", "disabled", "deleted", "blocked", "unblocked")
    endpoints = {name: await board.create_endpoint() for name in names}
    messages = {name: await board.put_event(webhook) for name, webhook in endpoints.items()}
    later = board.now + timedelta(seconds=1)
    await board.set_delivery_columns(endpoints["later"], messages["later"], visible_at=later)
    await board.set_columns(endpoints["paused"], state="paused")
    await board.set_columns(endpoints["disabled"], state="disabled")
    await board.set_columns(endpoints["deleted"], deleted_at=board.now)
    await board.set_columns(endpoints["blocked"], blocked_until=later)
    await board.set_columns(endpoints["unblocked"], blocked_until=board.now)
    assert set(await board.list_due_endpoints()) == {endpoints["due"], endpoints["unblocked"]}
    assert set(count_shares(await board.lease_deliveries(endpoints=endpoints.values()))) == {
        endpoints["due"],
        endpoints["unblocked"],
    }
    board.now = later
    assert set(count_shares(await board.lease_deliveries())) == {
        endpoints["later"],
        endpoints["blocked"],
    }
    await board.set_state(endpoints["paused"], EndpointState.ACTIVE)
    await board.set_state(endpoints["disabled"], EndpointState.ACTIVE)
    assert set(count_shares(await board.lease_deliveries())) == {
        endpoints["paused"],
        endpoints["disabled"],
    }


async def test_a_lost_delivery_is_sent_again_at_once(board: Board) -> None:
    """A lease that ended unsettled is logged as lost, from when it was leased, and its delivery
    goes out at once the first time: dying workers are rare, and the receiver is well."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    first = await board.lease_delivery()
    leased_at = board.now
    board.advance_clock(seconds=60)
    second_lease = await board.lease_delivery()
    assert (second_lease.message, second_lease.attempt) == (message, 2)
    assert second_lease.lease != first.lease
    (line,) = await board.list_attempts()
    assert (line.number, line.outcome, line.error, line.status) == (1, "lost", LOST_ERROR, None)
    assert line.started_at == leased_at
    row = await board.read_delivery(webhook, message)
    assert (row.attempts, row.tries, row.losses) == (2, 2, 1)
    assert (row.lease, row.last_error) == (second_lease.lease, LOST_ERROR)


async def test_delivery_that_kills_its_workers_becomes_a_dead_letter(board: Board) -> None:
    """From its second loss in a row a delivery waits about as long as the schedule says, spread
    widely, so that it takes fewer others with it each time; after the last try it is dead, and
    the others flow."""
    webhook = await board.create_endpoint()
    poison = await board.put_event(webhook, claim="poison")
    await board.lease_delivery()
    board.advance_clock(seconds=60)
    await board.lease_delivery()
    for tries in range(2, len(SCHEDULE) + 1):
        board.advance_clock(seconds=60)
        assert await board.lease_deliveries() == []
        row = await board.read_delivery(webhook, poison)
        assert (row.lease, row.tries, row.losses) == (None, tries, tries)
        wait = (row.visible_at - board.now) / timedelta(seconds=SCHEDULE[tries - 1])
        assert 0.5 <= wait <= 2
        board.now = row.visible_at
        await board.lease_delivery()
    board.advance_clock(seconds=60)
    healthy = await board.put_event(webhook, claim="healthy")
    turn = await board.take_turn()
    assert [each.message for each in turn.leased] == [healthy]
    assert turn.died == 1
    row = await board.read_delivery(webhook, poison)
    assert (row.state, row.lease, row.settled_at) == (DeliveryState.DEAD, None, board.now)
    assert row.last_error == LOST_ERROR
    assert [line.outcome for line in await board.list_attempts()] == ["lost"] * (len(SCHEDULE) + 1)


async def test_lost_last_attempt_makes_a_dead_letter(board: Board) -> None:
    """Even a first loss is not sent again when the schedule is used up."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    await board.lease_delivery()
    await board.set_delivery_columns(webhook, message, tries=len(SCHEDULE) + 1)
    board.advance_clock(seconds=60)
    turn = await board.take_turn()
    assert (turn.leased, turn.died) == ([], 1)
    assert (await board.read_delivery(webhook, message)).state == DeliveryState.DEAD


async def test_settling_resets_the_count_of_losses(board: Board) -> None:
    """Losses count in a row: an attempt that is settled, even a failure, begins anew."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    await board.lease_delivery()
    board.advance_clock(seconds=60)
    await board.settle_attempts(board.build_attempt(await board.lease_delivery(), 500))
    row = await board.read_delivery(webhook, message)
    assert (row.losses, row.last_error) == (0, "the receiver answered 500")
    board.now = row.visible_at
    await board.lease_delivery()
    # Still said while it is under way: nobody has heard otherwise.
    assert (await board.read_delivery(webhook, message)).last_error == "the receiver answered 500"
    board.advance_clock(seconds=60)
    assert (await board.lease_delivery()).attempt == 4


async def test_an_endpoint_has_no_more_in_flight_than_it_says(board: Board) -> None:
    """`max_in_flight` bounds what is leased over all turns, and an endpoint that has so many is
    said to be full; settling makes room; an expired lease holds none."""
    webhook = await board.create_endpoint(max_in_flight=3)
    await board.put_events([(webhook, str(i)) for i in range(8)])
    turn = await board.take_turn(room=2)
    assert (len(turn.leased), turn.busy) == (2, frozenset())
    turn = await board.take_turn()
    assert (len(turn.leased), turn.busy) == (1, frozenset({webhook}))
    assert (await board.take_turn()).busy == {webhook}
    assert await board.list_due_endpoints(busy=[webhook]) == []
    turn = await board.take_turn(board.build_attempt(turn.leased[0]))
    assert (len(turn.leased), turn.busy) == (1, frozenset({webhook}))
    board.advance_clock(seconds=60)
    assert len(await board.lease_deliveries()) == 3


@pytest.mark.parametrize("workers", [2, 6])
async def test_limit_in_flight_is_exact_with_several_dispatchers(
    board: Board, workers: int
) -> None:
    """However many dispatchers take turns at the same instant, no delivery is leased twice, and no
    endpoint has more in flight than it says."""
    endpoints = [await board.create_endpoint(max_in_flight=limit) for limit in (1, 2, 5)]
    await board.put_events([(webhook, str(i)) for i in range(20) for webhook in endpoints])
    turns = await asyncio.gather(
        *(board.take_turn(endpoints=endpoints, room=64) for _ in range(workers) for _ in range(3))
    )
    for _ in range(3):  # what a lock kept from all of them
        turns.append(await board.take_turn(endpoints=endpoints))
    leases = [each for turn in turns for each in turn.leased]
    assert len({each.lease for each in leases}) == len(leases)
    assert len({(each.webhook, each.message) for each in leases}) == len(leases)
    assert [count_shares(leases)[webhook] for webhook in endpoints] == [1, 2, 5]


async def test_slots_are_shared_equally(board: Board) -> None:
    """A flood for one endpoint takes from the others nothing that they could use; what one cannot
    use, the next gets."""
    flooded_endpoint, narrow, other = [
        await board.create_endpoint(max_in_flight=limit) for limit in (64, 2, 64)
    ]
    # Ids of one millisecond stand in any order.
    for place, webhook in enumerate((flooded_endpoint, narrow, other)):
        await board.set_columns(webhook, served_at=board.now - timedelta(seconds=3 - place))
    await board.put_events(
        [(webhook, str(i)) for webhook in (flooded_endpoint, narrow, other) for i in range(40)]
    )
    shares = count_shares(await board.lease_deliveries(room=20))
    assert (shares[flooded_endpoint], shares[narrow], shares[other]) == (7, 2, 11)
    assert await board.lease_deliveries(room=0) == []


async def test_failing_endpoints_share_their_slots(board: Board) -> None:
    """Endpoints whose last try failed get no more than the room for failing ones, all together;
    the rest is for those that work."""
    failing = [await board.create_endpoint() for _ in range(3)]
    well = await board.create_endpoint()
    for webhook in failing:
        await board.fail_attempts(webhook)
    await board.put_events([(webhook, str(i)) for i in range(8) for webhook in (*failing, well)])
    leases = await board.lease_deliveries(room=32, room_for_failing=4)
    shares = count_shares(leases)
    assert sum(shares[webhook] for webhook in failing) == 4
    assert shares[well] == 8
    assert {each.webhook for each in leases if each.failing} <= set(failing)
    assert set(count_shares(await board.lease_deliveries(room=24, room_for_failing=0))) == set()


async def test_failing_endpoints_do_not_hold_up_healthy_ones(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When failing endpoints have used up their room, a turn looks past them to whoever works,
    however many they are and however long they have waited."""
    # A bound of the statement's length, which no dispatcher chooses.
    monkeypatch.setattr(due_endpoints, "ENDPOINTS_PER_TURN", 4)
    failing = await board.create_endpoints(8)
    for webhook in failing:
        await board.set_columns(webhook, failures=1)
    board.advance_clock(seconds=1)
    well = await board.create_endpoint()
    await board.put_event(*failing, well)
    assert set(await board.list_due_endpoints()) <= set(failing)
    assert await board.list_due_endpoints(with_failing=False) == [well]


async def test_longest_unserved_endpoint_comes_first(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more endpoints due than one turn looks at, whoever waited longest comes first: all are
    served once before any is served twice."""
    # A bound of the statement's length, which no dispatcher chooses.
    monkeypatch.setattr(due_endpoints, "ENDPOINTS_PER_TURN", 8)
    endpoints = await board.create_endpoints(50)
    await board.put_events([(webhook, str(i)) for i in range(3) for webhook in endpoints])
    order: list[str] = []
    while len(order) < 50:
        board.advance_clock(milliseconds=5)
        leases = await board.lease_deliveries(room=5)
        assert 0 < len(leases) <= 5
        order += [each.webhook for each in leases]
    assert sorted(order) == sorted(endpoints)


async def test_turn_leases_for_a_bounded_number_of_endpoints(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many endpoints something was settled for, a turn leases for AT_ONCE of them: SQLite
    takes no statement of any length."""
    # A bound of the statement's length, which no dispatcher chooses.
    monkeypatch.setattr(due_endpoints, "ENDPOINTS_PER_TURN", 8)
    endpoints = await board.create_endpoints(20)
    await board.put_event(*endpoints)
    assert len(count_shares(await board.lease_deliveries(endpoints=endpoints))) == 8


async def test_released_lease_costs_no_attempt(board: Board) -> None:
    """What was leased and not sent is due at once, with the attempts it had before; the token is
    worth nothing any more."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    lease = await board.lease_delivery()
    board.advance_clock(seconds=5)
    assert await board.release_leases(lease) == 1
    row = await board.read_delivery(webhook, message)
    assert (row.lease, row.attempts, row.tries, row.visible_at) == (None, 0, 0, board.now)
    assert await board.release_leases(lease) == 0
    settlement = await board.settle_attempts(board.build_attempt(lease))
    assert [outcome for _, outcome in settlement.outcomes] == ["fenced"]
    assert (await board.lease_delivery()).attempt == 1
    assert await board.list_attempts() == []


async def test_releasing_a_lost_lease_changes_nothing(board: Board) -> None:
    """A lease that another has taken up meanwhile cannot be handed back."""
    webhook = await board.create_endpoint()
    message = await board.put_event(webhook)
    late = await board.lease_delivery()
    board.advance_clock(seconds=60)
    await board.lease_delivery()
    before = await board.read_delivery(webhook, message)
    assert await board.release_leases(late) == 0
    assert await board.read_delivery(webhook, message) == before


async def test_both_secrets_sign_during_the_overlap(board: Board) -> None:
    """After a rotation the new secret and, until the overlap ends, the one before sign."""
    webhook = await board.create_endpoint()
    before = (await board.read_webhook(webhook)).secret
    secret = await board.database.write(
        webhook_commands.rotate_secret, webhook, overlap_hours=2, actor=SYSTEM, now=board.now
    )
    await board.put_event(webhook, claim="x")
    await board.put_event(webhook, claim="y")
    lease, _ = await board.lease_deliveries()
    assert lease.secrets == (secret, before)
    board.advance_clock(hours=2)
    assert (await board.lease_deliveries())[0].secrets == (secret,)
