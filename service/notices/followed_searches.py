"""Searches that people follow: how they are kept, and which of them find a claim."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import Connection, Select, literal, select

from service.claims import claim_conditions, claim_queries
from service.claims.claim_queries import Family, Filters
from service.directory import directory_queries
from service.domain.claims import Lifecycle, Stance, Status, format_instant, parse_instant
from service.search.index import query_parser
from service.search.index.index_tables import claim_search
from service.search.index.match_expressions import IndexQuery
from service.store.compiled_statements import Parameters
from service.store.tables import claims, parties

INSTANTS = ("claimed_since", "claimed_until", "changed_since", "changed_until")
SWITCHES = frozenset(field.name for field in fields(Filters) if field.default is False)
MOST_FOUND = 200
"""Claims of one search that a feed shows."""
LEFT_OUT = ("as_of", "moment", "sort")
WITHOUT = {"without_story": "story", "without_assignee": "assignee"}
"""Filters for what is not there, each with the parameter of which it is none."""


def format_search(query: str | None, filters: Filters) -> str:
    """Return the one text that stands for a search, in the form of an address's query."""
    pairs: list[tuple[str, str]] = [("q", query)] if query is not None else []
    pairs += [("status", status.value) for status in sorted(filters.statuses)]
    for field in fields(Filters):
        value = getattr(filters, field.name)
        if field.name in (*LEFT_OUT, "statuses") or value in (None, False):
            continue
        if field.name in WITHOUT:
            pairs.append((WITHOUT[field.name], claim_queries.NONE))
            continue
        if field.name in INSTANTS:
            value = format_instant(value)
        pairs.append((field.name, "true" if value is True else str(value)))
    return urlencode(sorted(pairs))


def parse_search(text: str) -> tuple[str | None, Filters]:
    """Return the query and the filters of a search that `format_search` wrote."""
    query: str | None = None
    statuses: list[Status] = []
    values: dict[str, Any] = {}
    for name, value in parse_qsl(text):
        if name == "q":
            query = value
        elif name == "status":
            statuses.append(Status(value))
        elif name in INSTANTS:
            values[name] = parse_instant(value)
        elif value == claim_queries.NONE and name in WITHOUT.values():
            values[f"without_{name}"] = True
        elif name in SWITCHES:
            values[name] = True
        elif name == "stance":
            values[name] = Stance(value)
        elif name == "lifecycle":
            values[name] = Lifecycle(value)
        else:
            values[name] = value
    return query, Filters(statuses=tuple(statuses), **values)


def list_matching(connection: Connection, claim_id: str, searches: Iterable[str]) -> list[str]:
    """Return those of `searches` that find a claim as it is now."""
    return [search for search in searches if _finds(connection, claim_id, search)]


def list_found(connection: Connection, search: str) -> list[str]:
    """Return the ids of the claims that a search finds, those that changed last."""
    statement = _select_claims(connection, search)
    if statement is None:
        return []
    query, values = statement
    newest = query.order_by(claims.c.changed_at.desc(), claims.c.id).limit(MOST_FOUND)
    return [row.id for row in connection.execute(newest, values)]


def _finds(connection: Connection, claim_id: str, search: str) -> bool:
    statement = _select_claims(connection, search)
    if statement is None:
        return False
    query, values = statement
    return connection.execute(query.where(claims.c.id == claim_id), values).first() is not None


def _select_claims(
    connection: Connection, search: str
) -> tuple[Select[tuple[str]], Parameters] | None:
    """Select the ids of the claims that a search finds, with its parameters; None for one that
    finds nothing."""
    text, filters = parse_search(search)
    families = {}
    for name in ("claimant", "party"):
        slug = getattr(filters, name)
        families[name] = None if slug is None else _read_family(connection, slug)
        if slug is not None and families[name] is None:
            return None
    shape, parameters = claim_queries.describe_filters(
        filters, after=None, claimant=families["claimant"], party=families["party"]
    )
    values = dict(parameters)
    if text is not None:
        dialect = connection.dialect.name
        query = query_parser.parse_query(text)
        values["match"] = IndexQuery(dialect, claim_search, query, ()).match_any_tier()
        shape = replace(shape, matching=dialect)
    conditions = claim_conditions.build_conditions(shape, claims, claims.c.changed_at)
    return select(claims.c.id).where(*conditions), values


def _read_family(connection: Connection, slug: str) -> Family | None:
    below = directory_queries.select_subtree(literal(slug), "family")
    rows = connection.execute(
        select(parties.c.slug, parties.c.root)
        .where(parties.c.slug.in_(below))
        .order_by(parties.c.slug)
    ).all()
    return claim_queries.build_family(slug, list(rows))
