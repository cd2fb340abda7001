"""Endpoints, their deliveries, and a dispatcher's turns by hand: real commits, a clock of the
test's own.

Deliveries are written here as the outbox writes them (test_outbox.py proves the outbox itself), so
that a test says in one line what is due, and to which endpoint.
"""

import itertools
import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import Connection, Row, insert, select, update

from service.domain import ids
from service.domain.access import SYSTEM
from service.domain.backoff import SCHEDULE
from service.domain.webhooks import EndpointState
from service.store import webhook_tables as tables
from service.store.engine import Database
from service.webhooks import due_endpoints, outbox, webhook_commands
from service.webhooks import leases as lease
from service.webhooks.exchanges import Answer
from service.webhooks.gathering import Companion
from service.webhooks.leases import DispatchRules, Leased, Turn
from service.webhooks.settlement import Attempt, Settlement
from tests.domain.builders import NOON

SETTINGS: dict[str, Any] = {
    "format": "standard",
    "url": "https://cms.example/hook",
    "description": None,
    "event_types": (),
    "story": None,
    "claim": None,
    "parties": (),
    "ordering": "claim",
    "max_in_flight": 8,
    "timeout_s": 15.0,
    "headers": {},
}


class Even(random.Random):
    """No jitter: every wait is exactly the schedule's."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


RULES = DispatchRules(timedelta(seconds=60), 15.0, SCHEDULE, Even(), max_per_endpoint=1000)


class Board:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOON
        self.rules = RULES
        self._positions = itertools.count(1)

    def advance_clock(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now

    # --- what there is ---

    async def create_endpoint(self, **changes: Any) -> str:
        webhook, _ = await self.database.write(
            webhook_commands.create_webhook, SETTINGS | changes, actor=SYSTEM, now=self.now
        )
        return webhook

    async def create_endpoints(self, count: int) -> list[str]:
        """Create so many endpoints, in one transaction."""

        def create(connection: Connection) -> list[str]:
            return [
                webhook_commands.create_webhook(connection, SETTINGS, actor=SYSTEM, now=self.now)[0]
                for _ in range(count)
            ]

        return await self.database.write(create)

    async def put_event(self, *endpoints: str, claim: str | None = "a", body: bytes = b"{}") -> str:
        """Put one event of a claim for these endpoints, due now; returns its message."""
        return (await self.put_events([(endpoint, claim) for endpoint in endpoints], body=body))[0]

    async def put_events(
        self, pairs: Iterable[tuple[str, str | None]], *, body: bytes = b"{}"
    ) -> list[str]:
        """Put a delivery for each endpoint and claim, in this order, in one transaction.

        Consecutive pairs with the same claim share one message.
        """
        messages: list[str] = []
        lines: list[dict[str, Any]] = []
        deliveries: list[dict[str, Any]] = []
        for claim, group in itertools.groupby(pairs, key=lambda pair: pair[1]):
            endpoints: set[str] = set()
            message, position = "", 0
            for endpoint, _ in group:
                if not message or endpoint in endpoints:
                    message, position, endpoints = ids.make_id(), next(self._positions), set()
                    lines.append(
                        {
                            "id": message,
                            "type": "claim.amended",
                            "body": body,
                            "created_at": self.now,
                        }
                    )
                    messages.append(message)
                endpoints.add(endpoint)
                deliveries.append(
                    outbox.build_delivery(
                        endpoint,
                        message,
                        kind="claim.amended",
                        claim=make_claim_id(claim),
                        position=position,
                        now=self.now,
                    )
                )

        def write(connection: Connection) -> None:
            connection.execute(insert(tables.webhook_messages), lines)
            connection.execute(insert(tables.webhook_deliveries), deliveries)

        await self.database.write(write)
        return messages

    async def set_columns(self, webhook: str, **values: Any) -> None:
        """Set columns of an endpoint, as if it had come to that."""
        statement = update(tables.webhooks).where(tables.webhooks.c.id == webhook).values(**values)
        await self.database.write(lambda connection: connection.execute(statement))

    async def set_delivery_columns(self, webhook: str, message: str, **values: Any) -> None:
        deliveries = tables.webhook_deliveries
        statement = update(deliveries).where(
            deliveries.c.webhook == webhook, deliveries.c.message == message
        )
        await self.database.write(lambda connection: connection.execute(statement.values(**values)))

    async def set_state(
        self, webhook: str, state: EndpointState, reason: str | None = None
    ) -> None:
        await self.database.write(
            webhook_commands.set_state,
            webhook,
            state=state,
            reason=reason,
            actor=SYSTEM,
            now=self.now,
        )

    async def change_endpoint(self, webhook: str, **changes: Any) -> None:
        await self.database.write(
            webhook_commands.change_webhook, webhook, changes, actor=SYSTEM, now=self.now
        )

    async def redeliver_message(self, webhook: str, message: str) -> None:
        await self.database.write(
            webhook_commands.redeliver_message, webhook, message, actor=SYSTEM, now=self.now
        )

    async def recover_deliveries(self, webhook: str, since: datetime = NOON) -> int:
        return await self.database.write(
            webhook_commands.recover_deliveries, webhook, since=since, actor=SYSTEM, now=self.now
        )

    # --- turns ---

    async def list_due_endpoints(self, **changes: Any) -> list[str]:
        return await self.database.read(due_endpoints.list_due_endpoints, now=self.now, **changes)

    async def take_turn(
        self,
        *attempts: Attempt,
        endpoints: Collection[str] | None = None,
        sending: dict[str, int] | None = None,
        room: int = 64,
        room_for_failing: int = 32,
    ) -> Turn:
        if endpoints is None:
            endpoints = {
                *await self.list_due_endpoints(),
                *(attempt.webhook for attempt in attempts),
            }
        return await self.database.write(
            lease.take_turn,
            attempts=attempts,
            endpoint_ids=endpoints,
            sending=sending or {},
            room=room,
            room_for_failing=room_for_failing,
            rules=self.rules,
            now=self.now,
        )

    async def lease_deliveries(self, **changes: Any) -> list[Leased]:
        return (await self.take_turn(**changes)).leased

    async def lease_delivery(self, **changes: Any) -> Leased:
        (lease,) = await self.lease_deliveries(**changes)
        return lease

    async def settle_attempts(self, *attempts: Attempt) -> Settlement:
        """Settle these attempts, and lease nothing."""
        return (await self.take_turn(*attempts, endpoints=())).settled

    async def release_leases(self, *leased: Leased | Companion) -> int:
        leases = [each.lease for each in leased]
        return await self.database.write(lease.release_leases, leases, now=self.now)

    def build_attempts(self, leased: Leased, status: int) -> list[Attempt]:
        """Build the attempts of all that was sent as one message."""
        first = self.build_attempt(leased, status)
        return [
            first,
            *(
                replace(
                    first,
                    lease=companion.lease,
                    message=companion.message,
                    number=companion.attempt,
                    is_companion=True,
                )
                for companion in leased.companions
            ),
        ]

    def build_attempt(
        self,
        leased: Leased,
        status: int | None = 200,
        *,
        retry_after: float | None = None,
        started_at: datetime | None = None,
        **changes: Any,
    ) -> Attempt:
        """Build an attempt with the receiver's answer; None for `status`: no answer."""
        values = {
            "started_at": started_at or self.now,
            "seconds": 0.1,
            "status": status,
            "error": None if status else "connection refused",
            "retry_after": None if retry_after is None else timedelta(seconds=retry_after),
            "response_headers": {},
            "response_body": "",
            **changes,
        }
        return Attempt(
            leased.lease,
            leased.webhook,
            leased.message,
            leased.attempt,
            leased.url,
            Answer(**values),
        )

    async def fail_attempts(self, webhook: str, times: int = 1, status: int | None = 500) -> None:
        """Let so many deliveries of events of their own fail in a row, a millisecond apart."""
        for _ in range(times):
            await self.set_columns(webhook, blocked_until=None)
            message = await self.put_event(webhook, claim=None)
            leases = await self.lease_deliveries(endpoints=[webhook])
            await self.settle_attempts(*(self.build_attempt(each, status) for each in leases))
            await self.set_delivery_columns(
                webhook, message, visible_at=self.now + timedelta(days=30)
            )
            self.advance_clock(milliseconds=1)

    # --- what is written ---

    async def read_delivery(self, webhook: str, message: str) -> Row[Any]:
        deliveries = tables.webhook_deliveries
        query = select(deliveries).where(
            deliveries.c.webhook == webhook, deliveries.c.message == message
        )
        return (await self.read_rows(query))[0]

    async def list_deliveries(self) -> Sequence[Row[Any]]:
        columns = tables.webhook_deliveries.c
        return await self.read_rows(
            select(tables.webhook_deliveries).order_by(columns.position, columns.webhook)
        )

    async def list_attempts(self, webhook: str | None = None) -> Sequence[Row[Any]]:
        """Every attempt, in the order of their numbers."""
        attempts = tables.webhook_attempts
        query = select(attempts).order_by(attempts.c.message, attempts.c.number)
        return await self.read_rows(query if webhook is None else query.filter_by(webhook=webhook))

    async def read_webhook(self, webhook: str) -> Row[Any]:
        return (
            await self.read_rows(select(tables.webhooks).where(tables.webhooks.c.id == webhook))
        )[0]

    async def read_rows(self, query: Any) -> Sequence[Row[Any]]:
        return await self.database.read(lambda connection: connection.execute(query).all())


def make_claim_id(claim: str | None) -> str | None:
    """Make a claim's id from the name that a test gives it."""
    return None if claim is None else str(uuid5(NAMESPACE_OID, claim))
