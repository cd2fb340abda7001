"""SQL expressions over the full-text index, and what each part of a query asks it for.

An expression takes what is asked for as a parameter, `match`; `IndexQuery` writes its values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Table,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.selectable import FromClause, Join, TableClause

from service.search.index.match_syntax import MatchSyntax
from service.search.index.query_parser import Query
from service.search.index.ranking import LEVELS, Tier
from service.search.index.searchable_fields import Level
from service.store.tables import INDEXES


class FixedJoin(Join):
    """A join whose left side SQLite reads first: it knows nothing of how words are spread, and
    would rather walk an index of the other side."""

    inherit_cache = True


@compiles(FixedJoin, "sqlite")
def _compile_cross_join(join: FixedJoin, compiler: Any, **options: Any) -> str:
    left_side, right = (compiler.process(side, **options) for side in (join.left, join.right))
    return f"{left_side} CROSS JOIN {right} ON {compiler.process(join.onclause, **options)}"


@compiles(FixedJoin)
def _compile_join(join: FixedJoin, compiler: Any, **options: Any) -> str:
    text: str = compiler.visit_join(join, **options)
    return text


def select_matches(dialect: str, index: Table, name: str = "match") -> Select[Any]:
    """Select `number` and `key`, the claim or statement, of rows that match.

    By words alone: with bounds of numbers beside them PostgreSQL, once it plans for any values,
    would walk the numbers and try each row.
    """
    columns = (get_number(dialect, index).label("number"), index.c[1].label("key"))
    source = get_source(dialect, index)
    return select(*columns).select_from(source).where(matches(dialect, index, name))


def get_source(dialect: str, index: Table) -> FromClause:
    """Return what to select from."""
    if dialect != "sqlite":
        return index
    return FixedJoin(_get_fts(index), index, index.c.number == _get_fts(index).c.rowid)


def get_number(dialect: str, index: Table) -> ColumnElement[int]:
    """Return the column of numbers, in whose order the index gives its rows."""
    return _get_fts(index).c.rowid if dialect == "sqlite" else index.c.number


def matches(dialect: str, index: Table, name: str = "match") -> ColumnElement[bool]:
    """Whether a row matches what the parameter of this name asks for."""
    if dialect == "sqlite":
        return _get_fts(index).c[1].op("MATCH")(bindparam(name))
    return index.c.words.op("@@")(cast(bindparam(name), TSQUERY))


def has_term(dialect: str, index: Table, term: str) -> ColumnElement[bool]:
    """Whether a row that is at hand has a term without places, such as a label."""
    if dialect == "sqlite":
        return func.instr(index.c.words, term) > 0
    return index.c.words.op("@@", is_comparison=True)(cast(literal(f"'{term}'"), TSQUERY))


def is_in_range(number: ColumnElement[int], since: str, until: str) -> ColumnElement[bool]:
    """Whether a number is one from the parameter `since` up to below the parameter `until`."""
    return (number >= bindparam(since)) & (number < bindparam(until))


def has_match(dialect: str, index: Table, key: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the claim or statement `key` matches."""
    if dialect != "sqlite":
        return exists(select(literal(1)).where(index.c[1] == key, matches(dialect, index)))
    numbers = select(_get_fts(index).c.rowid).where(matches(dialect, index))
    return exists(select(literal(1)).where(index.c[1] == key, index.c.number.in_(numbers)))


def count_matches(dialect: str, index: Table, queries: int) -> Select[Any]:
    """Count the rows that match each of so many queries, `match_0` and so on, up to `most`."""
    source = _get_fts(index) if dialect == "sqlite" else index
    counts = []
    for place in range(queries):
        rows = select(literal(1)).select_from(source)
        rows = rows.where(matches(dialect, index, f"match_{place}"))
        first_rows = rows.limit(bindparam("most", type_=Integer())).subquery()
        counts.append(select(func.count()).select_from(first_rows).scalar_subquery())
    return select(*counts)


@lru_cache
def _get_fts(index: Table) -> TableClause:
    name = INDEXES[index.name]
    return table(name, column("rowid", Integer()), column(name))


@dataclass(frozen=True, slots=True)
class IndexQuery:
    """A query to an index.

    Of each of `labels`, which are alternatives, a row has one. `levels` are those of the index,
    the one that contains all others last.
    """

    dialect: str
    index: Table
    query: Query
    labels: Sequence[Sequence[str]]
    levels: tuple[Level, ...] = tuple(Level)

    @property
    def lowest(self) -> Level:
        """The level that contains all others."""
        return self.levels[-1]

    def match_tier(self, tier: Tier) -> str:
        """Return what asks for the rows of one tier: as good as this, and no better."""
        syntax, query = MatchSyntax(self.dialect), self.query
        excluded_terms = [syntax.write_term(term, self.lowest) for term in query.excluded]
        if tier is Tier.TOGETHER:
            assert query.together is not None
            return self._match([syntax.write_term(query.together, Level.TEXT)], excluded_terms)
        level = LEVELS[tier]
        if level is not Level.TEXT:
            excluded_terms.append(syntax.join_all(self._write_required(Level(level - 1))))
        elif query.together is not None:
            excluded_terms.append(syntax.write_term(query.together, level))
        return self._match(self._write_required(level), excluded_terms)

    def match_any_tier(self) -> str:
        """Return what asks for the rows of all tiers."""
        syntax = MatchSyntax(self.dialect)
        excluded_terms = [syntax.write_term(term, self.lowest) for term in self.query.excluded]
        return self._match(self._write_required(self.lowest), excluded_terms)

    def match_words(self, level: Level) -> str:
        """Return what asks for all rows with the words at this level, wherever in it they stand:
        those that have to be looked at, and that an index counts without looking."""
        syntax = MatchSyntax(self.dialect)
        return self._match([syntax.write_words(term, level) for term in self.query.required])

    def match_at_any_time(self) -> str:
        """Return what asks for all rows that may have matched once."""
        syntax = MatchSyntax(self.dialect)
        return self._match([syntax.write_words_at_any_time(term) for term in self.query.required])

    def _write_required(self, level: Level) -> list[str]:
        syntax = MatchSyntax(self.dialect)
        return [syntax.write_term(term, level) for term in self.query.required]

    def _match(self, required_terms: Sequence[str], excluded_terms: Sequence[str] = ()) -> str:
        syntax = MatchSyntax(self.dialect)
        labels = [
            syntax.join_any(syntax.write_phrase([label]) for label in alternatives)
            for alternatives in self.labels
        ]
        return syntax.exclude(syntax.join_all([*required_terms, *labels]), excluded_terms)
