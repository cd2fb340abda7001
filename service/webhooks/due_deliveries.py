"""Finds due deliveries, each with the earlier delivery that it has to wait for.

Events of one claim are delivered in the order of its record.  That order is kept without scanning:
what waits for an earlier delivery is held back when a turn meets it, and settling that one makes
the next one due (`settlement.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Integer,
    Label,
    Row,
    Select,
    bindparam,
    literal,
    or_,
    select,
    union_all,
)

from service.domain import backoff
from service.domain.webhooks import Ordering
from service.store.webhook_tables import webhook_deliveries
from service.webhooks.settlement import PENDING

CANDIDATES_PER_SLOT = 4
"""How many due deliveries are looked at for each that may be leased: some wait for others."""

deliveries = webhook_deliveries.c
_earlier = webhook_deliveries.alias("earlier")


def list_due_deliveries(
    connection: Connection, endpoints: Sequence[Row[Any]], slots: Mapping[str, int], now: datetime
) -> Sequence[Row[Any]]:
    """Return the first due deliveries of each endpoint that has slots, with `before_due` and
    `before_tried` of the delivery that each waits for."""
    parameters: dict[str, object] = {"now": now, "held_since": now - backoff.HOLD}
    for number, endpoint in enumerate(endpoints):
        parameters[f"webhook_{number}"] = endpoint.id
        parameters[f"limit_{number}"] = slots[endpoint.id] * CANDIDATES_PER_SLOT
    query = _build_query(tuple(endpoint.ordering != Ordering.NONE for endpoint in endpoints))
    return connection.execute(query, parameters).all()


def find_held_until(delivery: Row[Any], lease: timedelta, now: datetime) -> datetime:
    """Return when a delivery that waits for another is looked at again, if that is not settled
    before: settling it makes this one due."""
    until: datetime = max(delivery.before_due, now + lease)
    if delivery.before_tried is not None:
        until = min(until, delivery.before_tried + backoff.HOLD)
    return until


# As many as there may be: ordered or not, for up to 32 endpoints.  Building a query anew for each
# turn took longer than running it.
@lru_cache(maxsize=256)
def _build_query(orders: tuple[bool, ...]) -> Select[Any] | CompoundSelect[Any]:
    """Build the query for so many endpoints that keep order or do not."""
    now = bindparam("now", type_=deliveries.visible_at.type)
    parts = []
    for number, in_order in enumerate(orders):
        webhook = bindparam(f"webhook_{number}", type_=deliveries.webhook.type)
        query = (
            select(
                deliveries.webhook,
                deliveries.message,
                deliveries.type,
                deliveries.visible_at,
                deliveries.position,
                deliveries.replay,
                deliveries.attempts,
                deliveries.tries,
                deliveries.losses,
                deliveries.lease,
                deliveries.first_tried_at,
                deliveries.last_error,
                deliveries.created_at,
                *_select_earlier(webhook, in_order),
            )
            .where(
                deliveries.webhook == webhook,
                deliveries.state == PENDING,
                deliveries.visible_at <= now,
            )
            .order_by(deliveries.visible_at, deliveries.position)
            .limit(bindparam(f"limit_{number}", type_=Integer()))
        )
        parts.append(select(query.subquery()))
    return union_all(*parts) if len(parts) > 1 else parts[0]


def _select_earlier(webhook: BindParameter[Any], in_order: bool) -> list[Label[Any]]:
    """Select when the delivery that has to be settled first is due, and when it was first tried.

    That is the first one about the same claim, earlier in its record, and asked for in the same
    way: replays wait for replays only.  It holds the later ones back for an hour from its first
    attempt.
    """
    due, first_tried_at = _earlier.c.visible_at, _earlier.c.first_tried_at
    if not in_order:
        return [
            literal(None, due.type).label("before_due"),
            literal(None, first_tried_at.type).label("before_tried"),
        ]
    first = (
        select(due)
        .where(
            _earlier.c.webhook == webhook,
            _earlier.c.claim == deliveries.claim,
            _earlier.c.replay == deliveries.replay,
            _earlier.c.state == PENDING,
            _earlier.c.position < deliveries.position,
            or_(
                first_tried_at.is_(None),
                first_tried_at > bindparam("held_since", type_=first_tried_at.type),
            ),
        )
        .order_by(_earlier.c.position)
        .limit(1)
    )
    return [
        first.scalar_subquery().label("before_due"),
        first.with_only_columns(first_tried_at).scalar_subquery().label("before_tried"),
    ]
