"""Leases due deliveries to a dispatcher, and settles what it sent.

A dispatcher works in turns.  `due_endpoints` says which endpoints have something due.  One
transaction, `take_turn`, then settles what was sent since the last turn and leases what is sent
next; HTTP happens between turns, with no transaction open.  The endpoints' rows are locked
meanwhile: what an endpoint has in flight, the order within a claim and the state of its circuit
breaker are exact, however many dispatchers there are.

A lease is a token in the delivery's row until `visible_at`, its visibility timeout.  If its holder
died, the delivery is leased again then; a holder that comes back late finds another token there and
changes nothing.
"""

import random
import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    select,
    update,
)

from service.domain import backoff
from service.domain.webhooks import DeliveryState, Format
from service.store.compiled_statements import CompiledStatement
from service.store.webhook_tables import webhook_deliveries, webhook_messages, webhooks
from service.webhooks import due_deliveries, due_endpoints, gathering, webhook_queries
from service.webhooks.gathering import Companion
from service.webhooks.settlement import (
    INSERT_ATTEMPT,
    LOST_ERROR,
    Attempt,
    Settlement,
    settle_attempts,
)

Parameters = dict[str, object]
deliveries = webhook_deliveries.c
_is_delivery = and_(
    deliveries.webhook == bindparam("webhook_id", type_=deliveries.webhook.type),
    deliveries.message == bindparam("message_id", type_=deliveries.message.type),
)
LEASE = CompiledStatement(
    update(webhook_deliveries)
    .where(_is_delivery)
    .values(
        {
            name: bindparam(f"new_{name}", type_=deliveries[name].type)
            for name in (
                "lease",
                "visible_at",
                "first_tried_at",
                "attempts",
                "tries",
                "losses",
                "state",
                "last_error",
                "settled_at",
            )
        }
    )
)
HOLD_BACK = CompiledStatement(
    update(webhook_deliveries)
    .where(_is_delivery)
    .values(visible_at=bindparam("until", type_=deliveries.visible_at.type))
)
NOTE_TURN = CompiledStatement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("webhook_id", type_=webhooks.c.id.type))
    .values(served_at=bindparam("at", type_=webhooks.c.served_at.type))
)


@dataclass(frozen=True, slots=True)
class DispatchRules:
    """How deliveries are leased and tried again, by the settings."""

    lease: timedelta
    timeout_s: float
    schedule: Sequence[float]
    chance: random.Random
    max_per_endpoint: int
    """What one endpoint may have in flight at one dispatcher, whatever it asks for: an endpoint
    that never failed may hang too, and then leaves slots to the others."""


@dataclass(frozen=True, slots=True)
class Leased:
    """One delivery to send now, with today's settings of its endpoint."""

    lease: str
    webhook: str
    message: str
    type: str
    attempt: int
    format: Format
    url: str
    credentials: str | None
    headers: dict[str, str]
    secrets: tuple[str, ...]
    timeout: float
    body: bytes
    quotes: bool
    created_at: datetime
    replay: bool
    failing: bool
    """Whether the last attempt at its endpoint failed."""
    companions: tuple[Companion, ...] = ()

    @property
    def leases(self) -> list[str]:
        return [self.lease, *(companion.lease for companion in self.companions)]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did."""

    leased: list[Leased]
    settled: Settlement
    busy: frozenset[str]
    """Endpoints that take no more until something of theirs is settled."""
    died: int
    """Deliveries that became dead letters because their workers died with them too often."""
    more: bool
    """Whether anything was due: there may be more behind it."""


def take_turn(
    connection: Connection,
    *,
    attempts: Sequence[Attempt],
    endpoint_ids: Collection[str],
    sending: Mapping[str, int],
    room: int,
    room_for_failing: int,
    rules: DispatchRules,
    now: datetime,
) -> Turn:
    """Settle `attempts`, then lease up to `room` deliveries of the endpoints `endpoint_ids`.

    At most `room_for_failing` of them go to endpoints whose last attempt failed.  `sending` is how
    many deliveries this dispatcher has in flight for each endpoint.
    """
    settlements = settle_attempts(
        connection, attempts, schedule=rules.schedule, chance=rules.chance, now=now
    )
    if not endpoint_ids or room <= 0:
        return Turn([], settlements, frozenset(), 0, more=False)
    endpoints = due_endpoints.lock_endpoints(connection, endpoint_ids, now)
    free = {
        webhook: min(count, max(0, rules.max_per_endpoint - sending.get(webhook, 0)))
        for webhook, count in due_endpoints.count_free_slots(connection, endpoints, now).items()
    }
    slots = due_endpoints.share_slots(endpoints, free, room, room_for_failing)
    with_slots = [endpoint for endpoint in endpoints if endpoint.id in slots]
    due = (
        due_deliveries.list_due_deliveries(connection, with_slots, slots, now) if with_slots else []
    )
    leases, death_count = _lease(connection, endpoints, slots, due, rules, now)
    counts = Counter(delivery.webhook for delivery in leases)
    busy = frozenset(webhook for webhook, count in free.items() if counts[webhook] >= count)
    return Turn(leases, settlements, busy, death_count, more=bool(due))


def release_leases(connection: Connection, leases: Collection[str], *, now: datetime) -> int:
    """Give leases back whose deliveries were not sent: they are due at once and cost no attempt."""
    return connection.execute(
        update(webhook_deliveries)
        .where(deliveries.lease.in_(leases))
        .values(
            lease=None,
            visible_at=now,
            attempts=deliveries.attempts - 1,
            tries=deliveries.tries - 1,
        )
    ).rowcount


def _lease(
    connection: Connection,
    endpoints: Sequence[Row[Any]],
    slots: Mapping[str, int],
    due: Sequence[Row[Any]],
    rules: DispatchRules,
    now: datetime,
) -> tuple[list[Leased], int]:
    """Lease the due deliveries that wait for no other, as far as there are slots, and hold back the
    rest.  Returns them, and how many became dead letters."""
    by_id = {endpoint.id: endpoint for endpoint in endpoints}
    remaining = dict(slots)
    leases: list[tuple[Row[Any], str]] = []
    changes: list[Parameters] = []
    delays: list[Parameters] = []
    lost_attempts: list[Parameters] = []
    for delivery in due:
        if delivery.before_due is not None:
            until = due_deliveries.find_held_until(delivery, rules.lease, now)
            delays.append(
                {"webhook_id": delivery.webhook, "message_id": delivery.message, "until": until}
            )
            continue
        if remaining[delivery.webhook] == 0:
            continue
        change = _delay_after_loss(delivery, rules, now)
        if delivery.lease is not None:
            lost_attempts.append(_build_lost_attempt(delivery, by_id[delivery.webhook].url, rules))
        if change is None:
            token = secrets.token_hex(16)
            remaining[delivery.webhook] -= 1
            leases.append((delivery, token))
            change = _build_change(
                delivery,
                rules,
                lease=token,
                visible_at=now + rules.lease,
                attempts=delivery.attempts + 1,
                tries=delivery.tries + 1,
            )
        changes.append(change)
    gathered_deliveries = gathering.gather_later(connection, leases, by_id)
    for companions in gathered_deliveries.values():
        for companion, token in companions:
            changes.append(
                _build_change(
                    companion,
                    rules,
                    lease=token,
                    visible_at=now + rules.lease,
                    attempts=companion.attempts + 1,
                    tries=companion.tries + 1,
                )
            )
    told_companions = {
        (companion.webhook, companion.message)
        for companions in gathered_deliveries.values()
        for companion, _ in companions
    }
    delays = [
        delay
        for delay in delays
        if (delay["webhook_id"], delay["message_id"]) not in told_companions
    ]
    INSERT_ATTEMPT.run_each(connection, lost_attempts)
    LEASE.run_each(connection, changes)
    HOLD_BACK.run_each(connection, delays)
    served_endpoints = sorted({delivery.webhook for delivery in due})
    NOTE_TURN.run_each(
        connection, [{"webhook_id": webhook, "at": now} for webhook in served_endpoints]
    )
    death_count = sum(change["new_state"] == DeliveryState.DEAD for change in changes)
    if not leases:
        return [], death_count
    rows = connection.execute(
        select(webhook_messages.c.id, webhook_messages.c.body).where(
            webhook_messages.c.id.in_(
                {delivery.message for delivery, _ in leases}
                | {message for _, message in told_companions}
            )
        )
    )
    bodies: dict[str, bytes] = {message: bytes(body) for message, body in rows}
    return [
        replace(
            _build_leased(
                delivery, token, by_id[delivery.webhook], bodies[delivery.message], rules, now
            ),
            companions=tuple(
                Companion(
                    companion_token,
                    companion.message,
                    companion.attempts + 1,
                    bodies[companion.message],
                )
                for companion, companion_token in gathered_deliveries.get(token, ())
            ),
        )
        for delivery, token in leases
    ], death_count


def _build_change(delivery: Row[Any], rules: DispatchRules, **changes: object) -> Parameters:
    """Build the parameters of LEASE: what the delivery's row has, with `changes`."""
    is_lost = delivery.lease is not None
    first_tried_at = delivery.first_tried_at
    if is_lost and first_tried_at is None:
        first_tried_at = delivery.visible_at - rules.lease
    values = {
        "lease": None,
        "first_tried_at": first_tried_at,
        "attempts": delivery.attempts,
        "tries": delivery.tries,
        "losses": delivery.losses + is_lost,
        "state": DeliveryState.PENDING,
        "last_error": LOST_ERROR if is_lost else delivery.last_error,
        "settled_at": None,
        **changes,
    }
    key = {"webhook_id": delivery.webhook, "message_id": delivery.message}
    return key | {f"new_{name}": value for name, value in values.items()}


def _delay_after_loss(delivery: Row[Any], rules: DispatchRules, now: datetime) -> Parameters | None:
    """Return how long a delivery that was lost with its worker has to wait; None if it may be sent.

    After the first loss it is sent again at once.  After further losses it waits like a failed one,
    so that a delivery that kills its worker takes fewer others with it each time, and ends as a
    dead letter.
    """
    if delivery.lease is None:
        return None
    if delivery.losses == 0 and delivery.tries <= len(rules.schedule):
        return None
    wait = backoff.compute_retry_delay(delivery.tries, rules.schedule, chance=rules.chance)
    if wait is None:
        return _build_change(
            delivery, rules, visible_at=now, state=DeliveryState.DEAD, settled_at=now
        )
    # Spread widely: what was lost together must not be taken up together again.
    return _build_change(delivery, rules, visible_at=now + wait * rules.chance.uniform(0.5, 2))


def _build_lost_attempt(delivery: Row[Any], url: str, rules: DispatchRules) -> Parameters:
    """Build the log's line of an attempt that nobody settled."""
    values = {
        "webhook": delivery.webhook,
        "message": delivery.message,
        "number": delivery.attempts,
        "url": url,
        "started_at": delivery.visible_at - rules.lease,
        "seconds": 0.0,
        "outcome": "lost",
        "status": None,
        "error": LOST_ERROR,
        "response_headers": "{}",
        "response_body": "",
    }
    return {f"row_{name}": value for name, value in values.items()}


def _build_leased(
    delivery: Row[Any],
    token: str,
    endpoint: Row[Any],
    body: bytes,
    rules: DispatchRules,
    now: datetime,
) -> Leased:
    previous = webhook_queries.list_previous_secrets(endpoint.previous_secrets, now=now)
    return Leased(
        lease=token,
        webhook=delivery.webhook,
        message=delivery.message,
        type=delivery.type,
        attempt=delivery.attempts + 1,
        format=Format(endpoint.format),
        url=endpoint.url,
        credentials=endpoint.credentials,
        headers=orjson.loads(endpoint.headers),
        secrets=(endpoint.secret, *(secret["secret"] for secret in previous)),
        timeout=min(endpoint.timeout_s, rules.timeout_s),
        body=body,
        quotes=endpoint.quotes,
        created_at=delivery.created_at,
        replay=delivery.replay,
        failing=endpoint.failures > 0,
    )
