"""Finds the statements that have the words of a passage already, so that none is recorded twice."""

from typing import NamedTuple

from rapidfuzz import fuzz

from service.claims.statement_views import StatementView
from service.desk.search import candidates
from service.desk.search.candidates import Candidate
from service.domain import wordings
from service.domain.errors import Unsearchable
from service.domain.names import normalize_letters
from service.search.finding import statement_hits
from service.search.index import query_parser
from service.web.calls import Call

SEARCHED_WORDS = 8
"""Words by which a passage is looked for: the longest."""
LOOKED_AT = 8
MOST = 3
LEAST_ALIKE = 88
"""Of 100, from which on words are nearly the same."""
LEAST_WORDS = 4
"""A passage of fewer words is the same or it is not."""
LONGEST = 2_000
"""Characters of a passage, and of a quote, from which on neither is compared: each takes the server
time, and a text without empty lines can be selected whole."""


class RecordedWords(NamedTuple):
    """A statement that may be chosen, and what its words have to do with the passage's."""

    candidate: Candidate
    reason: str


async def find_recorded(call: Call, words: str) -> list[RecordedWords]:
    """Find the statements whose words are a passage's, or nearly so."""
    if len(words) > LONGEST:
        return []
    letters = normalize_letters(words)
    longest_first = sorted(dict.fromkeys(letters.split()), key=len, reverse=True)
    plain = ["".join(filter(str.isalnum, word)) for word in longest_first]
    searched = " ".join([word for word in plain if word][:SEARCHED_WORDS])
    try:
        query = query_parser.parse_query(searched[: query_parser.MAX_CHARACTERS])
    except Unsearchable:
        return []
    statements, _ = await statement_hits.find_statements(
        call.reader, query, candidates.EVERYBODYS, limit=LOOKED_AT, after=None
    )
    compared = [(_compare(words, letters, statement), statement) for statement in statements]
    return [
        RecordedWords(candidates.build_statement(statement), reason)
        for reason, statement in compared
        if reason and statement["withdrawn_at"] is None
    ][:MOST]


def _compare(words: str, letters: str, statement: StatementView) -> str:
    """Say what a statement's words have to do with others; nothing where they differ."""
    quotes = [quote["text"] for quote in statement["quotes"] if len(quote["text"]) <= LONGEST]
    if any(wordings.is_same_wording(quote, words) for quote in quotes):
        return "the same words"
    if len(letters.split()) < LEAST_WORDS:
        return ""
    for other in map(normalize_letters, quotes):
        if letters in other:
            return "these words are a part of it"
        if other in letters and len(other.split()) >= LEAST_WORDS:
            return "it is a part of these words"
        likeness = fuzz.ratio(letters, other, score_cutoff=LEAST_ALIKE)
        if likeness >= LEAST_ALIKE:
            return f"nearly the same words, {likeness:.0f} of 100 letters"
    return ""
