"""What the search indexes answer."""

from functools import lru_cache

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
"""Words of a text whose rarity is asked for, the longest of them."""
COMMON = 1_000
"""A word that more claims have says little of a text."""


def candidates(session: Connection, text: str, *, limit: int) -> list[str]:
    """Ids of claims whose wording shares one of its rarest words with `text`: newest first, at
    most `limit`.  Merged and withdrawn claims are among them.

    Where all its words are common, only the newest claims are looked at.
    """
    stems = {terms.stems(word)[terms.ENGLISH] for _, _, word in search.words(text)}
    longest = sorted(stems, key=lambda stem: (-len(stem), stem))[:MOST_TERMS]
    if not longest:
        return []
    known = fulltext.counts(
        session, claim_search, [f"{Level.TEXT.value}{stem}" for stem in longest], COMMON
    )
    rarest = sorted(known, key=lambda term: known[term])[:RAREST]
    rare = [term for term in rarest if known[term] <= COMMON]
    say = fulltext.Language(session.dialect.name)
    match = say.any(say.placed([term]) for term in rare or rarest)
    newest = session.scalar(select(func.max(claim_search.c.number))) or 0
    if not rare and session.dialect.name != "sqlite":
        match = fulltext.within(match, "q", newest)
    rows = _newest(session.dialect.name).run(
        session, {"match": match, "since": 0, "until": newest + 1, "limit": limit}
    )
    return [id_text(row[1]) for row in rows]
