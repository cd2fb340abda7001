"""Show why a result was found: excerpts of its fields, with the words of the query marked."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

from service.claims.statement_views import SnippetView
from service.search.index import searchable_fields
from service.search.index.query_parser import Prefix, Query
from service.search.index.searchable_fields import Field

MAX_SNIPPETS = 3
MIN_LETTERS = 3
"""Letters of a word that are looked for in a text, to tell whether it may hold the word."""
EXCERPT_CHARACTERS = 240
LEAD_CHARACTERS = 60
"""An excerpt begins about so long before its first mark."""


def read_likeliest_first(query: Query, written_fields: str) -> Iterator[Field]:
    """Yield the names and quotes of a claim as its row in the index has them: those first that seem
    to hold a word of the query, since to read a text as words takes longer than to look for a few
    letters in it."""
    seems_to_hold = _find_beginnings(query).search
    plain = unicodedata.normalize("NFKD", written_fields).encode("ascii", "ignore").decode().lower()
    separator = searchable_fields.BETWEEN_FIELDS
    other_fields = []
    for letters, field in zip(plain.split(separator), written_fields.split(separator), strict=True):
        if seems_to_hold(letters, 1):
            yield searchable_fields.read_written_field(field)
        else:
            other_fields.append(field)
    yield from map(searchable_fields.read_written_field, other_fields)


@lru_cache(maxsize=256)
def _find_beginnings(query: Query) -> re.Pattern[str]:
    """Return what matches where a word begins as those do, nearly always, that the query finds."""
    stems = [
        stem
        for term in query.required
        for stem in ([term.text] if isinstance(term, Prefix) else chain(*term.forms))
    ]
    beginnings = dict.fromkeys(stem[: max(MIN_LETTERS, len(stem) - 1)] for stem in stems)
    return re.compile("|".join(map(re.escape, beginnings)))


def list_snippets(query: Query, fields: Iterable[Field]) -> list[SnippetView]:
    """Return the fields in which the query's terms were first found, at most three."""
    snippets: list[SnippetView] = []
    missing = query.required
    for field in fields:
        places: list[tuple[int, int]] = []
        still_missing = []
        for term in query.required:
            count = len(places)
            places += term.find_in(field)
            if len(places) == count and term in missing:
                still_missing.append(term)
        if len(still_missing) == len(missing):
            continue
        missing = tuple(still_missing)
        snippets.append(_cut_excerpt(field, _merge_marks(places)))
        if not missing or len(snippets) == MAX_SNIPPETS:
            break
    return snippets


def _merge_marks(places: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return ranges of characters in order and without overlaps."""
    if len(places) == 1:
        return [[*places[0]]]
    marks: list[list[int]] = []
    for start, end in sorted(places):
        if marks and start <= marks[-1][1]:
            marks[-1][1] = max(marks[-1][1], end)
        else:
            marks.append([start, end])
    return marks


def _cut_excerpt(field: Field, marks: list[list[int]]) -> SnippetView:
    """Return the text around the first mark, with an ellipsis where it is cut."""
    text, first_mark = field.text, marks[0][0]
    start = 0
    if len(text) > EXCERPT_CHARACTERS and first_mark > LEAD_CHARACTERS:
        earliest = first_mark - LEAD_CHARACTERS
        space = text.find(" ", earliest, first_mark)
        start = space + 1 if space >= 0 else earliest
    end = min(len(text), max(start + EXCERPT_CHARACTERS, marks[0][1]))
    # No mark is cut: half a word is not what was found.
    end = next((first for first, last in marks if first < end < last), end)
    before, after = "…" if start else "", "…" if end < len(text) else ""
    shift = len(before) - start
    return {
        "field": field.kind,
        "text": f"{before}{text[start:end]}{after}",
        "marks": [[first + shift, last + shift] for first, last in marks if first < end],
    }
