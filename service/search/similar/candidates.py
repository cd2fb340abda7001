"""Find claims that may say the same as a text: those that share its rarest words."""

from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, select

from service.search.index import match_expressions, searchable_fields, term_statistics
from service.search.index.index_tables import claim_search
from service.search.index.match_syntax import MatchSyntax, narrow_to_stretch
from service.search.index.searchable_fields import Level
from service.store.engine import Lookup
from service.store.reader import Reader
from service.store.tables import claims
from service.store.types import format_id

RAREST = 8
"""Words of a text by which candidates are found."""
MOST_WORDS = 40
"""Words of a text whose rarity is asked for: its figures, then the longest."""
COMMON = 1_000
"""A word that more claims have says little of a text."""
ENOUGH = 4
"""Where less than a fourth of what is asked for shares two words, one word must do."""


class Candidate(NamedTuple):
    """A claim as it is stored."""

    id: str
    document: str
    claimant_root: str | None
    part_of: str | None
    merged_into: str | None
    lifecycle: str


@lru_cache
def _select_newest(dialect: str) -> Lookup:
    # Without bounds of numbers: once PostgreSQL plans for any values, it would walk those instead.
    matches = match_expressions.select_matches(dialect, claim_search)
    if dialect != "sqlite":
        # Looked up first, so that no plan walks all rows in order and tries each; and not all of
        # them where statistics are older than an import, and common words pass for rare.
        looked_up = matches.limit(RAREST * COMMON).cte("matched").prefix_with("MATERIALIZED")
        matches = select(looked_up.c.number, looked_up.c.key)
    number, _ = matches.selected_columns
    limit = bindparam("limit", type_=Integer())
    newest = matches.order_by(number.desc()).limit(limit).cte("found")
    return Lookup(
        select(*(claims.c[name] for name in Candidate._fields))
        .join(newest, newest.c.key == claims.c.id)
        .order_by(newest.c.number.desc())
    )


async def find_candidates(database: Reader, text: str, *, limit: int) -> list[Candidate]:
    """Return claims whose text shares some of the rarest words of `text`, at most `limit`: those
    that share two or more, newest first, then others. Merged, withdrawn and void claims are among
    them.

    Where all its words are common, only the newest claims are looked at.
    """
    readings = searchable_fields.read_text(text).readings
    stems = {stem for reading in readings for stems in reading.stems for stem in stems}
    telling = sorted(stems, key=lambda stem: (not stem.isdecimal(), -len(stem), stem))
    terms = [f"{Level.TEXT.value}{stem}" for stem in telling[:MOST_WORDS]]
    counts = await _count_claims(database, terms)
    rarest = sorted(counts, key=lambda term: counts[term])[:RAREST]
    rare = [term for term in rarest if counts[term] <= COMMON]
    dialect = term_statistics.name_dialect(database)
    syntax = MatchSyntax(dialect)
    words = [syntax.write_phrase([term]) for term in rare or rarest]
    by_claim: dict[str, Candidate] = {}
    for alternatives in ([syntax.join_all(pair) for pair in combinations(words, 2)], words):
        if alternatives and len(by_claim) * ENOUGH < limit:
            match = syntax.join_any(alternatives)
            if not rare and not database.embedded:
                newest = await term_statistics.read_highest_number(database, claim_search)
                match = narrow_to_stretch(match, "q", newest)
            parameters = {"match": match, "limit": limit}
            for row in await database.look_up(_select_newest(dialect), parameters):
                candidate = _build_candidate(*row)
                by_claim.setdefault(candidate.id, candidate)
    return list(by_claim.values())[:limit]


async def _count_claims(database: Reader, terms: list[str]) -> dict[str, float]:
    """Return about how many claims have each term, without those that none is known to have."""
    if not database.embedded:
        statistics = await term_statistics.read_statistics(database, claim_search)
        return {term: statistics.shares.get(term, 0.0) * statistics.rows for term in terms}
    queries = [f'"{term}"' for term in terms]
    counts = await term_statistics.count_matches(database, claim_search, queries, COMMON)
    return {term: count for term, count in zip(terms, counts, strict=True) if count}


def _build_candidate(
    claim: object,
    document: str,
    root: str | None,
    part_of: object,
    merged_into: object,
    lifecycle: str,
) -> Candidate:
    above, into = (None if other is None else format_id(other) for other in (part_of, merged_into))
    return Candidate(format_id(claim), document, root, above, into, lifecycle)
