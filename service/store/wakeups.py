"""Wakeups: hints that something was recorded or may be due.  The tables are the truth.

Whoever writes an event or a delivery marks the transaction.  Once it is committed, this process is
notified at once, and others by PostgreSQL's NOTIFY on a connection of its own: inside the
transaction it would halve what can be committed.  Notifications that come while one is being
sent are one.  Where none arrives, whoever waits for it looks from time to time all the same.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable

import structlog
from sqlalchemy import Connection

from service.store.background_tasks import end_task
from service.store.connector import Connector
from service.store.transaction_context import context_of

CHANNEL = "claimdesk_webhooks"
SPACING_SECONDS = 0.005
"""Notifications are at least so far apart."""
RECONNECT_SECONDS = 1.0
log = structlog.get_logger("wakeups")


def notify_after_commit(connection: Connection) -> None:
    """Notify once the transaction on this connection is committed."""
    context_of(connection).notifies = True


async def wait_for_wakeup(event: asyncio.Event, seconds: float) -> None:
    """Wait until `event` is set, or `seconds` have passed.

    `asyncio.wait_for` of Python 3.11 forgets a cancellation that comes in the turn in which the
    event was set; whoever cancelled then waits for ever.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class Wakeups:
    """Calls its subscribers in this process, and through a relay those of others."""

    def __init__(self) -> None:
        self.relay: Relay | None = None
        self._subscribers: list[Callable[[], None]] = []

    def subscribe(self, subscriber: Callable[[], None]) -> None:
        self._subscribers.append(subscriber)

    def notify_locally(self) -> None:
        """Notify this process."""
        for subscriber in self._subscribers:
            subscriber()

    def notify(self) -> None:
        """Notify every process."""
        self.notify_locally()
        if self.relay is not None:
            self.relay.send()


class Relay:
    """Carries notifications between the processes on one PostgreSQL.

    Its connection may be lost: it is made again, and nobody waits for it.
    """

    def __init__(self, connector: Connector, wakeups: Wakeups) -> None:
        self._connector = connector
        self._name = uuid.uuid4().hex
        self._lost = False
        self._wakeups = wakeups
        self._pending = asyncio.Event()
        self._task = asyncio.create_task(self._keep_running())

    def send(self) -> None:
        self._pending.set()

    async def stop(self) -> None:
        await end_task(self._task)

    async def _keep_running(self) -> None:
        while True:
            try:
                await self._run()
            except Exception as error:
                # Whatever it is, everybody looks by themselves until the connection is back.
                # Logged as a warning once: while a database is away, each second brings another.
                write_log = log.debug if self._lost else log.warning
                write_log("the bell's connection was lost", reason=repr(error))
                self._lost = True
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _run(self) -> None:
        connection = await self._connector.connect(name="claimdesk bell")
        try:
            # A connection that breaks is noticed by the next thing sent on it.
            connection.add_termination_listener(lambda _: self._pending.set())
            await connection.add_listener(CHANNEL, self._receive)
            self._lost = False
            self._wakeups.notify_locally()  # for what was written while nobody listened
            while True:
                await self._pending.wait()
                self._pending.clear()
                await connection.execute(f"NOTIFY {CHANNEL}, '{self._name}'")
                await asyncio.sleep(SPACING_SECONDS)
        finally:
            connection.terminate()

    def _receive(self, _connection: object, _pid: int, _channel: str, sender: object) -> None:
        if sender != self._name:  # this process was notified at once
            self._wakeups.notify_locally()
