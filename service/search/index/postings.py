"""What is indexed of a claim or statement: one line of terms, the same on both databases.

The first character of a term says where it stands:

- `1` text, `2` text and names, `3` all of it: stems, in the order of the texts; `0` is the gap
  between two texts, so that no phrase reaches from one into the next;
- `4`, `5`, `6` the same, for words as they are written, where that is not their stem;
- `7`, `8` stems and written words of what no longer stands, by which the past is searched;
- `9` a label, which lists are filtered by.

Only the terms of `1`, `2` and `3` have places, which is what phrases need.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from service.domain.claims import ClaimState
from service.search.index.searchable_fields import Field, Level, Reading

MAX_PLACES = {Level.TEXT: 1_000, Level.NAMES: 4_000, Level.QUOTES: 11_000}
"""Indexed words of each level: PostgreSQL knows 16,383 places."""
MAX_REPEATS = 255
"""Indexed places of one word: as many as PostgreSQL keeps."""
MAX_UNPLACED = 6_000
"""Indexed terms without places, so that a row stays within PostgreSQL's 1 MB."""
GAP = "0"
EXACT = len(Level)
"""Added to the number of a level, it gives that of its words as written."""
FORMER_STEM, FORMER_EXACT, LABEL = "7", "8", "9"
FULL_LABELS = {Level.NAMES: f"{LABEL}full0names", Level.QUOTES: f"{LABEL}full0quotes"}
"""Labels of a claim whose row has no room for another name, or another quote."""

Postings = dict[str, tuple[int, ...]]
"""Terms with their places; empty for those without."""


def parse_line(line: str) -> Postings:
    """Return the terms of a line; places are counted from 1."""
    postings: dict[str, list[int]] = {}
    for place, term in enumerate(line.split(), start=1):
        if term[0] in "123":
            postings.setdefault(term, []).append(place)
        elif term != GAP:
            postings.setdefault(term, [])
    return {term: tuple(places) for term, places in postings.items()}


def build_label(name: str, value: str) -> str:
    """Return a filter as a term: letters and digits only, like any other."""
    return f"{LABEL}{name}0{value.replace('-', '0')}"


def list_labels(state: ClaimState) -> list[str]:
    """Return labels for what lists are filtered by and never changes of a claim."""
    return [
        build_label("kind", state.kind),
        *([build_label("story", state.story)] if state.story else ()),
        *([build_label("claimant", state.claimant.party)] if state.claimant else ()),
    ]


def list_former_terms(fields: Iterable[Field]) -> set[str]:
    """Return the terms by which the words of fields that no longer stand are found."""
    terms: set[str] = set()
    for field in fields:
        for reading in field.readings:
            for stems in reading.stems:
                terms.update(FORMER_STEM + stem for stem in stems)
            terms.update(FORMER_EXACT + word for word in reading.exact)
    return terms


def build_line(
    fields: Iterable[Field],
    labels: Iterable[str] = (),
    former_terms: Iterable[str] = (),
    *,
    levels: Sequence[Level] = tuple(Level),
    indexed_fields: list[Field] | None = None,
) -> str:
    """Return the line of what has these fields: placed terms level by level, then the others.

    Fields are read no further than there is room: what comes after that changes nothing. A name
    that its own level has no room for takes none from the quotes either. Those that had room are
    added to `indexed_fields`.
    """
    places_by_level: dict[Level, list[str]] = {level: [] for level in levels}
    exact: dict[Level, dict[str, None]] = {level: {} for level in levels}
    for field in fields:
        if _is_full(places_by_level, levels[-1]):
            break
        if field.level is not Level.TEXT and _is_full(places_by_level, field.level):
            continue
        if indexed_fields is not None:
            indexed_fields.append(field)
        words = [word for reading in field.readings for word in reading.unstemmed]
        for level in levels:
            if field.level <= level and not _is_full(places_by_level, level):
                places_by_level[level] += _place_stems(level, field.readings)
                digit = str(level + EXACT)
                exact[level].update(dict.fromkeys([digit + word for word in words]))
    other_terms = dict.fromkeys(labels)
    if Level.QUOTES in places_by_level:
        other_terms |= {
            label: None for level, label in FULL_LABELS.items() if _is_full(places_by_level, level)
        }
    for terms in exact.values():
        other_terms |= terms
    other_terms |= dict.fromkeys(former_terms)
    placed_terms = chain.from_iterable(
        _limit_places(level, places_by_level[level]) for level in levels
    )
    return " ".join([*placed_terms, *list(other_terms)[:MAX_UNPLACED]])


def _is_full(places_by_level: Mapping[Level, Sequence[str]], level: Level) -> bool:
    return len(places_by_level[level]) >= MAX_PLACES[level]


def _place_stems(level: Level, readings: Iterable[Reading]) -> list[str]:
    """Return a field's terms at a level, one rendering after the other, each followed by a gap."""
    digit = str(level.value)
    terms: list[str] = []
    for reading in readings:
        for stems in reading.stems:
            terms += [digit + stem for stem in stems]
            terms.append(GAP)
    return terms


def _limit_places(level: Level, places_by_level: list[str]) -> list[str]:
    """Return a level's terms as far as they are indexed: gaps replace repetitions beyond that."""
    places_by_level = places_by_level[: MAX_PLACES[level]]
    if len(places_by_level) <= MAX_REPEATS:
        return places_by_level
    counts: dict[str, int] = {}
    terms = []
    for term in places_by_level:
        counts[term] = counts.get(term, 0) + 1
        terms.append(term if counts[term] <= MAX_REPEATS else GAP)
    return terms
