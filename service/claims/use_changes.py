"""Makes the uses of a claim outdated when it changes, in the transaction of the change.

However many uses there are, it takes two statements for each event that alters what may be printed,
and one webhook, which names the first of them.  `verification` derives the same of each row with
`domain.uses`.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection, bindparam, func, select, update

from service.claims import webhook_bodies
from service.domain import ids
from service.domain import uses as domain_uses
from service.domain.claims import ClaimState
from service.domain.history import Event
from service.domain.uses import Alteration, UseClass, UseState
from service.store import tables
from service.store.compiled_statements import CompiledStatement
from service.store.tables import uses
from service.store.transaction_context import context_of
from service.store.types import format_optional_instant
from service.webhooks import outbox

MOST_NAMED = 100
"""How many uses a webhook names."""
HAS_USES = CompiledStatement(
    select(uses.c.id).where(uses.c.claim == bindparam("claim", type_=uses.c.claim.type)).limit(1)
)


def outdate_uses(
    connection: Connection, state: ClaimState, events: Sequence[Event], *, now: datetime
) -> None:
    """Make the uses of a claim outdated by `events`, after which it is `state`, and tell of it."""
    if outdate_silently(connection, state.id, events):
        _announce_uses(connection, state, events, now=now)


def outdate_silently(connection: Connection, claim: str, events: Sequence[Event]) -> int:
    """Make the uses of a claim outdated by `events`; return how many marks that took."""
    altering = [
        (event, grade)
        for event in events
        if (grade := domain_uses.classify(event.type, event.data)) is not None
    ]
    if not altering or HAS_USES.run(connection, {"claim": claim}).first() is None:
        return 0
    return sum(_outdate(connection, claim, event, grade) for event, grade in altering)


def read_alterations(
    connection: Connection, claims: Collection[str]
) -> dict[str, list[Alteration]]:
    """Return what outdated the uses of claims, by claim, oldest first."""
    t = tables.events
    lines = connection.execute(
        select(t.c.claim, t.c.number, t.c.type, t.c.recorded_at, t.c.data)
        .where(t.c.claim.in_(claims), t.c.type.in_(domain_uses.ALTERING_TYPES))
        .order_by(t.c.claim, t.c.number)
    )
    alterations: dict[str, list[Alteration]] = {}
    for line in lines:
        event = Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))
        alteration = domain_uses.find_alteration(event)
        if alteration is not None:
            alterations.setdefault(line.claim, []).append(alteration)
    return alterations


def _outdate(connection: Connection, claim: str, event: Event, grade: UseClass) -> int:
    mark = {"class": grade.value, "outdated_version": event.number}
    use_update = update(uses).where(uses.c.claim == claim)
    graver = connection.execute(
        use_update.where(
            uses.c.state == UseState.OUTDATED.value,
            uses.c["class"].in_([lesser.value for lesser in domain_uses.list_lesser(grade)]),
        ).values(mark)
    )
    outdated_rows = connection.execute(
        use_update.where(
            uses.c.state.in_((UseState.CURRENT.value, UseState.ACKNOWLEDGED.value))
        ).values({**mark, "state": UseState.OUTDATED.value, "outdated_at": event.recorded_at})
    )
    return graver.rowcount + outdated_rows.rowcount


def _announce_uses(
    connection: Connection, state: ClaimState, events: Sequence[Event], *, now: datetime
) -> None:
    """Write the webhook that names the uses that these events made outdated, or graver."""
    numbers = [event.number for event in events]
    conditions = (
        uses.c.claim == state.id,
        uses.c.state == UseState.OUTDATED.value,
        uses.c.outdated_version.in_(numbers),
    )
    count = connection.execute(
        select(func.count()).select_from(uses).where(*conditions)
    ).scalar_one()
    rows = connection.execute(select(uses).where(*conditions).order_by(uses.c.id).limit(MOST_NAMED))
    uses_in_brief = [
        {
            "id": row.id,
            "url": row.url,
            "where": row.place,
            "title": row.title,
            "published_at": format_optional_instant(row.published_at),
            "language": row.language,
            "version": row.version,
            "status": row.status,
            "print_line": row.print_line,
            "class": row._mapping["class"],
        }
        for row in rows
    ]
    gravest = min((use["class"] for use in uses_in_brief), key=domain_uses.GRAVEST_FIRST.index)
    last = events[-1]
    outdated_event = Event(
        last.number,
        "use.outdated",
        last.recorded_at,
        {"class": gravest, "uses": uses_in_brief, "count": count},
    )
    body = webhook_bodies.render_message(
        outdated_event, state, by=None, base_url=context_of(connection).base_url
    )
    assert body is not None
    parameters = outbox.build_parameters(
        "told", outdated_event, {"id": ids.make_id()}, state, body, now=now
    )
    for write in outbox.build_inserts("told"):
        connection.execute(write, parameters)
