"""Reads endpoints and their health, deliveries and attempts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, func, literal, null, select

from service.domain.backoff import is_probing
from service.domain.claims import format_instant
from service.domain.errors import NotFound
from service.domain.webhooks import DeliveryState, ListFilter
from service.store.paging import Window, select_page
from service.store.types import format_optional_instant
from service.store.webhook_tables import (
    IS_REGISTERED,
    webhook_attempts,
    webhook_deliveries,
    webhook_filters,
    webhook_messages,
    webhook_parties,
    webhooks,
)
from service.webhooks.webhook_views import (
    AttemptView,
    DeliveryView,
    DeliveryWithAttemptsView,
    PreviousSecret,
    SecretView,
    WebhookView,
)

NO_WEBHOOK = "There is no webhook with this id."
NO_DELIVERY = "This webhook has no delivery with this id."

IS_LISTED = (webhooks.c.deleted_at.is_(null()), IS_REGISTERED)
"""Which endpoints administrators see."""
deliveries = webhook_deliveries.c
ORDER = (deliveries.created_at, deliveries.position, deliveries.message)
"""Events of one change share an instant; they are listed in the order of the record."""


def list_webhooks(connection: Connection, window: Window) -> list[WebhookView]:
    """Return endpoints, newest first, one more than the limit."""
    query = select(webhooks).where(*IS_LISTED)
    order = webhooks.c.created_at, webhooks.c.id
    page = select_page(query, window, *order, newest_first=True)
    return _build_webhooks(connection, connection.execute(page).all())


def find_webhook(connection: Connection, webhook: str) -> WebhookView | None:
    """Return the endpoint, or None where there is no such."""
    rows = connection.execute(select(webhooks).where(webhooks.c.id == webhook, *IS_LISTED)).all()
    return _build_webhooks(connection, rows)[0] if rows else None


def read_webhook(connection: Connection, webhook: str) -> WebhookView:
    """Return the endpoint.  Raises NotFound."""
    webhook_view = find_webhook(connection, webhook)
    if webhook_view is None:
        raise NotFound(NO_WEBHOOK)
    return webhook_view


def read_secret(connection: Connection, webhook: str, *, now: datetime) -> SecretView:
    """Return the secret that signs, and until when those before it sign too.  Raises NotFound."""
    row = connection.execute(
        select(webhooks.c.secret, webhooks.c.previous_secrets).where(
            webhooks.c.id == webhook, *IS_LISTED
        )
    ).first()
    if row is None:
        raise NotFound(NO_WEBHOOK)
    previous = list_previous_secrets(row.previous_secrets, now=now)
    return {"secret": row.secret, "previous_until": [secret["until"] for secret in previous]}


def list_previous_secrets(stored_secrets: str, *, now: datetime) -> list[PreviousSecret]:
    """Return those of the stored previous secrets that still sign."""
    secrets: list[PreviousSecret] = orjson.loads(stored_secrets)
    return [secret for secret in secrets if datetime.fromisoformat(secret["until"]) > now]


def list_deliveries(
    connection: Connection,
    webhook: str,
    window: Window,
    *,
    state: DeliveryState | None = None,
    kind: str | None = None,
    since: datetime | None = None,
) -> list[DeliveryView]:
    """Return an endpoint's deliveries, newest first, one more than the limit.  Raises NotFound."""
    exists = select(webhooks.c.id).where(webhooks.c.id == webhook, *IS_LISTED)
    if connection.scalar(exists) is None:
        raise NotFound(NO_WEBHOOK)
    query = select(webhook_deliveries).where(deliveries.webhook == webhook)
    if state is not None:
        query = query.where(deliveries.state == state.value)
    if kind is not None:
        query = query.where(deliveries.type == kind)
    if since is not None:
        query = query.where(deliveries.created_at >= since)
    page = select_page(query, window, *ORDER, newest_first=True)
    return [_build_delivery(row) for row in connection.execute(page).all()]


def read_delivery(connection: Connection, webhook: str, message: str) -> DeliveryView:
    """Return a delivery.  Raises NotFound."""
    return _build_delivery(_select_delivery(connection, webhook, message))


def read_delivery_with_attempts(
    connection: Connection, webhook: str, message: str
) -> DeliveryWithAttemptsView:
    """Return a delivery with its body and every attempt, oldest first.  Raises NotFound."""
    row = _select_delivery(connection, webhook, message, webhook_messages.c.body)
    attempts = webhook_attempts.c
    rows = connection.execute(
        select(webhook_attempts)
        .where(attempts.webhook == webhook, attempts.message == message)
        .order_by(attempts.number)
    ).all()
    return {
        **_build_delivery(row),
        "body": bytes(row.body).decode(),
        "attempt_log": [_build_attempt(attempt) for attempt in rows],
    }


def _select_delivery(
    connection: Connection, webhook: str, message: str, *columns: ColumnElement[Any]
) -> Row[Any]:
    row = connection.execute(
        select(webhook_deliveries, *columns)
        .join(webhook_messages, webhook_messages.c.id == deliveries.message)
        .join(webhooks, webhooks.c.id == deliveries.webhook)
        .where(
            deliveries.webhook == webhook,
            deliveries.message == message,
            *IS_LISTED,
        )
    ).first()
    if row is None:
        raise NotFound(NO_DELIVERY)
    return row


def _build_webhooks(connection: Connection, rows: Sequence[Row[Any]]) -> list[WebhookView]:
    """Build endpoints with their lists and counts: three queries, however many they are."""
    ids = [row.id for row in rows]
    lists = read_lists(connection, ids)
    counts: dict[str, dict[str, int]] = {webhook: {} for webhook in ids}
    for webhook, state, count in connection.execute(
        select(deliveries.webhook, deliveries.state, func.count())
        .where(
            deliveries.webhook.in_(ids),
            deliveries.state.in_([DeliveryState.PENDING.value, DeliveryState.DEAD.value]),
        )
        .group_by(deliveries.webhook, deliveries.state)
    ):
        counts[webhook][state] = count
    return [_build_webhook(row, lists[row.id], counts[row.id]) for row in rows]


def read_lists(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Return the filters of each endpoint of which there are several: parties, tags, languages."""
    names = ("parties", *map(str, ListFilter))
    lists: dict[str, dict[str, list[str]]] = {
        webhook: {name: [] for name in names} for webhook in ids
    }
    parties, filters = webhook_parties.c, webhook_filters.c
    of_parties = select(parties.webhook, literal("parties").label("name"), parties.party)
    of_others = select(filters.webhook, filters.name, filters.value)
    for query, value in ((of_parties, parties.party), (of_others, filters.value)):
        endpoint = query.selected_columns[0]
        for webhook, name, entry in connection.execute(
            query.where(endpoint.in_(ids)).order_by(value)
        ):
            lists[webhook][name].append(entry)
    return lists


def _split_entries(joined_entries: str) -> list[Any]:
    return [entry for entry in joined_entries.split(",") if entry]


def _build_webhook(
    row: Row[Any], lists: dict[str, list[str]], counts: dict[str, int]
) -> WebhookView:
    return {
        "id": row.id,
        "format": row.format,
        "url": row.url,
        "description": row.description,
        "event_types": _split_entries(row.event_types),
        "story": row.story,
        "claim": row.claim,
        "parties": lists["parties"],
        "status_from": _split_entries(row.status_from),
        "status_to": _split_entries(row.status_to),
        "kinds": _split_entries(row.kinds),
        "tags": lists["tags"],
        "languages": lists["languages"],
        "severity": _split_entries(row.severity),
        "payload": {"quotes": row.quotes},
        "ordering": row.ordering,
        "state": row.state,
        "state_reason": row.state_reason,
        "max_in_flight": row.max_in_flight,
        "timeout_s": row.timeout_s,
        "headers": orjson.loads(row.headers),
        "created_at": format_instant(row.created_at),
        "created_by": row.created_by,
        "updated_at": format_instant(row.updated_at),
        "health": {
            "failures_in_a_row": row.failures,
            "failing_since": format_optional_instant(row.failing_since),
            "breaker": "open" if is_probing(row.failures) else "closed",
            "blocked_until": format_optional_instant(row.blocked_until),
            "last_success_at": format_optional_instant(row.last_success_at),
            "last_failure_at": format_optional_instant(row.last_failure_at),
            "last_error": row.last_error,
            "pending": counts.get(DeliveryState.PENDING, 0),
            "dead": counts.get(DeliveryState.DEAD, 0),
        },
    }


def _build_delivery(row: Row[Any]) -> DeliveryView:
    is_waiting = row.state == DeliveryState.PENDING and row.lease is None
    return {
        "id": row.message,
        "webhook": row.webhook,
        "type": row.type,
        "claim": row.claim,
        "position": row.position,
        "state": row.state,
        "in_flight": row.state == DeliveryState.PENDING and row.lease is not None,
        "replay": row.replay,
        "attempts": row.attempts,
        "next_attempt_at": format_instant(row.visible_at) if is_waiting else None,
        "last_status": row.last_status,
        "last_error": row.last_error,
        "created_at": format_instant(row.created_at),
        "settled_at": format_optional_instant(row.settled_at),
    }


def _build_attempt(row: Row[Any]) -> AttemptView:
    return {
        "number": row.number,
        "url": row.url,
        "started_at": format_instant(row.started_at),
        "seconds": row.seconds,
        "outcome": row.outcome,
        "status": row.status,
        "error": row.error,
        "response_headers": orjson.loads(row.response_headers),
        "response_body": row.response_body,
    }
