"""Statements found by their words: in their renderings first, then with who says them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, bindparam, select

from service.claims import statement_queries
from service.directory.party_tree import below
from service.domain import search
from service.domain.claims import Speaker, Voice
from service.domain.search import Query
from service.search.finding.index_pages import Walk, walk
from service.search.index import fulltext, terms
from service.search.index.fulltext import statement_search
from service.search.index.terms import Quoted
from service.store.engine import Database
from service.store.tables import parties, statements
from service.store.types import Id, Instant, id_text


@dataclass(frozen=True, slots=True)
class Filters:
    """What statements are narrowed to; None is no such filter.  A party includes those below it."""

    party: str | None
    speaker: str | None
    since: datetime | None
    until: datetime | None


async def page(
    database: Database, query: Query, filters: Filters, *, limit: int, after: list[Any] | None
) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """The statements that are found, each with its snippets, and what the next page goes on
    from."""
    given = {
        name: value for name in Filters.__slots__ if (value := getattr(filters, name)) is not None
    }
    found, following = await walk(
        database,
        Walk(
            index=statement_search,
            levels=terms.STATEMENT_LEVELS,
            query=query,
            labels=(),
            narrowed=bool(given),
            rows=_served,
            shape=frozenset(given),
            parameters={f"said_{name}": value for name, value in given.items()},
            limit=limit,
            after=after,
        ),
    )
    ids = [id_text(one.row[0]) for one in found]
    said = await database.read(_shown, ids, query)
    return [said[one] for one in ids], following


def _served(given: frozenset[str], source: FromClause, key: ColumnElement[Any]) -> Select[Any]:
    found = select(statements.c.id).select_from(
        fulltext.FixedJoin(source, statements, statements.c.id == key)
    )
    if "party" in given:
        within = below(bindparam("said_party"), "below")
        found = found.where(statements.c.party.in_(within))
    if "speaker" in given:
        found = found.where(statements.c.speaker == bindparam("said_speaker", type_=Id))
    if "since" in given:
        found = found.where(statements.c.said_at >= bindparam("said_since", type_=Instant()))
    if "until" in given:
        found = found.where(statements.c.said_at <= bindparam("said_until", type_=Instant()))
    return found


def _shown(connection: Connection, ids: list[str], query: Query) -> dict[str, dict[str, Any]]:
    """Statements by id, each with what shows why it was found."""
    said = statement_queries.by_ids(connection, ids)
    named = connection.execute(
        select(parties.c.slug, parties.c.full_name).where(
            parties.c.slug.in_({one["party"] for one in said.values() if one["party"]})
        )
    )
    full_names = {row.slug: row.full_name for row in named}
    for one in said.values():
        quotes = [Quoted(quote["text"], quote["language"]) for quote in one["quotes"]]
        fields = terms.statement_fields(quotes, _voice(one), full_names.get(one["party"]))
        one["snippets"] = search.snippets(query, fields)
    return said


def _voice(said: dict[str, Any]) -> Voice | None:
    if said["party"] is None:
        return None
    person = said["speaker"]
    return Voice(
        said["party"],
        said["party_name"],
        said["root"],
        said["root_name"],
        Speaker(person["id"], person["name"], person["role"]) if person else None,
    )
