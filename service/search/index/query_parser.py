"""Parse what somebody typed into the search box.

A query is words, "phrases", prefix* and -exclusions. Words stand in any order, and all must be
found. Words and phrases are compared by their stems, prefixes by their letters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.domain.errors import Unsearchable
from service.search.index.searchable_fields import Field
from service.search.index.stemmer import stem_phrase
from service.search.index.tokenizer import split_into_words

MAX_CHARACTERS = 500
MAX_WORDS = 16
"""Those within phrases and exclusions included."""
MIN_PREFIX_LETTERS = 3

_PIECE = re.compile(
    r'(?P<minus>-(?=[^\s"-]|"))?(?:"(?P<phrase>[^"]*)"|(?P<open>")|(?P<word>[^\s"]+))'
)
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow one another, or a single word: `forms` are their stems by language."""

    forms: tuple[tuple[str, ...], ...]

    def find_in(self, field: Field) -> Iterator[tuple[int, int]]:
        """Yield where it stands: the places of its first word, and of the word after its last."""
        first_stems = {form[0] for form in self.forms}
        for stems in field.stems:
            for start, stem in enumerate(stems):
                if stem in first_stems:
                    for form in self.forms:
                        if stems[start : start + len(form)] == form:
                            yield start, start + len(form)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The beginning of a word, as it is written or in its stem."""

    text: str

    def find_in(self, field: Field) -> Iterator[tuple[int, int]]:
        """Yield where words begin so, as `Phrase.find_in` does."""
        for place, word in enumerate(field.exact):
            stems = (stems[place] for stems in field.stems)
            if any(form.startswith(self.text) for form in (word, *stems)):
                yield place, place + 1


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
    required: dict[Term, None] = {}
    excluded: dict[Term, None] = {}
    typed: list[str] = []
    count = 0
    for match in _PIECE.finditer(text.translate(_QUOTES)):
        if match["open"]:
            raise _refuse('a " is not closed: put one at each end of a phrase')
        terms = _parse_piece(match)
        count += sum(len(words) for words, _ in terms)
        if count > MAX_WORDS:
            raise _refuse(f"a query has at most {MAX_WORDS} words: name what matters most")
        for words, term in terms:
            (excluded if match["minus"] else required)[term] = None
            typed += [] if match["minus"] else words
    if not required:
        if excluded:
            raise _refuse("say what to look for as well: exclusions alone would find all the rest")
        raise _refuse("there is no word in it to look for")
    together = None
    if len(required) > 1 and not any(isinstance(term, Prefix) for term in required):
        together = Phrase(stem_phrase(typed))
    return Query(tuple(required), tuple(excluded), together)


def _parse_piece(match: re.Match[str]) -> list[tuple[list[str], Term]]:
    """Return what a piece of a query asks for, each term with the words it is made of."""
    piece = match["phrase"] if match["phrase"] is not None else match["word"]
    is_prefix = match["phrase"] is None and piece.endswith("*")
    if match["phrase"] is None and "*" in piece.removesuffix("*"):
        raise _refuse("an asterisk stands at the end of a word: withdr*")
    words = [word for _, _, word in split_into_words(piece)]
    if not is_prefix:
        return [(words, Phrase(stem_phrase(words)))] if words else []
    if not words or len(words[-1]) < MIN_PREFIX_LETTERS:
        raise _refuse(f"at least {MIN_PREFIX_LETTERS} letters or digits stand before an asterisk")
    earlier = [([word], Phrase(stem_phrase([word]))) for word in words[:-1]]
    return [*earlier, ([words[-1]], Prefix(words[-1]))]


def _refuse(message: str) -> Unsearchable:
    return Unsearchable(message, loc=("query", "q"))
