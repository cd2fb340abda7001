"""Split a text into words, and normalize each for comparison."""

import re
import unicodedata
from functools import lru_cache

from service.domain.letters import LATIN

MAX_WORD_BYTES = 40
"""A longer normalized word is cut, in texts and in queries alike."""

_GROUPED_DIGITS = r"(?<![^\W_])\d{1,3}(?:[.,'’\u00a0\u2009\u202f]\d{3})+(?!\d)"
_MARKS = (
    r"\u00ad\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200d\u2060\u20d0-\u20ff\ufe20-\ufe2f"
)
_WORD = re.compile(rf"{_GROUPED_DIGITS}|[^\W_](?:[^\W_]|[{_MARKS}]|['’ʼ](?=[^\W_]))*")

Word = tuple[int, int, str]
"""Where a word begins and ends in its text, and its normalized form."""


@lru_cache(maxsize=1 << 16)
def normalize_word(word: str) -> str:
    """Return a word in lower-case Latin letters and digits: without accents and possessive.

    Empty where nothing of it is left.
    """
    # Decomposed before casefold as well: some letters (𝐕, ㎏) have no lower case until they are.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", word).casefold())
    letters = re.sub(r"['’ʼ]s$", "", decomposed).translate(LATIN)
    kept = "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in letters
        if letter.isalnum()
    )
    return kept.encode()[:MAX_WORD_BYTES].decode(errors="ignore")


def split_into_words(text: str) -> list[Word]:
    """Return the words of a text in order. 8,350 and 8.350 are one word, `8350`."""
    words = (
        (match.start(), match.end(), normalize_word(match.group()))
        for match in _WORD.finditer(text)
    )
    return [word for word in words if word[2]]
