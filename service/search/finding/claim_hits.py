"""Find claims by their words: ranked, newest first among equals, or in the order asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, FromClause, Select, case, cast, null, select

from service.claims import claim_conditions, claim_queries
from service.claims.claim_conditions import FilterSet
from service.claims.claim_queries import Family, Filters
from service.claims.claim_views import ClaimView
from service.claims.documents import Internals, StoredClaim, mark_corrected
from service.claims.statement_views import SnippetView
from service.search.finding import fields_as_of, index_pages, snippets
from service.search.finding.index_pages import Keys, PageRequest, RankedRow
from service.search.index import (
    match_expressions,
    postings,
    ranking,
    searchable_fields,
)
from service.search.index.index_tables import claim_search
from service.search.index.match_expressions import IndexQuery
from service.search.index.query_parser import Query
from service.search.index.ranking import Tier
from service.search.index.term_statistics import name_dialect
from service.store.compiled_statements import Parameters
from service.store.engine import Lookup
from service.store.reader import Reader
from service.store.tables import claims
from service.store.types import LongText, format_id

STEPS = 8
"""A page for an instant tries so many times `RANKED` claims at most."""
WALKED = (200, 1_000, 2_000)
"""Claims looked through at once, in another order than the index's."""
RANKED = 300
"""Claims that are tried for an instant at once."""
LABELLED = frozenset({"claimant", "story", "kind"})
"""Filters that the index has labels for."""


@dataclass(frozen=True, slots=True)
class ClaimSearch:
    """A page of the claims that a query finds."""

    query: Query
    filters: Filters
    claimant: Family | None
    party: Family | None
    limit: int
    after: Keys | None

    @property
    def labels(self) -> list[list[str]]:
        """What the index has labels for now, the claimant as any below the party asked for."""
        filters = (("kind", self.filters.kind), ("story", self.filters.story))
        labels = [[postings.build_label(name, value)] for name, value in filters if value]
        if self.claimant is not None:
            labels.append([postings.build_label("claimant", slug) for slug in self.claimant.slugs])
        return labels


class Hit(NamedTuple):
    """A claim that was found, as it is served but for what is internal, the keys of the page after
    it, and why."""

    claim: ClaimView
    internals: Internals
    keys: Keys
    snippets: list[SnippetView]


class Page(NamedTuple):
    hits: list[Hit]
    after: Keys | None
    """The keys of the next page, if there is one."""


async def find_claims(database: Reader, search: ClaimSearch) -> Page:
    """Return the claims that are found, best first or in the order asked for."""
    if search.filters.as_of is not None:
        return await _find_as_of(database, search, search.filters.as_of)
    is_ranked = search.filters.sort == "relevance"
    rows, after = await (_find_ranked if is_ranked else _find_sorted)(database, search)
    return Page([_build_hit(search.query, row) for row in rows], after)


def _build_hit(query: Query, row: RankedRow) -> Hit:
    document, assignee, due_at, written_text = row.served[:4]
    claim: ClaimView = orjson.loads(document)
    text = searchable_fields.read_text(claim["text"])
    written_fields = snippets.read_likeliest_first(query, written_text) if written_text else ()
    return Hit(
        claim,
        Internals(assignee, due_at),
        row.keys,
        snippets.list_snippets(query, chain((text,), written_fields)),
    )


async def _find_ranked(
    database: Reader, search: ClaimSearch
) -> tuple[list[RankedRow], Keys | None]:
    filter_set, parameters = split_filters(search, None)
    return await index_pages.find_page(
        database,
        PageRequest(
            index_query=IndexQuery(
                name_dialect(database), claim_search, search.query, search.labels
            ),
            has_filters=bool(filter_set.names - LABELLED) or bool(filter_set.statuses),
            select_served=_select_served,
            shape=filter_set,
            parameters=parameters,
            limit=search.limit,
            after=search.after,
        ),
    )


def _select_served(
    filter_set: FilterSet,
    source: FromClause,
    key: ColumnElement[Any],
    number: ColumnElement[Any],
    tier: Tier | ColumnElement[Any],
) -> Select[Any]:
    """Select claims that are found and pass the filters, as `StoredClaim` has them, and the names
    and quotes of those that were not found by their text alone."""
    fields: ColumnElement[Any] = (
        select(_candidate.c.fields).where(_candidate.c.number == number).scalar_subquery()
    )
    if not isinstance(tier, Tier):
        fields = case((tier > Tier.TEXT.value, fields))
    elif tier <= Tier.TEXT:
        fields = cast(null(), LongText)
    return (
        select(claims.c.document, claims.c.assignee, claims.c.due_at, fields.label("fields"))
        .select_from(match_expressions.FixedJoin(source, claims, claims.c.id == key))
        .where(
            *claim_conditions.build_conditions(filter_set, claims, claims.c.changed_at),
        )
    )


_candidate = claim_search.alias("shown")


# In another order than the index's.


async def _find_sorted(
    database: Reader, search: ClaimSearch
) -> tuple[list[RankedRow], Keys | None]:
    dialect = name_dialect(database)
    index_query = IndexQuery(dialect, claim_search, search.query, search.labels)
    match = index_query.match_any_tier()
    after, hits = search.after, list[RankedRow]()
    filter_set, parameters = split_filters(search, after)
    parameters = {**parameters, "match": match}
    if await index_pages.is_sortable(database, index_query, match):
        rows = await database.look_up(
            _select_sorted(dialect, filter_set), {**parameters, "limit": search.limit + 1}
        )
        hits = [_build_row(row) for row in rows]
    else:
        for limit in WALKED:
            rows = await database.look_up(
                _select_walk(dialect, filter_set), {**parameters, "limit": limit}
            )
            hits += [_build_row(row) for row in rows if row[0] is not None]
            if len(hits) > search.limit or len(rows) < limit:
                break
            after = _build_keys(rows[-1][-2:])
            filter_set, range_parameters = split_filters(search, after)
            parameters = {**parameters, **range_parameters}
        else:
            if len(hits) <= search.limit:
                return hits, after
    if len(hits) <= search.limit:
        return hits, None
    return hits[: search.limit], hits[search.limit - 1].keys


def split_filters(search: ClaimSearch, after: Keys | None) -> tuple[FilterSet, Parameters]:
    return claim_queries.describe_filters(
        search.filters, after=after, claimant=search.claimant, party=search.party
    )


@lru_cache(maxsize=512)
def _select_sorted(dialect: str, filter_set: FilterSet) -> Lookup:
    """Select all that matches, in the order asked for."""
    moment = claim_conditions.choose_sort_key(filter_set)
    if dialect == "sqlite":
        source = match_expressions.get_source(dialect, claim_search)
        number = match_expressions.get_number(dialect, claim_search)
        page = _select_served(filter_set, source, claim_search.c.claim, number, Tier.ANYWHERE)
        page = page.where(match_expressions.matches(dialect, claim_search))
    else:
        matches = match_expressions.select_matches(dialect, claim_search).cte("found")
        matches = matches.prefix_with("MATERIALIZED")
        page = _select_served(filter_set, matches, matches.c.key, matches.c.number, Tier.ANYWHERE)
    page = page.add_columns(moment, claims.c.id)
    return Lookup(claim_conditions.order_page(page, filter_set, moment, claims.c.id))


@lru_cache(maxsize=512)
def _select_walk(dialect: str, filter_set: FilterSet) -> Lookup:
    """Select the next claims in the order asked for; of those that do not match, the keys."""
    moment = claim_conditions.choose_sort_key(filter_set)
    row = select(
        claims.c.document,
        claims.c.assignee,
        claims.c.due_at,
        moment.label("moment"),
        claims.c.id.label("id"),
    ).where(
        *claim_conditions.build_conditions(filter_set, claims, claims.c.changed_at),
    )
    walk = claim_conditions.order_page(row, filter_set, moment, claims.c.id).cte("walked")
    is_match = match_expressions.has_match(dialect, claim_search, walk.c.id).label("fits")
    trial = select(walk, is_match).cte("tried")
    fields = select(_candidate.c.fields).where(_candidate.c.claim == trial.c.id).scalar_subquery()
    return Lookup(
        select(
            *(case((trial.c.fits, trial.c[name])) for name in StoredClaim._fields),
            case((trial.c.fits, fields)),
            trial.c.moment,
            trial.c.id,
        ).order_by(*claim_conditions.order(filter_set, trial.c.moment, trial.c.id))
    )


def _build_row(row: Sequence[Any]) -> RankedRow:
    return RankedRow(row, Tier.ANYWHERE, _build_keys(row[-2:]))


def _build_keys(row: Sequence[Any]) -> Keys:
    moment, claim = row
    return [moment if isinstance(moment, str) else moment.isoformat(), format_id(claim)]


# As of an instant.


async def _find_as_of(database: Reader, search: ClaimSearch, moment: datetime) -> Page:
    """Return the claims that the query found at `moment`, as they were.

    The index says what may have matched once; what was known then decides. `RANKED` of those are
    ranked; where there are more, the latest changed come first.
    """
    is_ranked = search.filters.sort == "relevance"
    if not is_ranked or (search.after and search.after[0] is not None):
        return await _walk_as_of(database, search, moment, search.after)
    rows = await find_at_any_time(database, search, None, RANKED + 1)
    if len(rows) > RANKED:
        return await _walk_as_of(database, search, moment, None)
    hits_by_tier = await _rank_as_of(database, search, rows, moment)
    hits_by_tier.sort(key=lambda pair: pair[1].keys[1], reverse=True)
    hits_by_tier.sort(key=lambda pair: pair[0])
    hits = [hit._replace(keys=[None, tier.value, hit.keys[1]]) for tier, hit in hits_by_tier]
    if search.after:
        _, tier, claim = search.after
        hits = [
            hit
            for hit in hits
            if hit.keys[1] > tier or (hit.keys[1] == tier and hit.keys[2] < claim)
        ]
    has_more = len(hits) > search.limit
    return Page(hits[: search.limit], hits[search.limit - 1].keys if has_more else None)


async def _walk_as_of(
    database: Reader, search: ClaimSearch, moment: datetime, after: Keys | None
) -> Page:
    """Return claims in the order asked for, or the latest changed first."""
    hits: list[Hit] = []
    for _ in range(STEPS):
        rows = await find_at_any_time(database, search, after, RANKED)
        hits += [hit for _, hit in await _rank_as_of(database, search, rows, moment)]
        if len(hits) > search.limit:
            return Page(hits[: search.limit], hits[search.limit - 1].keys)
        if len(rows) < RANKED:
            return Page(hits, None)
        after = _build_keys(rows[-1][-2:])
    return Page(hits, after)


async def find_at_any_time(
    database: Reader, search: ClaimSearch, after: Keys | None, limit: int
) -> list[Sequence[Any]]:
    """Return claims that may have matched once and pass the filters at the instant asked for."""
    dialect = name_dialect(database)
    filter_set, parameters = split_filters(search, after)
    sort = "changed" if search.filters.sort == "relevance" else search.filters.sort
    lookup = claim_queries.prepare_list(replace(filter_set, matching=dialect, sort=sort))
    # Without labels: a claim that has been corrected since may have had others.
    index_query = IndexQuery(dialect, claim_search, search.query, ())
    match = index_query.match_at_any_time()
    return list(await database.look_up(lookup, {**parameters, "match": match, "limit": limit}))


async def _rank_as_of(
    database: Reader, search: ClaimSearch, rows: Sequence[Sequence[Any]], moment: datetime
) -> list[tuple[Tier, Hit]]:
    """Return those of `rows` that the query found at `moment`, and how well, in their order."""
    claim_ids = [format_id(row[-1]) for row in rows]
    fields_by_claim = {}
    if claim_ids:
        fields_by_claim = await database.read(fields_as_of.read_fields_as_of, claim_ids, moment)
    hits_by_tier = []
    for row, claim in zip(rows, claim_ids, strict=True):
        fields = fields_by_claim[claim]
        tier = ranking.rank_fields(search.query, fields)
        if tier is not None:
            best_snippets = snippets.list_snippets(search.query, fields)
            document = mark_corrected(row[0], row[3], moment)
            internals, keys = Internals(row[1], row[2]), _build_keys(row[-2:])
            hits_by_tier.append((tier, Hit(orjson.loads(document), internals, keys, best_snippets)))
    return hits_by_tier
