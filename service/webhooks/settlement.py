"""What became of attempts: the delivery's next state, the attempt's line in the log, and what it
says of the endpoint.  Part of a dispatcher's turn (`leases.py`)."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

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
from service.webhooks.delivery import Answer

LOST = "the worker that had it is gone: whether the receiver got it is not known"
GONE = 410
BUSY = (429, 503)
"""With Retry-After, a receiver that says these is left alone until then."""

# Written out: an index on what is pending serves only who says so in so many words.
PENDING: Any = literal_column(f"'{DeliveryState.PENDING.value}'")

deliveries = webhook_deliveries.c
SETTLE = CompiledStatement(
    update(webhook_deliveries)
    .where(
        deliveries.webhook == bindparam("of", type_=deliveries.webhook.type),
        deliveries.message == bindparam("one", type_=deliveries.message.type),
        # Not for an index: PostgreSQL would take the one on what is in flight, all of an
        # endpoint's each time, instead of the key.
        func.coalesce(deliveries.lease, "") == bindparam("token"),
    )
    .values(
        lease=None,
        losses=0,
        state=bindparam("new_state", type_=deliveries.state.type),
        visible_at=bindparam("until", type_=deliveries.visible_at.type),
        first_tried_at=func.coalesce(
            deliveries.first_tried_at, bindparam("tried", type_=deliveries.first_tried_at.type)
        ),
        settled_at=bindparam("ended", type_=deliveries.settled_at.type),
        last_status=bindparam("said", type_=deliveries.last_status.type),
        last_error=bindparam("why", type_=deliveries.last_error.type),
    )
)
LOG = CompiledStatement(
    insert(webhook_attempts).values(
        {
            column.name: bindparam(f"row_{column.name}", type_=column.type)
            for column in webhook_attempts.c
        }
    )
)
_next = webhook_deliveries.alias("next")
SEND_NEXT = CompiledStatement(
    update(webhook_deliveries)
    .where(
        deliveries.webhook == bindparam("of", type_=deliveries.webhook.type),
        deliveries.message
        == select(_next.c.message)
        .where(
            _next.c.webhook == bindparam("of", type_=deliveries.webhook.type),
            _next.c.claim == bindparam("about", type_=deliveries.claim.type),
            _next.c.replay == bindparam("again", type_=deliveries.replay.type),
            _next.c.state == PENDING,
            _next.c.position > bindparam("after", type_=deliveries.position.type),
            # One that was tried keeps its own time.
            _next.c.tries == 0,
        )
        .order_by(_next.c.position)
        .limit(1)
        .scalar_subquery(),
        # One that is due keeps its age.
        deliveries.visible_at > bindparam("at", type_=deliveries.visible_at.type),
    )
    .values(visible_at=bindparam("at", type_=deliveries.visible_at.type))
)
DOING = CompiledStatement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("of", type_=webhooks.c.id.type))
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


@dataclass(slots=True)
class Settled:
    """What a settling came to."""

    outcomes: list[tuple[Attempt, str]] = field(default_factory=list)
    """Each attempt with `delivered`, `failed`, `dead`, or `fenced`: its lease was another's."""
    disabled: list[tuple[str, str]] = field(default_factory=list)
    """Endpoints that were disabled just now, and why."""


def settle(
    connection: Connection,
    attempts: Sequence[Attempt],
    *,
    schedule: Sequence[float],
    chance: random.Random,
    now: datetime,
) -> Settled:
    """Write down what became of `attempts`, all together.

    Locks their endpoints first, always in the same order.  An attempt whose lease is not in the
    table any more changes nothing: somebody else has taken the delivery up.
    """
    done = Settled()
    if not attempts:
        return done
    endpoints = {
        row.id: row
        for row in connection.execute(
            select(webhooks)
            .where(webhooks.c.id.in_({one.webhook for one in attempts}))
            .order_by(webhooks.c.id)
            .with_for_update(key_share=True)
        ).all()
    }
    standing: dict[str, Any] = {
        row.lease: row
        for row in connection.execute(
            select(
                deliveries.lease,
                deliveries.webhook,
                deliveries.claim,
                deliveries.replay,
                deliveries.position,
                deliveries.tries,
            ).where(
                deliveries.webhook.in_({one.webhook for one in attempts}),
                deliveries.message.in_({one.message for one in attempts}),
                deliveries.lease.is_not(null()),
            )
        ).all()
    }
    changes: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    following: list[dict[str, Any]] = []
    told: dict[str, list[Answer]] = {}
    for one in sorted(attempts, key=lambda attempt: attempt.answer.started_at):
        row = standing.get(one.lease)
        if row is None:
            done.outcomes.append((one, "fenced"))
            continue
        outcome, change = _outcome(one, row.tries, schedule, chance, now)
        done.outcomes.append((one, outcome))
        changes.append(change)
        lines.append(_line(one))
        if one.url == endpoints[one.webhook].url:
            # What an address says that is no longer the endpoint's says nothing of it.
            told.setdefault(one.webhook, []).append(one.answer)
        if outcome != "failed" and row.claim is not None:
            following.append(
                {
                    "of": row.webhook,
                    "about": row.claim,
                    "again": row.replay,
                    "after": row.position,
                    "at": now,
                }
            )
    SETTLE.run_each(connection, changes)
    LOG.run_each(connection, lines)
    SEND_NEXT.run_each(connection, following)
    doing = [_doing(endpoints[webhook], answers, now) for webhook, answers in told.items()]
    DOING.run_each(connection, doing)
    done.disabled = [
        (change["of"], change["new_state_reason"])
        for change in doing
        if change["new_state"] != endpoints[change["of"]].state
    ]
    return done


def failure(answer: Answer) -> str | None:
    """Why an attempt was none, in words; None where it delivered."""
    if answer.delivered:
        return None
    return answer.error or f"the receiver answered {answer.status}"


def _outcome(
    one: Attempt,
    tries: int,
    schedule: Sequence[float],
    chance: random.Random,
    now: datetime,
) -> tuple[str, dict[str, Any]]:
    answer = one.answer
    change: dict[str, Any] = {
        "of": one.webhook,
        "one": one.message,
        "token": one.lease,
        "tried": answer.started_at,
        "said": answer.status,
        "why": failure(answer),
        "until": now,
        "ended": now,
    }
    if answer.delivered:
        return "delivered", change | {"new_state": DeliveryState.DELIVERED}
    wait = backoff.compute_retry_delay(tries, schedule, chance=chance)
    if wait is None:
        return "dead", change | {"new_state": DeliveryState.DEAD}
    wait = max(wait, _asked_for(answer))
    return "failed", change | {
        "new_state": DeliveryState.PENDING,
        "until": now + wait,
        "ended": None,
    }


def _asked_for(answer: Answer) -> timedelta:
    """How long the receiver asked to be left alone."""
    if answer.status in BUSY and answer.retry_after is not None:
        return answer.retry_after
    return timedelta(0)


def _line(one: Attempt) -> dict[str, Any]:
    answer = one.answer
    values = {
        "webhook": one.webhook,
        "message": one.message,
        "number": one.number,
        "url": one.url,
        "started_at": answer.started_at,
        "seconds": answer.seconds,
        "outcome": "delivered" if answer.delivered else "failed",
        "status": answer.status,
        "error": failure(answer),
        "response_headers": orjson.dumps(answer.response_headers).decode(),
        "response_body": answer.response_body,
    }
    return {f"row_{name}": value for name, value in values.items()}


def _doing(endpoint: Row[Any], answers: Iterable[Answer], now: datetime) -> dict[str, Any]:
    """How an endpoint does after these answers, in the order in which they were asked for."""
    failures, since = endpoint.failures, endpoint.failing_since
    blocked, succeeded = endpoint.blocked_until, endpoint.last_success_at
    failed, why = endpoint.last_failure_at, endpoint.last_error
    state, reason = endpoint.state, endpoint.state_reason
    for answer in answers:
        if answer.delivered:
            if backoff.is_probing(failures):
                blocked = None  # the breaker's; what a receiver asked for stands
            failures, since, succeeded = 0, None, now
            continue
        since, failed, why = since or now, now, failure(answer)
        resting = blocked is not None and blocked > now and backoff.is_probing(failures)
        # What was in flight when the breaker opened fails with it: that is no new failure.
        failures += not resting
        rest = timedelta(0) if resting else backoff.compute_pause(failures) or timedelta(0)
        rest = max(rest, _asked_for(answer))
        if rest:
            blocked = max(blocked or now, now + rest)
        if answer.status == GONE:
            state, reason = EndpointState.DISABLED, "the receiver answered 410 Gone"
        elif state == EndpointState.ACTIVE and now - since >= backoff.GIVE_UP:
            state, reason = EndpointState.DISABLED, f"nothing but failure for five days: {why}"
    return {
        "of": endpoint.id,
        "new_failures": failures,
        "new_failing_since": since,
        "new_blocked_until": blocked,
        "new_last_success_at": succeeded,
        "new_last_failure_at": failed,
        "new_last_error": why,
        "new_state": state,
        "new_state_reason": reason,
    }
