"""Show why a result was found: excerpts of its fields, with the words of the query marked."""

from collections.abc import Iterable

from service.claims.statement_views import SnippetView
from service.search.index.query_parser import Query
from service.search.index.searchable_fields import Field

MAX_SNIPPETS = 3
EXCERPT_CHARACTERS = 240
LEAD_CHARACTERS = 60
"""An excerpt begins about so long before its first mark."""


def list_snippets(query: Query, fields: Iterable[Field]) -> list[SnippetView]:
    """Return the fields in which the query's terms were first found, at most three."""
    snippets: list[SnippetView] = []
    missing = set(query.required)
    for field in fields:
        places = {term: list(term.find_in(field)) for term in query.required}
        found = {term for term, ranges in places.items() if ranges}
        if missing.isdisjoint(found):
            continue
        missing -= found
        marks = _merge_marks(field, [place for ranges in places.values() for place in ranges])
        snippets.append(_cut_excerpt(field, marks))
        if not missing or len(snippets) == MAX_SNIPPETS:
            break
    return snippets


def _merge_marks(field: Field, places: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return ranges of words as ranges of characters, in order and without overlaps."""
    marks: list[list[int]] = []
    for first, after in sorted(places):
        start, end = field.spans[first][0], field.spans[after - 1][1]
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
    before, after = "…" if start else "", "…" if end < len(text) else ""
    shift = len(before) - start
    return {
        "field": field.kind,
        "text": f"{before}{text[start:end]}{after}",
        "marks": [[first + shift, min(last, end) + shift] for first, last in marks if first < end],
    }
