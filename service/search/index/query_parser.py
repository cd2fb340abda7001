"""Parse what somebody typed into the search box.

A query is words, "phrases", prefix* and -exclusions. Words stand in any order, and all must be
found. Words and phrases are compared by their stems, prefixes by their letters.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.domain.errors import Unsearchable
from service.search.index.searchable_fields import Field
from service.search.index.stemmer import stem_phrase
from service.search.index.tokenizer import is_unspaced, read_query_words

MAX_CHARACTERS = 500
MAX_WORDS = 16
"""Those within phrases and exclusions included."""
MIN_PREFIX_LETTERS = 3
PAIRS_OF_A_WORD = 4
Readings = Sequence[Sequence[str]]
"""Words as they are written in their parts; and in one, if that is something else."""

_PIECE = re.compile(
    r'(?P<minus>-(?=[^\s"-]|"))?(?:"(?P<phrase>[^"]*)"|(?P<open>")|(?P<word>[^\s"]+))'
)
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow one another, or a single word: `forms` are their stems by language and
    way of writing."""

    forms: tuple[tuple[str, ...], ...]

    def find_in(self, field: Field) -> list[tuple[int, int]]:
        """Return where it stands in the text of a field: where it begins and ends."""
        places: list[tuple[int, int]] = []
        for spans, _, renderings, _ in field.readings:
            for stems in renderings:
                for form in self.forms:
                    if form[0] in stems:
                        places += _find_form(form, stems, spans)
        return places


def _find_form(
    form: tuple[str, ...], stems: tuple[str, ...], spans: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    length = len(form)
    if length == 1:
        return [spans[place] for place, stem in enumerate(stems) if stem == form[0]]
    return [
        (spans[start][0], spans[start + length - 1][1])
        for start, stem in enumerate(stems)
        if stem == form[0] and stems[start : start + length] == form
    ]


@dataclass(frozen=True, slots=True)
class Prefix:
    """The beginning of a word, as it is written or in its stem."""

    text: str

    def find_in(self, field: Field) -> list[tuple[int, int]]:
        """Return where words begin so, as `Phrase.find_in` does."""
        return [
            spans[place]
            for spans, exact, renderings, _ in field.readings
            for words in (exact, *renderings)
            for place, word in enumerate(words)
            if word.startswith(self.text)
        ]


Term = Phrase | Prefix


@dataclass(frozen=True, slots=True)
class Query:
    """What must be found, and what must not.

    `together` is all that must be found as one phrase, in the order typed; None where that says no
    more than the single terms.
    """

    required: tuple[Term, ...]
    excluded: tuple[Term, ...]
    together: Phrase | None


def parse_query(text: str) -> Query:
    """Return the query that somebody typed. Raises Unsearchable, with what to do about it."""
    if len(text) > MAX_CHARACTERS:
        raise _refuse(f"a query has at most {MAX_CHARACTERS} characters: name what matters most")
    if "\x00" in text:
        raise _refuse("a text holds no NUL")
    required_terms: dict[Term, None] = {}
    excluded_terms: dict[Term, None] = {}
    typed_readings: list[Readings] = []
    count = 0
    for match in _PIECE.finditer(text.translate(_QUOTES)):
        if match["open"]:
            raise _refuse('a " is not closed: put one at each end of a phrase')
        terms = _parse_piece(match)
        count += sum(_count_words(readings[0]) for readings, _ in terms)
        if count > MAX_WORDS:
            raise _refuse(f"a query has at most {MAX_WORDS} words: name what matters most")
        for readings, term in terms:
            (excluded_terms if match["minus"] else required_terms)[term] = None
            typed_readings += [] if match["minus"] else [readings]
    if not required_terms:
        if excluded_terms:
            raise _refuse("say what to look for as well: exclusions alone would find all the rest")
        raise _refuse("there is no word in it to look for")
    together = None
    if len(required_terms) > 1 and not any(isinstance(term, Prefix) for term in required_terms):
        parts, in_one = (
            [word for readings in typed_readings for word in readings[place]] for place in (0, -1)
        )
        together = _build_phrase([parts, in_one])
    return Query(tuple(required_terms), tuple(excluded_terms), together)


def _count_words(words: Sequence[str]) -> int:
    """Count the words of a query; four pairs of a text without spaces are one."""
    pairs = sum(is_unspaced(word) for word in words)
    return len(words) - pairs + -(-pairs // PAIRS_OF_A_WORD)


def _build_phrase(readings: Iterable[Sequence[str]]) -> Phrase:
    return Phrase(tuple(dict.fromkeys(form for words in readings for form in stem_phrase(words))))


def _parse_piece(match: re.Match[str]) -> list[tuple[Readings, Term]]:
    """Return what a piece of a query asks for, each term with the words it is made of."""
    piece = match["phrase"] if match["phrase"] is not None else match["word"]
    is_prefix = match["phrase"] is None and piece.endswith("*")
    if match["phrase"] is None and "*" in piece.removesuffix("*"):
        raise _refuse("an asterisk stands at the end of a word: withdr*")
    readings = read_query_words(piece)
    words = readings[0]
    if not is_prefix:
        if len(words) == 1 and len(words[0]) == 1 and is_unspaced(words[0]):
            return [(readings, Prefix(words[0]))]
        return [(readings, _build_phrase(readings))] if words else []
    last = words[-1] if words else ""
    if len(last) < MIN_PREFIX_LETTERS and not (last and is_unspaced(last)):
        raise _refuse(f"at least {MIN_PREFIX_LETTERS} letters or digits stand before an asterisk")
    earlier: list[tuple[Readings, Term]] = [
        ([[word]], _build_phrase([[word]])) for word in words[:-1]
    ]
    return [*earlier, ([[last]], Prefix(last))]


def _refuse(message: str) -> Unsearchable:
    return Unsearchable(message, loc=("query", "q"))
