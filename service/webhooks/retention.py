"""Deletes old deliveries, a small batch at a time: delivered ones after 30 days, dead letters after
90, and with a message's last delivery the message."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, exists, null, select, tuple_

from service.domain.webhooks import DeliveryState, EndpointState
from service.store.webhook_tables import (
    webhook_attempts,
    webhook_deliveries,
    webhook_filters,
    webhook_messages,
    webhook_parties,
    webhooks,
)
from service.webhooks.settlement import PENDING

DELIVERED_KEPT = timedelta(days=30)
DEAD_KEPT = timedelta(days=90)
BATCH = 500

deliveries = webhook_deliveries.c


def delete_old_deliveries(connection: Connection, *, now: datetime, batch: int = BATCH) -> int:
    """Delete up to a batch of deliveries; returns how many, 0 where nothing is old enough.

    Those of a deleted endpoint go whatever their age, and the endpoint after them.  What has been
    due for 90 days to an endpoint that is paused or disabled goes too.
    """
    is_deleted = webhooks.c.deleted_at.is_not(null())
    idle = webhooks.c.state != EndpointState.ACTIVE.value
    for old in (
        (
            deliveries.state == DeliveryState.DELIVERED.value,
            deliveries.settled_at < now - DELIVERED_KEPT,
        ),
        (
            deliveries.state == DeliveryState.DEAD.value,
            deliveries.settled_at < now - DEAD_KEPT,
        ),
        (
            _belongs_to(idle),
            deliveries.state == PENDING,
            deliveries.visible_at < now - DEAD_KEPT,
        ),
        (_belongs_to(is_deleted),),
    ):
        # One after the other, so that each finds its rows by an index.
        rows = connection.execute(
            select(deliveries.webhook, deliveries.message)
            .where(*old)
            .limit(batch)
            .with_for_update(skip_locked=True)
        ).all()
        if rows:
            _delete(connection, [(row.webhook, row.message) for row in rows])
            return len(rows)
    empty_messages = connection.scalars(
        select(webhooks.c.id).where(
            is_deleted,
            ~exists(select(deliveries.message).where(deliveries.webhook == webhooks.c.id)),
        )
    ).all()
    if empty_messages:
        for table in (webhook_parties, webhook_filters):
            connection.execute(delete(table).where(table.c.webhook.in_(empty_messages)))
        connection.execute(delete(webhooks).where(webhooks.c.id.in_(empty_messages)))
    return 0


def _belongs_to(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a delivery is of an endpoint for which `condition` holds."""
    return deliveries.webhook.in_(select(webhooks.c.id).where(condition).scalar_subquery())


def _delete(connection: Connection, pairs: list[tuple[str, str]]) -> None:
    """Delete deliveries, their attempts, and the messages of which they were the last."""
    messages, attempts = webhook_messages.c, webhook_attempts.c
    # Locked, so that of two who each delete one of a message's last two the second deletes it too.
    locked_messages = connection.scalars(
        select(messages.id)
        .where(messages.id.in_({message for _, message in pairs}))
        .order_by(messages.id)
        .with_for_update()
    ).all()
    connection.execute(
        delete(webhook_attempts).where(tuple_(attempts.webhook, attempts.message).in_(pairs))
    )
    connection.execute(
        delete(webhook_deliveries).where(tuple_(deliveries.webhook, deliveries.message).in_(pairs))
    )
    connection.execute(
        delete(webhook_messages).where(
            messages.id.in_(locked_messages),
            ~exists(select(deliveries.message).where(deliveries.message == messages.id)),
        )
    )
