"""Checks webhooks for `claimdesk doctor`: endpoints that get nothing, deliveries that wait."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from service.domain.diagnosis import Finding, make_fault
from service.domain.webhooks import DeliveryState, EndpointState
from service.store.webhook_tables import webhook_deliveries, webhooks
from service.webhooks import figures, webhook_queries

BEHIND = timedelta(minutes=5)
deliveries = webhook_deliveries.c


def check_endpoints(connection: Connection) -> list[Finding]:
    """Find endpoints that are disabled, paused or failing."""
    waiting = (
        select(func.count())
        .select_from(webhook_deliveries)
        .where(deliveries.webhook == webhooks.c.id, deliveries.state == DeliveryState.PENDING)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            webhooks.c.id,
            webhooks.c.url,
            webhooks.c.state,
            webhooks.c.state_reason,
            webhooks.c.failures,
            webhooks.c.last_error,
            waiting.label("waiting"),
        )
        .where(*webhook_queries.IS_LISTED)
        .where((webhooks.c.state != EndpointState.ACTIVE.value) | (webhooks.c.failures > 0))
        .order_by(webhooks.c.id)
        .limit(50)
    )
    findings = []
    for row in rows:
        if row.state != EndpointState.ACTIVE.value:
            what = f"The webhook to {row.url} is {row.state} ({row.state_reason or 'no reason'})"
            advice = f"Once it is well again: claimdesk webhooks activate {row.id}"
        else:
            what = (
                f"The webhook to {row.url} has failed {row.failures} times in a row "
                f"({row.last_error})"
            )
            advice = f"Have its owner look at it; see: claimdesk webhooks deliveries {row.id}"
        findings.append(make_fault("endpoints", f"{what}; {row.waiting} deliveries wait.", advice))
    return findings


def check_deliveries(connection: Connection, *, now: datetime) -> list[Finding]:
    """Find deliveries that nobody sends, and dead letters."""
    findings = []
    oldest = figures.find_oldest_due(connection, now=now)
    if oldest is not None and now - oldest > BEHIND:
        minutes = round((now - oldest).total_seconds() / 60)
        findings.append(
            make_fault(
                "dispatcher",
                f"A delivery of a webhook in health is due for {minutes} minutes.",
                "Is a dispatcher at work? claimdesk serve has one unless CLAIMDESK_DISPATCH is "
                "off; else start: claimdesk dispatch",
            )
        )
    dead = connection.execute(
        select(deliveries.webhook, func.count())
        .join(webhooks, webhooks.c.id == deliveries.webhook)
        .where(deliveries.state == DeliveryState.DEAD, *webhook_queries.IS_LISTED)
        .group_by(deliveries.webhook)
        .limit(50)
    )
    findings += [
        make_fault(
            "dead-deliveries",
            f"{row[1]} deliveries of webhook {row[0]} were given up.",
            f"Once its receiver is well, have them sent again: claimdesk webhooks recover {row[0]}",
        )
        for row in dead
    ]
    return findings
