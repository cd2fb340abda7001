"""Tells of endpoints that fail, are disabled, or are well again.

Part of the transaction that settles the attempts by which that happens.  It is told to the
endpoints that ask for these types by name, and that an endpoint was disabled is on its record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, literal, select

from service.domain import backoff, ids
from service.domain.access import SYSTEM
from service.domain.claims import format_instant
from service.domain.subjects import SubjectKind
from service.domain.webhooks import EndpointState, EventType, Format
from service.record import audit
from service.store.transaction_context import context_of
from service.store.webhook_tables import IS_REGISTERED, webhooks
from service.webhooks import bodies, outbox
from service.webhooks.webhook_views import EndpointHealthView


@dataclass(frozen=True, slots=True)
class HealthChange:
    """What attempts changed of an endpoint: as it was, and the columns that it has now."""

    endpoint: Row[Any]
    after: Mapping[str, Any]
    """The parameters of `settlement.UPDATE_HEALTH`."""
    last_event: str


def tell_operators(connection: Connection, change: HealthChange, *, now: datetime) -> None:
    """Tell of a change of an endpoint's health, if it is one to tell of."""
    kind = find_kind(change)
    endpoint = change.endpoint
    if kind is None or endpoint.owner is not None or endpoint.contact is not None:
        return
    if kind is EventType.WEBHOOK_DISABLED:
        fields = {
            "state": EndpointState.DISABLED.value,
            "reason": change.after["new_state_reason"],
        }
        audit.record_change(
            connection,
            SubjectKind.WEBHOOK,
            change.endpoint.id,
            "webhook.switched",
            fields,
            actor=SYSTEM,
            now=now,
        )
    receivers = connection.scalars(
        select(webhooks.c.id)
        .where(
            webhooks.c.event_types.like(literal(f"%,{kind.value},%")),
            webhooks.c.deleted_at.is_(None),
            IS_REGISTERED,
            webhooks.c.id != change.endpoint.id,
        )
        .order_by(webhooks.c.id)
    ).all()
    if receivers:
        view = build_view(change, base_url=context_of(connection).base_url)
        outbox.queue_message(
            connection,
            message=ids.make_id(),
            kind=kind,
            body=bodies.render_body(kind, now, {**view}),
            webhooks=receivers,
            claim=None,
            position=0,
            now=now,
        )


def find_kind(change: HealthChange) -> EventType | None:
    """Say what happened to an endpoint; None where nothing is to be told."""
    after = change.after
    if after["new_state"] != change.endpoint.state:
        return EventType.WEBHOOK_DISABLED
    was_probing = backoff.is_probing(change.endpoint.failures)
    is_probing = backoff.is_probing(after["new_failures"])
    if is_probing and not was_probing:
        return EventType.WEBHOOK_FAILING
    if was_probing and not is_probing:
        return EventType.WEBHOOK_RECOVERED
    return None


def build_view(change: HealthChange, *, base_url: str) -> EndpointHealthView:
    endpoint, after = change.endpoint, change.after
    since = after["new_failing_since"]
    return {
        "webhook": endpoint.id,
        "address": endpoint.url,
        "description": endpoint.description,
        "format": Format(endpoint.format),
        "failures": after["new_failures"],
        "failing_since": None if since is None else format_instant(since),
        "last_event": change.last_event,
        "error": after["new_last_error"],
        "url": f"{base_url}/admin/webhooks/{endpoint.id}",
    }
