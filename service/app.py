"""The application: its services, its routes, and what runs beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import structlog
from fastapi import FastAPI, Request

from service.accounts import key_commands, policy, session_commands
from service.api import (
    accounts,
    administration,
    bulk_changes,
    claim_decisions,
    claim_links,
    claim_reads,
    claims,
    corrections,
    corrections_log,
    decisions,
    directory,
    directory_merges,
    document,
    events,
    feeds,
    follows,
    holds,
    inbox,
    inquiries,
    meta,
    notes,
    notice_settings,
    personal_feeds,
    publication,
    reversals,
    statements,
    stories,
    uses,
    views,
    webhooks,
)
from service.claims import correction_requests, intake_commands
from service.claims.deadline_keeper import DeadlineKeeper
from service.claims.renamer import Renamer
from service.config import Settings
from service.desk import routes as desk
from service.desk.claims import board_pages
from service.desk.layout import error_pages
from service.domain.access import Actor, Audience
from service.domain.clocks import ClockGuard, count_seconds
from service.domain.errors import ClaimdeskError, Unavailable
from service.live.listeners import EventHub
from service.metrics import Metrics
from service.notices import feed_addresses
from service.notices.notifier import Notifier
from service.operations import recovery
from service.operations.clock import compare_clock
from service.record import idempotency, tail
from service.record.event_queries import RecordedEvent
from service.store import installation
from service.store.background_tasks import end_task
from service.store.engine import Connection, Database
from service.store.paging import Cursors
from service.web import logs, passwords, problems, replica_figures
from service.web.callers import Callers
from service.web.compression import Compression
from service.web.cors import CrossOriginReading
from service.web.envelope import Envelope
from service.web.readiness import Readiness
from service.web.replica_choice import PositionHeaders
from service.web.service_container import Services
from service.web.shared_limits import SharedLimits
from service.webhooks.dispatcher import Dispatcher, build_guard
from service.webhooks.meters import Meters

HOUSEKEEPING_SECONDS = 30.0
ROUTERS = (
    claim_reads.router,
    board_pages.router,
    claims.router,
    claim_links.router,
    claim_decisions.router,
    holds.router,
    inquiries.router,
    inquiries.inquiry_router,
    corrections_log.router,
    uses.claim_router,
    uses.router,
    corrections.router,
    corrections.statement_router,
    corrections.source_router,
    notes.router,
    bulk_changes.router,
    views.router,
    follows.router,
    inbox.router,
    notice_settings.router,
    reversals.router,
    reversals.statement_router,
    reversals.link_router,
    statements.router,
    statements.link_router,
    decisions.router,
    decisions.queue_router,
    events.router,
    directory.party_router,
    directory.speaker_router,
    directory.source_router,
    directory_merges.party_router,
    directory_merges.speaker_router,
    directory_merges.source_router,
    stories.router,
    accounts.router,
    accounts.key_router,
    accounts.user_router,
    administration.router,
    webhooks.router,
    publication.router,
    feeds.router,
    personal_feeds.router,
    personal_feeds.feed_router,
    meta.router,
    meta.pages,
    *desk.routers,
)
log = structlog.get_logger("claimdesk")


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings | None = None,
    clock: Callable[[], datetime] = utc_now,
    stopwatch: Callable[[], float] | None = None,
) -> FastAPI:
    """Build the application for `settings` (from the environment if None) and `clock`.

    `stopwatch` counts seconds whatever the clock is set to; None: the machine's, for its own clock.

    The database has to be at the schema's head; `claimdesk serve` sees to that.
    """
    settings = settings or Settings()
    logs.configure_logging(settings)
    database = Database(settings, report=True)
    if stopwatch is None and clock is utc_now:
        stopwatch = count_seconds
    tolerance = timedelta(seconds=settings.clock_tolerance_seconds)
    database.clock_guard = ClockGuard(clock, tolerance=tolerance, stopwatch=stopwatch)
    metrics = Metrics()
    meters = Meters(metrics.registry)
    if settings.database_read_url is not None:
        replica_figures.register_figures(metrics, database)

    def render(line: RecordedEvent, audience: Audience) -> bytes:
        return events.render_event(line, audience, live.epoch)

    live = EventHub(settings, database, clock, metrics, render)
    services = Services(
        settings,
        database,
        clock,
        Callers(settings, database),
        metrics,
        meters,
        live,
        Readiness(database, clock, database.clock_guard),
        build_guard(settings),
        Renamer(database, clock),
        DeadlineKeeper(database, clock),
        Notifier(database, clock),
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await database.start()
        await _share_installation(services)
        passwords.prepare_decoy()
        last_settled = await _prepare_database(services)
        database.follow_replica(tail.newest)
        if settings.webhook_bell:
            database.relay_wakeups()
        dispatcher = Dispatcher(settings, database, clock, meters) if settings.dispatch else None
        if dispatcher is not None and last_settled:
            dispatcher.start()
            services.notifier.start()
        keeper = asyncio.create_task(
            _run_housekeeping(services, None if last_settled else dispatcher)
        )
        services.renamer.start()
        services.deadlines.start()
        shared_limits = SharedLimits(
            database,
            clock,
            {
                "requests": services.callers.limiter,
                "pings": services.pings,
                "corrections": services.correction_limiter,
            },
        )
        shared_limits.start()
        live.start()
        try:
            yield
        finally:
            await live.stop()
            await services.deadlines.stop()
            await services.renamer.stop()
            await shared_limits.stop()
            await services.notifier.stop()
            if dispatcher is not None:
                await dispatcher.stop()
            await end_task(keeper)
            with contextlib.suppress(ClaimdeskError):
                await _record_uses(services)
            await database.stop()

    app = FastAPI(
        title="Claimdesk",
        version=version("claimdesk"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # `Envelope` counts, times and logs; looking for other telemetry costs each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.services = services
    app.state.menu = desk.MENU
    # The routers' own routes, which all apps of a process share: FastAPI builds what it includes
    # anew for each app, at the first requests. Routes are tried in this order.
    app.router.routes += [route for router in ROUTERS for route in router.routes]
    problems.install_error_handlers(app, error_pages.render_error_page)
    document.install_document(app)
    app.add_middleware(Compression)
    if settings.public_read:
        app.add_middleware(CrossOriginReading)

    async def identify(request: Request) -> Actor | None:
        return await services.callers.identify(request, now=clock())

    app.add_middleware(
        Envelope,
        settings=settings,
        metrics=services.metrics,
        page=error_pages.render_error_page,
        identify=identify,
        positions=PositionHeaders(database, settings),
    )
    return app


async def _share_installation(services: Services) -> None:
    """Read what the processes of this installation share: keys, the policy, the record's epoch."""
    database = services.database
    installation_values = await database.read(installation.read_values)
    epoch = await database.read(recovery.read_epoch)
    services.epoch = services.live.epoch = epoch
    services.cursors = Cursors(bytes.fromhex(installation_values["cursor_key"]), epoch)
    services.device_key = bytes.fromhex(installation_values["device_key"])
    services.four_eyes = await database.read(policy.needs_second_person)


async def _prepare_database(services: Services) -> bool:
    """Begin another epoch where this is a copy, and a new desk's policy; note where the desk is
    served. Returns whether that is done: a database that takes no changes is served all the same,
    and nothing is sent from it."""
    settings, database = services.settings, services.database
    try:
        await compare_clock(database, services.clock_guard)
        home = await database.describe_location()
        now = services.clock()
        await database.write(recovery.register_home, home=home, now=now)
        await database.write(policy.initialize_policy, four_eyes=settings.four_eyes, now=now)
        served_at = settings.base_url.rstrip("/")
        await database.write(installation.write_value, installation.SERVED_AT, served_at)
    except Unavailable as problem:
        log.error("the database takes no changes", problem=problem.detail)
        return False
    await _share_installation(services)
    return True


async def _run_housekeeping(services: Services, waiting: Dispatcher | None) -> None:
    """Every half minute: record when keys were used, delete what is old or has ended.

    `waiting` is a dispatcher that begins once the database takes changes.
    """
    while True:
        await asyncio.sleep(HOUSEKEEPING_SECONDS)
        try:
            await compare_clock(services.database, services.clock_guard)
            await _share_installation(services)
            if waiting is not None and await _prepare_database(services):
                waiting.start()
                services.notifier.start()
                waiting = None
            await _record_uses(services)
            await services.database.write(idempotency.forget_old, now=services.clock())
            await services.database.write(intake_commands.delete_old_intakes, now=services.clock())
            now = services.clock()
            await services.database.write(correction_requests.delete_old_requests, now=now)
            await services.readiness.leave_sign()
            await services.database.write(session_commands.delete_expired, now=services.clock())
        except ClaimdeskError as error:
            log.warning("housekeeping", problem=error.detail)
        except Exception:
            # Whatever it is, the next round may do better, and requests are served meanwhile.
            log.exception("housekeeping failed")


async def _record_uses(services: Services) -> None:
    callers = services.callers
    keys, callers.used = callers.used, {}
    sessions, callers.used_sessions = callers.used_sessions, {}
    feeds_used, callers.used_feeds = callers.used_feeds, {}
    if not keys and not sessions and not feeds_used:
        return

    def note(connection: Connection) -> None:
        key_commands.record_key_use(connection, keys)
        session_commands.record_session_use(connection, sessions)
        feed_addresses.record_feed_use(connection, feeds_used)

    try:
        await services.database.write(note)
    except BaseException:
        # Not written: kept for the next time, behind what has come in since.
        callers.used = keys | callers.used
        callers.used_sessions = sessions | callers.used_sessions
        callers.used_feeds = feeds_used | callers.used_feeds
        raise
