"""How common words are, by PostgreSQL's statistics: they know the thousand commonest terms of an
index. On SQLite, matches are counted instead."""

import time
from collections.abc import Sequence
from functools import lru_cache
from weakref import WeakKeyDictionary

from sqlalchemy import Table, func, select, text

from service.search.index import match_expressions
from service.search.index.match_expressions import IndexQuery
from service.search.index.postings import EXACT
from service.search.index.query_parser import Phrase, Term
from service.search.index.searchable_fields import Level
from service.store.engine import Lookup
from service.store.reader import Reader

STATISTICS_SECONDS = 60.0
"""Statistics are read so often."""


class TermStatistics:
    """How many rows an index has, and the share of them that has each of the commonest terms.

    `least` is the share of the rarest of those: any other term has no more.
    """

    def __init__(self, rows: float, shares: dict[str, float], least: float = 0.0) -> None:
        self.rows = rows
        self.shares = shares
        self.least = least

    def estimate(self, index_query: IndexQuery, level: Level, *, cautiously: bool = False) -> float:
        """Return about how many rows have all of a query at this level, at most.

        The rarest of its parts says. Cautiously, terms that the statistics do not know are taken to
        be as common as they can be.
        """
        unknown = self.least if cautiously else 0.0
        parts = [self._estimate_term(term, level, unknown) for term in index_query.query.required]
        parts += [
            sum(self.shares.get(label, unknown) for label in any_of)
            for any_of in index_query.labels
        ]
        return min(parts) * self.rows

    def _estimate_term(self, term: Term, level: Level, unknown: float) -> float:
        if isinstance(term, Phrase):
            return sum(
                min(self.shares.get(f"{level.value}{stem}", unknown) for stem in form)
                for form in term.forms
            )
        beginnings = (f"{level.value}{term.text}", f"{level + EXACT}{term.text}")
        shares = [share for word, share in self.shares.items() if word.startswith(beginnings)]
        return sum(shares) + unknown


# How many rows a table has, and the share of them that has each of its commonest terms; then, of
# no term, the least and the greatest share among those.
READ_STATISTICS = Lookup(
    select(
        text("n.reltuples::float8"),
        text("known.term"),
        text("known.share::float8"),
    ).select_from(
        text(
            "pg_class n LEFT JOIN pg_stats s ON s.schemaname = current_schema()"
            " AND s.tablename = n.relname AND s.attname = 'words'"
            " LEFT JOIN LATERAL unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs)"
            " AS known (term, share) ON true WHERE n.oid = CAST(CAST(:name AS text) AS regclass)"
        )
    )
)
_cache: WeakKeyDictionary[Reader, dict[str, tuple[float, TermStatistics]]] = WeakKeyDictionary()


async def read_statistics(database: Reader, index: Table) -> TermStatistics:
    """Return PostgreSQL's statistics of an index, at most a minute old."""
    entries = _cache.setdefault(database, {})
    read_at, statistics = entries.get(index.name, (0.0, None))
    if statistics is None or time.monotonic() - read_at > STATISTICS_SECONDS:
        rows = await database.look_up(READ_STATISTICS, {"name": index.name})
        shares = {term: share for _, term, share in rows if term is not None}
        least = min((share for _, term, share in rows if term is None and share), default=0.0)
        statistics = TermStatistics(max(0.0, rows[0][0]), shares, least)
        entries[index.name] = time.monotonic(), statistics
    return statistics


async def has_few_matches(
    database: Reader, index_query: IndexQuery, level: Level, *, most: int
) -> bool:
    """Return whether so few rows have the words at a level, on PostgreSQL: as its statistics say,
    and where they do not know the words, as counting says."""
    statistics = await read_statistics(database, index_query.index)
    if statistics.estimate(index_query, level) > most:
        return False
    if statistics.estimate(index_query, level, cautiously=True) <= most:
        return True
    words = index_query.match_words(level)
    return (await count_matches(database, index_query.index, [words], most))[0] <= most


async def count_matches(
    database: Reader, index: Table, queries: Sequence[str], most: int
) -> list[int]:
    """Return how many rows match each of the queries; `most` + 1 where there are more."""
    if not queries:
        return []
    lookup = _count_matches(name_dialect(database), index, len(queries))
    parameters = {f"match_{place}": match for place, match in enumerate(queries)}
    return list((await database.look_up(lookup, {**parameters, "most": most + 1}))[0])


async def read_highest_number(database: Reader, index: Table) -> int:
    """Return the number of the newest row of an index; 0 where it has none."""
    number: int = (await database.look_up(_select_highest_number(index), {}))[0][0]
    return number


def name_dialect(database: Reader) -> str:
    """Return the name of the database's dialect."""
    return "sqlite" if database.embedded else "postgresql"


@lru_cache
def _count_matches(dialect: str, index: Table, queries: int) -> Lookup:
    return Lookup(match_expressions.count_matches(dialect, index, queries))


@lru_cache
def _select_highest_number(index: Table) -> Lookup:
    return Lookup(select(func.coalesce(func.max(index.c.number), 0)), point=True)
