"""What the search indexes answer."""

from functools import lru_cache
from itertools import combinations

from sqlalchemy import Connection, Integer, bindparam, func, select

from service.domain import search
from service.domain.search import Level
from service.formats import terms
from service.store import fulltext
from service.store.fulltext import claim_search
from service.store.prepared import Prepared
from service.store.types import id_text


@lru_cache
def _newest(dialect: str) -> Prepared:
    found = fulltext.candidates(dialect, claim_search)
    number = found.selected_columns[0]
    return Prepared(found.order_by(number.desc()).limit(bindparam("limit", type_=Integer())))


RAREST = 8
"""Words of a text by which candidates are found."""
MOST_TERMS = 60
"""Words of a text whose rarity is asked for: its figures, then the longest."""
COMMON = 1_000
"""A word that more claims have says little of a text."""


def candidates(session: Connection, text: str, *, limit: int) -> list[str]:
    """Ids of claims whose wording shares some of the rarest words of `text`, at most `limit`: those
    that share two or more, newest first, then the others.  Merged and withdrawn claims are among
    them.

    Where all its words are common, only the newest claims are looked at.
    """
    stems = {terms.stems(word)[terms.ENGLISH] for _, _, word in search.words(text)}
    telling = sorted(stems, key=lambda stem: (not stem.isdecimal(), -len(stem), stem))[:MOST_TERMS]
    if not telling:
        return []
    dialect = session.dialect.name
    known = fulltext.counts(
        session, claim_search, [f"{Level.TEXT.value}{stem}" for stem in telling], COMMON
    )
    if dialect == "sqlite":
        # There the counts are exact, and what no claim has finds none.
        known = {term: count for term, count in known.items() if count}
    rarest = sorted(known, key=lambda term: known[term])[:RAREST]
    rare = [term for term in rarest if known[term] <= COMMON]
    say = fulltext.Language(dialect)
    words = [say.placed([term]) for term in rare or rarest]
    if not words:
        return []
    newest = session.scalar(select(func.max(claim_search.c.number))) or 0
    found: dict[str, None] = {}
    for wanted in ([say.all(pair) for pair in combinations(words, 2)], words):
        if wanted and len(found) < limit:
            match = say.any(wanted)
            if not rare and dialect != "sqlite":
                match = fulltext.within(match, "q", newest)
            rows = _newest(dialect).run(
                session, {"match": match, "since": 0, "until": newest + 1, "limit": limit}
            )
            found |= dict.fromkeys(id_text(row[1]) for row in rows)
    return list(found)[:limit]
