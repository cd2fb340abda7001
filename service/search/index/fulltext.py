"""The full-text indexes: what `search/index/terms.py` makes of a text, in FTS5 and in a GIN index.

Each table has one row for each claim (or statement) with its terms as one line.  On SQLite the line
is indexed by an FTS5 table of its own that triggers keep in step; on PostgreSQL it is a tsvector
with the same terms in the same places.  Rows are numbered as they come in, and answers go by that
number, newest first.  On PostgreSQL a row also has a term for each stretch of numbers it lies in
(`STRETCHES`, added by a trigger), so that an index that gives all rows or none can be asked for
the newest: `word & stretch` costs what the stretch does, however common the word.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.selectable import FromClause, Join, TableClause
from sqlalchemy.types import TypeDecorator, TypeEngine

from service.domain.search import Level, Phrase, Query, Term, Tier
from service.search.index import terms
from service.store import types
from service.store.tables import INDEXES, metadata
from service.store.types import LongText

STRETCHES = {"p": 10, "q": 14, "r": 18}
"""The letter of a stretch's term, and how many numbers it has, as a power of two."""
_LEXEME = re.compile(r"'([^']*)'(?::([\d,]+))?")
Postings = dict[str, tuple[int, ...]]
"""Terms with their places; empty for those without."""


class Words(TypeDecorator[Any]):
    """A line of terms: text on SQLite, a tsvector on PostgreSQL.  Read back, it is postings."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else TSVECTOR())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name == "sqlite":
            return value
        return " ".join(
            f"'{term}':{','.join(map(str, places))}" if places else f"'{term}'"
            for term, places in postings(value).items()
        )

    def process_result_value(self, value: str | None, dialect: Dialect) -> Postings | None:
        if value is None or dialect.name == "sqlite":
            return None if value is None else postings(value)
        found = {
            term: tuple(map(int, places.split(","))) if places else ()
            for term, places in _LEXEME.findall(value)
        }
        return {term: places for term, places in found.items() if not _stretch(term)}


def postings(line: str) -> Postings:
    """The terms of a line; only those of a level have places, counted from 1."""
    found: dict[str, list[int]] = {}
    for place, term in enumerate(line.split(), start=1):
        if term[0] in "123":
            found.setdefault(term, []).append(place)
        elif term != terms.GAP:
            found.setdefault(term, [])
    return {term: tuple(places) for term, places in found.items()}


def _stretch(term: str) -> bool:
    return term[0] == terms.LABEL and term[1] in STRETCHES and term[2:].isdecimal()


def _searched(name: str, of: str, refers_to: str, *more: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("number", types.Sequence, primary_key=True, autoincrement=True),
        Column(of, ForeignKey(refers_to), nullable=False, unique=True),
        Column("words", Words, nullable=False),
        *more,
        implicit_returning=False,
    )


# `former`: terms of what no longer stands, by which as-of questions find it.
claim_search = _searched(
    "claim_search", "claim", "claims.id", Column("former", LongText, nullable=False)
)
statement_search = _searched("statement_search", "statement", "statements.id")


STRETCHES_FUNCTION = """
    CREATE FUNCTION claimdesk_stretches() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.words := NEW.words || array_to_tsvector(ARRAY[
        '9p' || (NEW.number >> 10), '9q' || (NEW.number >> 14), '9r' || (NEW.number >> 18)
      ]);
      RETURN NEW;
    END $$
    """


def schema(dialect: str) -> list[str]:
    """The DDL that SQLAlchemy has no words for, but for `gin`."""
    made = [] if dialect == "sqlite" else [STRETCHES_FUNCTION]
    for name, index in INDEXES.items():
        if dialect == "sqlite":
            made += [
                f"CREATE VIRTUAL TABLE {index} USING fts5(words, content='{name}', "
                "content_rowid='number', tokenize='ascii')",
                f"CREATE TRIGGER {name}_insert AFTER INSERT ON {name} BEGIN {_indexed(index)}; END",
                f"CREATE TRIGGER {name}_delete AFTER DELETE ON {name} BEGIN "
                f"{_unindexed(index)}; END",
                f"CREATE TRIGGER {name}_update AFTER UPDATE OF words ON {name} BEGIN "
                f"{_unindexed(index)}; {_indexed(index)}; END",
            ]
        else:
            made.append(
                f"CREATE TRIGGER {name}_stretches BEFORE INSERT OR UPDATE OF words ON {name} "
                "FOR EACH ROW EXECUTE FUNCTION claimdesk_stretches()"
            )
    return made


def gin() -> list[str]:
    """The indexes on PostgreSQL: made when the rows are there, which is quicker."""
    # What waits to be sorted in is read by every search: it is kept short.
    return [
        f"CREATE INDEX {index} ON {name} USING gin (words) WITH (gin_pending_list_limit = 512)"
        for name, index in INDEXES.items()
    ]


def _indexed(index: str) -> str:
    return f"INSERT INTO {index} (rowid, words) VALUES (NEW.number, NEW.words)"  # noqa: S608 -- our own names


def _unindexed(index: str) -> str:
    values = "('delete', OLD.number, OLD.words)"
    return f"INSERT INTO {index} ({index}, rowid, words) VALUES {values}"  # noqa: S608


# Queries.


class FixedJoin(Join):
    """A join whose left side SQLite reads first: it knows nothing of how words are spread, and
    would rather walk an index of the other side."""

    inherit_cache = True


@compiles(FixedJoin, "sqlite")
def _fixed(join: FixedJoin, compiler: Any, **options: Any) -> str:
    left, right = (compiler.process(side, **options) for side in (join.left, join.right))
    return f"{left} CROSS JOIN {right} ON {compiler.process(join.onclause, **options)}"


@compiles(FixedJoin)
def _joined(join: FixedJoin, compiler: Any, **options: Any) -> str:
    plain: str = compiler.visit_join(join, **options)
    return plain


def candidates(dialect: str, of: Table) -> Select[Any]:
    """`number` and `key`, the claim or statement, of rows that match `match`.

    By words alone: with bounds of numbers beside them PostgreSQL, once it plans for any values,
    would walk the numbers and try each row.
    """
    found = select(numbers(dialect, of).label("number"), of.c[1].label("key"))
    return found.select_from(source(dialect, of)).where(matches(dialect, of))


def source(dialect: str, of: Table) -> FromClause:
    """What to select from."""
    if dialect != "sqlite":
        return of
    return FixedJoin(_index(of), of, of.c.number == _index(of).c.rowid)


def numbers(dialect: str, of: Table) -> ColumnElement[int]:
    """The numbers of rows, in whose order the index gives them."""
    return _index(of).c.rowid if dialect == "sqlite" else of.c.number


def matches(dialect: str, of: Table, name: str = "match") -> ColumnElement[bool]:
    """Whether a row matches what the parameter of this name asks for."""
    if dialect == "sqlite":
        return _index(of).c[1].op("MATCH")(bindparam(name))
    return of.c.words.op("@@")(cast(bindparam(name), TSQUERY))


def holds(dialect: str, of: Table, term: str) -> ColumnElement[bool]:
    """Whether a row that is at hand has a term without places, such as a label."""
    if dialect == "sqlite":
        return func.instr(of.c.words, term) > 0
    return of.c.words.op("@@", is_comparison=True)(cast(literal(f"'{term}'"), TSQUERY))


def between(number: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a number is one from `since` up to below `until`."""
    return (number >= bindparam("since")) & (number < bindparam("until"))


def matched(dialect: str, of: Table, key: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the claim or statement `key` matches."""
    if dialect != "sqlite":
        return exists(select(literal(1)).where(of.c[1] == key, matches(dialect, of)))
    rows = select(_index(of).c.rowid).where(matches(dialect, of))
    return exists(select(literal(1)).where(of.c[1] == key, of.c.number.in_(rows)))


@lru_cache
def _index(of: Table) -> TableClause:
    name = INDEXES[of.name]
    return table(name, column("rowid", Integer()), column(name))


class Language:
    """How a database wants to be asked."""

    def __init__(self, dialect: str) -> None:
        self.sqlite = dialect == "sqlite"

    def placed(self, words: Sequence[str]) -> str:
        if self.sqlite:
            return f'"{" ".join(words)}"'
        joined = " <-> ".join(f"'{word}'" for word in words)
        return f"({joined})"

    def begun(self, word: str) -> str:
        return f'"{word}" *' if self.sqlite else f"'{word}':*"

    def all(self, parts: Iterable[str]) -> str:
        return f"({(' AND ' if self.sqlite else ' & ').join(parts)})"

    def any(self, parts: Iterable[str]) -> str:
        return f"({(' OR ' if self.sqlite else ' | ').join(parts)})"

    def but(self, part: str, nots: Sequence[str]) -> str:
        if not nots:
            return part
        return f"({part} {'NOT' if self.sqlite else '& !'} {self.any(nots)})"

    def term(self, term: Term, level: Level) -> str:
        if isinstance(term, Phrase):
            return self.any(
                self.placed([f"{level.value}{stem}" for stem in form]) for form in term.forms
            )
        return self.any(
            self.begun(f"{place}{term.text}") for place in (level.value, level + terms.EXACT)
        )

    def words(self, term: Term, level: Level) -> str:
        """The words of a phrase, apart."""
        if isinstance(term, Phrase):
            return self.any(
                self.all(self.placed([f"{level.value}{stem}"]) for stem in form)
                for form in term.forms
            )
        return self.term(term, level)

    def ever(self, term: Term) -> str:
        """Where a term stands or once stood; of a phrase, its words."""
        if isinstance(term, Phrase):
            return self.any(
                self.all(
                    self.any(
                        self.placed([place + stem])
                        for place in (str(Level.QUOTES.value), terms.FORMER_STEM)
                    )
                    for stem in form
                )
                for form in term.forms
            )
        level = Level.QUOTES
        places = (str(level.value), str(level + terms.EXACT))
        return self.any(
            self.begun(place + term.text)
            for place in (*places, terms.FORMER_STEM, terms.FORMER_EXACT)
        )


LEVELS = {Tier.TEXT: Level.TEXT, Tier.NAMES: Level.NAMES, Tier.ANYWHERE: Level.QUOTES}


def tiers(query: Query, levels: Iterable[Level] = Level) -> list[Tier]:
    """The tiers that a query has, best first."""
    found = [tier for tier, level in LEVELS.items() if level in set(levels)]
    return found if query.together is None else [Tier.TOGETHER, *found]


def in_tier(
    dialect: str, query: Query, tier: Tier, labels: Iterable[Sequence[str]], lowest: Level
) -> str:
    """What asks for the rows of one tier: as good as this and no better.  Of each of `labels` a row
    has one; `lowest` is the level that contains all others."""
    say = Language(dialect)

    def everything(level: Level) -> str:
        return say.all(say.term(term, level) for term in query.required)

    nots = [say.term(term, lowest) for term in query.excluded]
    if tier is Tier.TOGETHER:
        assert query.together is not None
        wanted = say.term(query.together, Level.TEXT)
    else:
        level = LEVELS[tier]
        wanted = everything(level)
        if level is not Level.TEXT:
            nots.append(everything(Level(level - 1)))
        elif query.together is not None:
            nots.append(say.term(query.together, level))
    narrowed = [say.any(say.placed([one]) for one in alternatives) for alternatives in labels]
    return say.but(say.all([wanted, *narrowed]), nots)


def anywhere(dialect: str, query: Query, labels: Iterable[Sequence[str]], lowest: Level) -> str:
    """What asks for the rows of all tiers."""
    say = Language(dialect)
    narrowed = [say.any(say.placed([one]) for one in alternatives) for alternatives in labels]
    wanted = say.all([*(say.term(term, lowest) for term in query.required), *narrowed])
    return say.but(wanted, [say.term(term, lowest) for term in query.excluded])


def loosely(dialect: str, query: Query, labels: Iterable[Sequence[str]], level: Level) -> str:
    """What asks for all rows with the words at this level, wherever in it they stand: those that
    have to be looked at, and that an index counts without looking."""
    say = Language(dialect)
    narrowed = [say.any(say.placed([one]) for one in alternatives) for alternatives in labels]
    return say.all([*(say.words(term, level) for term in query.required), *narrowed])


def at_any_time(dialect: str, query: Query, labels: Iterable[Sequence[str]]) -> str:
    """What asks for all rows that may have matched once; labels never change."""
    say = Language(dialect)
    narrowed = [say.any(say.placed([one]) for one in alternatives) for alternatives in labels]
    return say.all([*(say.ever(term) for term in query.required), *narrowed])


def within(match: str, letter: str, number: int) -> str:
    """On PostgreSQL, the same in the stretch that a number lies in."""
    return f"{match} & '{terms.LABEL}{letter}{number >> STRETCHES[letter]}'"


def counted(dialect: str, of: Table) -> Select[Any]:
    """How many rows match, counted up to `most`."""
    rows = (
        select(literal(1))
        .select_from(_index(of) if dialect == "sqlite" else of)
        .where(matches(dialect, of))
        .limit(bindparam("most", type_=Integer()))
    )
    return select(func.count()).select_from(rows.subquery())
