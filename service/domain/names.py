"""Names match without diacritics: Vucevic finds Vučević."""

import unicodedata

# Letters that Unicode does not decompose.
PLAIN = str.maketrans({"đ": "d", "ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "ı": "i"})


def fold(name: str) -> str:
    """`name` in the form in which names are compared: lower case, no diacritics, single spaces."""
    # Decomposed before as well: some letters (𝐕, ㎏) have no lower case until they are.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    letters = "".join(one for one in decomposed if not unicodedata.combining(one))
    return " ".join(letters.translate(PLAIN).split())
