"""Count what a query finds: by status, story, party, kind and language.

The newest `MOST` claims that have the query's words are counted, those of them that pass its
filters.  Where there may be more, the counts are lower bounds, and say so.  Each count is that of
the claims which the query finds with that value as a further filter.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    String,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
    union,
    union_all,
)
from typing_extensions import TypedDict

from service.claims import claim_conditions, link_activity
from service.claims.claim_conditions import FilterSet
from service.domain.claims import ClaimState
from service.search.finding import claim_hits, fields_as_of, index_pages
from service.search.finding.claim_hits import ClaimSearch
from service.search.index import match_expressions, ranking, searchable_fields
from service.search.index.index_tables import claim_search
from service.search.index.match_expressions import IndexQuery
from service.search.index.searchable_fields import FieldSources
from service.search.index.term_statistics import name_dialect
from service.store.engine import Lookup
from service.store.reader import Reader
from service.store.tables import claims, links, quotes, statements
from service.store.types import format_id
from service.views import view

MOST = 500
"""Claims that are counted, at most."""
VALUES = 50
"""Values of a facet that are told, the commonest first."""
NAMES = ("status", "story", "party", "kind", "language")


@view
class CountView(TypedDict):
    """A value and how many of the claims have it."""

    value: str
    count: int


@view
class FacetsView(TypedDict):
    """How many of the claims that a query finds have which value, the commonest first; each value
    narrows the list as the parameter of that name."""

    is_complete: Annotated[
        bool, Field(description="False: the counts are lower bounds, of the newest claims")
    ]
    status: list[CountView]
    story: list[CountView]
    party: Annotated[
        list[CountView],
        Field(description="The topmost parties of those that take a stance"),
    ]
    kind: list[CountView]
    language: Annotated[
        list[CountView],
        Field(description="Primary tags of the languages in which something is quoted"),
    ]


async def count_facets(database: Reader, search: ClaimSearch) -> FacetsView:
    """Count the claims that a query finds, whatever page of them is shown."""
    if search.filters.as_of is not None:
        return await _count_as_of(database, search, search.filters.as_of)
    dialect = name_dialect(database)
    index_query = IndexQuery(dialect, claim_search, search.query, search.labels)
    steps, is_whole = await index_pages.list_steps_of_all(database, index_query, most=MOST)
    filter_set, values = claim_hits.split_filters(search, None)
    parameters = {**values, "most": MOST}
    for place, step in enumerate(steps):
        parameters |= index_pages.build_step_parameters(place, step)
    rows = await database.look_up(_select_counts(dialect, filter_set, len(steps)), parameters)
    counts: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    looked_at = 0
    for name, value, count in rows:
        if name == "":
            looked_at = count
        else:
            counts[name][value] = count
    return _build_view(counts, is_complete=is_whole and looked_at < MOST)


def _build_view(counts: dict[str, Counter[str]], *, is_complete: bool) -> FacetsView:
    def list_counts(name: str) -> list[CountView]:
        ranking = sorted(counts[name].items(), key=lambda pair: (-pair[1], pair[0]))
        return [{"value": value, "count": count} for value, count in ranking[:VALUES]]

    return {
        "is_complete": is_complete,
        "status": list_counts("status"),
        "story": list_counts("story"),
        "party": list_counts("party"),
        "kind": list_counts("kind"),
        "language": list_counts("language"),
    }


@lru_cache(maxsize=256)
def _select_counts(dialect: str, filter_set: FilterSet, steps: int) -> Lookup:
    """Select facet, value and count; without a facet, how many claims were looked at."""
    newest = index_pages.select_newest_of_steps(dialect, claim_search, steps)
    looked_at = newest.cte("looked_at").prefix_with("MATERIALIZED")
    found_claims = (
        select(claims.c.id, claims.c.status, claims.c.story, claims.c.kind)
        .select_from(match_expressions.FixedJoin(looked_at, claims, claims.c.id == looked_at.c.key))
        .where(
            *claim_conditions.build_conditions(filter_set, claims, claims.c.changed_at),
        )
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    empty_text = literal_column("''", String())
    total: Any = select(empty_text, empty_text, func.count()).select_from(looked_at)
    parts = [
        total,
        *(
            _count_values(name, cast(found_claims.c[name], String), found_claims, func.count())
            for name in ("status", "story", "kind")
        ),
        _count_parties(filter_set, found_claims),
        _count_languages(dialect, found_claims),
    ]
    return Lookup(union_all(*parts))


def _count_values(
    name: str, value: ColumnElement[Any], source: FromClause, count: ColumnElement[int]
) -> Select[Any]:
    return (
        select(literal_column(f"'{name}'", String()), value, count)
        .select_from(source)
        .where(value.is_not(None))
        .group_by(value)
    )


def _count_parties(filter_set: FilterSet, found_claims: FromClause) -> Select[Any]:
    stance = [links.c.stance == bindparam("stance")] if "stance" in filter_set.names else []
    source = match_expressions.FixedJoin(
        match_expressions.FixedJoin(found_claims, links, links.c.claim == found_claims.c.id),
        statements,
        statements.c.id == links.c.statement,
    )
    return _count_values("party", links.c.root, source, func.count(links.c.claim.distinct())).where(
        *link_activity.build_conditions(
            [*link_activity.LINK_ENDINGS, *link_activity.STATEMENT_ENDINGS]
        ),
        *stance,
    )


def _count_languages(dialect: str, found_claims: FromClause) -> Select[Any]:
    origins = select(found_claims.c.id, claims.c.origin_statement.label("statement")).select_from(
        match_expressions.FixedJoin(found_claims, claims, claims.c.id == found_claims.c.id)
    )
    linked_statements = (
        select(found_claims.c.id, links.c.statement)
        .select_from(
            match_expressions.FixedJoin(found_claims, links, links.c.claim == found_claims.c.id)
        )
        .where(*link_activity.build_conditions(link_activity.LINK_ENDINGS))
    )
    statement_ids = union(origins, linked_statements).subquery("spoken")
    language = func.lower(quotes.c.language)
    if dialect == "sqlite":
        primary = func.substr(language, 1, func.instr(language + literal("-"), "-") - 1)
    else:
        primary = func.split_part(language, literal_column("'-'"), 1)
    source = match_expressions.FixedJoin(
        statement_ids, quotes, quotes.c.statement == statement_ids.c.statement
    )
    return _count_values("language", primary, source, func.count(statement_ids.c.id.distinct()))


# As of an instant.


async def _count_as_of(database: Reader, search: ClaimSearch, moment: datetime) -> FacetsView:
    """Count what the query found at `moment`, of the claims that are ranked for an instant."""
    most = claim_hits.RANKED
    rows = await claim_hits.find_at_any_time(database, search, None, most + 1)
    claim_ids = [format_id(row[-1]) for row in rows[:most]]
    counts: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    if claim_ids:
        claims_then = await database.read(fields_as_of.read_as_of, claim_ids, moment)
        for state in claims_then.states:
            fields = list(searchable_fields.read_claim(state, claims_then.sources))
            if ranking.rank_fields(search.query, fields) is None:
                continue
            for name, values in _list_values(search, state, claims_then.sources).items():
                counts[name].update(values)
    return _build_view(counts, is_complete=len(rows) <= most)


def _list_values(
    search: ClaimSearch, state: ClaimState, sources: FieldSources
) -> dict[str, Iterable[str]]:
    """Return which values of each facet a claim has."""
    stance = search.filters.stance
    statement_ids = searchable_fields.list_statements(state)
    languages = {
        (quote.language or "").lower().partition("-")[0]
        for statement in statement_ids
        for quote in sources.quotes.get(statement, ())
    }
    return {
        "status": [state.status],
        "story": [state.story] if state.story else [],
        "kind": [state.kind],
        "party": {
            root
            for link in state.links
            if link.is_active and stance in (None, link.stance) and (root := link.root)
        },
        "language": languages - {""},
    }
