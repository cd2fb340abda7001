"""Runs the dispatcher: a loop over the database that sends what is due.

Part of `claimdesk serve`, or a process of its own, `claimdesk dispatch`.  It keeps nothing that it
could not lose: killed at any instant, what it had leased is due again when the lease ends.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import structlog

from service.config import Settings
from service.domain.errors import ClaimdeskError
from service.store.background_tasks import end_task
from service.store.engine import Database
from service.webhooks import due_endpoints, leases, mail_addresses, retention
from service.webhooks.address_guard import AddressGuard
from service.webhooks.delivery import Sender
from service.webhooks.exchanges import Outgoing
from service.webhooks.leases import DispatchRules, Leased, Turn
from service.webhooks.mail_addresses import MailServer
from service.webhooks.meters import Meters
from service.webhooks.settlement import Attempt

SETTLE_SINGLY_AFTER = 3
"""Turns in a row that may fail before attempts are settled one by one, or stopping gives up."""
ENDPOINT_SHARE = 0.75
"""Of a dispatcher's slots, what one endpoint may hold."""
SPACING_SECONDS = 0.005
"""A look that found nothing is not repeated sooner, however many wakeups come."""
log = structlog.get_logger("dispatch")


@dataclass(frozen=True)
class Pauses:
    """How long a dispatcher waits, in seconds."""

    trouble: float = 0.5
    """After a turn that failed; doubled each time, up to 16 times as long."""
    stop: float = 20.0
    """For what is under way when it stops; then its lease is released."""
    retention: float = 60.0
    """Between two looks for deliveries that are old enough to be deleted."""


PAUSES = Pauses()


def build_guard(settings: Settings) -> AddressGuard:
    return AddressGuard(
        allow_http=settings.webhook_allow_http, allow_cidrs=settings.webhook_allow_cidrs
    )


def build_mail_server(settings: Settings) -> MailServer | None:
    """Build the mail server that the operator set, if there is one."""
    if settings.smtp_url is None:
        return None
    return mail_addresses.parse_server(
        settings.smtp_url.get_secret_value(), settings.mail_from or ""
    )


class Dispatcher:
    """Leases, sends and settles deliveries between `start` and `stop`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Callable[[], datetime],
        meters: Meters,
        *,
        chance: random.Random | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        self.settings = settings
        self.database = database
        self.clock = clock
        self.meters = meters
        self.pauses = pauses or PAUSES
        self.rules = DispatchRules(
            lease=timedelta(seconds=settings.webhook_lease_seconds),
            timeout_s=settings.webhook_timeout_seconds,
            schedule=settings.webhook_schedule,
            chance=chance or random.Random(),  # noqa: S311 -- jitter only
            max_per_endpoint=max(1, int(settings.webhook_slots * ENDPOINT_SHARE)),
        )
        self.sender = Sender(build_guard(settings), clock, mail=build_mail_server(settings))
        self._wake = asyncio.Event()
        self._stopping = False
        self._sending: dict[asyncio.Task[None], Leased] = {}
        self._ended: list[Attempt] = []
        self._unsent: list[str] = []
        self._busy: set[str] = set()
        self._busy_since = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self.database.wakeups.subscribe(self._wake.set)
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._delete_old())]

    async def stop(self) -> None:
        """Lease nothing more, let attempts in flight end, and release the other leases."""
        self._stopping = True
        self._wake.set()
        for task in self._tasks[1:]:
            task.cancel()
        if self._sending:
            await asyncio.wait([*self._sending], timeout=self.pauses.stop)
        for task, lease in [*self._sending.items()]:
            if task.cancel():
                self._unsent += lease.leases
        self._wake.set()
        if self._tasks:
            await asyncio.wait(self._tasks[:1], timeout=5)
            for task in self._tasks:
                await end_task(task)
        await self.sender.close()

    async def _run(self) -> None:
        trouble = 0
        while not (self._stopping and not self._sending and not self._has_results):
            self._wake.clear()
            try:
                turn = await self._take_turn()
            except Exception as error:
                # Whatever it is, what was sent is settled by a later turn, or sent again.
                trouble += 1
                if isinstance(error, ClaimdeskError):
                    log.warning("webhooks wait for the database", problem=error.detail)
                else:
                    log.exception("a turn of the dispatcher failed")
                    if trouble >= SETTLE_SINGLY_AFTER:
                        await self._settle_singly()
                if self._stopping and trouble >= SETTLE_SINGLY_AFTER:
                    return
                await asyncio.sleep(self.pauses.trouble * 2 ** min(trouble - 1, 4))
                continue
            trouble = 0
            if turn is not None and (turn.more or turn.settled.outcomes):
                continue
            await asyncio.sleep(SPACING_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.settings.webhook_poll_seconds):
                    await self._wake.wait()

    @property
    def _has_results(self) -> bool:
        return bool(self._ended or self._unsent)

    async def _take_turn(self) -> Turn | None:
        """Settle what has ended and lease what is due; None where there was nothing to do."""
        slots = self.settings.webhook_slots
        room = 0 if self._stopping else slots - len(self._sending)
        failing = sum(delivery.failing for delivery in self._sending.values())
        room_for_failing = max(1, slots // 2) - failing
        if time.monotonic() - self._busy_since >= self.settings.webhook_poll_seconds:
            # Another dispatcher may have settled something meanwhile.
            self._busy, self._busy_since = set(), time.monotonic()
        endpoint_ids: list[str] = []
        if room > 0:
            endpoint_ids = await self.database.read(
                due_endpoints.list_due_endpoints,
                now=self.clock(),
                busy=tuple(self._busy),
                with_failing=room_for_failing > 0,
            )
        if not (endpoint_ids or self._has_results):
            return None
        ended_attempts, unsent = self._ended, self._unsent
        self._ended, self._unsent = [], []
        # Settling makes room, and what waited for it is due then.
        endpoint_ids = [*{*endpoint_ids, *(attempt.webhook for attempt in ended_attempts)}]
        began = time.monotonic()
        try:
            if unsent:
                await self.database.write(leases.release_leases, unsent, now=self.clock())
                unsent = []
            turn = await self.database.write(
                leases.take_turn,
                attempts=ended_attempts,
                endpoint_ids=endpoint_ids,
                sending=Counter(delivery.webhook for delivery in self._sending.values()),
                room=room,
                room_for_failing=max(0, room_for_failing),
                rules=self.rules,
                now=self.clock(),
            )
        except BaseException:
            self._ended = ended_attempts + self._ended
            self._unsent = unsent + self._unsent
            raise
        self.meters.turn.observe(time.monotonic() - began)
        self._report(turn)
        self._busy -= {attempt.webhook for attempt in ended_attempts}
        self._busy |= turn.busy
        if self._stopping:
            self._unsent += [lease for delivery in turn.leased for lease in delivery.leases]
            return turn
        for delivery in turn.leased:
            task = asyncio.create_task(self._send(delivery, began))
            self._sending[task] = delivery
            task.add_done_callback(self._finish_sending)
        return turn

    async def _settle_singly(self) -> None:
        """Settle one attempt at a time.  One that cannot be written must not hold up the others: it
        is dropped, and sent again when its lease ends."""
        for attempt in [*self._ended]:
            try:
                turn = await self.database.write(
                    leases.take_turn,
                    attempts=[attempt],
                    endpoint_ids=(),
                    sending={},
                    room=0,
                    room_for_failing=0,
                    rules=self.rules,
                    now=self.clock(),
                )
            except ClaimdeskError:
                return
            except Exception:
                log.exception("an attempt cannot be settled", delivery=attempt.message)
            else:
                self._report(turn)
            self._ended.remove(attempt)

    async def _send(self, lease: Leased, leased_at: float) -> None:
        remaining = self.settings.webhook_lease_seconds - (time.monotonic() - leased_at)
        if remaining <= lease.timeout:
            # A process that was suspended and goes on must not send what another has leased by now.
            self._unsent += lease.leases
            return
        answer = await self.sender.send(
            Outgoing(
                endpoint=lease.webhook,
                url=lease.url,
                headers=lease.headers,
                secrets=lease.secrets,
                message=lease.message,
                body=lease.body,
                timeout=lease.timeout,
                format=lease.format,
                credentials=lease.credentials,
                quotes=lease.quotes,
                companions=tuple(companion.body for companion in lease.companions),
            )
        )
        if answer.delivered and not lease.replay:
            self.meters.latency.observe((self.clock() - lease.created_at).total_seconds())
        self._ended.append(
            Attempt(lease.lease, lease.webhook, lease.message, lease.attempt, lease.url, answer)
        )
        self._ended += (
            Attempt(
                companion.lease,
                lease.webhook,
                companion.message,
                companion.attempt,
                lease.url,
                answer,
                is_companion=True,
            )
            for companion in lease.companions
        )
        # Here, not in `_finish_sending`: a turn in between would count the delivery twice and
        # call the endpoint busy, and nothing of it would be left to say that it is not.
        self._sending.pop(cast("asyncio.Task[None]", asyncio.current_task()), None)

    def _finish_sending(self, task: asyncio.Task[None]) -> None:
        self._sending.pop(task, None)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            # The lease ends by itself, and the delivery is sent again.
            log.error("sending broke", exc_info=task.exception())

    def _report(self, turn: Turn) -> None:
        for attempt, outcome in turn.settled.outcomes:
            self.meters.attempts.labels(outcome).inc()
            if outcome == "fenced":
                log.warning("settled too late", delivery=attempt.message, webhook=attempt.webhook)
            elif outcome == "dead":
                log.warning("given up", delivery=attempt.message, webhook=attempt.webhook)
        if turn.died:
            self.meters.lost.inc(turn.died)
            log.error("deliveries that killed their workers were given up", count=turn.died)
        for webhook, reason in turn.settled.disabled:
            log.error("a webhook was disabled", webhook=webhook, reason=reason)

    async def _delete_old(self) -> None:
        while True:
            await asyncio.sleep(self.pauses.retention)
            try:
                delete_count = 1
                while delete_count:
                    delete_count = await self.database.write(
                        retention.delete_old_deliveries, now=self.clock()
                    )
            except ClaimdeskError as error:
                log.warning("old deliveries wait to be deleted", problem=error.detail)
            except Exception:
                log.exception("forgetting old deliveries failed")
