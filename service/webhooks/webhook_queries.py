"""Webhooks, read: endpoints and how they do, deliveries, attempts."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, literal, null, select, tuple_

from service.domain.backoff import probing
from service.domain.claims import rfc3339
from service.domain.webhooks import DeliveryState
from service.store.paging import Window
from service.store.types import instant_or_none
from service.store.webhook_tables import (
    webhook_attempts,
    webhook_deliveries,
    webhook_messages,
    webhook_parties,
    webhooks,
)

deliveries = webhook_deliveries.c
ORDER = (deliveries.created_at, deliveries.position, deliveries.message)
"""Events of one change share an instant, and are told in the order of the record."""


def page(connection: Connection, window: Window) -> list[dict[str, Any]]:
    """Endpoints, newest first, one more than the limit."""
    query = (
        select(webhooks)
        .where(webhooks.c.deleted_at.is_(null()))
        .order_by(webhooks.c.created_at.desc(), webhooks.c.id.desc())
    )
    if window.after is not None:
        query = query.where(
            tuple_(webhooks.c.created_at, webhooks.c.id)
            < tuple_(
                literal(datetime.fromisoformat(window.after[0]), webhooks.c.created_at.type),
                literal(window.after[1], webhooks.c.id.type),
            )
        )
    return _shapes(connection, connection.execute(query.limit(window.limit + 1)).all())


def one(connection: Connection, webhook: str) -> dict[str, Any] | None:
    rows = connection.execute(
        select(webhooks).where(webhooks.c.id == webhook, webhooks.c.deleted_at.is_(null()))
    ).all()
    return _shapes(connection, rows)[0] if rows else None


def secret(connection: Connection, webhook: str, *, now: datetime) -> dict[str, Any] | None:
    """The secret that signs, and until when those before it sign too."""
    row = connection.execute(
        select(webhooks.c.secret, webhooks.c.previous_secrets).where(
            webhooks.c.id == webhook, webhooks.c.deleted_at.is_(null())
        )
    ).first()
    if row is None:
        return None
    before = [
        one["until"]
        for one in orjson.loads(row.previous_secrets)
        if datetime.fromisoformat(one["until"]) > now
    ]
    return {"secret": row.secret, "previous_until": before}


def delivery_page(
    connection: Connection,
    webhook: str,
    window: Window,
    *,
    state: DeliveryState | None = None,
    kind: str | None = None,
    since: datetime | None = None,
) -> list[dict[str, Any]] | None:
    """An endpoint's deliveries, newest first, one more than the limit; None where there is no such
    endpoint."""
    if not _exists(connection, webhook):
        return None
    query = (
        select(webhook_deliveries)
        .where(deliveries.webhook == webhook)
        .order_by(*(column.desc() for column in ORDER))
    )
    if state is not None:
        query = query.where(deliveries.state == state.value)
    if kind is not None:
        query = query.where(deliveries.type == kind)
    if since is not None:
        query = query.where(deliveries.created_at >= since)
    if window.after is not None:
        query = query.where(
            tuple_(*ORDER)
            < tuple_(
                literal(datetime.fromisoformat(window.after[0]), deliveries.created_at.type),
                literal(window.after[1], deliveries.position.type),
                literal(window.after[2], deliveries.message.type),
            )
        )
    return [_delivery(row) for row in connection.execute(query.limit(window.limit + 1)).all()]


def delivery(connection: Connection, webhook: str, message: str) -> dict[str, Any] | None:
    """A delivery with its body and every attempt, oldest first."""
    row = connection.execute(
        select(webhook_deliveries, webhook_messages.c.body)
        .join(webhook_messages, webhook_messages.c.id == deliveries.message)
        .join(webhooks, webhooks.c.id == deliveries.webhook)
        .where(
            deliveries.webhook == webhook,
            deliveries.message == message,
            webhooks.c.deleted_at.is_(null()),
        )
    ).first()
    if row is None:
        return None
    attempts = webhook_attempts.c
    made = connection.execute(
        select(webhook_attempts)
        .where(attempts.webhook == webhook, attempts.message == message)
        .order_by(attempts.number)
    ).all()
    return _delivery(row) | {
        "body": bytes(row.body).decode(),
        "attempt_log": [_attempt(one) for one in made],
    }


def _shapes(connection: Connection, rows: Any) -> list[dict[str, Any]]:
    """Endpoints with their parties and counts: three queries, however many they are."""
    found = [row.id for row in rows]
    of = webhook_parties.c.webhook
    parties: dict[str, list[str]] = {one: [] for one in found}
    for webhook, party in connection.execute(
        select(of, webhook_parties.c.party).where(of.in_(found)).order_by(webhook_parties.c.party)
    ):
        parties[webhook].append(party)
    counts: dict[str, dict[str, int]] = {one: {} for one in found}
    for webhook, state, count in connection.execute(
        select(deliveries.webhook, deliveries.state, func.count())
        .where(
            deliveries.webhook.in_(found),
            deliveries.state.in_([DeliveryState.PENDING.value, DeliveryState.DEAD.value]),
        )
        .group_by(deliveries.webhook, deliveries.state)
    ):
        counts[webhook][state] = count
    return [_endpoint(row, parties[row.id], counts[row.id]) for row in rows]


def _endpoint(row: Row[Any], parties: list[str], counts: dict[str, int]) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": row.url,
        "description": row.description,
        "event_types": [one for one in row.event_types.split(",") if one],
        "story": row.story,
        "claim": row.claim,
        "parties": parties,
        "ordering": row.ordering,
        "state": row.state,
        "state_reason": row.state_reason,
        "max_in_flight": row.max_in_flight,
        "timeout_s": row.timeout_s,
        "headers": orjson.loads(row.headers),
        "created_at": rfc3339(row.created_at),
        "created_by": row.created_by,
        "updated_at": rfc3339(row.updated_at),
        "health": {
            "failures_in_a_row": row.failures,
            "failing_since": instant_or_none(row.failing_since),
            "breaker": "open" if probing(row.failures) else "closed",
            "blocked_until": instant_or_none(row.blocked_until),
            "last_success_at": instant_or_none(row.last_success_at),
            "last_failure_at": instant_or_none(row.last_failure_at),
            "last_error": row.last_error,
            "pending": counts.get(DeliveryState.PENDING, 0),
            "dead": counts.get(DeliveryState.DEAD, 0),
        },
    }


def _delivery(row: Row[Any]) -> dict[str, Any]:
    pending = row.state == DeliveryState.PENDING
    return {
        "id": row.message,
        "webhook": row.webhook,
        "type": row.type,
        "claim": row.claim,
        "position": row.position,
        "state": row.state,
        "in_flight": pending and row.lease is not None,
        "replay": row.replay,
        "attempts": row.attempts,
        "next_attempt_at": rfc3339(row.visible_at) if pending and row.lease is None else None,
        "last_status": row.last_status,
        "last_error": row.last_error,
        "created_at": rfc3339(row.created_at),
        "settled_at": instant_or_none(row.settled_at),
    }


def _attempt(row: Row[Any]) -> dict[str, Any]:
    return {
        "number": row.number,
        "url": row.url,
        "started_at": rfc3339(row.started_at),
        "seconds": row.seconds,
        "outcome": row.outcome,
        "status": row.status,
        "error": row.error,
        "response_headers": orjson.loads(row.response_headers),
        "response_body": row.response_body,
    }


def _exists(connection: Connection, webhook: str) -> bool:
    found = select(webhooks.c.id).where(webhooks.c.id == webhook, webhooks.c.deleted_at.is_(null()))
    return connection.scalar(found) is not None
