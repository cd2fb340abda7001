"""The dispatcher: a loop over the database that sends what is due.

Embedded in `claimdesk serve`, or apart as `claimdesk dispatch`.  It keeps nothing that it could not
lose: killed at any instant, whatever it had in hand is due again when its lease ends.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast

import structlog

from service.config import Settings
from service.domain.errors import ClaimdeskError
from service.store.engine import Database
from service.webhooks import leases, retention
from service.webhooks.address_guard import AddressGuard
from service.webhooks.delivery import Outgoing, Sender
from service.webhooks.leases import Leased, Rules, Turn
from service.webhooks.meters import Meters
from service.webhooks.settlement import Attempt

STOP_SECONDS = 20.0
"""What is under way when the dispatcher stops may take so long; then its lease is handed back."""
FORGET_SECONDS = 60.0
APART_AFTER = 3
"""Turns in a row that may fail before attempts are settled one by one, or stopping gives up."""
TROUBLE_SECONDS = 0.5
"""How long to wait after a turn that failed, doubled each time up to 16 times as long."""
SHARE = 0.75
"""Of a dispatcher's slots, what one endpoint may hold."""
SPACING_SECONDS = 0.005
"""A look that found nothing is not repeated sooner, however often the bell rings."""
log = structlog.get_logger("dispatch")


def build_guard(settings: Settings) -> AddressGuard:
    return AddressGuard(
        allow_http=settings.webhook_allow_http, allow_cidrs=settings.webhook_allow_cidrs
    )


class Dispatcher:
    """`start` it, and `stop` it in the end."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Callable[[], datetime],
        meters: Meters,
        *,
        chance: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.database = database
        self.clock = clock
        self.meters = meters
        self.rules = Rules(
            lease=timedelta(seconds=settings.webhook_lease_seconds),
            timeout_s=settings.webhook_timeout_seconds,
            schedule=settings.webhook_schedule,
            chance=chance or random.Random(),  # noqa: S311 -- jitter only
            most=max(1, int(settings.webhook_slots * SHARE)),
        )
        self.sender = Sender(build_guard(settings), clock)
        self._wake = asyncio.Event()
        self._stopping = False
        self._sending: dict[asyncio.Task[None], Leased] = {}
        self._ended: list[Attempt] = []
        self._unsent: list[str] = []
        self._full: set[str] = set()
        self._full_since = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self.database.bell.hear(self._wake.set)
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._keep_house())]

    async def stop(self) -> None:
        """Lease nothing more, let what is under way end, hand back the rest."""
        self._stopping = True
        self._wake.set()
        for task in self._tasks[1:]:
            task.cancel()
        if self._sending:
            await asyncio.wait([*self._sending], timeout=STOP_SECONDS)
        for task, leased in [*self._sending.items()]:
            if task.cancel():
                self._unsent.append(leased.lease)
        self._wake.set()
        if self._tasks:
            await asyncio.wait(self._tasks[:1], timeout=5)
            for task in self._tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self.sender.close()

    async def _run(self) -> None:
        trouble = 0
        while not (self._stopping and not self._sending and not self._to_write):
            self._wake.clear()
            try:
                turn = await self._turn()
            except Exception as error:
                # Whatever it is, what was sent is settled by a later turn, or sent again.
                trouble += 1
                if isinstance(error, ClaimdeskError):
                    log.warning("webhooks wait for the database", problem=error.detail)
                else:
                    log.exception("a turn of the dispatcher failed")
                    if trouble >= APART_AFTER:
                        await self._settle_apart()
                if self._stopping and trouble >= APART_AFTER:
                    return
                await asyncio.sleep(TROUBLE_SECONDS * 2 ** min(trouble - 1, 4))
                continue
            trouble = 0
            if turn is not None and (turn.more or turn.settled.outcomes):
                continue
            await asyncio.sleep(SPACING_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.settings.webhook_poll_seconds):
                    await self._wake.wait()

    @property
    def _to_write(self) -> bool:
        return bool(self._ended or self._unsent)

    async def _turn(self) -> Turn | None:
        """Settle what has ended and lease what is due; None where there was nothing to do."""
        slots = self.settings.webhook_slots
        room = 0 if self._stopping else slots - len(self._sending)
        failing = sum(one.failing for one in self._sending.values())
        room_for_failing = max(1, slots // 2) - failing
        if time.monotonic() - self._full_since >= self.settings.webhook_poll_seconds:
            # Another dispatcher may have settled something meanwhile.
            self._full, self._full_since = set(), time.monotonic()
        wanted: list[str] = []
        if room > 0:
            wanted = await self.database.read(
                leases.waiting,
                now=self.clock(),
                full=tuple(self._full),
                failing=room_for_failing > 0,
            )
        if not (wanted or self._to_write):
            return None
        ended, unsent = self._ended, self._unsent
        self._ended, self._unsent = [], []
        # Settling makes room, and what waited for it is due then.
        wanted = [*{*wanted, *(one.webhook for one in ended)}]
        began = time.monotonic()
        try:
            if unsent:
                await self.database.write(leases.hand_back, unsent, now=self.clock())
                unsent = []
            turn = await self.database.write(
                leases.take_turn,
                attempts=ended,
                wanted=wanted,
                sending=Counter(one.webhook for one in self._sending.values()),
                room=room,
                room_for_failing=max(0, room_for_failing),
                rules=self.rules,
                now=self.clock(),
            )
        except BaseException:
            self._ended = ended + self._ended
            self._unsent = unsent + self._unsent
            raise
        self.meters.turn.observe(time.monotonic() - began)
        self._note(turn)
        self._full -= {one.webhook for one in ended}
        self._full |= turn.full
        if self._stopping:
            self._unsent += [one.lease for one in turn.leased]
            return turn
        for one in turn.leased:
            task = asyncio.create_task(self._send(one, began))
            self._sending[task] = one
            task.add_done_callback(self._sent)
        return turn

    async def _settle_apart(self) -> None:
        """Settle one attempt at a time.  One that cannot be written must not keep the others: it is
        let go, and sent again when its lease ends."""
        for attempt in [*self._ended]:
            try:
                turn = await self.database.write(
                    leases.take_turn,
                    attempts=[attempt],
                    wanted=(),
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
                self._note(turn)
            self._ended.remove(attempt)

    async def _send(self, leased: Leased, leased_at: float) -> None:
        left = self.settings.webhook_lease_seconds - (time.monotonic() - leased_at)
        if left <= leased.timeout:
            # A worker that was stopped and goes on must not send what is another's by now.
            self._unsent.append(leased.lease)
            return
        answer = await self.sender.send(
            Outgoing(
                endpoint=leased.webhook,
                url=leased.url,
                headers=leased.headers,
                secrets=leased.secrets,
                message=leased.message,
                body=leased.body,
                timeout=leased.timeout,
            )
        )
        if answer.delivered and not leased.replay:
            self.meters.latency.observe((self.clock() - leased.created_at).total_seconds())
        self._ended.append(
            Attempt(
                leased.lease, leased.webhook, leased.message, leased.attempt, leased.url, answer
            )
        )
        # Not only once the task's end is told: a turn in between would count both, hold the
        # endpoint to be full, and nothing of it would be left to say that it is not.
        self._sending.pop(cast("asyncio.Task[None]", asyncio.current_task()), None)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.pop(task, None)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            # The lease ends by itself, and the delivery is sent again.
            log.error("sending broke", exc_info=task.exception())

    def _note(self, turn: Turn) -> None:
        for attempt, outcome in turn.settled.outcomes:
            self.meters.attempts.labels(outcome).inc()
            if outcome == "fenced":
                log.warning("settled too late", delivery=attempt.message, webhook=attempt.webhook)
            elif outcome == "dead":
                log.warning("given up", delivery=attempt.message, webhook=attempt.webhook)
        if turn.given_up:
            self.meters.lost.inc(turn.given_up)
            log.error("deliveries that killed their workers were given up", count=turn.given_up)
        for webhook, reason in turn.settled.disabled:
            log.error("a webhook was disabled", webhook=webhook, reason=reason)

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(FORGET_SECONDS)
            try:
                forgotten = 1
                while forgotten:
                    forgotten = await self.database.write(
                        retention.delete_old_deliveries, now=self.clock()
                    )
            except ClaimdeskError as error:
                log.warning("old deliveries wait to be forgotten", problem=error.detail)
            except Exception:
                log.exception("forgetting old deliveries failed")
