"""Claims found by their words: ranked, newest first among equals, or in the order asked for.

A page asks the index tier by tier, each from the newest claim down, and stops when it is full.  So
common words cost what rare ones do, provided that no step looks at more than it must: what is rare
is asked for as a whole, what is common by stretches of numbers.  Where filters turn away nearly all
of it, a page ends short after so many steps, with a cursor to go on from.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import Integer, bindparam, case, func, select

from service.domain import history, search
from service.domain.claims import Lifecycle
from service.domain.search import Level, Query, Tier
from service.formats import terms
from service.queries import claims as claim_queries
from service.queries import wording
from service.queries.claims import Family, Filters, Shape
from service.store import fulltext
from service.store.engine import Database, Lookup
from service.store.fulltext import Commonness, claim_search
from service.store.tables import claims
from service.store.types import id_text

TOP = 1 << 62
"""Above every number."""
RARE = 2_000
"""So many matches are asked for as a whole."""
SORTABLE = 20_000
"""So many matches are put in another order than the index's as a whole."""
STRETCH = 14
"""The stretch that is looked through at once where it is not the index that filters, as a power of
two."""
STEPS = 8
"""A page looks through so many stretches at most."""
WALKED = (200, 2_000, 2_000, 2_000, 2_000)
"""Claims looked through at once, in another order than the index's."""
RANKED = 300
"""Claims that are tried for an instant at once."""
STATISTICS_SECONDS = 60.0
LABELLED = frozenset({"claimant", "story", "kind"})
"""Filters that the index knows of."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of the claims that a query finds."""

    query: Query
    filters: Filters
    claimant: Family | None
    party: Family | None
    limit: int
    after: list[Any] | None

    @property
    def fixed(self) -> list[list[str]]:
        """The labels that never change."""
        given = (("kind", self.filters.kind), ("story", self.filters.story))
        return [[terms.label(name, value)] for name, value in given if value]

    @property
    def labels(self) -> list[list[str]]:
        """Those and the claimant, who may be any below the party that is asked for now."""
        if self.claimant is None:
            return self.fixed
        return [*self.fixed, [terms.label("claimant", one) for one in self.claimant.slugs]]


class Hit(NamedTuple):
    """A claim that was found: what is served of it, what the next page goes on from, and what
    shows why."""

    document: str
    assignee: str | None
    keys: list[Any]
    snippets: list[dict[str, Any]]


class _Row(NamedTuple):
    """A claim that matches, with its state and how well it fits."""

    document: str
    assignee: str | None
    state: str
    tier: Tier
    keys: list[Any]


class Page(NamedTuple):
    hits: list[Hit]
    after: list[Any] | None
    """What the next page goes on from, if any."""


async def page(database: Database, asked: Asked) -> Page:
    """The claims that are found, best first, or in the order asked for."""
    if asked.filters.as_of is not None:
        return await _as_of(database, asked, asked.filters.as_of)
    ranked = asked.filters.sort == "relevance"
    rows, after = await (_ranked if ranked else _sorted)(database, asked)
    states = [history.state(orjson.loads(row.state)) for row in rows]
    # What stands in the wording itself is shown from there.
    deep = [state for state, row in zip(states, rows, strict=True) if row.tier > Tier.TEXT]
    known = await database.read(wording.now, deep) if deep else wording.NOTHING
    return Page(
        [
            Hit(
                row.document,
                row.assignee,
                row.keys,
                search.snippets(asked.query, terms.fields(state, known.quotes, known.full_names)),
            )
            for row, state in zip(rows, states, strict=True)
        ],
        after,
    )


async def _ranked(database: Database, asked: Asked) -> tuple[list[_Row], list[Any] | None]:
    shape, parameters = claim_queries.shaped(
        asked.filters, after=None, claimant=asked.claimant, party=asked.party
    )
    dialect = _dialect(database)
    step, hits, left = _step(dialect, shape), list[_Row](), STEPS
    first, until = asked.after or (Tier.TOGETHER, TOP)
    for tier in fulltext.tiers(asked.query):
        if tier < first:
            continue
        until = until if tier == first else TOP
        match = fulltext.in_tier(dialect, asked.query, tier, asked.labels, Level.QUOTES)
        whole = await _rare(database, asked, shape, match, tier)
        if not whole and until == TOP:
            until = await _top(database) + 1
        letters = iter("pq" + ("q" if _narrowed(shape) else "r") * STEPS)
        while until > 0:
            letter = None if whole else next(letters)
            since = 0 if letter is None else _stretch(until, letter)
            stretch = letter is not None and not database.embedded
            rows = await database.look_up(
                step,
                parameters
                | {
                    "match": fulltext.within(match, letter or "", since) if stretch else match,
                    "since": since,
                    "until": until,
                    "limit": asked.limit + 1 - len(hits),
                },
            )
            hits += [_Row(row[0], row[1], row[2], tier, [tier.value, row[3]]) for row in rows]
            if len(hits) > asked.limit:
                return hits[:-1], hits[-2].keys
            until, left = since, left - 1
            if left == 0 and until > 0:
                return hits, [tier.value, until]
    return hits, None


def _stretch(until: int, letter: str) -> int:
    """Where the stretch begins that the highest number below `until` lies in."""
    bits = fulltext.STRETCHES[letter]
    return (until - 1) >> bits << bits


def _narrowed(shape: Shape) -> bool:
    """Whether there are filters that the index does not know of."""
    return bool(shape.names - LABELLED) or bool(shape.statuses)


async def _rare(
    database: Database, asked: Asked, shape: Shape, match: str, tier: Tier, most: int = RARE
) -> bool:
    """Whether all of what matches may be looked at."""
    if not database.embedded:
        known = await _commonness(database)
        level = fulltext.LEVELS.get(tier, Level.TEXT)
        return known.of(asked.query, level, asked.labels) <= most
    if asked.filters.sort == "relevance" and not _narrowed(shape):
        return True  # FTS5 gives the newest first, and stops when it is told to
    rows = await database.look_up(PROBE, {"match": match, "most": most + 1})
    return bool(rows[0][0] <= most)


PROBE = Lookup(fulltext.counted(claim_search))
TOP_NUMBER = Lookup(select(func.coalesce(func.max(claim_search.c.number), 0)), point=True)
SHARES = Lookup(fulltext.SHARES)
_known: WeakKeyDictionary[Database, tuple[float, Commonness]] = WeakKeyDictionary()


async def _top(database: Database) -> int:
    top: int = (await database.look_up(TOP_NUMBER, {}))[0][0]
    return top


async def _commonness(database: Database) -> Commonness:
    read_at, known = _known.get(database, (0.0, None))
    if known is None or time.monotonic() - read_at > STATISTICS_SECONDS:
        known = fulltext.commonness(await database.look_up(SHARES, {"name": "claim_search"}))
        _known[database] = time.monotonic(), known
    return known


@lru_cache(maxsize=512)
def _step(dialect: str, shape: Shape) -> Lookup:
    """The newest claims of a tier within a range of numbers."""
    found, source = _found(dialect)
    return Lookup(
        select(claims.c.document, claims.c.assignee, claims.c.state, found)
        .select_from(source)
        .where(*_kept(dialect, shape))
        .order_by(found.desc())
        .limit(bindparam("limit", type_=Integer()))
    )


def _found(dialect: str) -> tuple[Any, Any]:
    """The numbers of the rows that match, and what gives them with their claims.

    FTS5 streams; on PostgreSQL what matches is looked up first, so that no plan walks all rows in
    order and tries each.
    """
    if dialect == "sqlite":
        source = fulltext.source(dialect, claim_search)
        on = claims.c.id == claim_search.c.claim
        return fulltext.numbers(dialect, claim_search), fulltext.FixedJoin(source, claims, on)
    found = fulltext.candidates(dialect, claim_search).cte("found")
    found = found.prefix_with("MATERIALIZED")
    return found.c.number, found.join(claims, claims.c.id == found.c.key)


def _kept(dialect: str, shape: Shape) -> list[Any]:
    kept = [
        claims.c.lifecycle != Lifecycle.MERGED.value,
        *claim_queries.conditions(shape, claims, claims.c.changed_at),
    ]
    if dialect == "sqlite":
        kept.append(fulltext.matches(dialect, claim_search))
        kept.append(fulltext.between(dialect, claim_search))
    return kept


# In another order.


async def _sorted(database: Database, asked: Asked) -> tuple[list[_Row], list[Any] | None]:
    dialect = _dialect(database)
    match = fulltext.anywhere(dialect, asked.query, asked.labels, Level.QUOTES)
    after, hits = asked.after, list[_Row]()
    shape, parameters = _shaped(asked, after)
    parameters |= {"match": match, "since": 0, "until": TOP}
    most = RARE if database.embedded else SORTABLE
    if await _rare(database, asked, shape, match, Tier.ANYWHERE, most):
        rows = await database.look_up(
            _whole(dialect, shape), parameters | {"limit": asked.limit + 1}
        )
        hits = [_row(row) for row in rows]
    else:
        for walked in WALKED:
            rows = await database.look_up(_walk(dialect, shape), parameters | {"limit": walked})
            hits += [_row(row) for row in rows if row[0] is not None]
            if len(hits) > asked.limit or len(rows) < walked:
                break
            after = _keys(rows[-1])
            shape, more = _shaped(asked, after)
            parameters |= more
        else:
            if len(hits) <= asked.limit:
                return hits, after
    if len(hits) <= asked.limit:
        return hits, None
    return hits[: asked.limit], hits[asked.limit - 1].keys


def _shaped(asked: Asked, after: list[Any] | None) -> tuple[Shape, dict[str, Any]]:
    return claim_queries.shaped(
        asked.filters, after=after, claimant=asked.claimant, party=asked.party
    )


@lru_cache(maxsize=512)
def _whole(dialect: str, shape: Shape) -> Lookup:
    """All that matches, in the order of the shape."""
    _, source = _found(dialect)
    moment = claim_queries.moment(shape)
    page = select(claims.c.document, claims.c.assignee, claims.c.state, moment, claims.c.id)
    page = page.select_from(source).where(*_kept(dialect, shape))
    return Lookup(claim_queries.ordered(page, shape, moment, claims.c.id))


@lru_cache(maxsize=512)
def _walk(dialect: str, shape: Shape) -> Lookup:
    """The next claims in the order of the shape: of those that do not match, only the sort keys."""
    moment = claim_queries.moment(shape)
    row = select(
        claims.c.document,
        claims.c.assignee,
        claims.c.state,
        moment.label("moment"),
        claims.c.id.label("id"),
    ).where(
        claims.c.lifecycle != Lifecycle.MERGED.value,
        *claim_queries.conditions(shape, claims, claims.c.changed_at),
    )
    walked = claim_queries.ordered(row, shape, moment, claims.c.id).cte("walked")
    fits = fulltext.matched(dialect, claim_search, walked.c.id).label("fits")
    tried = select(walked, fits).cte("tried")
    return Lookup(
        select(
            *(case((tried.c.fits, tried.c[name])) for name in ("document", "assignee", "state")),
            tried.c.moment,
            tried.c.id,
        ).order_by(tried.c.moment.desc(), tried.c.id.desc())
    )


def _row(row: Sequence[Any]) -> _Row:
    return _Row(row[0], row[1], row[2], Tier.ANYWHERE, _keys(row[3:]))


def _keys(row: Sequence[Any]) -> list[Any]:
    moment, claim = row
    return [moment if isinstance(moment, str) else moment.isoformat(), id_text(claim)]


# What was found at an instant.


async def _as_of(database: Database, asked: Asked, moment: datetime) -> Page:
    """The claims that the query found at `moment`, as they were.

    The index says what may have matched once; what was known then decides.  `RANKED` of those are
    ranked; where there are more, the latest changed come first.
    """
    ranked = asked.filters.sort == "relevance"
    if not ranked or (asked.after and asked.after[0] is not None):
        return await _walked_as_of(database, asked, moment, asked.after)
    rows = await _ever(database, asked, None, RANKED + 1)
    if len(rows) > RANKED:
        return await _walked_as_of(database, asked, moment, None)
    found = await _known_then(database, asked, rows, moment)
    found.sort(key=lambda one: one[1].keys[1], reverse=True)
    found.sort(key=lambda one: one[0])
    hits = [hit._replace(keys=[None, tier.value, hit.keys[1]]) for tier, hit in found]
    if asked.after:
        _, tier, claim = asked.after
        hits = [
            hit
            for hit in hits
            if hit.keys[1] > tier or (hit.keys[1] == tier and hit.keys[2] < claim)
        ]
    more = len(hits) > asked.limit
    return Page(hits[: asked.limit], hits[asked.limit - 1].keys if more else None)


async def _walked_as_of(
    database: Database, asked: Asked, moment: datetime, after: list[Any] | None
) -> Page:
    """In the order asked for, or the latest changed first."""
    hits: list[Hit] = []
    for _ in range(STEPS):
        rows = await _ever(database, asked, after, RANKED)
        hits += [hit for _, hit in await _known_then(database, asked, rows, moment)]
        if len(hits) > asked.limit:
            return Page(hits[: asked.limit], hits[asked.limit - 1].keys)
        if len(rows) < RANKED:
            return Page(hits, None)
        after = _keys(rows[-1][2:])
    return Page(hits, after)


async def _ever(
    database: Database, asked: Asked, after: list[Any] | None, limit: int
) -> list[Sequence[Any]]:
    """The claims that may have matched once and pass the filters at the instant asked for."""
    dialect = _dialect(database)
    shape, parameters = _shaped(asked, after)
    sort = "changed" if asked.filters.sort == "relevance" else asked.filters.sort
    lookup = claim_queries.lookup(replace(shape, matching=dialect, sort=sort))
    match = fulltext.at_any_time(dialect, asked.query, asked.fixed)
    return list(await database.look_up(lookup, parameters | {"match": match, "limit": limit}))


async def _known_then(
    database: Database, asked: Asked, rows: Sequence[Sequence[Any]], moment: datetime
) -> list[tuple[Tier, Hit]]:
    """Those of `rows` that the query found at `moment`, and how well, in their order."""
    claims = [id_text(row[3]) for row in rows]
    then = await database.read(wording.then, claims, moment) if claims else {}
    found = []
    for row, claim in zip(rows, claims, strict=True):
        fields = then[claim]
        tier = search.rank(asked.query, fields)
        if tier is not None:
            shown = search.snippets(asked.query, fields)
            found.append((tier, Hit(row[0], row[1], _keys(row[2:]), shown)))
    return found


def _dialect(database: Database) -> str:
    return "sqlite" if database.embedded else "postgresql"
