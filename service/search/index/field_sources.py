"""Read what the fields of claims and statements are made of, beside the states of claims."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from service.domain.claims import ClaimState
from service.search.index import searchable_fields
from service.search.index.searchable_fields import FieldSources, Quoted
from service.store.tables import parties, quotes


def read_sources(
    connection: Connection, states: Collection[ClaimState], *, as_of: datetime | None = None
) -> FieldSources:
    """Return what the fields of these claims need: two queries however many.

    With `as_of`, what was recorded since, and names of parties that have changed, are left out.
    """
    statement_ids: set[str] = set()
    slugs: set[str] = set()
    for state in states:
        statement_ids.update(searchable_fields.list_statements(state))
        slugs.update(voice.party for voice in searchable_fields.list_voices(state))
    of_quotes: list[ColumnElement[bool]] = [quotes.c.statement.in_(statement_ids)]
    of_parties: list[ColumnElement[bool]] = [parties.c.slug.in_(slugs)]
    if as_of is not None:
        of_quotes.append(quotes.c.recorded_at <= as_of)
        of_parties.append(parties.c.updated_at <= as_of)
    return FieldSources(
        read_quotes(connection, *of_quotes), read_full_names(connection, *of_parties)
    )


def read_quotes(
    connection: Connection, *conditions: ColumnElement[bool]
) -> dict[str, list[Quoted]]:
    """Return the quotes that meet the conditions, by statement and in their order."""
    quotes_by_statement: dict[str, list[Quoted]] = {}
    for row in connection.execute(
        select(quotes.c.statement, quotes.c.text, quotes.c.language)
        .where(*conditions)
        .order_by(quotes.c.statement, quotes.c.position)
    ):
        quotes_by_statement.setdefault(row.statement, []).append(Quoted(row.text, row.language))
    return quotes_by_statement


def read_full_names(connection: Connection, *conditions: ColumnElement[bool]) -> dict[str, str]:
    """Return the full names of the parties that meet the conditions and have one, by slug."""
    rows = connection.execute(
        select(parties.c.slug, parties.c.full_name).where(
            parties.c.full_name.is_not(None), *conditions
        )
    )
    return {row.slug: row.full_name for row in rows}
