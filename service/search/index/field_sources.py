"""Read what the fields of claims and statements are made of, beside the states of claims."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TypedDict

import orjson
from sqlalchemy import ColumnElement, Connection, select

from service.domain.claims import ClaimState
from service.domain.subjects import SubjectKind
from service.search.index import searchable_fields
from service.search.index.searchable_fields import FieldSources, Quoted
from service.store.tables import events, parties, quotes


class FormerWords(TypedDict, total=False):
    """What of a quote's words was other before they were corrected."""

    text: str
    language: str


NO_QUOTES: Mapping[str, FormerWords] = {}


def read_sources(
    connection: Connection, states: Collection[ClaimState], *, as_of: datetime | None = None
) -> FieldSources:
    """Return what the fields of these claims need: two or three queries however many.

    With `as_of`, what was recorded since, and names of parties that have changed, are left out, and
    quotes that have been corrected are as they were recorded then.
    """
    statement_ids: set[str] = set()
    slugs: set[str] = set()
    for state in states:
        statement_ids.update(searchable_fields.list_statements(state))
        slugs.update(voice.party for voice in searchable_fields.list_voices(state))
    of_quotes: list[ColumnElement[bool]] = [quotes.c.statement.in_(statement_ids)]
    of_parties: list[ColumnElement[bool]] = [parties.c.slug.in_(slugs)]
    if as_of is None:
        return FieldSources(
            read_quotes(connection, *of_quotes), read_full_names(connection, *of_parties)
        )
    return FieldSources(
        read_quotes(
            connection,
            *of_quotes,
            quotes.c.recorded_at <= as_of,
            quotes_then=_read_former_quotes(connection, statement_ids, as_of),
        ),
        read_full_names(connection, *of_parties, parties.c.updated_at <= as_of),
    )


def _read_former_quotes(
    connection: Connection, statement_ids: Collection[str], moment: datetime
) -> dict[str, FormerWords]:
    """Return what of quotes was other at `moment` than corrections since have made it, by quote."""
    later = connection.execute(
        select(events.c.data)
        .where(
            events.c.kind == SubjectKind.STATEMENT.value,
            events.c.subject.in_(statement_ids),
            events.c.type == "statement.corrected",
            events.c.recorded_at > moment,
        )
        .order_by(events.c.subject, events.c.number.desc())
    )
    quotes_then: dict[str, FormerWords] = {}
    for row in later:
        for quote in orjson.loads(row.data)["before"].get("quotes", ()):
            quotes_then.setdefault(quote["id"], {}).update(quote)
    return quotes_then


def read_quotes(
    connection: Connection,
    *conditions: ColumnElement[bool],
    quotes_then: Mapping[str, FormerWords] = NO_QUOTES,
) -> dict[str, list[Quoted]]:
    """Return the quotes that meet the conditions, by statement and in their order; `quotes_then` is
    what some of them had before, by their ids."""
    quotes_by_statement: dict[str, list[Quoted]] = {}
    for row in connection.execute(
        select(quotes.c.statement, quotes.c.id, quotes.c.text, quotes.c.language)
        .where(*conditions)
        .order_by(quotes.c.statement, quotes.c.position)
    ):
        quote_then = quotes_then.get(row.id, {})
        quote_rows = Quoted(
            quote_then.get("text", row.text), quote_then.get("language", row.language)
        )
        quotes_by_statement.setdefault(row.statement, []).append(quote_rows)
    return quotes_by_statement


def read_full_names(connection: Connection, *conditions: ColumnElement[bool]) -> dict[str, str]:
    """Return the full names of the parties that meet the conditions and have one, by slug."""
    rows = connection.execute(
        select(parties.c.slug, parties.c.full_name).where(
            parties.c.full_name.is_not(None), *conditions
        )
    )
    return {row.slug: row.full_name for row in rows}
