"""The fields by which claims and statements are found, read as words and their stems.

A quote is stemmed in its own language, a claim's text in the language that it seems to be in.
Names are inflected by every language, so they are stemmed in all of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Literal, NamedTuple

from service.domain.claims import ClaimState, Voice, choose_voice
from service.search.index import stemmer, tokenizer


class Level(IntEnum):
    """Where words are looked for; each level contains those before it."""

    TEXT = 1
    NAMES = 2
    QUOTES = 3


STATEMENT_LEVELS = (Level.TEXT, Level.NAMES)
"""The levels of a statement, whose quotes are its text."""

Kind = Literal["text", "quote", "speaker", "party"]


class Reading(NamedTuple):
    """The words of a text, or of a part of it, in one way of writing them.

    The nth word stands at `spans[n]` and is `exact[n]` normalized. `stems` has all words once for
    each language that the text may be in. `unstemmed` are those that are none of their stems.
    """

    spans: tuple[tuple[int, int], ...]
    exact: tuple[str, ...]
    stems: tuple[tuple[str, ...], ...]
    unstemmed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A searchable text, with the ways in which its words may be written."""

    kind: Kind
    level: Level
    text: str
    readings: tuple[Reading, ...]
    language: int | None = None
    """That of a quote."""


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


def read_field(
    kind: Kind, level: Level, text: str, languages: Iterable[int] | None = None
) -> Field:
    """Return a text as a field, stemmed in these languages; None: in those it seems to be in."""
    return Field(kind, level, text, _read_text(text, None if languages is None else (*languages,)))


# A quote is read when its statement is recorded, and again for its claim with each further link.
@lru_cache(maxsize=4096)
def _read_text(text: str, languages: tuple[int, ...] | None) -> tuple[Reading, ...]:
    readings = tokenizer.read_words(text)
    if languages is None:
        languages = stemmer.guess_languages(text, readings[0].words)
    return tuple([_stem_words(reading, languages) for reading in readings])


def _stem_words(reading: tokenizer.Words, languages: tuple[int, ...]) -> Reading:
    words = reading.words
    stems = tuple(
        dict.fromkeys(
            [tuple([stemmer.stem_word(word, language) for word in words]) for language in languages]
        )
    )
    unstemmed_words = [
        word for word, *forms in zip(words, *stems, strict=True) if word not in forms
    ]
    return Reading(reading.spans, words, stems, tuple(unstemmed_words))


@lru_cache(maxsize=4096)
def read_name(kind: Kind, text: str) -> Field:
    """Return a name as a field."""
    return read_field(kind, Level.NAMES, text, stemmer.LANGUAGES)


def read_quote(quote: Quoted, level: Level = Level.QUOTES) -> Field:
    """Return a quote as a field."""
    return _read_quote(quote.text, stemmer.get_language(quote.language), level)


def _read_quote(text: str, language: int, level: Level) -> Field:
    return Field("quote", level, text, _read_text(text, (language,)), language)


def read_text(text: str) -> Field:
    """Return a claim's text as a field."""
    return read_field("text", Level.TEXT, text)


def read_names(voice: Voice) -> Iterator[Field]:
    """Yield the names of a party, of its root, and of the speaker with their role."""
    for text in dict.fromkeys((voice.party, voice.name, voice.root, voice.root_name)):
        yield read_name("party", text)
    if voice.speaker is not None:
        role = voice.speaker.role
        yield read_name("speaker", f"{voice.speaker.name}, {role}" if role else voice.speaker.name)


def list_voices(state: ClaimState) -> Iterator[Voice]:
    """Yield a claim's claimant, and who takes a stance that was no mistake."""
    if state.claimant is not None:
        yield state.claimant
    for link in state.links:
        voice = choose_voice(link.voice)
        if voice is not None and not link.is_mistaken:
            yield voice


def list_statements(state: ClaimState) -> dict[str, None]:
    """Return the ids of a claim's origin, and of what is linked to it by no mistake."""
    linked_statements = (link.statement for link in state.links if not link.is_mistaken)
    return dict.fromkeys((state.origin_statement, *linked_statements))


def read_claim(state: ClaimState, sources: FieldSources) -> Iterator[Field]:
    """Yield all fields of a claim, each read when it is asked for."""
    yield read_text(state.text)
    names_so_far: set[tuple[str, str]] = set()
    for voice in list_voices(state):
        full_name = sources.full_names.get(voice.party)
        full_names = (read_name("party", full_name),) if full_name else ()
        for name in (*read_names(voice), *full_names):
            if (name.kind, name.text) not in names_so_far:
                names_so_far.add((name.kind, name.text))
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


def write_fields(fields: Iterable[Field]) -> str:
    """Write the names and quotes of a claim as one line, the shape that is read fastest; its text
    stands in its document.  No text holds the character between them."""
    return BETWEEN_FIELDS.join(
        (_LETTERS[field.kind] if field.language is None else str(field.language)) + field.text
        for field in fields
        if field.level is not Level.TEXT
    )


def read_written_field(text: str) -> Field:
    """Return a field of a line that `write_fields` wrote and was split at `BETWEEN_FIELDS`."""
    kind = _KINDS.get(text[0])
    if kind is None:
        return _read_quote(text[1:], int(text[0]), Level.QUOTES)
    return read_name(kind, text[1:])


BETWEEN_FIELDS = "\x1f"
_LETTERS: dict[Kind, str] = {"party": "p", "speaker": "s"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
