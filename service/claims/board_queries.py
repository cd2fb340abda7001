"""The board: the newest claims of each status, and how many there are, as far as one counts.

Which claims those are is the filters' to say: those that were withdrawn have no part in it.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, func, literal_column, select, union_all

from service.claims.claim_queries import (
    Family,
    Filters,
    Shape,
    conditions,
    listing,
    moment,
    ordered,
    shaped,
)
from service.domain.claims import Status
from service.record.tail import NEWEST, SETTLED
from service.store.engine import Database, Lookup
from service.store.tables import claims, events, stories

ORDER = (
    Status.AWAITING_CONFIRMATION,
    Status.DISPUTED,
    Status.ASSERTED,
    Status.CONFIRMED,
)
"""What wants work first."""
SHOWN = 10
OFFERED = 30
COUNTED = 1_000
"""A board says `1000+` beyond this: nobody's board waits for a count of everything."""


@dataclass(frozen=True, slots=True)
class Group:
    """The newest claims of one status as served, each with its assignee."""

    status: Status
    rows: list[tuple[str, str | None]]
    count: int
    """Of all that there are, up to `COUNTED` + 1."""


async def reached(database: Database) -> tuple[int, bool]:
    """The number of the newest settled event, and whether it is the last there is: then what is
    read from now on is what the record says up to it, or later."""
    (row,) = await database.look_up(_reached(database.embedded), {})
    return int(row[0]), row[0] == row[1]


@lru_cache
def _reached(embedded: bool) -> Lookup:
    settled = NEWEST if embedded else NEWEST.where(events.c.seq <= SETTLED)
    return Lookup(select(settled.scalar_subquery(), NEWEST.scalar_subquery()), point=True)


STORIES = Lookup(
    select(stories.c.slug, stories.c.title)
    .order_by(stories.c.updated_at.desc(), stories.c.slug)
    .limit(OFFERED),
    point=True,
)
"""slug and title of the stories that changed last."""


async def groups(
    database: Database, filters: Filters, *, claimant: Family | None, party: Family | None
) -> list[Group]:
    """A group for each status, in two look-ups; as of an instant, in one for each."""
    if filters.as_of is not None:
        return list(
            await asyncio.gather(*(_then(database, filters, claimant, party, one) for one in ORDER))
        )
    shape, parameters = shaped(filters, after=None, claimant=claimant, party=party)
    rows, counts = await asyncio.gather(
        database.look_up(_newest(shape), parameters | {"limit": SHOWN}),
        database.look_up(_counts(shape), parameters),
    )
    count = {str(row[0]): int(row[1]) for row in counts}
    found: dict[str, list[tuple[str, str | None]]] = {status: [] for status in ORDER}
    for status, document, assignee, *_ in rows:
        found[status].append((document, assignee))
    return [Group(status, found[status], count[status]) for status in ORDER]


async def _then(
    database: Database,
    filters: Filters,
    claimant: Family | None,
    party: Family | None,
    status: Status,
) -> Group:
    query = listing(
        replace(filters, statuses=(status,)),
        limit=SHOWN,
        after=None,
        claimant=claimant,
        party=party,
    )
    rows = await database.look_up(query.lookup, query.parameters)
    more = len(rows) > SHOWN
    return Group(
        status,
        [(row[0], row[1]) for row in rows[:SHOWN]],
        COUNTED + 1 if more else len(rows),
    )


@lru_cache(maxsize=256)
def _newest(shape: Shape) -> Lookup:
    return Lookup(union_all(*(select(_group(shape, one).subquery()) for one in ORDER)))


def _group(shape: Shape, status: Status) -> Select[Any]:
    key = moment(shape)
    page = select(
        _word(status), claims.c.document, claims.c.assignee, key.label("moment"), claims.c.id
    ).where(*_within(shape, status))
    return ordered(page, shape, key, claims.c.id)


@lru_cache(maxsize=256)
def _counts(shape: Shape) -> Lookup:
    def counted(status: Status) -> Select[Any]:
        some = select(claims.c.id).where(*_within(shape, status)).limit(COUNTED + 1).subquery()
        return select(_word(status), func.count()).select_from(some)

    return Lookup(union_all(*(counted(one) for one in ORDER)))


def _within(shape: Shape, status: Status) -> list[Any]:
    return [
        claims.c.status == literal_column(f"'{status.value}'"),
        *conditions(shape, claims, claims.c.changed_at),
    ]


def _word(status: Status) -> Any:
    return literal_column(f"'{status.value}'").label("status")
