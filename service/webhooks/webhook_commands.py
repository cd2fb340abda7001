"""Registers, changes, pauses and removes endpoints, and sends deliveries again.

Every command locks the endpoint's row, as a dispatcher's turn does, so that neither sees the other
half done.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, null, select, update

from service.domain import access, ids
from service.domain.access import Action, Actor
from service.domain.claims import format_instant
from service.domain.errors import Invalid, NotFound, WebhookNotActive
from service.domain.subjects import SubjectKind
from service.domain.webhooks import (
    DeliveryState,
    EndpointState,
    EventType,
    Format,
    ListFilter,
    Ordering,
    make_secret,
)
from service.record import audit
from service.store import wakeups
from service.store.tables import claims, parties, stories
from service.store.transaction_context import context_of
from service.store.webhook_tables import (
    IS_REGISTERED,
    webhook_deliveries,
    webhook_filters,
    webhook_parties,
    webhooks,
)
from service.webhooks import bodies, endpoint_addresses, outbox, webhook_queries
from service.webhooks.webhook_views import PreviousSecret

MAX_SECRETS = 10
"""Secrets that sign at once: with more, the signatures would not fit a header."""
WIDE: Mapping[str, Any] = {
    "format": Format.STANDARD.value,
    "status_from": (),
    "status_to": (),
    "kinds": (),
    "severity": (),
    "payload": {"quotes": True},
}
"""An endpoint that nothing narrows."""
NARROWING = ("event_types", "status_from", "status_to", "kinds", "severity")
HEALTHY: dict[str, object] = {
    "failures": 0,
    "failing_since": None,
    "blocked_until": None,
    "state_reason": None,
}
"""The health of an endpoint that was registered, activated, or got a new address."""
deliveries = webhook_deliveries.c


def create_webhook(
    connection: Connection, settings: Mapping[str, Any], *, actor: Actor, now: datetime
) -> tuple[str, str]:
    """Register an endpoint; returns its id and the secret that signs what it is sent.

    `settings` are the columns, `parties`, `event_types` and `headers` as plain values; the address
    was checked before, and without a `format` it gets the standard one.  Raises Invalid for a
    story, claim or party that does not exist.
    """
    access.require_permission(actor, Action.MANAGE_WEBHOOKS)
    webhook, secret = ids.make_id(), make_secret()
    all_settings = {**WIDE, **settings}
    columns = endpoint_addresses.split_credentials(_build_columns(connection, all_settings), None)
    endpoint_addresses.check_format(columns)
    registration = {
        **columns,
        "secret": secret,
        "previous_secrets": "[]",
        "created_at": now,
        "created_by": actor.name,
    }
    connection.execute(
        insert(webhooks),
        {
            "id": webhook,
            **registration,
            "state": EndpointState.ACTIVE.value,
            "updated_at": now,
            "served_at": now,
            **HEALTHY,
        },
    )
    lists = _store_lists(connection, webhook, settings)
    description = registration | {"parties": []} | lists | {"deleted_at": None}
    audit.begin_record(connection, SubjectKind.WEBHOOK, webhook, description, actor=actor, now=now)
    return webhook, secret


def change_webhook(
    connection: Connection,
    webhook: str,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Change an endpoint; the next attempt follows.  A new address starts with good health."""
    access.require_permission(actor, Action.MANAGE_WEBHOOKS)
    row = _lock_webhook(connection, webhook)
    values = endpoint_addresses.split_credentials(_build_columns(connection, changes), row)
    endpoint_addresses.check_format({**row._mapping, **values})
    changes_made = {name: value for name, value in values.items() if value != getattr(row, name)}
    if changes_made.keys() & {"url", "credentials", "format"}:
        values |= HEALTHY | {"state_reason": row.state_reason}
    connection.execute(
        update(webhooks).where(webhooks.c.id == webhook).values(**values, updated_at=now)
    )
    changes_made |= _store_lists(connection, webhook, changes)
    if changes_made:
        _record(connection, webhook, "webhook.changed", changes_made, actor=actor, now=now)
    if values.get("ordering") == Ordering.NONE and row.ordering != Ordering.NONE:
        # Those that were not tried waited for another; the others wait for their retry.
        is_untried = (
            (deliveries.webhook == webhook)
            & (deliveries.state == DeliveryState.PENDING.value)
            & (deliveries.tries == 0)
        )
        _make_due(connection, is_untried, now)
    wakeups.notify_after_commit(connection)


def remove_webhook(connection: Connection, webhook: str, *, actor: Actor, now: datetime) -> None:
    """Delete an endpoint.  Nothing more is sent to it; the dispatcher deletes its deliveries."""
    access.require_permission(actor, Action.MANAGE_WEBHOOKS)
    _lock_webhook(connection, webhook)
    connection.execute(update(webhooks).where(webhooks.c.id == webhook).values(deleted_at=now))
    _record(connection, webhook, "webhook.removed", {"deleted_at": now}, actor=actor, now=now)


def set_state(
    connection: Connection,
    webhook: str,
    *,
    state: EndpointState,
    reason: str | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Pause an endpoint, or activate one that was paused or disabled: what it has waiting goes out
    then, and its failures are forgotten."""
    access.require_permission(actor, Action.MANAGE_WEBHOOKS)
    _lock_webhook(connection, webhook)
    values = (
        HEALTHY
        if state is EndpointState.ACTIVE
        else {"state_reason": reason or f"paused by {actor.name}"}
    )
    connection.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook)
        .values(state=state.value, updated_at=now, **values)
    )
    switch = {"state": state.value, "reason": reason}
    _record(connection, webhook, "webhook.switched", switch, actor=actor, now=now)
    wakeups.notify_after_commit(connection)


def rotate_secret(
    connection: Connection, webhook: str, *, overlap_hours: float, actor: Actor, now: datetime
) -> str:
    """Make a new secret; the one before signs beside it for `overlap_hours`."""
    access.require_permission(actor, Action.MANAGE_WEBHOOKS)
    row = _lock_webhook(connection, webhook)
    until = now + timedelta(hours=overlap_hours)
    previous: list[PreviousSecret] = [
        {"secret": row.secret, "until": format_instant(until)},
        *webhook_queries.list_previous_secrets(row.previous_secrets, now=now),
    ]
    for old in previous:
        # No older secret outlives the overlap that was just asked for.
        old["until"] = min(old["until"], format_instant(until), key=datetime.fromisoformat)
    secret = make_secret()
    kept_secrets = orjson.dumps(previous[: MAX_SECRETS - 1] if overlap_hours else []).decode()
    secrets = {"secret": secret, "previous_secrets": kept_secrets}
    connection.execute(
        update(webhooks).where(webhooks.c.id == webhook).values(**secrets, updated_at=now)
    )
    _record(connection, webhook, "webhook.changed", secrets, actor=actor, now=now)
    return secret


def ping_webhook(connection: Connection, webhook: str, *, actor: Actor, now: datetime) -> str:
    """Send an endpoint a ping; returns the delivery.  Raises WebhookNotActive."""
    access.require_permission(actor, Action.MANAGE_WEBHOOKS)
    row = _lock_webhook(connection, webhook)
    if row.state != EndpointState.ACTIVE:
        raise WebhookNotActive(
            f"This webhook is {row.state} ({row.state_reason}): activate it first, "
            'with POST …/state {"state": "active"}.'
        )
    message = ids.make_id()
    body = bodies.render_ping(webhook, now, base_url=context_of(connection).base_url)
    outbox.queue_message(
        connection,
        message=message,
        kind=EventType.PING,
        body=body,
        webhooks=[webhook],
        claim=None,
        position=0,
        now=now,
    )
    return message


def redeliver_message(
    connection: Connection, webhook: str, message: str, *, actor: Actor, now: datetime
) -> None:
    """Send a delivery again, in any state: the same id, the same bytes.

    One that waits for its next attempt is tried now; one in flight stays as it is.
    """
    access.require_permission(actor, Action.MANAGE_WEBHOOKS)
    _lock_webhook(connection, webhook)
    row = connection.execute(
        select(webhook_deliveries).where(
            deliveries.webhook == webhook, deliveries.message == message
        )
    ).first()
    if row is None:
        raise NotFound("This webhook has no delivery with this id.")
    is_delivery = (deliveries.webhook == webhook) & (deliveries.message == message)
    if row.state == DeliveryState.PENDING:
        _make_due(connection, is_delivery, now)
    else:
        _replay(connection, is_delivery, now)
    wakeups.notify_after_commit(connection)


def recover_deliveries(
    connection: Connection, webhook: str, *, since: datetime, actor: Actor, now: datetime
) -> int:
    """Send again everything recorded since then that was not delivered; returns how many.

    Each delivery exists once, so a second recovery sends nothing twice that is still pending.
    """
    access.require_permission(actor, Action.MANAGE_WEBHOOKS)
    _lock_webhook(connection, webhook)
    is_candidate = (deliveries.webhook == webhook) & (deliveries.created_at >= since)
    count = connection.scalar(
        select(func.count())
        .select_from(webhook_deliveries)
        .where(is_candidate, deliveries.state != DeliveryState.DELIVERED.value)
    )
    _make_due(connection, is_candidate & (deliveries.state == DeliveryState.PENDING.value), now)
    _replay(connection, is_candidate & (deliveries.state == DeliveryState.DEAD.value), now)
    wakeups.notify_after_commit(connection)
    return count or 0


def _record(
    connection: Connection,
    webhook: str,
    type: str,
    data: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    audit.record_change(connection, SubjectKind.WEBHOOK, webhook, type, data, actor=actor, now=now)


def _make_due(connection: Connection, condition: ColumnElement[bool], now: datetime) -> None:
    connection.execute(
        update(webhook_deliveries)
        .where(condition, deliveries.lease.is_(null()), deliveries.visible_at > now)
        .values(visible_at=now)
    )


def _replay(connection: Connection, condition: ColumnElement[bool], now: datetime) -> None:
    """Start these deliveries again, independently of new ones and never before them."""
    connection.execute(
        update(webhook_deliveries)
        .where(condition)
        .values(
            state=DeliveryState.PENDING.value,
            replay=True,
            tries=0,
            losses=0,
            visible_at=now,
            first_tried_at=None,
            settled_at=None,
        )
    )


def _lock_webhook(connection: Connection, webhook: str) -> Row[Any]:
    row = connection.execute(
        select(webhooks)
        .where(
            webhooks.c.id == webhook,
            webhooks.c.deleted_at.is_(null()),
            IS_REGISTERED,
        )
        .with_for_update(key_share=True)
    ).first()
    if row is None:
        raise NotFound("There is no webhook with this id.")
    return row


def _build_columns(connection: Connection, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Build the columns for `settings`.  Raises Invalid for references to things that do not
    exist."""
    values = {
        name: value
        for name, value in settings.items()
        if name not in ("parties", "payload", *ListFilter)
    }
    for name, column in (("story", stories.c.slug), ("claim", claims.c.id)):
        wanted_name = values.get(name)
        if wanted_name is not None and not connection.scalar(
            select(column).where(column == wanted_name)
        ):
            raise Invalid(f"there is no {name} '{wanted_name}'", loc=("body", name))
    for position, slug in enumerate(settings.get("parties", ())):
        if not connection.scalar(select(parties.c.slug).where(parties.c.slug == slug)):
            raise Invalid(f"there is no party '{slug}'", loc=("body", "parties", position))
    for name in values.keys() & NARROWING:
        values[name] = outbox.join_entries(set(values[name]))
    if "payload" in settings:
        values["quotes"] = settings["payload"]["quotes"]
    if "headers" in values:
        values["headers"] = orjson.dumps(values["headers"]).decode()
    return values


def _store_lists(
    connection: Connection, webhook: str, settings: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Store the filters of which there are several, as far as `settings` has them, and return
    them."""
    stored_lists = {
        name: sorted(set(settings[name])) for name in ("parties", *ListFilter) if name in settings
    }
    for name, values in stored_lists.items():
        if name == "parties":
            own, rows = webhook_parties.c.webhook == webhook, [{"party": slug} for slug in values]
            table = webhook_parties
        else:
            table, filters = webhook_filters, webhook_filters.c
            own = (filters.webhook == webhook) & (filters.name == name)
            rows = [{"name": name, "value": value} for value in values]
        connection.execute(delete(table).where(own))
        if rows:
            connection.execute(insert(table), [{"webhook": webhook, **row} for row in rows])
    return {str(name): values for name, values in stored_lists.items()}
