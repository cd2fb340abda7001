"""Find a page of results in an index: tier by tier, in each from the newest down.

Common words cost what rare ones do, provided that no step looks at more than it must: what is rare
is asked for as a whole, what is common by stretches of numbers, and a page that is full asks no
more. Where filters turn away nearly all rows, a page ends short after so many steps, with keys to
go on from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    case,
    literal,
    literal_column,
    or_,
    select,
)

from service.search.index import match_expressions, ranking, term_statistics
from service.search.index.index_tables import STRETCHES
from service.search.index.match_expressions import IndexQuery
from service.search.index.match_syntax import narrow_to_stretch
from service.search.index.ranking import Tier
from service.search.index.searchable_fields import Level
from service.store.compiled_statements import Parameters
from service.store.engine import Database, Lookup

ABOVE_ALL = 1 << 62
"""Above every number."""
RARE = 500
"""So many matches are asked for as a whole."""
SORTABLE = 3_000
"""So many matches are put in another order than the index's, on PostgreSQL."""
STEPS = 8
"""A page looks through so many stretches at most."""

SelectServed = Callable[[Any, FromClause, ColumnElement[Any]], Select[Any]]
"""Selects what is served of the rows that pass the filters: given the filters' shape, what the
index gives, and the key in that of what was found."""
Keys = list[Any]
"""What the next page goes on from: tier and number of the last row, or its sort keys and id."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page to be found.

    `has_filters`: `select_served` has filters that the index knows nothing of; `shape` is all that
    its SQL depends on, `parameters` are those of its SQL.
    """

    index_query: IndexQuery
    has_filters: bool
    select_served: SelectServed
    shape: Any
    parameters: Parameters
    limit: int
    after: Keys | None


class RankedRow(NamedTuple):
    """What is served of a result, how well it fits, and the keys of the page after it."""

    served: Sequence[Any]
    tier: Tier
    keys: Keys


Page = tuple[list[RankedRow], Keys | None]
"""Results, and the keys of the next page if there is more."""


async def find_page(database: Database, request: PageRequest) -> Page:
    """Return a page of results, best first."""
    index_query = request.index_query
    if not database.embedded and await term_statistics.has_few_matches(
        database, index_query, index_query.lowest, most=RARE
    ):
        return await _find_in_all_tiers(database, request)
    step = _select_step(
        request.select_served, request.shape, index_query.index, index_query.dialect
    )
    rows, steps_left = list[RankedRow](), STEPS
    first_tier, until = request.after or (Tier.TOGETHER, ABOVE_ALL)
    for tier in ranking.list_tiers(index_query.query, index_query.levels):
        if tier < first_tier:
            continue
        until = until if tier == first_tier else ABOVE_ALL
        match = index_query.match_tier(tier)
        at_once = await _may_look_at_all(database, request, tier, match)
        if not at_once and until == ABOVE_ALL:
            until = await term_statistics.read_highest_number(database, index_query.index) + 1
        letters = iter("pq" + ("q" if request.has_filters else "r") * STEPS)
        while until > 0:
            since, stretch_match = 0, match
            if not at_once:
                letter = next(letters)
                since = _find_stretch_start(until, letter)
                if not database.embedded:
                    stretch_match = narrow_to_stretch(match, letter, since)
            found = await database.look_up(
                step,
                {
                    **request.parameters,
                    "match": stretch_match,
                    "since": since,
                    "until": until,
                    "limit": request.limit + 1 - len(rows),
                },
            )
            rows += [RankedRow(row, tier, [tier.value, row[-1]]) for row in found]
            if len(rows) > request.limit:
                return rows[:-1], rows[-2].keys
            until, steps_left = since, steps_left - 1
            if steps_left == 0 and until > 0:
                return rows, [tier.value, until]
    return rows, None


async def _find_in_all_tiers(database: Database, request: PageRequest) -> Page:
    """Return a page where there are few matches, on PostgreSQL: all tiers at once."""
    index_query = request.index_query
    tiers = ranking.list_tiers(index_query.query, index_query.levels)
    unlabelled = IndexQuery(
        index_query.dialect, index_query.index, index_query.query, (), index_query.levels
    )
    after_tier, after_number = request.after or (Tier.TOGETHER.value, ABOVE_ALL)
    found = await database.look_up(
        _select_all_tiers(request.select_served, request.shape, index_query.index, tuple(tiers)),
        {**request.parameters}
        | {f"tier_{tier.value}": unlabelled.match_tier(tier) for tier in tiers}
        | {
            "match": index_query.match_any_tier(),
            "after_tier": after_tier,
            "after_number": after_number,
            "limit": request.limit + 1,
        },
    )
    rows = [RankedRow(row, Tier(row[-2]), [row[-2], row[-1]]) for row in found]
    if len(rows) <= request.limit:
        return rows, None
    return rows[:-1], rows[-2].keys


@lru_cache(maxsize=512)
def _select_step(select_served: SelectServed, shape: Any, index: Table, dialect: str) -> Lookup:
    """Select the newest of a tier within a range of numbers.

    FTS5 streams; on PostgreSQL what matches is looked up first, so that no plan walks all rows in
    order and tries each.
    """
    if dialect == "sqlite":
        number = match_expressions.get_number(dialect, index)
        page = select_served(shape, match_expressions.get_source(dialect, index), index.c[1])
        page = page.where(
            match_expressions.matches(dialect, index), match_expressions.is_in_range(number)
        )
    else:
        found = _select_matches_first(dialect, index)
        # In order before anything is joined: the limit then ends the joining. OFFSET keeps it so.
        bounded = select(found).where(match_expressions.is_in_range(found.c.number))
        in_order = bounded.order_by(found.c.number.desc()).offset(literal_column("0"))
        newest = in_order.subquery("newest")
        number = newest.c.number
        page = select_served(shape, newest, newest.c.key)
    ordered = page.add_columns(number).order_by(number.desc())
    return Lookup(ordered.limit(bindparam("limit", type_=Integer())))


def _select_matches_first(dialect: str, index: Table) -> FromClause:
    matches = match_expressions.select_matches(dialect, index)
    return matches.cte("found").prefix_with("MATERIALIZED")


@lru_cache(maxsize=512)
def _select_all_tiers(
    select_served: SelectServed, shape: Any, index: Table, tiers: tuple[Tier, ...]
) -> Lookup:
    """Select all that is found, each with its tier, on PostgreSQL."""
    in_tiers = [
        (match_expressions.matches("postgresql", index, f"tier_{tier.value}"), tier.value)
        for tier in tiers[:-1]
    ]
    last = literal(tiers[-1].value, Integer())
    found = (
        match_expressions.select_matches("postgresql", index)
        .add_columns((case(*in_tiers, else_=last) if in_tiers else last).label("tier"))
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    tier, number = found.c.tier, found.c.number
    after_tier = bindparam("after_tier", type_=BigInteger())
    after_number = bindparam("after_number", type_=BigInteger())
    page = (
        select_served(shape, found, found.c.key)
        .add_columns(tier, number)
        .where(or_(tier > after_tier, and_(tier == after_tier, number < after_number)))
        .order_by(tier, number.desc())
    )
    return Lookup(page.limit(bindparam("limit", type_=Integer())))


def _find_stretch_start(until: int, letter: str) -> int:
    """Return where the stretch begins that the highest number below `until` lies in."""
    bits = STRETCHES[letter]
    return (until - 1) >> bits << bits


async def _may_look_at_all(
    database: Database, request: PageRequest, tier: Tier, match: str
) -> bool:
    """Return whether a tier is asked for as a whole."""
    if database.embedded:
        # FTS5 gives the newest first, and stops when it is told to.
        return not request.has_filters or await _are_few(database, request.index_query.index, match)
    level = ranking.LEVELS.get(tier, Level.TEXT)
    return await term_statistics.has_few_matches(database, request.index_query, level, most=RARE)


async def _are_few(database: Database, index: Table, match: str) -> bool:
    return await term_statistics.count_matches(database, index, match, RARE) <= RARE


async def is_sortable(database: Database, index_query: IndexQuery, match: str) -> bool:
    """Return whether all that is found may be put into another order than the index's."""
    if database.embedded:
        return await _are_few(database, index_query.index, match)
    return await term_statistics.has_few_matches(
        database, index_query, index_query.lowest, most=SORTABLE
    )
