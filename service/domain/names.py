"""Names match without diacritics: Vucevic finds Vučević."""

import re
import unicodedata
from functools import lru_cache

from service.domain import search, texts

# Letters that Unicode does not decompose.
PLAIN = str.maketrans({"đ": "d", "ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "ı": "i"})


def fold(name: str) -> str:
    """`name` in the form in which names are compared: lower case, no diacritics, single spaces."""
    # Decomposed before as well: some letters (𝐕, ㎏) have no lower case until they are.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    letters = "".join(one for one in decomposed if not unicodedata.combining(one))
    return " ".join(letters.translate(PLAIN).split())


APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ`´′"))


@lru_cache(maxsize=8192)
def fold_spelling(name: str) -> str:
    """Give `name` in the form that its spellings have in common.

    Beyond `fold`: without apostrophes, hyphens and marks of no width, in Latin letters, đ as dj.
    D’Angelo is DAngelo, Министарство is Ministarstvo, Đorđe is Djordje.
    """
    plain = texts.fold_name(name).translate(APOSTROPHES)
    words = [search.fold(word) for word in re.split(r"[\W_]+", plain) if word]
    return " ".join(words) or fold(name)
