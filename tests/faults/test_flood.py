"""A backlog for one endpoint beside a thousand others: healthy endpoints do not wait for it."""

import asyncio
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection

from service.config import Settings
from service.domain.access import SYSTEM
from service.store.engine import Database
from service.webhooks import webhook_commands
from tests.faults.receiving import Gate, wait_until
from tests.faults.stage import Stage, build_condition
from tests.webhooks.board import SETTINGS, Board

PAGE = 5000


def test_flooded_endpoint_delays_no_other(stage: Stage, settings: Settings, long: bool) -> None:
    """A thousand deliveries beside 200 endpoints (in `make faults` 200,000 beside 1,000) are due to
    one that holds what it is sent; each change meanwhile reaches an endpoint that is well before
    the next is made, and the flooded one has no more under way than it may."""
    flooding, endpoints, changes = (200_000, 1_000, 20) if long else (1_000, 200, 8)
    stage.serve("--no-dispatch")
    hole = stage.receiver.by_path["/flooded"] = Gate()
    flooded_endpoint = stage.register("/flooded", event_types=["webhook.ping"], max_in_flight=4)
    asyncio.run(flood(settings, flooded_endpoint["id"], flooding, endpoints - 2))
    well = stage.register("/well", event_types=["claim.status_changed"])
    stage.work(CLAIMDESK_WEBHOOK_TIMEOUT_SECONDS="14", CLAIMDESK_WEBHOOK_LEASE_SECONDS="15")
    wait_until(lambda: len(stage.receiver.at("/flooded")) == 4)
    claim = stage.record_claim()

    def have_arrived(count: int) -> bool:
        return len(stage.receiver.at("/well")) == count

    for number in range(1, changes + 1):
        stage.change_claim(claim)
        wait_until(partial(have_arrived, number), seconds=60)
    assert [each.data["sequence"] for each in stage.receiver.at("/well")] == [
        *range(1, changes + 1)
    ]
    assert len(stage.receiver.at("/flooded")) == 4
    wait_until(
        lambda: (
            stage.count_deliveries(f"{build_condition(well)} AND state = 'delivered'") == changes
        )
    )
    hole.open()
    wait_until(
        lambda: (
            stage.count_deliveries(f"{build_condition(flooded_endpoint)} AND state = 'delivered'")
            > 4
        )
    )


async def flood(settings: Settings, webhook: str, count: int, other_endpoints: int) -> None:
    """So many deliveries due to one endpoint, written past the API; and the other endpoints."""
    other_endpoint = SETTINGS | {"event_types": ("webhook.ping",)}
    database = Database(settings)
    await database.start()
    try:
        board = Board(database)
        board.now = datetime.now(UTC)
        for begin in range(0, count, PAGE):
            page = range(begin, min(begin + PAGE, count))
            await board.put_events([(webhook, str(number)) for number in page])

        def register(connection: Connection) -> None:
            for _ in range(other_endpoints):
                webhook_commands.create_webhook(
                    connection, other_endpoint, actor=SYSTEM, now=board.now
                )

        await database.write(register)
    finally:
        await database.stop()
