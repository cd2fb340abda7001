"""What is written for webhooks with an event: its message, and a delivery for whoever wants it.

The endpoints are matched inside the statement that writes the event, so that one transaction, and
on PostgreSQL one round trip, holds all three or none.  A message that nobody wants is not kept.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    bindparam,
    exists,
    insert,
    literal,
    null,
    or_,
    select,
)

from service.domain.claims import ClaimState
from service.domain.history import Event
from service.domain.webhooks import DeliveryState, EventType
from service.store.tables import parties
from service.store.webhook_tables import (
    webhook_deliveries,
    webhook_messages,
    webhook_parties,
    webhooks,
)

DELIVERY_COLUMNS = (
    "webhook",
    "message",
    "type",
    "claim",
    "position",
    "replay",
    "state",
    "attempts",
    "tries",
    "losses",
    "visible_at",
    "created_at",
)
NEW_DELIVERY: dict[str, Any] = {
    "replay": False,
    "state": DeliveryState.PENDING,
    "attempts": 0,
    "tries": 0,
    "losses": 0,
}


def build_inserts(prefix: str) -> tuple[Insert, Insert]:
    """The two writes of one message; their parameters are what `build_parameters` gives."""
    deliveries, messages = webhook_deliveries.c, webhook_messages.c

    def given(name: str, column: Any) -> Any:
        return bindparam(f"{prefix}_{name}", type_=column.type)

    wanted = _wanted(prefix)
    message = insert(webhook_messages).from_select(
        ["id", "type", "body", "created_at"],
        select(
            given("id", messages.id),
            given("type", messages.type),
            given("body", messages.body),
            given("at", messages.created_at),
        ).where(exists(select(webhooks.c.id).where(wanted))),
    )
    delivery = insert(webhook_deliveries).from_select(
        list(DELIVERY_COLUMNS),
        select(
            webhooks.c.id,
            given("id", deliveries.message),
            given("type", deliveries.type),
            given("claim", deliveries.claim),
            given("position", deliveries.position),
            *(literal(value, deliveries[name].type) for name, value in NEW_DELIVERY.items()),
            given("due", deliveries.visible_at),
            given("at", deliveries.created_at),
        ).where(wanted),
    )
    return message, delivery


def build_parameters(
    prefix: str,
    event: Event,
    line: dict[str, Any],
    state: ClaimState,
    body: bytes,
    *,
    now: datetime,
) -> dict[str, Any]:
    """The parameters of `telling(prefix)` for an event, its row, and the claim after it.

    It is due `now`: the record's own instant is ahead where a clock ran ahead before.
    """
    values = {
        "id": line["id"],
        "type": event.type,
        "body": body,
        "claim": state.id,
        "position": event.number,
        "story": state.story,
        "parties": join_entries(list_parties(state)),
        "at": event.recorded_at,
        "due": now,
    }
    return {f"{prefix}_{name}": value for name, value in values.items()}


def build_ping_delivery(
    webhook: str, message: str, body: bytes, *, now: datetime
) -> dict[str, Any]:
    """The row of a delivery that one endpoint gets whatever it filters by."""
    return {
        "webhook": webhook,
        "message": message,
        "type": EventType.PING,
        "claim": None,
        "position": 0,
        **NEW_DELIVERY,
        "visible_at": now,
        "created_at": now,
    }


def join_entries(texts: Any) -> str:
    """`,a,b,`, in which a pattern finds a whole entry; empty where there are none."""
    return f",{','.join(sorted(texts))}," if texts else ""


def _wanted(prefix: str) -> ColumnElement[bool]:
    """Whether an endpoint wants the message: every filter that it has must match."""

    def given(name: str, column: Any) -> Any:
        return bindparam(f"{prefix}_{name}", type_=column.type)

    def within(texts: Any, entry: Any) -> ColumnElement[bool]:
        # Types and slugs hold no sign that LIKE takes for another, but `_`, which stands for
        # itself too.
        found: ColumnElement[bool] = texts.like(literal("%,") + entry + literal(",%"))
        return found

    mine = webhook_parties.c.webhook == webhooks.c.id
    any_party = exists(select(webhook_parties.c.party).where(mine))
    below = (
        select(webhook_parties.c.party.label("slug"))
        .where(mine)
        .correlate(webhooks)
        .cte(f"{prefix}_below", recursive=True, nesting=True)
    )
    # However far below: a party stands for all its tree (MAX_DEPTH bounds that).
    below = below.union(select(parties.c.slug).where(parties.c.parent == below.c.slug))
    a_party = exists(
        select(below.c.slug)
        .where(within(given("parties", webhooks.c.event_types), below.c.slug))
        .correlate(webhooks)
    )
    return (
        webhooks.c.deleted_at.is_(null())
        & or_(
            webhooks.c.event_types == "",
            within(webhooks.c.event_types, given("type", webhook_messages.c.type)),
        )
        & or_(webhooks.c.story.is_(null()), webhooks.c.story == given("story", webhooks.c.story))
        & or_(webhooks.c.claim.is_(null()), webhooks.c.claim == given("claim", webhooks.c.claim))
        & or_(~any_party, a_party)
    )


def list_parties(state: ClaimState) -> frozenset[str]:
    """Every party that an event about this claim concerns, and the roots above them."""
    voices = [link.voice for link in state.links]
    if state.claimant is not None:
        voices.append(state.claimant)
    return frozenset(slug for voice in voices for slug in (voice.party, voice.root))
