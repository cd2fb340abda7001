"""Words with their forms: how texts are read for search, and how what was read is indexed.

English and Serbian are stemmed by Snowball (its Python code, so that every machine stems alike),
Albanian by its commonest endings.  A quote is read in its own language, anything else that has none
as English; names, which every language inflects, in all three.

What is indexed is one line of terms, the same for both databases.  A term's first character says
where it stands: `1` text, `2` text and names, `3` all, each as stems in the order of the texts;
`4` to `6` the same as written, where that is not the stem; `7` and `8` both of what no longer
stands; `9` a label to filter by; `0` parts one text from the next.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from snowballstemmer.english_stemmer import EnglishStemmer
from snowballstemmer.serbian_stemmer import SerbianStemmer

from service.domain import search
from service.domain.claims import ClaimState, Voice
from service.domain.search import Field, Level, Query

ENGLISH, SERBIAN, ALBANIAN = range(3)
LANGUAGES = {
    **dict.fromkeys(("sr", "hr", "bs", "me", "sh", "cnr"), SERBIAN),
    **dict.fromkeys(("sq", "sqi", "alb"), ALBANIAN),
}
ENDINGS = (
    *("ave", "eve", "ive", "se", "ne", "te", "it", "ut", "at", "et", "in", "un", "en", "es"),
    *("i", "u", "a", "e"),
)
VOWELS = "aeiu"
SHORTEST = 4
"""Letters that an Albanian word keeps."""
POSITIONS = {Level.TEXT: 1_000, Level.NAMES: 4_000, Level.QUOTES: 11_000}
"""Words of a claim that are indexed, at most, at each level: PostgreSQL knows 16,383 places."""
REPEATS = 255
"""Places of one word that are indexed: what PostgreSQL keeps of them."""
UNPLACED = 6_000
"""Terms without places that are indexed, at most, so that a row stays within PostgreSQL's 1 MB."""
STATEMENT_LEVELS = (Level.TEXT, Level.NAMES)
GAP = "0"
EXACT = len(Level)
"""What makes of a level's number that of its words as written."""
FORMER_STEM, FORMER_EXACT, LABEL = "7", "8", "9"
NO_ROOM = {Level.NAMES: f"{LABEL}full0names", Level.QUOTES: f"{LABEL}full0quotes"}
"""What says in a claim's row that it has no room for a further name, or a further quote."""

_local = threading.local()


class Quoted(NamedTuple):
    """A rendering as it is searched."""

    text: str
    language: str | None


@lru_cache(maxsize=1 << 16)
def stems(word: str) -> tuple[str, str, str]:
    """The stem of a folded word in English, Serbian and Albanian."""
    if not hasattr(_local, "stemmers"):
        # A stemmer holds the word it works on: one for each thread.
        _local.stemmers = EnglishStemmer(), SerbianStemmer()
    english, serbian = _local.stemmers
    return (
        search.fold(english.stemWord(word)) or word,
        search.fold(serbian.stemWord(word)) or word,
        _albanian(word),
    )


def _albanian(word: str) -> str:
    """A noun without the endings of case and definiteness, a last vowel included."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > SHORTEST and word[-1] in VOWELS else word


def parse(text: str) -> Query:
    """The query that somebody typed.  Raises Unsearchable."""
    return search.parse(text, stems)


def read(kind: str, level: Level, text: str, languages: Iterable[int]) -> Field:
    """A text as words with their forms."""
    return Field(kind, level, text, *_words(text, tuple(languages)))


# What is recorded is read for its statement, and again for its claim with each further link.
@lru_cache(maxsize=8192)
def _words(
    text: str, languages: tuple[int, ...]
) -> tuple[tuple[tuple[int, int], ...], tuple[str, ...], tuple[tuple[str, ...], ...]]:
    found = search.words(text)
    exact = tuple(word for _, _, word in found)
    forms = [stems(word) for word in exact]
    renderings = (tuple(form[language] for form in forms) for language in languages)
    spans = tuple((start, end) for start, end, _ in found)
    return spans, exact, tuple(dict.fromkeys(renderings))


@lru_cache(maxsize=4096)
def named(kind: str, text: str) -> Field:
    """A name, in all languages."""
    return read(kind, Level.NAMES, text, range(3))


def quote(one: Quoted, level: Level = Level.QUOTES) -> Field:
    primary = (one.language or "").partition("-")[0].lower()
    return read("quote", level, one.text, (LANGUAGES.get(primary, ENGLISH),))


def wording(state: ClaimState) -> Field:
    return read("text", Level.TEXT, state.text, (ENGLISH,))


def voices(state: ClaimState) -> Iterator[Voice]:
    """Who speaks on a claim: its claimant, and who takes a stance that was not retracted."""
    if state.claimant is not None:
        yield state.claimant
    yield from (link.voice for link in state.links if not link.retracted)


def names(voice: Voice) -> Iterator[Field]:
    """The names of a party, of the one it belongs to, and of the speaker with their role."""
    for text in dict.fromkeys((voice.party, voice.name, voice.root, voice.root_name)):
        yield named("party", text)
    if voice.speaker is not None:
        role = voice.speaker.role
        yield named("speaker", f"{voice.speaker.name}, {role}" if role else voice.speaker.name)


def said(state: ClaimState) -> dict[str, None]:
    """The statements whose words are the claim's: its origin, and those linked and not
    retracted."""
    linked = (link.statement for link in state.links if not link.retracted)
    return dict.fromkeys((state.origin_statement, *linked))


def fields(
    state: ClaimState,
    quotes: Mapping[str, Iterable[Quoted]],
    full_names: Mapping[str, str],
) -> Iterator[Field]:
    """All that a claim is found by; `quotes` are its statements' renderings, `full_names` its
    parties'.  Read as they are asked for."""
    yield wording(state)
    seen: set[tuple[str, str]] = set()
    for voice in voices(state):
        full = full_names.get(voice.party)
        for field in (*names(voice), *([named("party", full)] if full else ())):
            if (field.kind, field.text) not in seen:
                seen.add((field.kind, field.text))
                yield field
    for statement in said(state):
        yield from map(quote, quotes.get(statement, ()))


def statement_fields(
    quotes: Iterable[Quoted], voice: Voice | None, full_name: str | None
) -> Iterator[Field]:
    """All that a statement is found by: its renderings, which are its text, and who says it."""
    for one in quotes:
        yield quote(one, Level.TEXT)
    if voice is not None:
        yield from names(voice)
        if full_name:
            yield named("party", full_name)


def labels(state: ClaimState) -> list[str]:
    """What never changes of a claim and lists are filtered by."""
    return [
        label("kind", state.kind),
        *([label("story", state.story)] if state.story else ()),
        *([label("claimant", state.claimant.party)] if state.claimant else ()),
    ]


def label(name: str, value: str) -> str:
    """A filter as a term: letters and digits only, like any other."""
    return f"{LABEL}{name}0{value.replace('-', '0')}"


def line(
    fields: Iterable[Field],
    labels: Iterable[str] = (),
    former: Iterable[str] = (),
    *,
    levels: Sequence[Level] = tuple(Level),
) -> str:
    """What is indexed: placed terms level by level, then those without places.

    Read no further than there is room: what comes after that changes nothing.  A name that its own
    level has no room for takes none from the quotes either.
    """
    placed: dict[Level, list[str]] = {level: [] for level in levels}
    exact: dict[Level, dict[str, None]] = {level: {} for level in levels}
    for field in fields:
        if _is_full(placed, levels[-1]):
            break
        if field.level is not Level.TEXT and _is_full(placed, field.level):
            continue
        words = _otherwise(field.exact, field.stems)
        for level in levels:
            if field.level <= level and not _is_full(placed, level):
                placed[level] += _place(level, field.stems)
                exact[level] |= _write_out(level, words)
    unplaced = dict.fromkeys(labels)
    if Level.QUOTES in placed:
        unplaced |= {full: None for level, full in NO_ROOM.items() if _is_full(placed, level)}
    for found in exact.values():
        unplaced |= found
    unplaced |= dict.fromkeys(former)
    kept = (term for level in levels for term in _limit(level, placed[level]))
    return " ".join([*kept, *list(unplaced)[:UNPLACED]])


def _is_full(placed: Mapping[Level, Sequence[str]], level: Level) -> bool:
    return len(placed[level]) >= POSITIONS[level]


@lru_cache(maxsize=8192)
def _otherwise(exact: tuple[str, ...], stems: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """The words of a field that are written otherwise than any of their stems."""
    return tuple(word for word, *forms in zip(exact, *stems, strict=True) if word not in forms)


def _place(level: Level, stems: Iterable[Iterable[str]]) -> list[str]:
    """The terms of a field at a level, one rendering after the other, with a gap after each."""
    digit = str(level.value)
    return [term for rendering in stems for term in (*(digit + stem for stem in rendering), GAP)]


def _write_out(level: Level, words: Iterable[str]) -> dict[str, None]:
    digit = str(level + EXACT)
    return dict.fromkeys(digit + word for word in words)


def _limit(level: Level, placed: list[str]) -> list[str]:
    """As many of a level's terms as are indexed."""
    found = placed[: POSITIONS[level]]
    return found if len(found) <= REPEATS else _each_so_often(found)


def _each_so_often(placed: list[str]) -> list[str]:
    """The same with gaps for a term's places beyond those that are kept."""
    counts: dict[str, int] = {}
    kept = []
    for term in placed:
        counts[term] = counts.get(term, 0) + 1
        kept.append(term if counts[term] <= REPEATS else GAP)
    return kept


def former(fields: Iterable[Field]) -> set[str]:
    """The terms under which words are found that no longer stand."""
    found: set[str] = set()
    for field in fields:
        for stems in field.stems:
            found.update(FORMER_STEM + stem for stem in stems)
        found.update(FORMER_EXACT + word for word in field.exact)
    return found
