"""`claimdesk dispatch`: a dispatcher of webhooks as a process of its own."""

import contextlib
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import databases, shell

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from service.config import Settings
    from service.domain.clocks import ClockGuard
    from service.store.engine import Database
    from service.webhooks.meters import Meters

FIGURES_SECONDS = 10.0
CLOCK_SECONDS = 30.0


def dispatch(
    metrics_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Serve figures for Prometheus on 127.0.0.1 here."),
    ] = None,
) -> None:
    """Deliver webhooks and notices, without serving anything.

    As many of these as one likes may run on one PostgreSQL, beside servers that dispatch or do not
    (claimdesk serve --no-dispatch).
    """
    import asyncio

    settings = shell.load_settings()
    databases.prepare_schema(create=True)
    with asyncio.Runner(loop_factory=_choose_loop()) as runner:
        runner.run(_run_dispatcher(settings, metrics_port))


def _choose_loop() -> "Callable[[], AbstractEventLoop] | None":
    """Choose the event loop that a server runs on."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def _run_dispatcher(settings: "Settings", metrics_port: int | None) -> None:
    import asyncio

    from prometheus_client import CollectorRegistry, start_http_server

    from service.domain.clocks import count_seconds
    from service.notices.notifier import Notifier
    from service.operations import recovery
    from service.store.background_tasks import end_task
    from service.store.engine import Database
    from service.web import logs
    from service.webhooks.dispatcher import Dispatcher
    from service.webhooks.meters import Meters

    logs.configure_logging(settings)
    registry = CollectorRegistry()
    meters = Meters(registry)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = Database(settings, report=True)
    await database.start()
    guard = await databases.guard_clock(database, stopwatch=count_seconds)
    home = await database.describe_location()
    await database.write(recovery.register_home, home=home, now=_read_clock())
    dispatcher = Dispatcher(settings, database, _read_clock, meters)
    notifier = Notifier(database, _read_clock)
    try:
        if settings.webhook_bell:
            database.relay_wakeups()
        dispatcher.start()
        notifier.start()
        updating: asyncio.Task[None] | None = None
        if metrics_port is not None:
            start_http_server(metrics_port, addr="127.0.0.1", registry=registry)
            updating = asyncio.create_task(_update_gauges(database, meters))
        watching = asyncio.create_task(_watch_clock(database, guard))
        shell.print_note(f"Claimdesk {shell.read_version()} delivers webhooks.  Ctrl-C ends it.")
        await stop.wait()
        watching.cancel()
        await end_task(updating)
    finally:
        await notifier.stop()
        await dispatcher.stop()
        await database.stop()


async def _watch_clock(database: "Database", guard: "ClockGuard") -> None:
    """Compare the clock from time to time."""
    import asyncio

    from service.domain.errors import ClaimdeskError
    from service.operations.clock import compare_clock

    while True:
        await asyncio.sleep(CLOCK_SECONDS)
        with contextlib.suppress(ClaimdeskError):
            await compare_clock(database, guard)


async def _update_gauges(database: "Database", meters: "Meters") -> None:
    """Keep the gauges current."""
    import asyncio

    from service.domain.errors import ClaimdeskError
    from service.webhooks import figures

    while True:
        # What cannot be read now is read the next time; the dispatcher logs why.
        with contextlib.suppress(ClaimdeskError):
            meters.set_gauges(await database.read(figures.read_figures, now=_read_clock()))
        await asyncio.sleep(FIGURES_SECONDS)


def _read_clock() -> datetime:
    return datetime.now(UTC)
