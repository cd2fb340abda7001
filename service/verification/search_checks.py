"""Proves that the search indexes hold what claims and statements say."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, column, func, select, text
from sqlalchemy import table as sql_table

from service.search.index import index_rebuild, index_writer
from service.search.index.index_tables import claim_search, statement_search
from service.search.index.postings import parse_line
from service.store import tables
from service.store.tables import INDEXES
from service.verification.breaks import DAMAGE, Break, compare_rows, describe_error

BATCH = 500
"""How many statements are in memory at once."""


def read_indexed_row(row: Mapping[str, Any], *columns: str) -> Mapping[str, Any]:
    """Return a row that is to be written to a search index as it is read back."""
    indexed = {name: row[f"search_{name}"] for name in columns}
    return {"words": parse_line(row["search_words"])} | indexed


def check_statements(connection: Connection, unfinished: Collection[str]) -> Iterator[Break]:
    """Yield the breaks between statements and their index; `Break.claim` is a statement's id.

    Statements that a rename has not come to, `unfinished`, are not compared.
    """
    statements = tables.statements
    low: str | None = None
    while True:
        query = select(statements.c.id).order_by(statements.c.id).limit(BATCH)
        batch = connection.scalars(query.where(statements.c.id > low) if low else query).all()
        if not batch:
            return
        high = batch[-1]
        query_index = select(statement_search).where(statement_search.c.statement <= high)
        if low:
            query_index = query_index.where(statement_search.c.statement > low)
        found = {row.statement: row._mapping for row in connection.execute(query_index)}
        for expected in _derive_rows(connection, low, high, batch):
            if isinstance(expected, Break):
                yield expected
                continue
            key = expected["search_statement"]
            if key not in unfinished:
                yield from compare_rows(
                    key,
                    "statement_search",
                    {key: read_indexed_row(expected)},
                    {key: found[key]} if key in found else {},
                    kind="statement",
                )
        low = high


def _derive_rows(
    connection: Connection, low: str | None, high: str, keys: Sequence[str]
) -> Iterator[Mapping[str, Any] | Break]:
    """Yield what the index should hold of each statement, or a break if rows of it are missing."""
    try:
        rows = index_writer.build_statement_rows(
            connection, *index_rebuild.list_bounds(tables.statements.c.id, low, high)
        )
    except DAMAGE:
        for key in keys:
            try:
                only = tables.statements.c.id == key
                yield from index_writer.build_statement_rows(connection, only)
            except DAMAGE as error:
                found = describe_error(error)
                yield Break(
                    key, None, "statements", "rows that belong together", found, "statement"
                )
        return
    yield from rows


def check_indexes(connection: Connection) -> Iterator[Break]:
    """Yield a break for a full-text index that is missing or does not hold its table's rows."""
    for table in (claim_search, statement_search):
        index = INDEXES[table.name]
        if connection.dialect.name == "sqlite":
            indexed = sql_table(f"{index}_docsize", column("id"))
            missing = connection.scalar(
                select(func.count())
                .select_from(table)
                .where(table.c.number.not_in(select(indexed.c.id)))
            )
            extra = connection.scalar(
                select(func.count())
                .select_from(indexed)
                .where(indexed.c.id.not_in(select(table.c.number)))
            )
            found = f"{missing} rows not in the index {index}, {extra} too many in it"
            is_whole = not missing and not extra
        else:
            is_whole = bool(
                connection.scalar(
                    text(
                        "SELECT indisvalid AND indisready FROM pg_index "
                        "WHERE indexrelid = to_regclass(:index)"
                    ),
                    {"index": index},
                )
            )
            found = f"no usable index {index}"
        if not is_whole:
            yield Break("", None, table.name, "every row in its index", found, "record")
