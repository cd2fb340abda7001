"""Administrators are told in their inbox when the desk itself is not well, and when it is again."""

import asyncio
import shutil
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from service.notices.notifier import Notifier
from service.store.webhook_tables import webhook_deliveries
from tests.support.desk import Desk
from tests.support.inboxes import make_client, read_inbox, read_summaries

MIB = 1024 * 1024


async def look_at_desk(desk: Desk, **time: float) -> None:
    """Have the worker look at the desk, some time later."""
    desk.clock.advance(**time)
    await desk.app.state.services.notifier.watch_desk()


async def set_deliveries(desk: Desk, **values: Any) -> None:
    """Set all deliveries, as the dispatcher does."""

    def change(connection: Connection) -> None:
        connection.execute(update(webhook_deliveries).values(values))

    await desk.database.write(change)


async def test_late_webhooks_are_told_once_and_once_when_they_are_caught_up_with(
    desk: Desk,
) -> None:
    body = {"url": "http://127.0.0.1:9/hook"}
    assert (await desk.admin.post("/v1/webhooks", json=body)).status_code == 201
    await desk.record_parties()
    await desk.record_claim()
    async with make_client(desk, "admin") as administrator, make_client(desk, "editor") as editor:
        await look_at_desk(desk, minutes=4)
        assert await read_inbox(administrator) == []
        for _ in range(3):
            await look_at_desk(desk, minutes=2)
        late = "Webhooks are late: one in health is due for 6 minutes"
        assert await read_summaries(administrator, kind="webhook") == [late]
        # Less late than what is told, and more than what is over.
        await set_deliveries(desk, visible_at=desk.clock.now - timedelta(minutes=3))
        await look_at_desk(desk)
        assert await read_summaries(administrator) == [late]
        await set_deliveries(desk, state="delivered")
        for _ in range(2):
            await look_at_desk(desk, minutes=1)
        summaries = [late, "Webhooks go out in time again"]
        assert await read_summaries(administrator) == summaries
        await set_deliveries(desk, state="pending", visible_at=desk.clock.now)
        await look_at_desk(desk, minutes=20)
        assert (await read_summaries(administrator))[2:] == [late.replace("6", "20")]
        assert await read_inbox(editor) == []


async def test_nearly_full_disk_is_told_once_and_once_when_it_has_room_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an embedded database: where PostgreSQL lies, the desk cannot see."""
    usage = shutil.disk_usage("/")
    async with make_client(desk, "admin") as administrator:
        for free in (150, 57, 56, 150, 201, 150):
            monkeypatch.setattr(
                shutil, "disk_usage", lambda _, free=free: usage._replace(free=free * MIB)
            )
            await look_at_desk(desk, minutes=1)
        expected = [
            "The disk of the database is nearly full: 57 MiB are free, and changes are refused "
            "once nothing is",
            "The disk of the database has room again",
        ]
        summaries = await read_summaries(administrator, kind="webhook")
        assert summaries == (expected if desk.database.embedded else [])


async def test_workers_of_two_processes_tell_of_late_webhooks_once(desk: Desk) -> None:
    body = {"url": "http://127.0.0.1:9/hook"}
    assert (await desk.admin.post("/v1/webhooks", json=body)).status_code == 201
    await desk.record_parties()
    await desk.record_claim()
    async with make_client(desk, "admin") as administrator:
        desk.clock.advance(minutes=7)
        workers = [Notifier(desk.database, desk.clock) for _ in range(3)]
        await asyncio.gather(*(worker.watch_desk() for worker in workers))
        assert len(await read_inbox(administrator)) == 1
