"""The tables of the search index, on both databases.

Each has one row for each claim, or statement, with its terms as one line. On SQLite the line is
indexed by an FTS5 table of its own, which triggers keep in step; on PostgreSQL it is a tsvector
with the same terms in the same places, under a GIN index. Migration 0004 makes all that. Rows are
numbered as they come in, and results go by that number, newest first.

On PostgreSQL a trigger adds a term for each stretch of numbers that a row lies in (`STRETCHES`), so
that an index that gives all rows or none can be asked for the newest: `word & stretch` costs what
the stretch does, however common the word is.
"""

import re
from typing import Any

from sqlalchemy import Column, ForeignKey, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from service.search.index.postings import LABEL, Postings, parse_line
from service.store import types
from service.store.tables import metadata
from service.store.types import LongText

STRETCHES = {"p": 10, "q": 14, "r": 18}
"""The letter of a stretch's term, and how many numbers it has, as a power of two."""
_LEXEME = re.compile(r"'([^']*)'(?::([\d,]+))?")


class Words(TypeDecorator[Any]):
    """A line of terms: text on SQLite, a tsvector on PostgreSQL. Read back, it is `Postings`."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else TSVECTOR())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name == "sqlite":
            return value
        return " ".join(
            f"'{term}':{','.join(map(str, places))}" if places else f"'{term}'"
            for term, places in parse_line(value).items()
        )

    def process_result_value(self, value: str | None, dialect: Dialect) -> Postings | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return parse_line(value)
        return {
            term: tuple(map(int, places.split(","))) if places else ()
            for term, places in _LEXEME.findall(value)
            if not _is_stretch(term)
        }


def _is_stretch(term: str) -> bool:
    return term[0] == LABEL and term[1] in STRETCHES and term[2:].isdecimal()


def _build_table(name: str, key: str, refers_to: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("number", types.Sequence, primary_key=True, autoincrement=True),
        Column(key, ForeignKey(refers_to), nullable=False, unique=True),
        Column("words", Words, nullable=False),
        *columns,
        implicit_returning=False,
    )


# `former`: terms of what no longer stands, by which queries of the past find it; `fields`: the
# names and quotes that the words are of (`searchable_fields.write_fields`), which snippets show.
claim_search = _build_table(
    "claim_search",
    "claim",
    "claims.id",
    Column("former", LongText, nullable=False),
    Column("fields", LongText, nullable=False, server_default=""),
)
statement_search = _build_table("statement_search", "statement", "statements.id")
