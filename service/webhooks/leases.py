"""Which deliveries are due, and whose they are for a while.

A dispatcher works in turns.  `waiting` says which endpoints have something due.  One transaction,
`take_turn`, then settles what was sent since the last turn and leases what is sent next; HTTP
happens between turns, with no transaction open.  The endpoint's row is locked meanwhile: what an
endpoint has in flight, the order within a claim and the state of its breaker are exact, however
many dispatchers there are.

A lease is a token in the delivery's row until `visible_at`.  Whoever died with it is passed over
then; whoever comes back late finds another token there and changes nothing.
"""

import random
import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    CTE,
    BindParameter,
    Connection,
    Integer,
    Row,
    and_,
    bindparam,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)

from service.domain import backoff
from service.domain.webhooks import DeliveryState, EndpointState, Ordering
from service.store.compiled_statements import CompiledStatement
from service.store.installation import WEBHOOKS_HELD
from service.store.webhook_tables import webhook_deliveries, webhook_messages, webhooks
from service.webhooks.settlement import LOG, LOST, PENDING, Attempt, Settled, settle

AT_ONCE = 32
"""Endpoints that one turn leases for, at most."""
LOOKED_AT = 4
"""How many due deliveries are looked at for each that may be leased: some wait for others."""

deliveries = webhook_deliveries.c
_ahead = webhook_deliveries.alias("ahead")
_this_one = and_(
    deliveries.webhook == bindparam("of", type_=deliveries.webhook.type),
    deliveries.message == bindparam("one", type_=deliveries.message.type),
)
LEASE = CompiledStatement(
    update(webhook_deliveries)
    .where(_this_one)
    .values(
        {
            name: bindparam(f"new_{name}", type_=deliveries[name].type)
            for name in (
                "lease",
                "visible_at",
                "first_tried_at",
                "attempts",
                "tries",
                "losses",
                "state",
                "last_error",
                "settled_at",
            )
        }
    )
)
HOLD_BACK = CompiledStatement(
    update(webhook_deliveries)
    .where(_this_one)
    .values(visible_at=bindparam("until", type_=deliveries.visible_at.type))
)
SERVED = CompiledStatement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("of", type_=webhooks.c.id.type))
    .values(served_at=bindparam("at", type_=webhooks.c.served_at.type))
)


def _endpoints_with_deliveries() -> CTE:
    """The endpoints that have anything pending, from one to the next by the index: neither those
    that have nothing cost a look, nor those that have much."""
    waits = deliveries.state == PENDING
    first = select(deliveries.webhook).where(waits).order_by(deliveries.webhook).limit(1)
    found = select(first.scalar_subquery().label("webhook")).cte("having_some", recursive=True)
    following = first.where(deliveries.webhook > found.c.webhook).scalar_subquery()
    return found.union_all(select(following).where(found.c.webhook.is_not(null())))


_HAVING_SOME = _endpoints_with_deliveries()


@dataclass(frozen=True, slots=True)
class Rules:
    """How deliveries are leased and tried again: from the settings."""

    lease: timedelta
    timeout_s: float
    schedule: Sequence[float]
    chance: random.Random
    most: int
    """What one endpoint may have in flight at one dispatcher, whatever it asks for: who never
    failed before may hang too, and takes no more from the others."""


@dataclass(frozen=True, slots=True)
class Leased:
    """One delivery to send now, with today's settings of its endpoint."""

    lease: str
    webhook: str
    message: str
    type: str
    attempt: int
    url: str
    headers: dict[str, str]
    secrets: tuple[str, ...]
    timeout: float
    body: bytes
    created_at: datetime
    replay: bool
    failing: bool
    """Its endpoint's last try failed."""


@dataclass(frozen=True, slots=True)
class Turn:
    leased: list[Leased]
    settled: Settled
    full: frozenset[str]
    """Endpoints that take no more until something of theirs is settled."""
    given_up: int
    """Deliveries that died of having been lost with their workers too often."""
    more: bool
    """Something was looked at: there may be more behind it."""


def waiting(
    connection: Connection, *, now: datetime, full: Collection[str] = (), failing: bool = True
) -> list[str]:
    """Endpoints with something due that may be sent to now, longest unserved first; without those
    whose last try failed where there is no room for them, lest they stand before the others."""
    due = exists(
        select(deliveries.message).where(
            deliveries.webhook == webhooks.c.id,
            deliveries.state == PENDING,
            deliveries.visible_at <= now,
        )
    )
    query = (
        select(webhooks.c.id)
        .where(webhooks.c.id.in_(select(_HAVING_SOME.c.webhook)), _open(now), due, ~WEBHOOKS_HELD)
        .order_by(webhooks.c.served_at, webhooks.c.id)
        .limit(AT_ONCE)
    )
    if full:
        query = query.where(webhooks.c.id.not_in(full))
    if not failing:
        query = query.where(webhooks.c.failures == 0)
    return list(connection.scalars(query).all())


def take_turn(
    connection: Connection,
    *,
    attempts: Sequence[Attempt],
    wanted: Collection[str],
    sending: Mapping[str, int],
    room: int,
    room_for_failing: int,
    rules: Rules,
    now: datetime,
) -> Turn:
    """Settle `attempts`, then lease up to `room` deliveries of the endpoints `wanted`, no more than
    `room_for_failing` of them to endpoints whose last try failed.  `sending` is how many this
    dispatcher has under way for each endpoint."""
    settled = settle(connection, attempts, schedule=rules.schedule, chance=rules.chance, now=now)
    if not wanted or room <= 0:
        return Turn([], settled, frozenset(), 0, more=False)
    open_ = connection.execute(
        select(webhooks)
        .where(webhooks.c.id.in_(wanted), _open(now), ~WEBHOOKS_HELD)
        .order_by(webhooks.c.served_at, webhooks.c.id)
        .limit(AT_ONCE)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    free = {
        webhook: min(most, max(0, rules.most - sending.get(webhook, 0)))
        for webhook, most in _free(connection, open_, now).items()
    }
    rooms = _rooms(open_, free, room, room_for_failing)
    found = _due(connection, [row for row in open_ if row.id in rooms], rooms, now) if rooms else []
    leased, given_up = _lease(connection, open_, rooms, found, rules, now)
    taken = Counter(one.webhook for one in leased)
    full = frozenset(webhook for webhook, most in free.items() if taken[webhook] >= most)
    return Turn(leased, settled, full, given_up, more=bool(found))


def hand_back(connection: Connection, leases: Collection[str], *, now: datetime) -> int:
    """Give leases back whose deliveries were not sent: they are due at once and cost no try."""
    return connection.execute(
        update(webhook_deliveries)
        .where(deliveries.lease.in_(leases))
        .values(
            lease=None,
            visible_at=now,
            attempts=deliveries.attempts - 1,
            tries=deliveries.tries - 1,
        )
    ).rowcount


def signing_secrets(endpoint: Row[Any], now: datetime) -> tuple[str, ...]:
    """The secret, and those before it that still sign."""
    before = orjson.loads(endpoint.previous_secrets)
    kept = [one["secret"] for one in before if datetime.fromisoformat(one["until"]) > now]
    return (endpoint.secret, *kept)


def _open(now: datetime) -> Any:
    """Whether an endpoint may be sent anything now."""
    return and_(
        webhooks.c.state == EndpointState.ACTIVE.value,
        webhooks.c.deleted_at.is_(null()),
        or_(webhooks.c.blocked_until.is_(null()), webhooks.c.blocked_until <= now),
    )


def _free(connection: Connection, open_: Sequence[Row[Any]], now: datetime) -> dict[str, int]:
    """How many more deliveries each endpoint may have in flight: one at a time while it is
    probed."""
    counted = connection.execute(
        select(deliveries.webhook, func.count())
        .where(
            deliveries.webhook.in_([row.id for row in open_]),
            deliveries.lease.is_not(null()),
            deliveries.visible_at > now,
        )
        .group_by(deliveries.webhook)
    )
    in_flight: dict[str, int] = {row[0]: row[1] for row in counted}
    return {
        row.id: max(
            0,
            (1 if backoff.is_probing(row.failures) else row.max_in_flight)
            - in_flight.get(row.id, 0),
        )
        for row in open_
    }


def _rooms(
    open_: Sequence[Row[Any]], free: dict[str, int], room: int, room_for_failing: int
) -> dict[str, int]:
    """How many deliveries each endpoint is leased now: an equal share of the room, as far as it may
    have so many."""
    rooms: dict[str, int] = {}
    for left, row in zip(range(len(open_), 0, -1), open_, strict=True):
        share = min(free[row.id], -(-room // left))
        if row.failures:
            share = min(share, room_for_failing)
            room_for_failing -= share
        if share > 0:
            rooms[row.id] = share
            room -= share
    return rooms


def _due(
    connection: Connection, open_: Sequence[Row[Any]], rooms: dict[str, int], now: datetime
) -> Sequence[Row[Any]]:
    """The first due deliveries of each endpoint with room, with what goes before each of them."""
    values: dict[str, Any] = {"now": now, "held_since": now - backoff.HOLD}
    for place, row in enumerate(open_):
        values[f"of_{place}"] = row.id
        values[f"most_{place}"] = rooms[row.id] * LOOKED_AT
    return connection.execute(
        _due_of(tuple(row.ordering != Ordering.NONE for row in open_)), values
    ).all()


@lru_cache(maxsize=8 * AT_ONCE)
def _due_of(ordered: tuple[bool, ...]) -> Any:
    """The query of `_due`, for so many endpoints that keep order or not.  Writing it anew for each
    turn took longer than running it."""
    now = bindparam("now", type_=deliveries.visible_at.type)
    parts = []
    for place, in_order in enumerate(ordered):
        of = bindparam(f"of_{place}", type_=deliveries.webhook.type)
        query = (
            select(
                deliveries.webhook,
                deliveries.message,
                deliveries.type,
                deliveries.visible_at,
                deliveries.position,
                deliveries.replay,
                deliveries.attempts,
                deliveries.tries,
                deliveries.losses,
                deliveries.lease,
                deliveries.first_tried_at,
                deliveries.last_error,
                deliveries.created_at,
                *_before(of, in_order),
            )
            .where(
                deliveries.webhook == of, deliveries.state == PENDING, deliveries.visible_at <= now
            )
            .order_by(deliveries.visible_at, deliveries.position)
            .limit(bindparam(f"most_{place}", type_=Integer()))
        )
        parts.append(select(query.subquery()))
    return union_all(*parts) if len(parts) > 1 else parts[0]


def _before(of: BindParameter[Any], in_order: bool) -> list[Any]:
    """Of the delivery that has to be settled first: when it is due, and when it was first tried.

    That is the first one about the same claim, earlier in its record, and asked for in the same
    way: replays wait for replays only.  It holds the later ones back for an hour from its first
    try.
    """
    due, tried = _ahead.c.visible_at, _ahead.c.first_tried_at
    if not in_order:
        return [
            literal(None, due.type).label("before_due"),
            literal(None, tried.type).label("before_tried"),
        ]
    first = (
        select(due)
        .where(
            _ahead.c.webhook == of,
            _ahead.c.claim == deliveries.claim,
            _ahead.c.replay == deliveries.replay,
            _ahead.c.state == PENDING,
            _ahead.c.position < deliveries.position,
            or_(tried.is_(null()), tried > bindparam("held_since", type_=tried.type)),
        )
        .order_by(_ahead.c.position)
        .limit(1)
    )
    return [
        first.scalar_subquery().label("before_due"),
        first.with_only_columns(tried).scalar_subquery().label("before_tried"),
    ]


def _lease(
    connection: Connection,
    open_: Sequence[Row[Any]],
    rooms: dict[str, int],
    found: Sequence[Row[Any]],
    rules: Rules,
    now: datetime,
) -> tuple[list[Leased], int]:
    """Lease what nothing goes before, as far as there is room, and hold back what waits."""
    endpoints = {row.id: row for row in open_}
    rooms = dict(rooms)
    taken: list[tuple[Row[Any], str]] = []
    changed: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    lost: list[dict[str, Any]] = []
    for row in found:
        if row.before_due is not None:
            until = _held_until(row, rules, now)
            held.append({"of": row.webhook, "one": row.message, "until": until})
            continue
        if rooms[row.webhook] == 0:
            continue
        change = _after_loss(row, rules, now)
        if row.lease is not None:
            lost.append(_lost(row, endpoints[row.webhook].url, rules))
        if change is None:
            token = secrets.token_hex(16)
            rooms[row.webhook] -= 1
            taken.append((row, token))
            change = _change(
                row,
                rules,
                lease=token,
                visible_at=now + rules.lease,
                attempts=row.attempts + 1,
                tries=row.tries + 1,
            )
        changed.append(change)
    LOG.run_each(connection, lost)
    LEASE.run_each(connection, changed)
    HOLD_BACK.run_each(connection, held)
    SERVED.run_each(
        connection, [{"of": of, "at": now} for of in sorted({row.webhook for row in found})]
    )
    given_up = sum(one["new_state"] == DeliveryState.DEAD for one in changed)
    if not taken:
        return [], given_up
    bodies = connection.execute(
        select(webhook_messages.c.id, webhook_messages.c.body).where(
            webhook_messages.c.id.in_({row.message for row, _ in taken})
        )
    )
    body: dict[str, bytes] = {message: bytes(stored) for message, stored in bodies}
    return [
        _leased(row, token, endpoints[row.webhook], body[row.message], rules, now)
        for row, token in taken
    ], given_up


def _change(row: Row[Any], rules: Rules, **changes: Any) -> dict[str, Any]:
    """The parameters of LEASE: what `row` has, with `changes`."""
    lost = row.lease is not None
    first_tried_at = row.first_tried_at
    if lost and first_tried_at is None:
        first_tried_at = row.visible_at - rules.lease
    values = {
        "lease": None,
        "first_tried_at": first_tried_at,
        "attempts": row.attempts,
        "tries": row.tries,
        "losses": row.losses + lost,
        "state": DeliveryState.PENDING,
        "last_error": LOST if lost else row.last_error,
        "settled_at": None,
        **changes,
    }
    place = {"of": row.webhook, "one": row.message}
    return place | {f"new_{name}": value for name, value in values.items()}


def _after_loss(row: Row[Any], rules: Rules, now: datetime) -> dict[str, Any] | None:
    """What a delivery that was lost with its worker has to wait for; None where it may be sent.

    The first time it is sent again at once.  From then on it waits like what failed, so that
    something that kills its worker takes fewer others with it each time, and is dead in the end.
    """
    if row.lease is None:
        return None
    if row.losses == 0 and row.tries <= len(rules.schedule):
        return None
    wait = backoff.compute_retry_delay(row.tries, rules.schedule, chance=rules.chance)
    if wait is None:
        return _change(row, rules, visible_at=now, state=DeliveryState.DEAD, settled_at=now)
    # Spread widely: what was lost together must not be taken up together again.
    return _change(row, rules, visible_at=now + wait * rules.chance.uniform(0.5, 2))


def _held_until(row: Row[Any], rules: Rules, now: datetime) -> datetime:
    """When a delivery that waits for another is looked at again, if that is not settled before:
    settling it sends for the next."""
    until: datetime = max(row.before_due, now + rules.lease)
    if row.before_tried is not None:
        until = min(until, row.before_tried + backoff.HOLD)
    return until


def _lost(row: Row[Any], url: str, rules: Rules) -> dict[str, Any]:
    """The log's line of an attempt that nobody settled."""
    values = {
        "webhook": row.webhook,
        "message": row.message,
        "number": row.attempts,
        "url": url,
        "started_at": row.visible_at - rules.lease,
        "seconds": 0.0,
        "outcome": "lost",
        "status": None,
        "error": LOST,
        "response_headers": "{}",
        "response_body": "",
    }
    return {f"row_{name}": value for name, value in values.items()}


def _leased(
    row: Row[Any], token: str, endpoint: Row[Any], body: bytes, rules: Rules, now: datetime
) -> Leased:
    return Leased(
        lease=token,
        webhook=row.webhook,
        message=row.message,
        type=row.type,
        attempt=row.attempts + 1,
        url=endpoint.url,
        headers=orjson.loads(endpoint.headers),
        secrets=signing_secrets(endpoint, now),
        timeout=min(endpoint.timeout_s, rules.timeout_s),
        body=body,
        created_at=row.created_at,
        replay=row.replay,
        failing=endpoint.failures > 0,
    )
