"""Settles attempts: the delivery's next state, the attempt's line in the log, and the health of the
endpoint.  Part of a dispatcher's turn (`leases.py`)."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    func,
    insert,
    literal_column,
    null,
    select,
    update,
)

from service.domain import backoff
from service.domain.webhooks import DeliveryState, EndpointState
from service.store.compiled_statements import CompiledStatement
from service.store.webhook_tables import webhook_attempts, webhook_deliveries, webhooks
from service.webhooks import operator_events
from service.webhooks.exchanges import Answer
from service.webhooks.operator_events import HealthChange

LOST_ERROR = "the worker that had it is gone: whether the receiver got it is not known"

# Written out: the index on pending deliveries serves only a literal, not a parameter.
PENDING: Any = literal_column(f"'{DeliveryState.PENDING.value}'")

Outcome = Literal["delivered", "failed", "dead", "fenced"]
Parameters = dict[str, object]
deliveries = webhook_deliveries.c
SETTLE_DELIVERY = CompiledStatement(
    update(webhook_deliveries)
    .where(
        deliveries.webhook == bindparam("webhook_id", type_=deliveries.webhook.type),
        deliveries.message == bindparam("message_id", type_=deliveries.message.type),
        # coalesce keeps PostgreSQL off the index on what is in flight (all of an endpoint's),
        # and on the key.
        func.coalesce(deliveries.lease, "") == bindparam("token"),
    )
    .values(
        lease=None,
        losses=0,
        state=bindparam("new_state", type_=deliveries.state.type),
        visible_at=bindparam("until", type_=deliveries.visible_at.type),
        first_tried_at=func.coalesce(
            deliveries.first_tried_at, bindparam("tried_at", type_=deliveries.first_tried_at.type)
        ),
        settled_at=bindparam("ended_at", type_=deliveries.settled_at.type),
        last_status=bindparam("answered", type_=deliveries.last_status.type),
        last_error=bindparam("error", type_=deliveries.last_error.type),
    )
)
INSERT_ATTEMPT = CompiledStatement(
    insert(webhook_attempts).values(
        {
            column.name: bindparam(f"row_{column.name}", type_=column.type)
            for column in webhook_attempts.c
        }
    )
)
_next = webhook_deliveries.alias("next")
MAKE_NEXT_DUE = CompiledStatement(
    update(webhook_deliveries)
    .where(
        deliveries.webhook == bindparam("webhook_id", type_=deliveries.webhook.type),
        deliveries.message
        == select(_next.c.message)
        .where(
            _next.c.webhook == bindparam("webhook_id", type_=deliveries.webhook.type),
            _next.c.claim == bindparam("claim_id", type_=deliveries.claim.type),
            _next.c.replay == bindparam("is_replay", type_=deliveries.replay.type),
            _next.c.state == PENDING,
            _next.c.position > bindparam("after_position", type_=deliveries.position.type),
            # One that was tried keeps its own time for the next attempt.
            _next.c.tries == 0,
        )
        .order_by(_next.c.position)
        .limit(1)
        .scalar_subquery(),
        # One that is due already keeps its place.
        deliveries.visible_at > bindparam("due_at", type_=deliveries.visible_at.type),
    )
    .values(visible_at=bindparam("due_at", type_=deliveries.visible_at.type))
)
UPDATE_HEALTH = CompiledStatement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("webhook_id", type_=webhooks.c.id.type))
    .values(
        {
            name: bindparam(f"new_{name}", type_=webhooks.c[name].type)
            for name in (
                "failures",
                "failing_since",
                "blocked_until",
                "last_success_at",
                "last_failure_at",
                "last_error",
                "state",
                "state_reason",
            )
        }
    )
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that has ended, and its lease."""

    lease: str
    webhook: str
    message: str
    number: int
    url: str
    answer: Answer
    is_companion: bool = False
    """Whether it was sent with another, whose attempt says how the endpoint does."""


@dataclass(slots=True)
class Settlement:
    """What settling did."""

    outcomes: list[tuple[Attempt, Outcome]] = field(default_factory=list)
    """Each attempt with its outcome; `fenced`: somebody else holds the lease by now."""
    disabled: list[tuple[str, str]] = field(default_factory=list)
    """Endpoints that were disabled just now, and why."""


def settle_attempts(
    connection: Connection,
    attempts: Sequence[Attempt],
    *,
    schedule: Sequence[float],
    chance: random.Random,
    now: datetime,
) -> Settlement:
    """Write down what became of `attempts`, all together.

    Locks their endpoints first, always in the same order.  An attempt whose lease is not in the
    table any more changes nothing: somebody else has leased the delivery.
    """
    settlement = Settlement()
    if not attempts:
        return settlement
    endpoints = {
        endpoint.id: endpoint
        for endpoint in connection.execute(
            select(webhooks)
            .where(webhooks.c.id.in_({attempt.webhook for attempt in attempts}))
            .order_by(webhooks.c.id)
            .with_for_update(key_share=True)
        ).all()
    }
    leased_rows = {
        str(delivery.lease): delivery
        for delivery in connection.execute(
            select(
                deliveries.lease,
                deliveries.webhook,
                deliveries.type,
                deliveries.claim,
                deliveries.replay,
                deliveries.position,
                deliveries.tries,
            ).where(
                deliveries.webhook.in_({attempt.webhook for attempt in attempts}),
                deliveries.message.in_({attempt.message for attempt in attempts}),
                deliveries.lease.is_not(null()),
            )
        ).all()
    }
    changes: list[Parameters] = []
    lines: list[Parameters] = []
    following: list[Parameters] = []
    answers: dict[str, list[Answer]] = {}
    last_events: dict[str, str] = {}
    for attempt in sorted(attempts, key=lambda attempt: attempt.answer.started_at):
        delivery = leased_rows.get(attempt.lease)
        if delivery is None:
            settlement.outcomes.append((attempt, "fenced"))
            continue
        outcome, change = _settle(attempt, delivery.tries, schedule, chance, now)
        settlement.outcomes.append((attempt, outcome))
        changes.append(change)
        lines.append(_build_line(attempt))
        if attempt.url == endpoints[attempt.webhook].url and not attempt.is_companion:
            # What an address answers that is no longer the endpoint's says nothing of it.
            answers.setdefault(attempt.webhook, []).append(attempt.answer)
            last_events[attempt.webhook] = delivery.type
        if outcome != "failed" and delivery.claim is not None:
            following.append(
                {
                    "webhook_id": delivery.webhook,
                    "claim_id": delivery.claim,
                    "is_replay": delivery.replay,
                    "after_position": delivery.position,
                    "due_at": now,
                }
            )
    SETTLE_DELIVERY.run_each(connection, changes)
    INSERT_ATTEMPT.run_each(connection, lines)
    MAKE_NEXT_DUE.run_each(connection, following)
    health = [
        _update_health(endpoints[webhook], of_endpoint, now)
        for webhook, of_endpoint in answers.items()
    ]
    UPDATE_HEALTH.run_each(connection, health)
    for change in health:
        webhook = str(change["webhook_id"])
        operator_events.tell_operators(
            connection, HealthChange(endpoints[webhook], change, last_events[webhook]), now=now
        )
    settlement.disabled = [
        (str(change["webhook_id"]), str(change["new_state_reason"]))
        for change in health
        if change["new_state"] != endpoints[change["webhook_id"]].state
    ]
    return settlement


def describe_failure(answer: Answer) -> str | None:
    """Say why an attempt failed; None where it delivered."""
    if answer.delivered:
        return None
    return answer.error or f"the receiver answered {answer.status}"


def _settle(
    attempt: Attempt,
    tries: int,
    schedule: Sequence[float],
    chance: random.Random,
    now: datetime,
) -> tuple[Outcome, Parameters]:
    """Return an attempt's outcome, and the parameters of SETTLE_DELIVERY."""
    answer = attempt.answer
    change: Parameters = {
        "webhook_id": attempt.webhook,
        "message_id": attempt.message,
        "token": attempt.lease,
        "tried_at": answer.started_at,
        "answered": answer.status,
        "error": describe_failure(answer),
        "until": now,
        "ended_at": now,
    }
    if answer.delivered:
        return "delivered", change | {"new_state": DeliveryState.DELIVERED}
    wait = backoff.compute_retry_delay(tries, schedule, chance=chance)
    if wait is None or answer.is_final:
        return "dead", change | {"new_state": DeliveryState.DEAD}
    wait = max(wait, _find_retry_after(answer))
    return "failed", change | {
        "new_state": DeliveryState.PENDING,
        "until": now + wait,
        "ended_at": None,
    }


def _find_retry_after(answer: Answer) -> timedelta:
    """Return how long the receiver asked to be left alone."""
    if answer.status in backoff.BUSY and answer.retry_after is not None:
        return answer.retry_after
    return timedelta(0)


def _build_line(attempt: Attempt) -> Parameters:
    """Build an attempt's line in the log."""
    answer = attempt.answer
    values = {
        "webhook": attempt.webhook,
        "message": attempt.message,
        "number": attempt.number,
        "url": attempt.url,
        "started_at": answer.started_at,
        "seconds": answer.seconds,
        "outcome": "delivered" if answer.delivered else "failed",
        "status": answer.status,
        "error": describe_failure(answer),
        "response_headers": orjson.dumps(answer.response_headers).decode(),
        "response_body": answer.response_body,
    }
    return {f"row_{name}": value for name, value in values.items()}


def _update_health(endpoint: Row[Any], answers: Iterable[Answer], now: datetime) -> Parameters:
    """Return an endpoint's health after these answers, in the order of the attempts."""
    failures, since = endpoint.failures, endpoint.failing_since
    blocked_until, last_success_at = endpoint.blocked_until, endpoint.last_success_at
    last_failure_at, error = endpoint.last_failure_at, endpoint.last_error
    state, reason = endpoint.state, endpoint.state_reason
    for answer in answers:
        if answer.delivered:
            if backoff.is_probing(failures):
                blocked_until = None  # the breaker's; what a receiver asked for stands
            failures, since, last_success_at = 0, None, now
            continue
        since, last_failure_at, error = since or now, now, describe_failure(answer)
        is_open = blocked_until is not None and blocked_until > now and backoff.is_probing(failures)
        # What was in flight when the breaker opened fails with it: that is no new failure.
        failures += not is_open
        pause = timedelta(0) if is_open else backoff.compute_pause(failures) or timedelta(0)
        pause = max(pause, _find_retry_after(answer))
        if pause:
            blocked_until = max(blocked_until or now, now + pause)
        if answer.status == backoff.GONE:
            state, reason = EndpointState.DISABLED, "the receiver answered 410 Gone"
        elif state == EndpointState.ACTIVE and now - since >= backoff.GIVE_UP:
            state, reason = EndpointState.DISABLED, f"nothing but failure for five days: {error}"
    return {
        "webhook_id": endpoint.id,
        "new_failures": failures,
        "new_failing_since": since,
        "new_blocked_until": blocked_until,
        "new_last_success_at": last_success_at,
        "new_last_failure_at": last_failure_at,
        "new_last_error": error,
        "new_state": state,
        "new_state_reason": reason,
    }
