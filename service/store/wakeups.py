"""The bell: a hint that something was recorded or may be due.  The tables are the truth.

Whoever writes an event or a delivery marks the connection; the bell is rung once the transaction is
committed, at once for this process, and for others by PostgreSQL's NOTIFY on a connection of its
own: inside the transaction it would halve what can be committed.  Rings that come
while one is being sent are one.  Where it is never heard, whoever waits for it looks all the same.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import Connection

from service.store.connector import Connector

CHANNEL = "claimdesk_webhooks"
MARK = "claimdesk.bell"
APART_SECONDS = 0.005
"""Notifications are at least so far apart."""
RECONNECT_SECONDS = 1.0
log = structlog.get_logger("bell")


def ring_after_commit(connection: Connection) -> None:
    """Ring once the transaction on this connection is committed."""
    connection.info[MARK] = True


def marked(connection: Connection) -> bool:
    """Whether the transaction on this connection asked for a ring; forgets it."""
    return connection.info.pop(MARK, False) is True


class Bell:
    """`ring` it, and whoever hears it in this process, or at the other end of a wire, wakes up."""

    def __init__(self) -> None:
        self.wire: Wire | None = None
        self._hearers: list[Callable[[], None]] = []

    def hear(self, hearer: Callable[[], None]) -> None:
        self._hearers.append(hearer)

    def sound(self) -> None:
        """Tell this process."""
        for hearer in self._hearers:
            hearer()

    def ring(self) -> None:
        """Tell everybody."""
        self.sound()
        if self.wire is not None:
            self.wire.send()


class Wire:
    """Carries the bell between the processes on one PostgreSQL.

    Its connection may be lost: it is made again, and nobody waits for it.
    """

    def __init__(self, connector: Connector, bell: Bell) -> None:
        self._connector = connector
        self._name = uuid.uuid4().hex
        self._lost = False
        self._bell = bell
        self._asked = asyncio.Event()
        self._task = asyncio.create_task(self._keep())

    def send(self) -> None:
        self._asked.set()

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _keep(self) -> None:
        while True:
            try:
                await self._carry()
            except Exception as error:
                # Whatever it is, everybody looks by themselves until the wire is there again.
                # Said once: while a database is away, each second brings another refusal.
                say = log.debug if self._lost else log.warning
                say("the bell's connection was lost", reason=repr(error))
                self._lost = True
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _carry(self) -> None:
        connection = await self._connector.connect(name="claimdesk bell")
        try:
            # A connection that breaks is noticed by the next thing sent on it.
            connection.add_termination_listener(lambda _: self._asked.set())
            await connection.add_listener(CHANNEL, self._heard)
            self._lost = False
            self._bell.sound()  # for what was written while nobody listened
            while True:
                await self._asked.wait()
                self._asked.clear()
                await connection.execute(f"NOTIFY {CHANNEL}, '{self._name}'")
                await asyncio.sleep(APART_SECONDS)
        finally:
            connection.terminate()

    def _heard(self, _connection: Any, _pid: int, _channel: str, ringer: object) -> None:
        if ringer != self._name:  # one's own was heard at once
            self._bell.sound()
