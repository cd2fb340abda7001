"""Reduce words to their stems, in the three languages of the desk.

English and Serbian are stemmed by Snowball (its Python code, so that every machine stems alike),
Albanian, for which no library has a stemmer, by cutting its commonest endings.

After a change of stems the index has to be built anew: raise `index_rebuild.VERSION`.
"""

import re
import threading
from collections.abc import Sequence
from functools import lru_cache

from snowballstemmer.english_stemmer import EnglishStemmer
from snowballstemmer.serbian_stemmer import SerbianStemmer

from service.search.index.tokenizer import normalize_word

ENGLISH, SERBIAN, ALBANIAN = LANGUAGES = range(3)
LANGUAGE_TAGS = {
    **dict.fromkeys(("sr", "hr", "bs", "me", "sh", "cnr"), SERBIAN),
    **dict.fromkeys(("sq", "sqi", "alb", "aln"), ALBANIAN),
}
"""Primary language tags of quotes; any other is stemmed as English."""

ALBANIAN_ENDINGS = (
    *("ave", "eve", "ive", "ash", "esh", "ish", "se", "ne", "te", "it", "ut", "at", "et", "in"),
    *("un", "en", "es", "i", "u", "a", "e"),
)
"""Endings of case, number and definiteness, without diacritics; the first that fits is cut."""
ALBANIAN_VOWELS = "aeiu"
SHORTEST_ALBANIAN_STEM = 4
"""In letters."""
_FLEETING_E = re.compile(r"(?<=[bcdfghjkmpqstvxz])e(?=[rl]$)")
"""The vowel of ministër and vogël, which ministri and vogla have not."""

TELLING_WORDS = (
    "the of and to in that is was are were has have had will by with for from not at on it they be "
    "an as its said says",
    "je su se na za od iz koji koja koje nije nisu ce bi ali ili ima nema kao prema protiv "
    "izmedju izmedu sa kod posle pre biti bio bila bilo",
    "te ne dhe per nga eshte jane nuk qe ka kane me ose do si kjo ky tek ndaj mes pas",
)
"""Common words that tell a language from the others, by language."""
_TELLING = tuple(frozenset(words.split()) for words in TELLING_WORDS)
_CYRILLIC = re.compile("[\u0400-\u052f]")

_local = threading.local()


@lru_cache(maxsize=1 << 16)
def stem_word(word: str, language: int) -> str:
    """Return the stem of a normalized word in one language."""
    if word.isdigit():
        return word  # most numbers are new, and no ending is cut off them
    if language == ALBANIAN:
        return _stem_albanian(word)
    if not hasattr(_local, "stemmers"):
        # A Snowball stemmer keeps the word it works on, so that each thread needs its own.
        _local.stemmers = EnglishStemmer(), SerbianStemmer()
    return normalize_word(_local.stemmers[language].stemWord(word)) or word


def _stem_albanian(word: str) -> str:
    """Cut the endings of case and definiteness off a noun, and then a last vowel."""
    for ending in ALBANIAN_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_ALBANIAN_STEM:
            word = word.removesuffix(ending)
            break
    if len(word) > SHORTEST_ALBANIAN_STEM and word[-1] in ALBANIAN_VOWELS:
        word = word[:-1]
    if len(word) > SHORTEST_ALBANIAN_STEM:
        word = _FLEETING_E.sub("", word)
    return word


def get_language(tag: str | None) -> int:
    """Return the language in which a text with this language tag (`sr-Latn`) is stemmed."""
    primary = (tag or "").partition("-")[0].lower()
    return LANGUAGE_TAGS.get(primary, ENGLISH)


def guess_languages(text: str, words: Sequence[str]) -> tuple[int, ...]:
    """Return the languages in which a text of these normalized words is stemmed, whose language
    nobody said: the one that most of its common words are of, or all where they do not tell."""
    if text and not text.isascii() and _CYRILLIC.search(text):
        return (SERBIAN,)
    counts = [sum(word in telling for word in words) for telling in _TELLING]
    most = max(counts)
    return tuple(language for language in LANGUAGES if counts[language] == most)


def stem_phrase(words: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return normalized words as their stems: once for each language, without repetitions."""
    renderings = (tuple(stem_word(word, language) for word in words) for language in LANGUAGES)
    return tuple(dict.fromkeys(renderings))
