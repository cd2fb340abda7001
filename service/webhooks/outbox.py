"""The outbox: writes with an event its message, and a delivery for each endpoint that wants it.

The statement that writes the event also matches the endpoints, so that one transaction, and on
PostgreSQL one round trip, holds all three or none.  A message that no endpoint wants is not kept.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Insert,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
)

from service.domain import uses
from service.domain.claims import ClaimState, Voice
from service.domain.history import Event
from service.domain.webhooks import CHAT_WAIT, CHATS, DeliveryState, EventType, ListFilter
from service.store import wakeups
from service.store.tables import parties
from service.store.webhook_tables import (
    IS_REGISTERED,
    webhook_deliveries,
    webhook_filters,
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
STATUS_CHANGED = EventType.CLAIM_STATUS_CHANGED.value
NEW_DELIVERY: dict[str, object] = {
    "replay": False,
    "state": DeliveryState.PENDING,
    "attempts": 0,
    "tries": 0,
    "losses": 0,
}


def _build_binder(prefix: str) -> Callable[[str, Column[Any]], BindParameter[Any]]:
    return lambda name, column: bindparam(f"{prefix}_{name}", type_=column.type)


def build_inserts(prefix: str) -> tuple[Insert, Insert]:
    """Build the two inserts of one message; `build_parameters` builds their parameters."""
    deliveries, messages = webhook_deliveries.c, webhook_messages.c
    bind = _build_binder(prefix)

    is_wanted = _is_wanted(prefix)
    message = insert(webhook_messages).from_select(
        ["id", "type", "body", "created_at"],
        select(
            bind("id", messages.id),
            bind("type", messages.type),
            bind("body", messages.body),
            bind("at", messages.created_at),
        ).where(exists(select(webhooks.c.id).where(is_wanted))),
    )
    delivery = insert(webhook_deliveries).from_select(
        list(DELIVERY_COLUMNS),
        select(
            webhooks.c.id,
            bind("id", deliveries.message),
            bind("type", deliveries.type),
            bind("claim", deliveries.claim),
            bind("position", deliveries.position),
            *(literal(value, deliveries[name].type) for name, value in NEW_DELIVERY.items()),
            case(
                (_is_chat(), bind("later", deliveries.visible_at)),
                else_=bind("due", deliveries.visible_at),
            ),
            bind("at", deliveries.created_at),
        ).where(is_wanted),
    )
    return message, delivery


def build_parameters(
    prefix: str,
    event: Event,
    line: Mapping[str, Any],
    state: ClaimState,
    body: bytes,
    *,
    now: datetime,
) -> dict[str, object]:
    """Build the parameters of `build_inserts(prefix)` of an event, its row, and the claim after it.

    The delivery is due `now`: the event's own instant is ahead where a clock ran ahead before.
    """
    values = {
        "id": line["id"],
        "type": event.type,
        "body": body,
        "claim": state.id,
        "position": event.number,
        "story": state.story,
        "parties": join_entries(list_parties(state)),
        "status_from": event.data.get("previous_status") or "",
        "status_to": (event.data["status"] if event.type == STATUS_CHANGED else ""),
        "kind": state.kind,
        "severity": _find_severity(event) or "",
        "tags": join_lines(state.tags),
        "languages": join_lines(_list_languages(event)),
        "at": event.recorded_at,
        "due": now,
        "later": now + CHAT_WAIT,
    }
    return {f"{prefix}_{name}": value for name, value in values.items()}


def queue_message(
    connection: Connection,
    *,
    message: str,
    kind: str,
    body: bytes,
    webhooks: Sequence[str],
    claim: str | None,
    position: int,
    now: datetime,
) -> None:
    """Write one message, and its delivery to each of these endpoints, whatever their filters.

    `message` is a new id, by which receivers know it.  What is queued about one claim goes out in
    the order of `position`.
    """
    connection.execute(
        insert(webhook_messages),
        {"id": message, "type": kind, "body": body, "created_at": now},
    )
    connection.execute(
        insert(webhook_deliveries),
        [
            build_delivery(webhook, message, kind=kind, claim=claim, position=position, now=now)
            for webhook in webhooks
        ],
    )
    wakeups.notify_after_commit(connection)


def build_delivery(
    webhook: str, message: str, *, kind: str, claim: str | None, position: int, now: datetime
) -> dict[str, object]:
    """Build the row of a delivery that one endpoint gets whatever its filters."""
    return {
        "webhook": webhook,
        "message": message,
        "type": kind,
        "claim": claim,
        "position": position,
        **NEW_DELIVERY,
        "visible_at": now,
        "created_at": now,
    }


def join_entries(texts: Collection[str]) -> str:
    """Join to `,a,b,`, in which a pattern finds a whole entry; empty where there are none."""
    return f",{','.join(sorted(texts))}," if texts else ""


def join_lines(texts: Collection[str]) -> str:
    """Join texts of any characters to lines, in which an entry is found with its ends of line."""
    return "\n{}\n".format("\n\n".join(texts)) if texts else ""


def _is_chat() -> ColumnElement[bool]:
    return or_(*(webhooks.c.format == literal(chat.value) for chat in sorted(CHATS)))


def _find_severity(event: Event) -> str | None:
    """Say what whoever printed the claim has to do after an event, if anything."""
    if event.type == EventType.USE_OUTDATED:
        return str(event.data["class"])
    return uses.classify(event.type, event.data)


def _list_languages(event: Event) -> set[str]:
    """List the languages of what an event says was printed."""
    printed_uses = event.data["uses"] if event.type == EventType.USE_OUTDATED else ()
    return {use["language"].lower() for use in printed_uses if use["language"]}


def _is_wanted(prefix: str) -> ColumnElement[bool]:
    """Build whether an endpoint wants the message: every filter that it has must match."""
    bind = _build_binder(prefix)

    def lists(texts: Any, entry: Any) -> ColumnElement[bool]:
        # Of the signs that LIKE takes for others, types and slugs hold only `_`, which matches
        # itself too.
        matches: ColumnElement[bool] = texts.like(literal("%,") + entry + literal(",%"))
        return matches

    def matches_filter(column: str, name: str) -> ColumnElement[bool]:
        texts = webhooks.c[column]
        return or_(texts == "", lists(texts, bind(name, texts)))

    def is_listed(name: ListFilter) -> ColumnElement[bool]:
        # Tags may hold whatever LIKE takes for a sign of its own.
        filters = webhook_filters.c
        entries = bind(name, webhooks.c.event_types)
        line = literal("\n") + filters.value + literal("\n")
        own = select(filters.value).where(
            filters.webhook == webhooks.c.id, filters.name == literal(name.value)
        )
        return or_(~exists(own), exists(own.where(func.replace(entries, line, "") != entries)))

    own_parties = webhook_parties.c.webhook == webhooks.c.id
    any_party = exists(select(webhook_parties.c.party).where(own_parties))
    subtree = (
        select(webhook_parties.c.party.label("slug"))
        .where(own_parties)
        .correlate(webhooks)
        .cte(f"{prefix}_below", recursive=True, nesting=True)
    )
    # However far below: a party stands for all its tree (MAX_DEPTH bounds that).
    subtree = subtree.union(select(parties.c.slug).where(parties.c.parent == subtree.c.slug))
    a_party = exists(
        select(subtree.c.slug)
        .where(lists(bind("parties", webhooks.c.event_types), subtree.c.slug))
        .correlate(webhooks)
    )
    return (
        webhooks.c.deleted_at.is_(null())
        & IS_REGISTERED
        & or_(
            webhooks.c.event_types == "",
            lists(webhooks.c.event_types, bind("type", webhook_messages.c.type)),
        )
        & or_(webhooks.c.story.is_(null()), webhooks.c.story == bind("story", webhooks.c.story))
        & or_(webhooks.c.claim.is_(null()), webhooks.c.claim == bind("claim", webhooks.c.claim))
        & or_(~any_party, a_party)
        & matches_filter("status_from", "status_from")
        & matches_filter("status_to", "status_to")
        & matches_filter("kinds", "kind")
        & matches_filter("severity", "severity")
        & is_listed(ListFilter.TAGS)
        & is_listed(ListFilter.LANGUAGES)
    )


def list_parties(state: ClaimState) -> frozenset[str]:
    """List every party that an event about this claim concerns, and the roots above them."""
    voices = [link.voice for link in state.links if isinstance(link.voice, Voice)]
    if state.claimant is not None:
        voices.append(state.claimant)
    return frozenset(slug for voice in voices for slug in (voice.party, voice.root))
