"""Several changes of one claim that come together are one message in a chat."""

from datetime import timedelta

from service.config import Settings
from service.domain.webhooks import CHAT_WAIT, Format
from service.store.engine import Database
from tests.api.test_webhooks import register
from tests.support.desk import Desk
from tests.webhooks import receivers
from tests.webhooks.board import Board
from tests.webhooks.chat_services import build_service
from tests.webhooks.running import run_dispatcher, wait_for_state
from tests.webhooks.test_chat_messages import BODIES

BODY = (BODIES / "claim.status_changed.json").read_bytes()


async def test_chat_waits_a_moment_for_further_changes(desk: Desk) -> None:
    """Other endpoints are told at once."""
    await desk.record_parties()
    chat = await register(desk, url="http://127.0.0.1:9/x", format="slack")
    program = await register(desk)
    await desk.record_claim()
    rows = {row.webhook: row for row in await Board(desk.database).list_deliveries()}
    assert rows[chat["id"]].visible_at - rows[program["id"]].visible_at == CHAT_WAIT
    assert timedelta(seconds=1) < CHAT_WAIT < timedelta(seconds=4)


async def test_changes_of_one_claim_are_leased_together(board: Board) -> None:
    """Each with a lease of its own; those of other claims apart, and of programs one by one."""
    chat = await board.create_endpoint(format="slack")
    program = await board.create_endpoint()
    for claim in ("a", "a", "b", "a"):
        await board.put_event(chat, program, claim=claim)
    leases = await board.lease_deliveries()
    of_chat = [each for each in leases if each.webhook == chat]
    assert [len(each.companions) for each in of_chat] == [2, 0]
    assert [len(each.companions) for each in leases if each.webhook == program] == [0, 0]
    assert len({lease for each in of_chat for lease in each.leases}) == 4
    assert [each for each in await board.lease_deliveries() if each.webhook == chat] == []


async def test_endpoint_counts_one_failure_for_one_message(board: Board) -> None:
    """What was told together is tried again, in order, and nothing of it is lost."""
    chat = await board.create_endpoint(format="slack")
    messages = [await board.put_event(chat) for _ in range(3)]
    (lease,) = await board.lease_deliveries()
    attempts = board.build_attempts(lease, 500)
    assert len(attempts) == 3
    await board.settle_attempts(*attempts)
    assert (await board.read_webhook(chat)).failures == 1
    deliveries: list[str] = []
    for _ in range(10):
        board.advance_clock(minutes=2)
        for each in await board.lease_deliveries():
            deliveries += [each.message, *(companion.message for companion in each.companions)]
            await board.settle_attempts(*board.build_attempts(each, 200))
    assert deliveries == messages
    rows = await board.list_deliveries()
    assert {row.state for row in rows} == {"delivered"}


async def test_lost_worker_loses_nothing_of_what_was_told_together(board: Board) -> None:
    chat = await board.create_endpoint(format="slack")
    messages = [await board.put_event(chat) for _ in range(3)]
    (lost_lease,) = await board.lease_deliveries()
    assert len(lost_lease.companions) == 2
    deliveries: list[str] = []
    for _ in range(10):
        board.advance_clock(seconds=70)
        for each in await board.lease_deliveries():
            deliveries += [each.message, *(companion.message for companion in each.companions)]
            await board.settle_attempts(*board.build_attempts(each, 200))
    assert deliveries == messages
    # The lost worker comes back late, and changes nothing.
    late = await board.settle_attempts(*board.build_attempts(lost_lease, 500))
    assert {outcome for _, outcome in late.outcomes} == {"fenced"}


async def test_leases_of_what_is_told_together_are_given_back(board: Board) -> None:
    chat = await board.create_endpoint(format="slack")
    for _ in range(3):
        await board.put_event(chat)
    (lease,) = await board.lease_deliveries()
    assert await board.release_leases(lease, *lease.companions) == 3
    (second_lease,) = await board.lease_deliveries()
    assert len(second_lease.companions) == 2


async def test_dispatcher_posts_one_message_for_changes_that_come_together(
    live_board: Board, database: Database, settings: Settings
) -> None:
    async with receivers.run_receiver(build_service(Format.SLACK)) as there:
        chat = await live_board.create_endpoint(format="slack", url=there.url)
        messages = [await live_board.put_event(chat, body=BODY) for _ in range(3)]
        async with run_dispatcher(settings, database):
            for message in messages:
                await wait_for_state(live_board, chat, message)
    assert len(there.requests) == 1
