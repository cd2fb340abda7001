"""Tells administrators of endpoints that fail again and again, are disabled, or are well again.

Which endpoints are not well, their rows say; `endpoint_alerts` says of which of them people know.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, delete, insert, or_, select

from service.domain import backoff
from service.domain.claims import format_instant
from service.domain.notices import Alert, NoticeKind
from service.domain.webhooks import EndpointState
from service.notices import event_reading, notice_jobs, notice_sentences, people
from service.notices.notice_plan import Notice
from service.store.tables import endpoint_alerts
from service.store.webhook_tables import IS_REGISTERED, webhooks

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
MOST_TROUBLED = 100
IS_ALERTED = webhooks.c.id.in_(select(endpoint_alerts.c.webhook).scalar_subquery())
EVENTS = {
    Alert.FAILING: "fails again and again",
    Alert.DISABLED: "was disabled",
    None: "works again",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What people are to know of an endpoint from now on; None: that it is well."""

    webhook: str
    alert: Alert | None
    endpoint: Row[Any] | None
    """None for one that was removed, or is a matter of a person who paused it: of that nobody is
    told."""


@dataclass(frozen=True, slots=True)
class TroubledEndpoint:
    """An endpoint that is not well, as the desk's pages name it."""

    webhook: str
    name: str
    alert: Alert


def list_troubled(connection: Connection) -> list[TroubledEndpoint]:
    """List the endpoints that are not well of which administrators were told, the latest first.

    It begins at the alerts, of which there are none on most days: pages ask for it.
    """
    rows = connection.execute(
        select(webhooks)
        .join(endpoint_alerts, endpoint_alerts.c.webhook == webhooks.c.id)
        .where(webhooks.c.deleted_at.is_(None))
        .order_by(endpoint_alerts.c.since.desc(), webhooks.c.id)
        .limit(MOST_TROUBLED)
    )
    return [
        TroubledEndpoint(row.id, _name_endpoint(row), alert)
        for row in rows
        # Who mends one reads it at once, before the next look at all.
        if (alert := _judge(row)) is not None
    ]


def find_change(connection: Connection) -> datetime | None:
    """Return when there was something to tell of an endpoint: long ago, or None."""
    return AT_ONCE if next(_list_changes(connection), None) is not None else None


def tell_administrators(connection: Connection, *, now: datetime) -> None:
    """Tell all administrators how endpoints do that they were told otherwise of."""
    position = event_reading.read_position(connection, lock=True)
    changes = list(_list_changes(connection))
    administrators = people.list_administrators(connection)
    for change in changes:
        is_of_webhook = endpoint_alerts.c.webhook == change.webhook
        connection.execute(delete(endpoint_alerts).where(is_of_webhook))
        if change.alert is not None:
            row = {"webhook": change.webhook, "state": change.alert.value, "since": now}
            connection.execute(insert(endpoint_alerts), row)
    messages = [
        Notice(
            person,
            NoticeKind.WEBHOOK,
            None,
            f"{NoticeKind.WEBHOOK}:{change.webhook}:{format_instant(now)}",
            _describe(change.endpoint, change.alert),
            internal=True,
            position=position,
            at=now,
        )
        for change in changes
        if change.endpoint is not None
        for person in administrators
    ]
    notice_jobs.insert_notices(connection, messages, now=now)


def _list_changes(connection: Connection) -> Iterator[Change]:
    alerts = {row.webhook: Alert(row.state) for row in connection.execute(select(endpoint_alerts))}
    is_troubled = or_(
        webhooks.c.state == EndpointState.DISABLED.value, webhooks.c.failures > 0, IS_ALERTED
    )
    endpoints = connection.execute(
        select(webhooks)
        .where(IS_REGISTERED, webhooks.c.deleted_at.is_(None), is_troubled)
        .order_by(webhooks.c.id)
    ).all()
    for endpoint in endpoints:
        alert = _judge(endpoint)
        if alert is alerts.pop(endpoint.id, None):
            continue
        is_paused = endpoint.state == EndpointState.PAUSED
        yield Change(endpoint.id, alert, None if is_paused else endpoint)
    for webhook in alerts:
        yield Change(webhook, None, None)


def _judge(endpoint: Row[Any]) -> Alert | None:
    """Say how an endpoint does; one that a person paused does well."""
    if endpoint.state == EndpointState.DISABLED:
        return Alert.DISABLED
    is_failing = endpoint.state == EndpointState.ACTIVE and backoff.is_probing(endpoint.failures)
    return Alert.FAILING if is_failing else None


def _describe(endpoint: Row[Any], alert: Alert | None) -> str:
    reason = endpoint.state_reason if alert is Alert.DISABLED else endpoint.last_error
    return notice_sentences.describe_endpoint(
        _name_endpoint(endpoint), EVENTS[alert], reason if alert else None
    )


def _name_endpoint(endpoint: Row[Any]) -> str:
    # A chat's whole address would let in whoever reads it.
    name: str = endpoint.description or urlsplit(endpoint.url).hostname or endpoint.url
    return name
