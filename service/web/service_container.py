"""The parts of a running application: built once in `app.py`, kept on `app.state.services`."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request

from service.claims.deadline_keeper import DeadlineKeeper
from service.claims.renamer import Renamer
from service.config import Settings
from service.domain.clocks import ClockGuard
from service.live.listeners import EventHub
from service.metrics import Metrics
from service.notices.notifier import Notifier
from service.store.engine import Database
from service.store.paging import Cursors
from service.web.answer_cache import PagePartCache
from service.web.callers import Callers
from service.web.limits import Limiter
from service.web.readiness import Readiness
from service.web.shared import SharedAnswers
from service.webhooks.address_guard import AddressGuard
from service.webhooks.meters import Meters

PINGS_A_MINUTE = 6
REQUESTS_A_MINUTE = 3
"""Requests to correct that one address may send."""


@dataclass(slots=True)
class Services:
    settings: Settings
    database: Database
    clock: Callable[[], datetime]
    """Gives aware UTC instants; the only clock there is."""
    callers: Callers
    metrics: Metrics
    meters: Meters
    """Of webhooks."""
    live: EventHub
    """Event streams."""
    readiness: Readiness
    """Whether changes can be written."""
    guard: AddressGuard
    """Says which addresses webhooks may go to."""
    renamer: Renamer
    """Brings renames to the claims that show the name."""
    deadlines: DeadlineKeeper
    """Records deadlines as they pass."""
    notifier: Notifier
    """Tells people what was recorded, where webhooks are sent from too."""
    cursors: Cursors = field(default_factory=lambda: Cursors(b""))
    """Set on start, from the database."""
    epoch: str = ""
    """Of the record, likewise (domain/positions.py)."""
    four_eyes: bool = True
    """Whether a second person approves what is printed, as last read from the database; commands
    are told what holds there by then (`Call.write`)."""
    running: set[str] = field(default_factory=set)
    """Idempotency-Keys whose first request this process is answering."""
    page_parts: PagePartCache = field(default_factory=PagePartCache)
    """Parts of the desk's pages."""
    shared: SharedAnswers = field(init=False)
    """What strangers are shown, made once for all of them."""
    device_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    """Signs the cookies of known browsers; set on start, from the database."""
    correction_limiter: Limiter = field(default_factory=lambda: Limiter(REQUESTS_A_MINUTE))
    """Requests to correct, by address."""
    pings: Limiter = field(default_factory=lambda: Limiter(PINGS_A_MINUTE))
    """Pings, by webhook."""

    @property
    def clock_guard(self) -> ClockGuard:
        """Refuses changes while the clock cannot be right."""
        guard = self.database.clock_guard
        assert guard is not None, "create_app sets it"
        return guard

    def __post_init__(self) -> None:
        self.shared = SharedAnswers(self.database)


def get_services(request: Request) -> Services:
    """Return the services of the application that a request came to."""
    services: Services = request.app.state.services
    return services
