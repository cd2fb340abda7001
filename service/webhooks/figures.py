"""How deliveries stand, counted: for /metrics and /readyz."""

from datetime import datetime

from sqlalchemy import Connection, and_, func, null, or_, select

from service.domain.backoff import BREAKER_FAILURES
from service.domain.webhooks import DeliveryState, EndpointState
from service.store.installation import WEBHOOKS_HELD
from service.store.webhook_tables import webhook_deliveries, webhooks
from service.webhooks.meters import Figures
from service.webhooks.settlement import PENDING

deliveries = webhook_deliveries.c
IS_HEALTHY = and_(
    webhooks.c.state == EndpointState.ACTIVE.value,
    webhooks.c.deleted_at.is_(null()),
    webhooks.c.failures == 0,
)


def read_figures(connection: Connection, *, now: datetime) -> Figures:
    """Counts; what a deleted endpoint had is counted until it is cleared away."""
    waiting = deliveries.state == PENDING
    due = connection.scalar(
        select(func.count())
        .select_from(webhook_deliveries)
        .where(waiting, deliveries.visible_at <= now)
    )
    in_flight = connection.scalar(
        select(func.count())
        .select_from(webhook_deliveries)
        .where(deliveries.lease.is_not(null()), deliveries.visible_at > now)
    )
    dead = connection.scalar(
        select(func.count())
        .select_from(webhook_deliveries)
        .where(deliveries.state == DeliveryState.DEAD.value)
    )
    endpoints = dict.fromkeys((*EndpointState, "resting"), 0)
    for state, count in connection.execute(
        select(webhooks.c.state, func.count())
        .where(webhooks.c.deleted_at.is_(null()))
        .group_by(webhooks.c.state)
    ):
        endpoints[state] = count
    endpoints["resting"] = (
        connection.scalar(
            select(func.count())
            .select_from(webhooks)
            .where(
                webhooks.c.state == EndpointState.ACTIVE.value,
                webhooks.c.deleted_at.is_(null()),
                webhooks.c.failures >= BREAKER_FAILURES,
            )
        )
        or 0
    )
    oldest = find_oldest_due(connection, now=now)
    return Figures(
        due=due or 0,
        in_flight=in_flight or 0,
        dead=dead or 0,
        oldest_due_seconds=(now - oldest).total_seconds() if oldest else 0.0,
        endpoints={str(state): count for state, count in endpoints.items()},
    )


def find_oldest_due(connection: Connection, *, now: datetime) -> datetime | None:
    """Since when the longest waiting delivery of an endpoint in health is due; None where none is.

    An endpoint that takes nothing is unwell itself, and one that asked to be left alone is left
    alone: neither tells of a dispatcher that does not do its work.
    """
    first = (
        select(func.min(deliveries.visible_at))
        .where(
            deliveries.webhook == webhooks.c.id,
            deliveries.state == PENDING,
            deliveries.visible_at <= now,
        )
        .scalar_subquery()
    )
    blocked = webhooks.c.blocked_until
    found: datetime | None = connection.scalar(
        select(func.min(first))
        .select_from(webhooks)
        .where(IS_HEALTHY, or_(blocked.is_(null()), blocked <= now), ~WEBHOOKS_HELD)
    )
    return found
