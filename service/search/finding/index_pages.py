"""A page of what a query finds in an index: tier by tier, in each from the newest down.

Common words cost what rare ones do, provided that no step looks at more than it must: what is rare
is asked for as a whole, what is common by stretches of numbers, and a page that is full asks no
more.  Where filters turn away nearly all of it, a page ends short after so many steps, with what to
go on from.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

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
    func,
    literal,
    literal_column,
    or_,
    select,
)

from service.domain.search import Level, Query, Tier
from service.search.index import fulltext, word_frequencies
from service.search.index.word_frequencies import Commonness
from service.store.engine import Database, Lookup

TOP = 1 << 62
"""Above every number."""
RARE = 500
"""So many matches are asked for as a whole."""
SORTABLE = 3_000
"""So many matches are put in another order than the index's, on PostgreSQL."""
STEPS = 8
"""A page looks through so many stretches at most."""
STATISTICS_SECONDS = 60.0

Rows = Callable[[Any, FromClause, ColumnElement[Any]], Select[Any]]
"""What is served, and which filters it passes: given their shape, what the index gives, and the key
in that of what is found."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A page to be found.  `narrowed`: filters of `rows` that the index does not know of;
    `shape`: what the SQL of `rows` depends on."""

    index: Table
    levels: tuple[Level, ...]
    query: Query
    labels: Sequence[Sequence[str]]
    narrowed: bool
    rows: Rows
    shape: Any
    parameters: dict[str, Any]
    limit: int
    after: list[Any] | None

    @property
    def lowest(self) -> Level:
        return self.levels[-1]


class Found(NamedTuple):
    """A row with how well it fits, and what the next page goes on from after it."""

    row: Sequence[Any]
    tier: Tier
    keys: list[Any]


Page = tuple[list[Found], list[Any] | None]


async def walk(database: Database, asked: Walk) -> Page:
    """The page, and what the next one goes on from, if there is more."""
    dialect = kind(database)
    if not database.embedded:
        few = await _few(database, asked.index, asked.query, asked.labels, asked.lowest, RARE)
        if few:
            return await _whole(database, asked)
    step = _step(asked.rows, asked.shape, asked.index, dialect)
    found, left = list[Found](), STEPS
    first, until = asked.after or (Tier.TOGETHER, TOP)
    for tier in fulltext.tiers(asked.query, asked.levels):
        if tier < first:
            continue
        until = until if tier == first else TOP
        match = fulltext.in_tier(dialect, asked.query, tier, asked.labels, asked.lowest)
        at_once = await _rare(database, asked, tier, match)
        if not at_once and until == TOP:
            until = await top(database, asked.index) + 1
        letters = iter("pq" + ("q" if asked.narrowed else "r") * STEPS)
        while until > 0:
            letter = None if at_once else next(letters)
            since = 0 if letter is None else _stretch(until, letter)
            stretched = letter is not None and not database.embedded
            rows = await database.look_up(
                step,
                asked.parameters
                | {
                    "match": fulltext.within(match, letter or "", since) if stretched else match,
                    "since": since,
                    "until": until,
                    "limit": asked.limit + 1 - len(found),
                },
            )
            found += [Found(row, tier, [tier.value, row[-1]]) for row in rows]
            if len(found) > asked.limit:
                return found[:-1], found[-2].keys
            until, left = since, left - 1
            if left == 0 and until > 0:
                return found, [tier.value, until]
    return found, None


async def _whole(database: Database, asked: Walk) -> Page:
    """All tiers at once: there is little of it."""
    dialect = kind(database)
    tiers = fulltext.tiers(asked.query, asked.levels)
    parameters = {
        f"tier_{tier.value}": fulltext.in_tier(dialect, asked.query, tier, (), asked.lowest)
        for tier in tiers
    }
    first, until = asked.after or (Tier.TOGETHER.value, TOP)
    rows = await database.look_up(
        _all(asked.rows, asked.shape, asked.index, tuple(tiers)),
        asked.parameters
        | parameters
        | {
            "match": fulltext.anywhere(dialect, asked.query, asked.labels, asked.lowest),
            "after_tier": first,
            "after_number": until,
            "limit": asked.limit + 1,
        },
    )
    found = [Found(row, Tier(row[-2]), [row[-2], row[-1]]) for row in rows]
    if len(found) <= asked.limit:
        return found, None
    return found[:-1], found[-2].keys


@lru_cache(maxsize=512)
def _step(rows: Rows, shape: Any, index: Table, dialect: str) -> Lookup:
    """The newest of a tier within a range of numbers.

    FTS5 streams; on PostgreSQL what matches is looked up first, so that no plan walks all rows in
    order and tries each.
    """
    if dialect == "sqlite":
        number = fulltext.numbers(dialect, index)
        page = rows(shape, fulltext.source(dialect, index), index.c[1])
        page = page.where(fulltext.matches(dialect, index), fulltext.between(number))
    else:
        found = fulltext.candidates(dialect, index).cte("found").prefix_with("MATERIALIZED")
        # In order before anything is joined: the limit then ends the joining.  OFFSET keeps it so.
        bounded = select(found).where(fulltext.between(found.c.number))
        in_order = bounded.order_by(found.c.number.desc()).offset(literal_column("0"))
        newest = in_order.subquery("newest")
        number = newest.c.number
        page = rows(shape, newest, newest.c.key)
    ordered = page.add_columns(number).order_by(number.desc())
    return Lookup(ordered.limit(bindparam("limit", type_=Integer())))


@lru_cache(maxsize=512)
def _all(rows: Rows, shape: Any, index: Table, tiers: tuple[Tier, ...]) -> Lookup:
    """All that is found, on PostgreSQL, each with its tier."""
    in_tiers = [
        (fulltext.matches("postgresql", index, f"tier_{tier.value}"), tier.value)
        for tier in tiers[:-1]
    ]
    last = literal(tiers[-1].value, Integer())
    found = (
        fulltext.candidates("postgresql", index)
        .add_columns((case(*in_tiers, else_=last) if in_tiers else last).label("tier"))
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    after = tuple(bindparam(f"after_{name}", type_=BigInteger()) for name in ("tier", "number"))
    page = rows(shape, found, found.c.key).add_columns(found.c.tier, found.c.number)
    page = page.where(
        or_(
            found.c.tier > after[0],
            and_(found.c.tier == after[0], found.c.number < after[1]),
        )
    )
    ordered = page.order_by(found.c.tier, found.c.number.desc())
    return Lookup(ordered.limit(bindparam("limit", type_=Integer())))


def _stretch(until: int, letter: str) -> int:
    """Where the stretch begins that the highest number below `until` lies in."""
    bits = fulltext.STRETCHES[letter]
    return (until - 1) >> bits << bits


async def _rare(database: Database, asked: Walk, tier: Tier, match: str) -> bool:
    """Whether all of a tier may be looked at."""
    if database.embedded:
        # FTS5 gives the newest first, and stops when it is told to.
        return not asked.narrowed or await _fewer(database, asked.index, match, RARE)
    level = fulltext.LEVELS.get(tier, Level.TEXT)
    return await _few(database, asked.index, asked.query, asked.labels, level, RARE)


async def _few(
    database: Database,
    index: Table,
    query: Query,
    labels: Sequence[Sequence[str]],
    level: Level,
    most: int,
) -> bool:
    """Whether so few rows have the words, on PostgreSQL: as its statistics say, and where the words
    are none of the thousand that those know of, as counting says."""
    known = await commonness(database, index)
    if known.of(query, level, labels) > most:
        return False
    if known.most(query, level, labels) <= most:
        return True
    return await _fewer(database, index, fulltext.loosely("postgresql", query, labels, level), most)


async def _fewer(database: Database, index: Table, match: str, most: int) -> bool:
    """Whether so many rows match at most."""
    rows = await database.look_up(_probe(index, kind(database)), {"match": match, "most": most + 1})
    return bool(rows[0][0] <= most)


async def sortable(
    database: Database,
    index: Table,
    query: Query,
    labels: Sequence[Sequence[str]],
    lowest: Level,
    match: str,
) -> bool:
    """Whether all that is found may be put into another order than the index's."""
    if database.embedded:
        return await _fewer(database, index, match, RARE)
    return await _few(database, index, query, labels, lowest, SORTABLE)


_known: WeakKeyDictionary[Database, dict[str, tuple[float, Commonness]]] = WeakKeyDictionary()
SHARES = Lookup(word_frequencies.SHARES)


async def commonness(database: Database, index: Table) -> Commonness:
    """How common words are: asked for once a minute."""
    known = _known.setdefault(database, {})
    read_at, found = known.get(index.name, (0.0, None))
    if found is None or time.monotonic() - read_at > STATISTICS_SECONDS:
        found = word_frequencies.commonness(await database.look_up(SHARES, {"name": index.name}))
        known[index.name] = time.monotonic(), found
    return found


async def top(database: Database, index: Table) -> int:
    top: int = (await database.look_up(_highest(index), {}))[0][0]
    return top


@lru_cache
def _probe(index: Table, dialect: str) -> Lookup:
    return Lookup(fulltext.counted(dialect, index))


@lru_cache
def _highest(index: Table) -> Lookup:
    return Lookup(select(func.coalesce(func.max(index.c.number), 0)), point=True)


def kind(database: Database) -> str:
    return "sqlite" if database.embedded else "postgresql"
