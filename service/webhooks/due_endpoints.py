"""Finds the endpoints that have something due, and shares a dispatcher's slots among them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, Row, and_, exists, func, null, or_, select

from service.domain import backoff
from service.domain.webhooks import EndpointState
from service.store.installation import WEBHOOKS_HELD
from service.store.webhook_tables import webhook_deliveries, webhooks
from service.webhooks.settlement import PENDING

ENDPOINTS_PER_TURN = 32
"""Endpoints that one turn leases for, at most."""

deliveries = webhook_deliveries.c


def _select_endpoints_with_pending() -> CTE:
    """Select the endpoints that have anything pending, from one to the next by the index: neither
    those that have nothing cost a look, nor those that have much."""
    is_pending = deliveries.state == PENDING
    first = select(deliveries.webhook).where(is_pending).order_by(deliveries.webhook).limit(1)
    endpoint_ids = select(first.scalar_subquery().label("webhook")).cte(
        "having_some", recursive=True
    )
    following = first.where(deliveries.webhook > endpoint_ids.c.webhook).scalar_subquery()
    return endpoint_ids.union_all(select(following).where(endpoint_ids.c.webhook.is_not(null())))


_WITH_PENDING = _select_endpoints_with_pending()


def list_due_endpoints(
    connection: Connection,
    *,
    now: datetime,
    busy: Collection[str] = (),
    with_failing: bool = True,
) -> list[str]:
    """Return endpoints with something due that may be sent to now, longest unserved first.

    Without those that are busy; and, where there is no room for them, without those whose last
    attempt failed, lest they stand before the others.
    """
    due = exists(
        select(deliveries.message).where(
            deliveries.webhook == webhooks.c.id,
            deliveries.state == PENDING,
            deliveries.visible_at <= now,
        )
    )
    query = (
        select(webhooks.c.id)
        .where(webhooks.c.id.in_(select(_WITH_PENDING.c.webhook)), _is_open(now), due)
        .where(~WEBHOOKS_HELD)
        .order_by(webhooks.c.served_at, webhooks.c.id)
        .limit(ENDPOINTS_PER_TURN)
    )
    if busy:
        query = query.where(webhooks.c.id.not_in(busy))
    if not with_failing:
        query = query.where(webhooks.c.failures == 0)
    return list(connection.scalars(query).all())


def lock_endpoints(
    connection: Connection, endpoint_ids: Collection[str], now: datetime
) -> Sequence[Row[Any]]:
    """Lock and return those of the endpoints that may be sent to now and that no other dispatcher
    has locked, longest unserved first."""
    return connection.execute(
        select(webhooks)
        .where(webhooks.c.id.in_(endpoint_ids), _is_open(now), ~WEBHOOKS_HELD)
        .order_by(webhooks.c.served_at, webhooks.c.id)
        .limit(ENDPOINTS_PER_TURN)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()


def _is_open(now: datetime) -> ColumnElement[bool]:
    """Whether an endpoint may be sent anything now."""
    return and_(
        webhooks.c.state == EndpointState.ACTIVE.value,
        webhooks.c.deleted_at.is_(null()),
        or_(webhooks.c.blocked_until.is_(null()), webhooks.c.blocked_until <= now),
    )


def count_free_slots(
    connection: Connection, endpoints: Sequence[Row[Any]], now: datetime
) -> dict[str, int]:
    """Return how many more deliveries each endpoint may have in flight: one at a time while its
    breaker is open."""
    counts = connection.execute(
        select(deliveries.webhook, func.count())
        .where(
            deliveries.webhook.in_([endpoint.id for endpoint in endpoints]),
            deliveries.lease.is_not(null()),
            deliveries.visible_at > now,
        )
        .group_by(deliveries.webhook)
    )
    in_flight: dict[str, int] = {row[0]: row[1] for row in counts}
    free = {}
    for endpoint in endpoints:
        limit = 1 if backoff.is_probing(endpoint.failures) else endpoint.max_in_flight
        free[endpoint.id] = max(0, limit - in_flight.get(endpoint.id, 0))
    return free


def share_slots(
    endpoints: Sequence[Row[Any]], free: dict[str, int], room: int, room_for_failing: int
) -> dict[str, int]:
    """Return how many deliveries each endpoint is leased now: an equal share of the room, as far
    as it may have so many."""
    slots: dict[str, int] = {}
    for remaining, endpoint in zip(range(len(endpoints), 0, -1), endpoints, strict=True):
        share = min(free[endpoint.id], -(-room // remaining))
        if endpoint.failures:
            share = min(share, room_for_failing)
            room_for_failing -= share
        if share > 0:
            slots[endpoint.id] = share
            room -= share
    return slots
