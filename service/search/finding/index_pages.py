"""Find a page of results in an index: tier by tier, in each from the newest down.

Common words cost what rare ones do, provided that no step looks at more than it must: what is rare
is asked for as a whole, what is common by stretches of numbers. All steps of a page are one
statement, whose database comes to the next only if those before have not filled the page. Where
filters turn away nearly all rows, a page ends short after so many steps, with keys to go on from.
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
    union_all,
)

from service.search.index import match_expressions, ranking, term_statistics
from service.search.index.index_tables import STRETCHES
from service.search.index.match_expressions import IndexQuery
from service.search.index.match_syntax import narrow_to_stretch
from service.search.index.ranking import Tier
from service.search.index.searchable_fields import Level
from service.store.compiled_statements import Parameters
from service.store.engine import Lookup
from service.store.reader import Reader

ABOVE_ALL = 1 << 62
"""Above every number."""
RARE = 500
"""So many matches are asked for as a whole."""
SORTABLE = 3_000
"""So many matches are put in another order than the index's, on PostgreSQL."""
STEPS = 12
"""A page looks through so many stretches at most."""

ServedSelection = Callable[
    [Any, FromClause, ColumnElement[Any], ColumnElement[Any], "Tier | ColumnElement[Any]"],
    Select[Any],
]
"""Selects what is served of the rows that pass the filters: given the filters' shape, what the
index gives, in that the key and number of what was found, and its tier."""
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
    select_served: ServedSelection
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


class Step(NamedTuple):
    """What a page looks at next: of a tier, the rows in a range of numbers."""

    tier: Tier
    match: str
    since: int
    until: int


async def find_page(database: Reader, request: PageRequest) -> Page:
    """Return a page of results, best first."""
    index_query = request.index_query
    if not database.embedded and await term_statistics.has_few_matches(
        database, index_query, index_query.lowest, most=RARE
    ):
        return await _find_in_all_tiers(database, request)
    steps, rest = await _list_steps(database, request)
    lookup = _select_steps(
        request.select_served,
        request.shape,
        index_query.index,
        index_query.dialect,
        tuple(step.tier for step in steps),
    )
    parameters = {**request.parameters, "limit": request.limit + 1}
    for place, step in enumerate(steps):
        parameters |= build_step_parameters(place, step)
    page_rows = await database.look_up(lookup, parameters)
    rows = [RankedRow(row, Tier(row[-2]), [row[-2], row[-1]]) for row in page_rows]
    if len(rows) > request.limit:
        return rows[:-1], rows[-2].keys
    return rows, rest


async def _list_steps(database: Reader, request: PageRequest) -> tuple[list[Step], Keys | None]:
    """Return what the page looks at, in this order, and the keys of what it does not come to."""
    index_query = request.index_query
    first_tier, first_until = request.after or (Tier.TOGETHER, ABOVE_ALL)
    steps: list[Step] = []
    highest = None
    for tier in ranking.list_tiers(index_query.query, index_query.levels):
        if tier < first_tier:
            continue
        until = first_until if tier == first_tier else ABOVE_ALL
        match = index_query.match_tier(tier)
        if await _may_look_at_all(database, request, tier):
            if len(steps) == STEPS:
                return steps, [tier.value, until]
            steps.append(Step(tier, match, 0, until))
            continue
        if until == ABOVE_ALL:
            if highest is None:
                highest = await term_statistics.read_highest_number(database, index_query.index)
            until = highest + 1
        # FTS5 streams: it needs no small stretch to begin with.
        small = "" if database.embedded else "p"
        letters = iter(f"{small}q" + ("q" if request.has_filters else "r") * STEPS)
        while until > 0:
            if len(steps) == STEPS:
                return steps, [tier.value, until]
            letter = next(letters)
            since = _find_stretch_start(until, letter)
            bounded_match = match if database.embedded else narrow_to_stretch(match, letter, since)
            steps.append(Step(tier, bounded_match, since, until))
            until = since
    return steps, None


async def _find_in_all_tiers(database: Reader, request: PageRequest) -> Page:
    """Return a page where there are few matches, on PostgreSQL: all tiers at once."""
    index_query = request.index_query
    tiers = ranking.list_tiers(index_query.query, index_query.levels)
    plain_query = IndexQuery(
        index_query.dialect, index_query.index, index_query.query, (), index_query.levels
    )
    after_tier, after_number = request.after or (Tier.TOGETHER.value, ABOVE_ALL)
    page_rows = await database.look_up(
        _select_all_tiers(request.select_served, request.shape, index_query.index, tuple(tiers)),
        {**request.parameters}
        | {f"match_{tier.value}": plain_query.match_tier(tier) for tier in tiers}
        | {
            "match": index_query.match_any_tier(),
            "after_tier": after_tier,
            "after_number": after_number,
            "limit": request.limit + 1,
        },
    )
    rows = [RankedRow(row, Tier(row[-2]), [row[-2], row[-1]]) for row in page_rows]
    if len(rows) <= request.limit:
        return rows, None
    return rows[:-1], rows[-2].keys


def build_step_parameters(place: int, step: Step) -> dict[str, str | int]:
    """Build the parameters of the step at this place of a statement."""
    return {
        f"match_{place}": step.match,
        f"since_{place}": step.since,
        f"until_{place}": step.until,
    }


async def list_steps_of_all(
    database: Reader, index_query: IndexQuery, *, most: int
) -> tuple[list[Step], bool]:
    """Return where to look for the newest that are found, whatever their tier, and whether that is
    everywhere.  Where there are few, `most` or less, that is one step."""
    match = index_query.match_any_tier()
    if database.embedded or await term_statistics.has_few_matches(
        database, index_query, index_query.lowest, most=most
    ):
        return [Step(Tier.ANYWHERE, match, 0, ABOVE_ALL)], True
    until = await term_statistics.read_highest_number(database, index_query.index) + 1
    steps = []
    for letter in "pq" + "r" * (STEPS - 2):
        if until > 0:
            since = _find_stretch_start(until, letter)
            narrow_match = narrow_to_stretch(match, letter, since)
            steps.append(Step(Tier.ANYWHERE, narrow_match, since, until))
            until = since
    return steps, until == 0


def select_newest_of_steps(dialect: str, index: Table, steps: int) -> Select[Any]:
    """Select number and key of the newest rows in so many steps, at most as many as `most` says."""
    most = bindparam("most", type_=Integer())
    parts = []
    for place in range(steps):
        since, until = f"since_{place}", f"until_{place}"
        matches = match_expressions.select_matches(dialect, index, f"match_{place}")
        if dialect != "sqlite":
            found_rows = matches.cte(f"found_{place}").prefix_with("MATERIALIZED")
            matches = select(found_rows.c.number, found_rows.c.key)
        number = matches.selected_columns[0]
        part = matches.where(match_expressions.is_in_range(number, since, until))
        parts.append(part.order_by(number.desc()).limit(most))
    if steps == 1:
        return parts[0]
    union = union_all(*(select(part.subquery(f"step_{place}")) for place, part in enumerate(parts)))
    return select(union.subquery("newest")).limit(most)


@lru_cache(maxsize=512)
def _select_steps(
    select_served: ServedSelection, shape: Any, index: Table, dialect: str, tiers: tuple[Tier, ...]
) -> Lookup:
    """Select the rows of steps, which are of these tiers: those of the first step, then the next.

    Either database gives the rows of UNION ALL one part after the other, and begins none whose rows
    the limit does not let through: PostgreSQL as long as no part runs in parallel, which none does
    that reads a CTE.
    """
    limit = bindparam("limit", type_=Integer())
    parts = [
        _select_step(select_served, shape, index, dialect, place, tier).limit(limit)
        for place, tier in enumerate(tiers)
    ]
    if len(parts) == 1:
        return Lookup(parts[0])
    steps = (part.subquery(f"step_{place}") for place, part in enumerate(parts))
    return Lookup(union_all(*(select(step) for step in steps)).limit(limit))


def _select_step(
    select_served: ServedSelection, shape: Any, index: Table, dialect: str, place: int, tier: Tier
) -> Select[Any]:
    """Select the newest of a tier within a range of numbers.

    FTS5 streams; on PostgreSQL what matches is looked up first, so that no plan walks all rows in
    order and tries each.
    """
    since, until = f"since_{place}", f"until_{place}"
    if dialect == "sqlite":
        number = match_expressions.get_number(dialect, index)
        source = match_expressions.get_source(dialect, index)
        page = select_served(shape, source, index.c[1], number, tier)
        page = page.where(
            match_expressions.matches(dialect, index, f"match_{place}"),
            match_expressions.is_in_range(number, since, until),
        )
    else:
        matches = match_expressions.select_matches(dialect, index, f"match_{place}")
        found_rows = matches.cte(f"found_{place}").prefix_with("MATERIALIZED")
        # In order before anything is joined: the limit then ends the joining. OFFSET keeps it so.
        bounded_rows = select(found_rows).where(
            match_expressions.is_in_range(found_rows.c.number, since, until)
        )
        in_order = bounded_rows.order_by(found_rows.c.number.desc()).offset(literal_column("0"))
        newest = in_order.subquery(f"newest_{place}")
        number = newest.c.number
        page = select_served(shape, newest, newest.c.key, number, tier)
    tier_value = literal_column(str(tier.value), Integer()).label("tier")
    return page.add_columns(tier_value, number.label("number")).order_by(number.desc())


@lru_cache(maxsize=512)
def _select_all_tiers(
    select_served: ServedSelection, shape: Any, index: Table, tiers: tuple[Tier, ...]
) -> Lookup:
    """Select all that is found, each with its tier, on PostgreSQL."""
    in_tiers = [
        (match_expressions.matches("postgresql", index, f"match_{tier.value}"), tier.value)
        for tier in tiers[:-1]
    ]
    last = literal(tiers[-1].value, Integer())
    found_rows = (
        match_expressions.select_matches("postgresql", index)
        .add_columns((case(*in_tiers, else_=last) if in_tiers else last).label("tier"))
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    tier, number = found_rows.c.tier, found_rows.c.number
    after_tier = bindparam("after_tier", type_=BigInteger())
    after_number = bindparam("after_number", type_=BigInteger())
    page = (
        select_served(shape, found_rows, found_rows.c.key, number, tier)
        .add_columns(tier, number)
        .where(or_(tier > after_tier, and_(tier == after_tier, number < after_number)))
        .order_by(tier, number.desc())
    )
    return Lookup(page.limit(bindparam("limit", type_=Integer())))


def _find_stretch_start(until: int, letter: str) -> int:
    """Return where the stretch begins that the highest number below `until` lies in."""
    bits = STRETCHES[letter]
    return (until - 1) >> bits << bits


async def _may_look_at_all(database: Reader, request: PageRequest, tier: Tier) -> bool:
    """Return whether a tier is asked for as a whole."""
    if database.embedded:
        # FTS5 gives the newest first, and stops when it is told to.
        return not request.has_filters
    index_query = request.index_query
    statistics = await term_statistics.read_statistics(database, index_query.index)
    level = ranking.LEVELS.get(tier, Level.TEXT)
    return statistics.estimate(index_query, level, cautiously=True) <= RARE


async def _are_few(database: Reader, index: Table, match: str) -> bool:
    return (await term_statistics.count_matches(database, index, [match], RARE))[0] <= RARE


async def is_sortable(database: Reader, index_query: IndexQuery, match: str) -> bool:
    """Return whether all that is found may be put into another order than the index's."""
    if database.embedded:
        return await _are_few(database, index_query.index, match)
    return await term_statistics.has_few_matches(
        database, index_query, index_query.lowest, most=SORTABLE
    )
