"""Proves that the search indexes hold what claims and statements say."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    String,
    Table,
    column,
    func,
    select,
    text,
    type_coerce,
)
from sqlalchemy import table as sql_table

from service.search.index import index_rebuild, index_writer
from service.search.index.index_tables import claim_search, statement_search
from service.search.index.postings import parse_line
from service.store import tables
from service.store.tables import INDEXES
from service.verification.breaks import DAMAGE, Break, compare_rows, describe_error

BATCH = 500
"""How many statements are in memory at once."""


def select_rows(connection: Connection, table: Table) -> Select[Any]:
    """Select the rows of a search index for `compare_index_row`."""
    if connection.dialect.name != "sqlite":
        return select(table)
    # Lines as they are written: most are what they should be, and need not be parsed.
    words = [type_coerce(c, String).label(c.name) if c is table.c.words else c for c in table.c]
    return select(*words)


def compare_index_row(
    subject: str,
    table: Table,
    expected_row: Mapping[str, Any],
    stored_rows: Sequence[Row[Any]],
    *columns: str,
    kind: str = "claim",
) -> Iterator[Break]:
    """Yield the breaks between the row that is to be written to a search index, and the one that is
    there, if any."""
    row = {"words": expected_row["search_words"]}
    row |= {name: expected_row[f"search_{name}"] for name in columns}
    rows: dict[str, dict[str, object]] = {}
    for index_row in stored_rows:
        rows[subject] = index_row._asdict()
        words = rows[subject]["words"]
        if words != row["words"]:
            row["words"] = parse_line(row["words"])
            rows[subject]["words"] = parse_line(words) if isinstance(words, str) else words
    yield from compare_rows(subject, table.name, {subject: row}, rows, kind=kind)


def check_statements(
    connection: Connection, unfinished_statements: Collection[str], low: str | None, end: str | None
) -> Iterator[Break]:
    """Yield the breaks between the statements above `low` up to `end` and their index;
    `Break.claim` is a statement's id.

    Statements that a rename has not come to, `unfinished_statements`, are not compared.
    """
    key = tables.statements.c.id
    while True:
        bounds = index_rebuild.list_bounds(key, low, end)
        batch = connection.scalars(select(key).where(*bounds).order_by(key).limit(BATCH)).all()
        if not batch:
            return
        high = batch[-1]
        query_index = select_rows(connection, statement_search).where(
            statement_search.c.statement <= high
        )
        if low:
            query_index = query_index.where(statement_search.c.statement > low)
        rows_by_statement = {row.statement: row for row in connection.execute(query_index)}
        for expected_row in _derive_rows(connection, low, high, batch):
            if isinstance(expected_row, Break):
                yield expected_row
                continue
            statement = expected_row["search_statement"]
            if statement not in unfinished_statements:
                rows = [rows_by_statement[statement]] if statement in rows_by_statement else []
                yield from compare_index_row(
                    statement, statement_search, expected_row, rows, kind="statement"
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
                is_statement = tables.statements.c.id == key
                yield from index_writer.build_statement_rows(connection, is_statement)
            except DAMAGE as error:
                reason = describe_error(error)
                yield Break(
                    key, None, "statements", "rows that belong together", reason, "statement"
                )
        return
    yield from rows


def check_indexes(connection: Connection) -> Iterator[Break]:
    """Yield a break for a full-text index that is missing or does not hold its table's rows."""
    for table in (claim_search, statement_search):
        index = INDEXES[table.name]
        if connection.dialect.name == "sqlite":
            index_sizes = sql_table(f"{index}_docsize", column("id"))
            missing = connection.scalar(
                select(func.count())
                .select_from(table)
                .where(table.c.number.not_in(select(index_sizes.c.id)))
            )
            extra = connection.scalar(
                select(func.count())
                .select_from(index_sizes)
                .where(index_sizes.c.id.not_in(select(table.c.number)))
            )
            fault = f"{missing} rows not in the index {index}, {extra} too many in it"
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
            fault = f"no usable index {index}"
        if not is_whole:
            yield Break("", None, table.name, "every row in its index", fault, "record")
