"""Claims found by their words: ranked, newest first among equals, or in the order asked for.

A page asks the index tier by tier, each from the newest claim down, and stops when it is full.  So
common words cost what rare ones do, provided that no step looks at more than it must: what is rare
is asked for as a whole, what is common by stretches of numbers.  Where filters turn away nearly all
of it, a page ends short after so many steps, with a cursor to go on from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, case, select

from service.claims import claim_queries
from service.claims.claim_queries import Family, Filters, Shape
from service.domain import search
from service.domain.claims import Lifecycle
from service.domain.search import Level, Query, Tier
from service.search.finding import claim_words
from service.search.finding.index_pages import Walk, kind, sortable, walk
from service.search.index import fulltext, terms
from service.search.index.fulltext import claim_search
from service.store import states
from service.store.engine import Database, Lookup
from service.store.tables import claims
from service.store.types import id_text

STEPS = 8
"""A page for an instant tries so many times `RANKED` claims at most."""
WALKED = (200, 1_000, 2_000)
"""Claims looked through at once, in another order than the index's."""
RANKED = 300
"""Claims that are tried for an instant at once."""
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
    found = [states.parse(row.state) for row in rows]
    # What stands in the wording itself is shown from there.
    deep = [state for state, row in zip(found, rows, strict=True) if row.tier > Tier.TEXT]
    known = await database.read(claim_words.now, deep) if deep else claim_words.NOTHING
    return Page(
        [
            Hit(
                row.document,
                row.assignee,
                row.keys,
                search.snippets(asked.query, terms.fields(state, known.quotes, known.full_names)),
            )
            for row, state in zip(rows, found, strict=True)
        ],
        after,
    )


async def _ranked(database: Database, asked: Asked) -> tuple[list[_Row], list[Any] | None]:
    shape, parameters = _shaped(asked, None)
    rows, after = await walk(
        database,
        Walk(
            index=claim_search,
            levels=tuple(Level),
            query=asked.query,
            labels=asked.labels,
            narrowed=bool(shape.names - LABELLED) or bool(shape.statuses),
            rows=_served,
            shape=shape,
            parameters=parameters,
            limit=asked.limit,
            after=asked.after,
        ),
    )
    return [_Row(one.row[0], one.row[1], one.row[2], one.tier, one.keys) for one in rows], after


def _served(shape: Shape, source: FromClause, key: ColumnElement[Any]) -> Select[Any]:
    """What is served of claims that are found and pass the filters."""
    return (
        select(claims.c.document, claims.c.assignee, states.whole(claims))
        .select_from(fulltext.FixedJoin(source, claims, claims.c.id == key))
        .where(
            claims.c.lifecycle != Lifecycle.MERGED.value,
            *claim_queries.conditions(shape, claims, claims.c.changed_at),
        )
    )


# In another order.


async def _sorted(database: Database, asked: Asked) -> tuple[list[_Row], list[Any] | None]:
    dialect = kind(database)
    match = fulltext.anywhere(dialect, asked.query, asked.labels, Level.QUOTES)
    after, hits = asked.after, list[_Row]()
    shape, parameters = _shaped(asked, after)
    parameters |= {"match": match}
    if await sortable(database, claim_search, asked.query, asked.labels, Level.QUOTES, match):
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
            after = _keys(rows[-1][3:])
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
    moment = claim_queries.moment(shape)
    if dialect == "sqlite":
        page = _served(shape, fulltext.source(dialect, claim_search), claim_search.c.claim)
        page = page.where(fulltext.matches(dialect, claim_search))
    else:
        found = fulltext.candidates(dialect, claim_search).cte("found")
        found = found.prefix_with("MATERIALIZED")
        page = _served(shape, found, found.c.key)
    page = page.add_columns(moment, claims.c.id)
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
            *(case((tried.c.fits, tried.c[name])) for name in ("document", "assignee")),
            case((tried.c.fits, states.whole(tried))),
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
    dialect = kind(database)
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
    then = await database.read(claim_words.then, claims, moment) if claims else {}
    found = []
    for row, claim in zip(rows, claims, strict=True):
        fields = then[claim]
        tier = search.rank(asked.query, fields)
        if tier is not None:
            shown = search.snippets(asked.query, fields)
            found.append((tier, Hit(row[0], row[1], _keys(row[2:]), shown)))
    return found
