"""The fields by which claims and statements are found, read as words and their stems.

A quote is stemmed in its own language, any other text in English. Names are inflected by every
language, so they are stemmed in all of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Literal, NamedTuple

from service.domain.claims import ClaimState, Voice
from service.search.index import stemmer
from service.search.index.tokenizer import split_into_words


class Level(IntEnum):
    """Where words are looked for; each level contains those before it."""

    TEXT = 1
    NAMES = 2
    QUOTES = 3


STATEMENT_LEVELS = (Level.TEXT, Level.NAMES)
"""The levels of a statement, whose quotes are its text."""

Kind = Literal["text", "quote", "speaker", "party"]
_Words = tuple[tuple[tuple[int, int], ...], tuple[str, ...], tuple[tuple[str, ...], ...]]


@dataclass(frozen=True, slots=True)
class Field:
    """A searchable text.

    Its nth word stands at `spans[n]` and is `exact[n]` normalized. `stems` has all words once for
    each language that the text may be in.
    """

    kind: Kind
    level: Level
    text: str
    spans: tuple[tuple[int, int], ...]
    exact: tuple[str, ...]
    stems: tuple[tuple[str, ...], ...]


class Quoted(NamedTuple):
    """A quote of a statement, as far as it is searched."""

    text: str
    language: str | None


@dataclass(slots=True)
class FieldSources:
    """What the fields of claims are made of, beside their states."""

    quotes: dict[str, list[Quoted]] = field(default_factory=dict)
    """By statement."""
    full_names: dict[str, str] = field(default_factory=dict)
    """By party."""


def read_field(kind: Kind, level: Level, text: str, languages: Iterable[int]) -> Field:
    """Return a text as a field, stemmed in these languages."""
    return Field(kind, level, text, *_read_words(text, tuple(languages)))


# A quote is read when its statement is recorded, and again for its claim with each further link.
@lru_cache(maxsize=8192)
def _read_words(text: str, languages: tuple[int, ...]) -> _Words:
    words = split_into_words(text)
    exact = tuple(word for _, _, word in words)
    stems = [stemmer.stem_word(word) for word in exact]
    renderings = (tuple(forms[language] for forms in stems) for language in languages)
    spans = tuple((start, end) for start, end, _ in words)
    return spans, exact, tuple(dict.fromkeys(renderings))


@lru_cache(maxsize=4096)
def read_name(kind: Kind, text: str) -> Field:
    """Return a name as a field."""
    return read_field(kind, Level.NAMES, text, stemmer.LANGUAGES)


def read_quote(quote: Quoted, level: Level = Level.QUOTES) -> Field:
    """Return a quote as a field."""
    return read_field("quote", level, quote.text, (stemmer.get_language(quote.language),))


def read_text(state: ClaimState) -> Field:
    """Return a claim's text as a field."""
    return read_field("text", Level.TEXT, state.text, (stemmer.ENGLISH,))


def read_names(voice: Voice) -> Iterator[Field]:
    """Yield the names of a party, of its root, and of the speaker with their role."""
    for text in dict.fromkeys((voice.party, voice.name, voice.root, voice.root_name)):
        yield read_name("party", text)
    if voice.speaker is not None:
        role = voice.speaker.role
        yield read_name("speaker", f"{voice.speaker.name}, {role}" if role else voice.speaker.name)


def list_voices(state: ClaimState) -> Iterator[Voice]:
    """Yield a claim's claimant, and who takes a stance that was not retracted."""
    if state.claimant is not None:
        yield state.claimant
    yield from (link.voice for link in state.links if not link.retracted)


def list_statements(state: ClaimState) -> dict[str, None]:
    """Return the ids of a claim's origin, and of what is linked to it and not retracted."""
    linked = (link.statement for link in state.links if not link.retracted)
    return dict.fromkeys((state.origin_statement, *linked))


def read_claim(state: ClaimState, sources: FieldSources) -> Iterator[Field]:
    """Yield all fields of a claim, each read when it is asked for."""
    yield read_text(state)
    seen: set[tuple[str, str]] = set()
    for voice in list_voices(state):
        full_name = sources.full_names.get(voice.party)
        full_names = (read_name("party", full_name),) if full_name else ()
        for name in (*read_names(voice), *full_names):
            if (name.kind, name.text) not in seen:
                seen.add((name.kind, name.text))
                yield name
    for statement in list_statements(state):
        yield from map(read_quote, sources.quotes.get(statement, ()))


def read_statement(
    quotes: Iterable[Quoted], voice: Voice | None, full_name: str | None
) -> Iterator[Field]:
    """Yield all fields of a statement; `full_name` is that of its party."""
    for quote in quotes:
        yield read_quote(quote, Level.TEXT)
    if voice is not None:
        yield from read_names(voice)
        if full_name:
            yield read_name("party", full_name)
