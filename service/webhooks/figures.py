"""Counts deliveries and endpoints by state: for /metrics and /readyz."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, func, null, or_, select

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
    """Return the counts; what a deleted endpoint had counts until it is deleted."""
    endpoints = dict.fromkeys((*EndpointState, "resting"), 0)
    for state, count in connection.execute(
        select(webhooks.c.state, func.count())
        .where(webhooks.c.deleted_at.is_(null()))
        .group_by(webhooks.c.state)
    ):
        endpoints[state] = count
    is_resting = and_(
        webhooks.c.state == EndpointState.ACTIVE.value,
        webhooks.c.deleted_at.is_(null()),
        webhooks.c.failures >= BREAKER_FAILURES,
    )
    endpoints["resting"] = _count(connection, webhooks, is_resting)
    is_due = and_(deliveries.state == PENDING, deliveries.visible_at <= now)
    is_leased = and_(deliveries.lease.is_not(null()), deliveries.visible_at > now)
    is_dead = deliveries.state == DeliveryState.DEAD.value
    oldest = find_oldest_due(connection, now=now)
    return Figures(
        due=_count(connection, webhook_deliveries, is_due),
        in_flight=_count(connection, webhook_deliveries, is_leased),
        dead=_count(connection, webhook_deliveries, is_dead),
        oldest_due_seconds=(now - oldest).total_seconds() if oldest else 0.0,
        endpoints={str(state): count for state, count in endpoints.items()},
    )


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(condition)) or 0


def find_oldest_due(connection: Connection, *, now: datetime) -> datetime | None:
    """Return since when the longest waiting delivery of a healthy endpoint is due, if any is.

    An endpoint that fails, or that asked to be left alone, does not show that no dispatcher works.
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
    blocked_until = webhooks.c.blocked_until
    oldest: datetime | None = connection.scalar(
        select(func.min(first))
        .select_from(webhooks)
        .where(IS_HEALTHY, or_(blocked_until.is_(null()), blocked_until <= now), ~WEBHOOKS_HELD)
    )
    return oldest
