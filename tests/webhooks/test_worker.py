"""The running dispatcher sends what is due, and survives errors."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from structlog.testing import LogCapture

from service.config import Settings
from service.domain.errors import Unavailable
from service.domain.webhooks import DeliveryState, EndpointState
from service.webhooks import dispatcher, retention
from service.webhooks.dispatcher import Pauses
from service.webhooks.exchanges import Answer, Outgoing
from tests.webhooks.board import Board
from tests.webhooks.receivers import OK, Receiver, build_answering, run_receiver, swallow_request
from tests.webhooks.running import run_dispatcher, wait_for_state, wait_until

pytestmark = pytest.mark.usefixtures("dispatcher_log")


async def test_dispatcher_sends_the_stored_bytes_once(
    settings: Settings, live_board: Board
) -> None:
    """What is due arrives with the message's id and its very bytes, and is written down; the
    latency and the outcome are counted."""
    async with (
        run_receiver(build_answering(OK)) as receiver,
        run_dispatcher(settings, live_board.database) as running,
    ):
        webhook = await live_board.create_endpoint(url=receiver.url)
        message = await live_board.put_event(webhook, body=b'{"told":1}')
        await wait_for_state(live_board, webhook, message)
    (request,) = receiver.requests
    assert request.endswith(b'\r\n\r\n{"told":1}')
    assert f"webhook-id: {message}".encode() in request.lower()
    assert running.count_attempts("delivered") == 1
    assert running.registry.get_sample_value("claimdesk_webhook_latency_seconds_count") == 1


async def test_wakeup_starts_a_turn(settings: Settings, live_board: Board) -> None:
    """It sleeps until its next look unless a wakeup comes; then it is at work at once."""
    async with (
        run_receiver(build_answering(OK)) as receiver,
        run_dispatcher(settings, live_board.database, poll_seconds=60) as running,
    ):
        await wait_until(lambda: running.meddled.looks > 0)
        webhook = await live_board.create_endpoint(url=receiver.url)
        message = await live_board.put_event(webhook)
        await asyncio.sleep(0.1)
        assert receiver.requests == []
        live_board.database.wakeups.notify()
        await wait_for_state(live_board, webhook, message)


async def test_events_of_one_claim_arrive_in_order(settings: Settings, live_board: Board) -> None:
    """A hundred events of a few claims, two dispatchers, a receiver that sometimes fails: each
    claim's first arrivals are in order, everything arrives, nothing is left over."""
    turn = 0

    async def answer_sometimes(receiver: Receiver, reader: Any, writer: Any) -> None:
        nonlocal turn
        while True:
            await receiver.request(reader)
            turn += 1
            bad = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
            await receiver.send(writer, bad if turn % 20 == 0 else OK)

    changes: dict[str, Any] = {"schedule": (0.01,) * 20}
    async with run_receiver(answer_sometimes) as receiver:
        webhook = await live_board.create_endpoint(url=receiver.url)
        messages = await live_board.put_events([(webhook, str(i % 5)) for i in range(100)])
        async with (
            run_dispatcher(settings, live_board.database, **changes),
            run_dispatcher(settings, live_board.database, **changes),
        ):

            async def is_everything_delivered() -> bool:
                return all(row.state == "delivered" for row in await live_board.list_deliveries())

            await wait_until(is_everything_delivered)
    first: dict[str, None] = {}
    for request in receiver.requests:
        head = request.lower().split(b"webhook-id: ")[1]
        first.setdefault(head.split(b"\r\n")[0].decode())
    assert set(first) == set(messages)
    for claim in range(5):
        claim_messages = messages[claim::5]
        assert [message for message in first if message in claim_messages] == claim_messages


@pytest.mark.parametrize("error", [Unavailable("The database is gone."), ValueError("a defect")])
async def test_failed_turn_loses_nothing(
    settings: Settings, live_board: Board, error: Exception
) -> None:
    """The database is gone, or the code broken, as a result is to be written: the dispatcher goes
    on, settles what it sent when it can, and does not send it again."""
    async with (
        run_receiver(build_answering(OK)) as receiver,
        run_dispatcher(settings, live_board.database) as running,
    ):
        times = 8 if isinstance(error, Unavailable) else dispatcher.SETTLE_SINGLY_AFTER - 1

        async def fail_turn(turn: dict[str, Any]) -> None:
            nonlocal times
            if turn["attempts"] and times:
                times -= 1
                raise error

        running.meddled.before = fail_turn
        webhook = await live_board.create_endpoint(url=receiver.url)
        message = await live_board.put_event(webhook)
        await wait_for_state(live_board, webhook, message)
    assert times == 0
    assert len(receiver.requests) == 1


async def test_attempt_that_cannot_be_written_holds_up_no_other(
    settings: Settings,
    live_board: Board,
    monkeypatch: pytest.MonkeyPatch,
    dispatcher_log: LogCapture,
) -> None:
    """What no database takes is let go after a few turns: its neighbours are settled, the work
    goes on, and it is sent again when its lease ends."""
    async with run_dispatcher(settings, live_board.database) as running:
        webhook = await live_board.create_endpoint()
        unheard_of = True
        poison, well = await live_board.put_events([(webhook, "poison"), (webhook, "well")])

        async def send(outgoing: Any) -> Answer:
            status = 2**70 if outgoing.message == poison and unheard_of else 200
            return Answer(datetime.now(UTC), 0.1, status, None, None, {}, "")

        monkeypatch.setattr(running.dispatcher.sender, "send", send)
        await wait_for_state(live_board, webhook, well)
        later = await live_board.put_event(webhook, claim="later")
        await wait_for_state(live_board, webhook, later)
        row = await live_board.read_delivery(webhook, poison)
        assert (row.state, row.attempts) == ("pending", 1)
        assert {"an attempt cannot be settled"} <= {
            line["event"] for line in dispatcher_log.entries
        }
        unheard_of = False
        await live_board.set_delivery_columns(webhook, poison, visible_at=live_board.now)
        await wait_for_state(live_board, webhook, poison)
    assert [
        line.outcome for line in await live_board.list_attempts() if line.message == poison
    ] == [
        "lost",
        "delivered",
    ]


async def test_settling_one_by_one_waits_for_the_database(
    settings: Settings, live_board: Board
) -> None:
    """The database goes while attempts are settled one by one: they are kept for later."""
    async with (
        run_receiver(build_answering(OK)) as receiver,
        run_dispatcher(settings, live_board.database) as running,
    ):
        errors: list[Exception] = [ValueError("a defect")] * 3 + [Unavailable("gone")] * 3

        async def fail_turn(turn: dict[str, Any]) -> None:
            if turn["attempts"] and errors:
                raise errors.pop(0)

        running.meddled.before = fail_turn
        webhook = await live_board.create_endpoint(url=receiver.url)
        await wait_for_state(live_board, webhook, await live_board.put_event(webhook))
        assert errors == []
    assert len(receiver.requests) == 1


async def test_delivery_is_sent_again_after_an_error_in_sending(
    settings: Settings, live_board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect in sending costs its lease's time, nothing else."""
    async with run_dispatcher(
        settings, live_board.database, lease_seconds=0.3, timeout_seconds=0.1
    ) as running:
        calls = 0

        async def fail_to_send(outgoing: Any) -> Answer:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise RuntimeError("a defect")
            return Answer(datetime.now(UTC), 0.1, 200, None, None, {}, "")

        monkeypatch.setattr(running.dispatcher.sender, "send", fail_to_send)
        webhook = await live_board.create_endpoint()
        message = await live_board.put_event(webhook)
        await wait_for_state(live_board, webhook, message)
    assert [line.outcome for line in await live_board.list_attempts()] == ["lost", "delivered"]


async def test_a_stale_lease_is_not_sent(settings: Settings, live_board: Board) -> None:
    """A dispatcher that was stopped between leasing and sending, so that the lease might end
    before the attempt does, gives it back and sends nothing; it costs no attempt."""
    async with (
        run_receiver(build_answering(OK)) as receiver,
        run_dispatcher(
            settings, live_board.database, lease_seconds=3, timeout_seconds=2.5
        ) as running,
    ):
        slept = leases = 0

        async def sleep_after_leasing(turn: Any) -> None:
            nonlocal slept, leases
            leases += len(turn.leased)
            if turn.leased and not slept:
                slept += 1
                assert receiver.requests == []
                await asyncio.sleep(0.6)

        running.meddled.after = sleep_after_leasing
        webhook = await live_board.create_endpoint(url=receiver.url)
        message = await live_board.put_event(webhook)
        await wait_for_state(live_board, webhook, message)
        assert (await live_board.read_delivery(webhook, message)).attempts == 1
    assert (leases, len(receiver.requests)) == (2, 1)


async def test_busy_endpoints_are_looked_at_again(settings: Settings, live_board: Board) -> None:
    """An endpoint that was full by another dispatcher's leases is looked at again in time, however
    many wakeups come."""
    async with run_receiver(build_answering(OK)) as receiver:
        webhook = await live_board.create_endpoint(url=receiver.url, max_in_flight=1)
        await live_board.put_event(webhook, claim="a")
        other_lease = await live_board.lease_delivery()
        async with run_dispatcher(settings, live_board.database, poll_seconds=0.5) as running:
            message = await live_board.put_event(webhook, claim="b")
            await wait_until(lambda: webhook in running.dispatcher._busy)
            await live_board.settle_attempts(live_board.build_attempt(other_lease))

            async def ring() -> None:
                while True:
                    live_board.database.wakeups.notify()
                    await asyncio.sleep(0.002)

            ringing = asyncio.create_task(ring())
            await wait_for_state(live_board, webhook, message)
            ringing.cancel()


async def test_finished_attempt_frees_its_slot_at_once(
    settings: Settings, live_board: Board
) -> None:
    """All that an endpoint has under way ends just as a turn begins, before the loop has told of
    it: the turn settles it and leases as much again, and does not hold the endpoint to be full
    with nothing left under way to say that it is not."""
    answers: list[asyncio.Future[Answer]] = []

    async def send(outgoing: Outgoing) -> Answer:
        answers.append(asyncio.get_running_loop().create_future())
        return await answers[-1]

    webhook = await live_board.create_endpoint(max_in_flight=256)
    await live_board.put_events([(webhook, str(i)) for i in range(6)])
    async with run_dispatcher(settings, live_board.database, slots=4, poll_seconds=60) as running:
        running.dispatcher.sender.send = send  # type: ignore[method-assign]
        await wait_until(lambda: len(answers) == 3 and running.dispatcher._busy == {webhook})
        really = running.meddled.read

        async def read(query: Any, /, *args: Any, **kwargs: Any) -> Any:
            result = await really(query, *args, **kwargs)
            for each in answers:
                if not each.done():
                    each.set_result(Answer(datetime.now(UTC), 0.1, 204, None, None, {}, ""))
            await asyncio.sleep(0)  # they end in the round in which this goes on
            return result

        running.meddled.read = read  # type: ignore[method-assign]
        live_board.database.wakeups.notify()
        await wait_until(lambda: running.count_attempts("delivered") == 6, seconds=5)


async def test_failing_endpoint_is_served_with_one_slot(
    settings: Settings, live_board: Board
) -> None:
    """Half of one slot is one: an endpoint that fails is tried again even by the smallest
    dispatcher, and what works is served beside it."""
    async with run_receiver(build_answering(OK)) as receiver:
        failing, well = (
            await live_board.create_endpoint(url=receiver.url),
            await live_board.create_endpoint(url=receiver.url),
        )
        await live_board.set_columns(failing, failures=4)
        message = await live_board.put_event(failing, well)
        async with run_dispatcher(settings, live_board.database, slots=1):
            await wait_for_state(live_board, failing, message)
            await wait_for_state(live_board, well, message)


async def test_failing_endpoints_have_half_of_the_slots(
    settings: Settings, live_board: Board
) -> None:
    """Black holes that failed before hold no more than half of the slots; who works is served
    meanwhile."""
    async with (
        run_receiver(swallow_request) as hole,
        run_receiver(build_answering(OK)) as receiver,
    ):
        failing = [await live_board.create_endpoint(url=hole.url) for _ in range(3)]
        for webhook in failing:
            await live_board.set_columns(webhook, failures=1)
        await live_board.put_events([(webhook, str(i)) for i in range(4) for webhook in failing])
        async with run_dispatcher(settings, live_board.database, slots=4, timeout_seconds=1.0):
            well = await live_board.create_endpoint(url=receiver.url)
            most = 0
            for claim in range(5):
                message = await live_board.put_event(well, claim=str(claim))
                await wait_for_state(live_board, well, message)
                most = max(most, len(hole.open))
            assert most == 2


@pytest.mark.parametrize("slots", [2, 8])
async def test_no_endpoint_has_all_of_the_slots(
    settings: Settings, live_board: Board, slots: int
) -> None:
    """A black hole that may have more in flight than there are slots, and has never failed yet,
    leaves a quarter of them, one at least, to those that work."""
    pauses = Pauses(stop=0.1)  # nobody waits for the hole in the end
    async with run_receiver(swallow_request) as hole, run_receiver(build_answering(OK)) as receiver:
        greedy = await live_board.create_endpoint(url=hole.url, max_in_flight=256)
        await live_board.put_events([(greedy, str(i)) for i in range(2 * slots)])
        async with run_dispatcher(settings, live_board.database, pauses, slots=slots):
            await wait_until(lambda: len(hole.open) == slots * 3 // 4)
            well = await live_board.create_endpoint(url=receiver.url)
            for claim in range(5):
                await wait_for_state(
                    live_board, well, await live_board.put_event(well, claim=str(claim))
                )
            assert len(hole.open) == slots * 3 // 4


async def test_outcomes_are_counted_and_logged(
    settings: Settings, live_board: Board, dispatcher_log: LogCapture
) -> None:
    """Dead, fenced, given up and disabled are counted and told to operators as they happen."""
    fail = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
    event = asyncio.Event()
    goes_on = asyncio.Event()

    async def wait_for_release(receiver: Receiver, reader: Any, writer: Any) -> None:
        await receiver.request(reader)
        event.set()
        await goes_on.wait()
        await receiver.send(writer, OK)

    async with (
        run_receiver(build_answering(fail)) as gone_receiver,
        run_receiver(wait_for_release) as slow,
        run_dispatcher(settings, live_board.database, schedule=()) as running,
    ):
        dead, fenced_endpoint, killer = [
            await live_board.create_endpoint(url=url)
            for url in (gone_receiver.url, slow.url, slow.url)
        ]
        message = await live_board.put_event(dead, fenced_endpoint)
        await live_board.set_columns(killer, state="paused")
        killing = await live_board.put_event(killer)
        await live_board.set_delivery_columns(
            killer, killing, lease="0" * 32, attempts=1, tries=1, visible_at=live_board.now
        )
        await event.wait()
        await live_board.set_delivery_columns(fenced_endpoint, message, lease="1" * 32)
        goes_on.set()
        await wait_for_state(live_board, dead, message, "dead")
        await wait_until(lambda: running.count_attempts("fenced") == 1)
        await live_board.set_state(killer, EndpointState.ACTIVE)
        await wait_for_state(live_board, killer, killing, "dead")
        # Counted after the commit that the lines above wait for.
        await wait_until(lambda: running.count_attempts("dead") == 1)
        lost_metric = "claimdesk_webhook_lost_total"
        await wait_until(lambda: running.registry.get_sample_value(lost_metric) == 1)
        assert (await live_board.read_webhook(dead)).state == EndpointState.DISABLED
        assert (
            await live_board.read_delivery(fenced_endpoint, message)
        ).state == DeliveryState.PENDING
    assert {line["event"] for line in dispatcher_log.entries} == {
        "given up",
        "a webhook was disabled",
        "settled too late",
        "deliveries that killed their workers were given up",
    }


async def test_dispatcher_deletes_old_deliveries(
    settings: Settings, live_board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Now and then what is old is forgotten, all of it; trouble with that stops nothing."""
    errors: list[Exception] = [Unavailable("gone"), ValueError("a defect")]
    real, counts = retention.delete_old_deliveries, []

    def forget(connection: Connection, *, now: datetime) -> int:
        if errors:
            raise errors.pop(0)
        counts.append(real(connection, now=now, batch=2))
        return int(counts[-1])

    monkeypatch.setattr(retention, "delete_old_deliveries", forget)
    webhook = await live_board.create_endpoint(max_in_flight=1)
    for message in await live_board.put_events([(webhook, str(i)) for i in range(5)]):
        old = live_board.now - timedelta(days=31)
        await live_board.set_delivery_columns(webhook, message, state="delivered", settled_at=old)
    async with run_dispatcher(settings, live_board.database, Pauses(retention=0.02)):
        await wait_until(lambda: counts[4:] == [0])
    assert counts[:4] == [2, 2, 1, 0]
    assert await live_board.list_deliveries() == []
