"""Runs a dispatcher on a database into which a test can reach."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry

from service.config import Settings
from service.store.engine import Database
from service.webhooks import due_endpoints, leases
from service.webhooks.dispatcher import Dispatcher, Pauses
from service.webhooks.leases import Turn
from service.webhooks.meters import Meters
from tests.webhooks.board import Board

SHORT = Pauses(trouble=0.005)
"""A hundredth of what a dispatcher in earnest waits after trouble."""
Hook = Callable[[Any], Awaitable[None]]


async def do_nothing(_: Any) -> None:
    """Do nothing."""


class Meddled:
    """A database with hooks that run before a turn begins and after its commit."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.wakeups = database.wakeups
        self.before: Hook = do_nothing
        self.after: Hook = do_nothing
        self.looks = 0
        """How often it was asked what is due."""

    async def read(self, query: Any, /, *args: Any, **kwargs: Any) -> Any:
        result = await self.database.read(query, *args, **kwargs)
        self.looks += query is due_endpoints.list_due_endpoints
        return result

    async def write(self, command: Any, /, *args: Any, **kwargs: Any) -> Any:
        if command is not leases.take_turn:
            return await self.database.write(command, *args, **kwargs)
        await self.before(kwargs)
        turn: Turn = await self.database.write(command, *args, **kwargs)
        await self.after(turn)
        return turn


class Running:
    """A running dispatcher, and its metrics."""

    def __init__(
        self, settings: Settings, database: Database, pauses: Pauses, changes: dict[str, Any]
    ) -> None:
        self.registry = CollectorRegistry()
        self.meddled = Meddled(database)
        webhook_settings = {f"webhook_{name}": value for name, value in changes.items()}
        self.dispatcher = Dispatcher(
            settings.model_copy(update=webhook_settings),
            self.meddled,  # type: ignore[arg-type]
            lambda: datetime.now(UTC),
            Meters(self.registry),
            pauses=pauses,
        )

    def count_attempts(self, outcome: str) -> float | None:
        return self.registry.get_sample_value(
            "claimdesk_webhook_attempts_total", {"outcome": outcome}
        )


@asynccontextmanager
async def run_dispatcher(
    settings: Settings, database: Database, pauses: Pauses = SHORT, **changes: Any
) -> AsyncIterator[Running]:
    """A started dispatcher with settings `webhook_<name>` changed; it looks every 20 ms."""
    running = Running(settings, database, pauses, {"poll_seconds": 0.02} | changes)
    running.dispatcher.start()
    try:
        yield running
    finally:
        await running.dispatcher.stop()


async def wait_until(condition: Callable[[], Awaitable[bool] | bool], seconds: float = 15) -> None:
    """Return once the condition holds."""
    async with asyncio.timeout(seconds):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.005)


async def wait_for_state(
    board: Board, webhook: str, message: str, state: str = "delivered"
) -> None:
    """Return once the delivery is in this state."""

    async def is_in_state() -> bool:
        return bool((await board.read_delivery(webhook, message)).state == state)

    await wait_until(is_in_state)
