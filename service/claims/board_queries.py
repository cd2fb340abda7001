"""Reads the board: the newest claims of each status, and how many there are.

The filters decide which claims those are; withdrawn claims are not on the board.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, func, literal_column, select, union_all

from service.claims.claim_conditions import (
    FilterSet,
    build_conditions,
    choose_sort_key,
    order_page,
)
from service.claims.claim_queries import Family, Filters, build_list_query, describe_filters
from service.claims.documents import StoredClaim
from service.domain.claims import Status
from service.record.tail import NEWEST, SETTLED
from service.store.engine import Lookup
from service.store.reader import Reader
from service.store.tables import claims, events, stories

STATUS_ORDER = (
    Status.AWAITING_CONFIRMATION,
    Status.DISPUTED,
    Status.ASSERTED,
    Status.CONFIRMED,
)
"""What wants work first."""
GROUP_SIZE = 10
STORY_LIMIT = 30
COUNT_LIMIT = 1_000
"""Beyond this a board says `1000+`: counting all claims would take too long."""


@dataclass(frozen=True, slots=True)
class Group:
    """The newest claims of one status."""

    status: Status
    rows: list[StoredClaim]
    count: int
    """Of all that there are, up to `COUNT_LIMIT` + 1."""


async def read_newest_event(database: Reader) -> tuple[int, bool]:
    """Return the number of the newest settled event, and whether no later one exists.

    If none exists, what is read from now on is at least as new as that event.
    """
    last_settled = database.settled
    lookup = _prepare_newest_event(database.embedded, is_known=last_settled is not None)
    (row,) = await database.look_up(lookup, {"settled": last_settled})
    return int(row[0]), row[0] == row[1]


@lru_cache
def _prepare_newest_event(is_embedded: bool, *, is_known: bool) -> Lookup:
    last = bindparam("settled", type_=events.c.seq.type) if is_known else SETTLED
    query = NEWEST if is_embedded else NEWEST.where(events.c.seq <= last)
    return Lookup(select(query.scalar_subquery(), NEWEST.scalar_subquery()), point=True)


RECENT_STORIES = Lookup(
    select(stories.c.slug, stories.c.title)
    .order_by(stories.c.updated_at.desc(), stories.c.slug)
    .limit(STORY_LIMIT),
    point=True,
)
"""slug and title of the stories that changed last."""


async def list_groups(
    database: Reader, filters: Filters, *, claimant: Family | None, party: Family | None
) -> list[Group]:
    """List a group for each status.  Runs two queries; as of an instant, one for each status."""
    if filters.as_of is not None:
        return list(
            await asyncio.gather(
                *(
                    _read_group_as_of(database, filters, claimant, party, each)
                    for each in STATUS_ORDER
                )
            )
        )
    shape, parameters = describe_filters(filters, after=None, claimant=claimant, party=party)
    rows, counts = await asyncio.gather(
        database.look_up(_prepare_newest_claims(shape), {**parameters, "limit": GROUP_SIZE}),
        database.look_up(_prepare_counts(shape), parameters),
    )
    count = {str(row[0]): int(row[1]) for row in counts}
    claims_by_status: dict[str, list[StoredClaim]] = {status: [] for status in STATUS_ORDER}
    for status, *fields in rows:
        claims_by_status[status].append(StoredClaim(*fields[:3]))
    return [Group(status, claims_by_status[status], count[status]) for status in STATUS_ORDER]


async def _read_group_as_of(
    database: Reader,
    filters: Filters,
    claimant: Family | None,
    party: Family | None,
    status: Status,
) -> Group:
    query = build_list_query(
        replace(filters, statuses=(status,)),
        limit=GROUP_SIZE,
        after=None,
        claimant=claimant,
        party=party,
    )
    rows = await database.look_up(query.statement, query.parameters)
    more = len(rows) > GROUP_SIZE
    return Group(
        status,
        [StoredClaim(*row[:3]) for row in rows[:GROUP_SIZE]],
        COUNT_LIMIT + 1 if more else len(rows),
    )


@lru_cache(maxsize=256)
def _prepare_newest_claims(shape: FilterSet) -> Lookup:
    return Lookup(
        union_all(*(select(_select_group(shape, status).subquery()) for status in STATUS_ORDER))
    )


def _select_group(shape: FilterSet, status: Status) -> Select[Any]:
    key = choose_sort_key(shape)
    page = select(
        _label_status(status),
        claims.c.document,
        claims.c.assignee,
        claims.c.due_at,
        key.label("moment"),
        claims.c.id,
    ).where(*_build_group_conditions(shape, status))
    return order_page(page, shape, key, claims.c.id)


@lru_cache(maxsize=256)
def _prepare_counts(shape: FilterSet) -> Lookup:
    def count_status(status: Status) -> Select[Any]:
        some = (
            select(claims.c.id)
            .where(*_build_group_conditions(shape, status))
            .limit(COUNT_LIMIT + 1)
            .subquery()
        )
        return select(_label_status(status), func.count()).select_from(some)

    return Lookup(union_all(*(count_status(status) for status in STATUS_ORDER)))


def _build_group_conditions(shape: FilterSet, status: Status) -> list[Any]:
    return [
        claims.c.status == literal_column(f"'{status.value}'"),
        *build_conditions(shape, claims, claims.c.changed_at),
    ]


def _label_status(status: Status) -> Any:
    return literal_column(f"'{status.value}'").label("status")
