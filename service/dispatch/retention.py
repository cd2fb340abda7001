"""Old deliveries are forgotten, a small batch at a time: what was delivered after 30 days, what was
given up after 90, and with a message's last delivery the message."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, exists, null, or_, select, tuple_

from service.domain.webhooks import DeliveryState
from service.store.webhook_tables import (
    webhook_attempts,
    webhook_deliveries,
    webhook_messages,
    webhook_parties,
    webhooks,
)

DELIVERED_KEPT = timedelta(days=30)
DEAD_KEPT = timedelta(days=90)
BATCH = 500

deliveries = webhook_deliveries.c


def forget_old(session: Connection, *, now: datetime) -> int:
    """Forget up to a batch of deliveries; gives how many, 0 where nothing is old enough.

    Those of a deleted endpoint go whatever their age, and the endpoint after them.  What an
    endpoint that is paused or disabled has waiting goes after 90 days.
    """
    gone = select(webhooks.c.id).where(webhooks.c.deleted_at.is_not(null()))
    old = or_(
        and_(
            deliveries.state == DeliveryState.DELIVERED.value,
            deliveries.settled_at < now - DELIVERED_KEPT,
        ),
        and_(
            deliveries.state == DeliveryState.DEAD.value,
            deliveries.settled_at < now - DEAD_KEPT,
        ),
        and_(
            deliveries.webhook.in_(
                select(webhooks.c.id).where(webhooks.c.state != "active").scalar_subquery()
            ),
            deliveries.created_at < now - DEAD_KEPT,
            deliveries.lease.is_(null()),
        ),
        deliveries.webhook.in_(gone.scalar_subquery()),
    )
    chosen = session.execute(
        select(deliveries.webhook, deliveries.message)
        .where(old)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    if chosen:
        pairs = [(row.webhook, row.message) for row in chosen]
        attempts = webhook_attempts.c
        session.execute(
            delete(webhook_attempts).where(tuple_(attempts.webhook, attempts.message).in_(pairs))
        )
        session.execute(
            delete(webhook_deliveries).where(
                tuple_(deliveries.webhook, deliveries.message).in_(pairs)
            )
        )
        session.execute(
            delete(webhook_messages).where(
                webhook_messages.c.id.in_({message for _, message in pairs}),
                ~exists(
                    select(deliveries.message).where(deliveries.message == webhook_messages.c.id)
                ),
            )
        )
        return len(chosen)
    emptied = session.scalars(gone).all()
    if emptied:
        session.execute(delete(webhook_parties).where(webhook_parties.c.webhook.in_(emptied)))
        session.execute(delete(webhooks).where(webhooks.c.id.in_(emptied)))
    return 0
