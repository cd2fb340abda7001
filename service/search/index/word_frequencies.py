"""How common words are, by PostgreSQL's own statistics: of the full-text indexes' terms they know
the thousand commonest."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select, text

from service.domain.search import Level, Phrase, Query, Term
from service.search.index import terms


class Commonness:
    """How many rows a table has, and the share of them that has each of the commonest terms;
    `least` is that of the rarest of those: any other has no more."""

    def __init__(self, rows: float, shares: dict[str, float], least: float = 0.0) -> None:
        self.rows = rows
        self.shares = shares
        self.least = least

    def of(self, query: Query, level: Level, labels: Sequence[Sequence[str]]) -> float:
        """About how many rows have all of it, at most: the rarest part says."""
        return self._of(query, level, labels, 0.0)

    def most(self, query: Query, level: Level, labels: Sequence[Sequence[str]]) -> float:
        """The same where words that nothing is known of may be as common as can be."""
        return self._of(query, level, labels, self.least)

    def _of(
        self, query: Query, level: Level, labels: Sequence[Sequence[str]], unknown: float
    ) -> float:
        parts = [self._term(term, level, unknown) for term in query.required]
        parts += [sum(self.shares.get(one, unknown) for one in label) for label in labels]
        return min(parts) * self.rows

    def _term(self, term: Term, level: Level, unknown: float) -> float:
        if isinstance(term, Phrase):
            return sum(
                min(self.shares.get(f"{level.value}{stem}", unknown) for stem in form)
                for form in term.forms
            )
        begun = (f"{level.value}{term.text}", f"{level + terms.EXACT}{term.text}")
        known = [share for word, share in self.shares.items() if word.startswith(begun)]
        return sum(known) + unknown


SHARES = select(
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
"""How many rows a table has, and the share of them that has each of its commonest terms; then, of
no term, the least and the greatest share among those."""


def commonness(rows: Iterable[Sequence[Any]]) -> Commonness:
    """What `SHARES` says."""
    found = list(rows)
    shares = {term: share for _, term, share in found if term is not None}
    least = min((share for _, term, share in found if term is None and share), default=0.0)
    return Commonness(max(0.0, found[0][0]), shares, least)
