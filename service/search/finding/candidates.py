"""Which claims may say the same as a text: those that share its rarest words."""

from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, select

from service.domain import search
from service.domain.search import Level
from service.search.finding import index_pages
from service.search.index import fulltext, terms
from service.search.index.fulltext import claim_search
from service.store.engine import Database, Lookup
from service.store.tables import claims
from service.store.types import id_text

RAREST = 8
"""Words of a text by which candidates are found."""
MOST_TERMS = 40
"""Words of a text whose rarity is asked for: its figures, then the longest."""
COMMON = 1_000
"""A word that more claims have says little of a text."""
ENOUGH = 4
"""Where less than a fourth of what is asked for shares two words, one word must do."""

_COUNTED = Lookup(fulltext.counted("sqlite", claim_search), point=True)


class Candidate(NamedTuple):
    """A claim as it is stored."""

    id: str
    document: str
    claimant_root: str | None
    part_of: str | None
    merged_into: str | None


@lru_cache
def _newest(dialect: str) -> Lookup:
    # Without bounds of numbers: once PostgreSQL plans for any values, it would walk those instead.
    matched = (
        select(fulltext.numbers(dialect, claim_search).label("number"), claim_search.c.claim)
        .select_from(fulltext.source(dialect, claim_search))
        .where(fulltext.matches(dialect, claim_search))
    )
    if dialect != "sqlite":
        # Looked up first, so that no plan walks all rows in order and tries each; and not all of
        # them where statistics are older than an import, and common words pass for rare.
        looked_up = matched.limit(RAREST * COMMON).cte("matched").prefix_with("MATERIALIZED")
        matched = select(looked_up.c.number, looked_up.c.claim)
    number, _ = matched.selected_columns
    newest = matched.order_by(number.desc()).limit(bindparam("limit", type_=Integer())).cte("found")
    return Lookup(
        select(*(claims.c[name] for name in Candidate._fields))
        .join(newest, newest.c.claim == claims.c.id)
        .order_by(newest.c.number.desc())
    )


async def candidates(database: Database, text: str, *, limit: int) -> list[Candidate]:
    """Claims whose wording shares some of the rarest words of `text`, at most `limit`: those that
    share two or more, newest first, then others.  Merged and withdrawn claims are among them.

    Where all its words are common, only the newest claims are looked at.
    """
    stems = {terms.stems(word)[terms.ENGLISH] for _, _, word in search.words(text)}
    telling = sorted(stems, key=lambda stem: (not stem.isdecimal(), -len(stem), stem))
    known = await _counts(database, [f"{Level.TEXT.value}{one}" for one in telling[:MOST_TERMS]])
    rarest = sorted(known, key=lambda term: known[term])[:RAREST]
    rare = [term for term in rarest if known[term] <= COMMON]
    dialect = "sqlite" if database.embedded else "postgresql"
    say = fulltext.Language(dialect)
    words = [say.placed([term]) for term in rare or rarest]
    found: dict[str, Candidate] = {}
    for wanted in ([say.all(pair) for pair in combinations(words, 2)], words):
        if wanted and len(found) * ENOUGH < limit:
            match = say.any(wanted)
            if not rare and not database.embedded:
                match = fulltext.within(match, "q", await index_pages.top(database, claim_search))
            asked = {"match": match, "limit": limit}
            for row in await database.look_up(_newest(dialect), asked):
                one = _candidate(*row)
                found.setdefault(one.id, one)
    return list(found.values())[:limit]


async def _counts(database: Database, stems: list[str]) -> dict[str, float]:
    """About how many claims have each term, those that none has left out where that is known."""
    if not database.embedded:
        known = await index_pages.commonness(database, claim_search)
        return {term: known.shares.get(term, 0.0) * known.rows for term in stems}
    asked = {term: f'"{term}"' for term in stems}
    counted = {
        term: (await database.look_up(_COUNTED, {"match": match, "most": COMMON + 1}))[0][0]
        for term, match in asked.items()
    }
    return {term: count for term, count in counted.items() if count}


def _candidate(
    claim: object, document: str, root: str | None, part_of: object, merged_into: object
) -> Candidate:
    above, into = (None if one is None else id_text(one) for one in (part_of, merged_into))
    return Candidate(id_text(claim), document, root, above, into)
