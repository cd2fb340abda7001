"""Find statements by their words: in their quotes first, then with the names of who says them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, bindparam, select

from service.claims import link_activity, statement_queries
from service.claims.statement_views import StatementView
from service.directory.directory_queries import select_subtree
from service.domain.claims import Speaker, Voice
from service.search.finding import index_pages, snippets
from service.search.finding.index_pages import Keys, PageRequest
from service.search.index import field_sources, match_expressions, searchable_fields
from service.search.index.index_tables import statement_search
from service.search.index.match_expressions import IndexQuery
from service.search.index.query_parser import Query
from service.search.index.ranking import Tier
from service.search.index.searchable_fields import STATEMENT_LEVELS, Quoted
from service.search.index.term_statistics import name_dialect
from service.store.reader import Reader
from service.store.tables import parties, statements
from service.store.types import Id, Instant, format_id

_BELOW = select_subtree(bindparam("said_party"), "below")


@dataclass(frozen=True, slots=True)
class Filters:
    """What statements are narrowed to; None is no such filter. A party includes those below it."""

    party: str | None
    speaker: str | None
    since: datetime | None
    until: datetime | None


async def find_statements(
    database: Reader, query: Query, filters: Filters, *, limit: int, after: Keys | None
) -> tuple[list[StatementView], Keys | None]:
    """Return the statements that are found, each with its snippets, and the next page's keys."""
    values = {
        name: value for name in Filters.__slots__ if (value := getattr(filters, name)) is not None
    }
    dialect = name_dialect(database)
    rows, next_keys = await index_pages.find_page(
        database,
        PageRequest(
            index_query=IndexQuery(dialect, statement_search, query, (), STATEMENT_LEVELS),
            has_filters=bool(values),
            select_served=_select_served,
            shape=frozenset(values),
            parameters={f"said_{name}": value for name, value in values.items()},
            limit=limit,
            after=after,
        ),
    )
    ids = [format_id(row.served[0]) for row in rows]
    views = await database.read(_read_with_snippets, ids, query)
    return [views[statement] for statement in ids], next_keys


def _select_served(
    names: frozenset[str],
    source: FromClause,
    key: ColumnElement[Any],
    number: ColumnElement[Any],
    tier: Tier | ColumnElement[Any],
) -> Select[Any]:
    query = select(statements.c.id).select_from(
        match_expressions.FixedJoin(source, statements, statements.c.id == key)
    )
    query = query.where(*link_activity.build_conditions([link_activity.STATEMENT_VOID]))
    if "party" in names:
        query = query.where(statements.c.party.in_(_BELOW))
    if "speaker" in names:
        query = query.where(statements.c.speaker == bindparam("said_speaker", type_=Id))
    if "since" in names:
        query = query.where(statements.c.said_at >= bindparam("said_since", type_=Instant()))
    if "until" in names:
        query = query.where(statements.c.said_at <= bindparam("said_until", type_=Instant()))
    return query


def _read_with_snippets(
    connection: Connection, ids: list[str], query: Query
) -> dict[str, StatementView]:
    """Return statements by id, each with what shows why it was found."""
    rows: Any = statement_queries.read_statements(connection, ids)
    views: dict[str, StatementView] = rows
    slugs = {statement["party"] for statement in views.values() if statement["party"]}
    full_names = field_sources.read_full_names(connection, parties.c.slug.in_(slugs))
    for statement in views.values():
        quotes = [Quoted(quote["text"], quote["language"]) for quote in statement["quotes"]]
        fields = searchable_fields.read_statement(
            quotes, _build_voice(statement), full_names.get(statement["party"] or "")
        )
        statement["snippets"] = snippets.list_snippets(query, fields)
    return views


def _build_voice(statement: StatementView) -> Voice | None:
    if (
        statement["party"] is None
        or statement["party_name"] is None
        or statement["root"] is None
        or statement["root_name"] is None
    ):
        return None
    speaker = statement["speaker"]
    return Voice(
        statement["party"],
        statement["party_name"],
        statement["root"],
        statement["root_name"],
        Speaker(speaker["id"], speaker["name"], speaker["role"]) if speaker else None,
    )
