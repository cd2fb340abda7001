"""Reduce words to their stems, in the three languages of the desk.

English and Serbian are stemmed by Snowball (its Python code, so that every machine stems alike),
Albanian by cutting its commonest endings.

After a change of stems desks build their index anew: `claimdesk db reindex`.
"""

import threading
from collections.abc import Sequence
from functools import lru_cache

from snowballstemmer.english_stemmer import EnglishStemmer
from snowballstemmer.serbian_stemmer import SerbianStemmer

from service.search.index.tokenizer import normalize_word

ENGLISH, SERBIAN, ALBANIAN = LANGUAGES = range(3)
"""Languages, as places in what `stem_word` returns."""
LANGUAGE_TAGS = {
    **dict.fromkeys(("sr", "hr", "bs", "me", "sh", "cnr"), SERBIAN),
    **dict.fromkeys(("sq", "sqi", "alb"), ALBANIAN),
}
"""Primary language tags of quotes; any other is stemmed as English."""

ALBANIAN_ENDINGS = (
    *("ave", "eve", "ive", "se", "ne", "te", "it", "ut", "at", "et", "in", "un", "en", "es"),
    *("i", "u", "a", "e"),
)
ALBANIAN_VOWELS = "aeiu"
SHORTEST_ALBANIAN_STEM = 4
"""In letters."""

_local = threading.local()


@lru_cache(maxsize=1 << 16)
def stem_word(word: str) -> tuple[str, str, str]:
    """Return the stems of a normalized word in English, Serbian and Albanian."""
    if not hasattr(_local, "stemmers"):
        # A Snowball stemmer keeps the word it works on, so that each thread needs its own.
        _local.stemmers = EnglishStemmer(), SerbianStemmer()
    english, serbian = _local.stemmers
    return (
        normalize_word(english.stemWord(word)) or word,
        normalize_word(serbian.stemWord(word)) or word,
        _stem_albanian(word),
    )


def _stem_albanian(word: str) -> str:
    """Cut the endings of case and definiteness off a noun, and then a last vowel."""
    for ending in ALBANIAN_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_ALBANIAN_STEM:
            word = word.removesuffix(ending)
            break
    if len(word) > SHORTEST_ALBANIAN_STEM and word[-1] in ALBANIAN_VOWELS:
        return word[:-1]
    return word


def get_language(tag: str | None) -> int:
    """Return the language in which a text with this language tag (`sr-Latn`) is stemmed."""
    primary = (tag or "").partition("-")[0].lower()
    return LANGUAGE_TAGS.get(primary, ENGLISH)


def stem_phrase(words: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return normalized words as their stems: once for each language, without repetitions."""
    renderings = zip(*(stem_word(word) for word in words), strict=True)
    return tuple(dict.fromkeys(renderings))
