"""Normalizes names, so that all spellings of a name find the same party or speaker.

Vucevic finds Vučević, O'Neill is O’Neill, Министарство is Ministarstvo, and Đukanović is found as
Djukanovic and as Dukanovic.
"""

import re
import unicodedata
from functools import lru_cache

from service.domain import texts
from service.domain.letters import LATIN

SHORTEST_SLUG, LONGEST_SLUG = 2, 64
APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ`´′‛ʻʾʿ＇"))
# đ is written dj where a keyboard has none, and d where somebody leaves its stroke out.
_DJ = re.compile("dj+")
_LETTERS = re.compile(r"[^\W\d_]+")
_ASCII, _CYRILLIC = re.compile("[a-z]"), re.compile("[\u0400-\u052f]")


def normalize_letters(name: str) -> str:
    """Return `name` in lower case and Latin letters, without diacritics, with single spaces.

    Punctuation stays: labels of ratings differ by it.
    """
    return _DJ.sub("d", transliterate(name))


def transliterate(name: str) -> str:
    """Return `name` as `normalize_letters` does, but with đ and ђ as dj, as in addresses."""
    # Decomposed before as well: some letters (𝐕, ㎏) have no lower case until they are.
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    letters = "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in parts
        if not unicodedata.combining(letter)
    )
    latin = _LETTERS.sub(lambda run: _write_in_latin(run[0]), letters)
    return " ".join(latin.split())


def normalize_word(word: str) -> str:
    """Return a word as `normalize_letters` does, but of nothing but letters and digits."""
    plain = transliterate(texts.strip_name(word))
    return _DJ.sub("d", "".join(filter(str.isalnum, plain)))


def _write_in_latin(letters: str) -> str:
    """Return a run of letters in Latin.  A run that mixes scripts stays: it imitates a name."""
    mixes_scripts = _CYRILLIC.search(letters) and _ASCII.search(letters)
    return letters if mixes_scripts else letters.translate(LATIN)


@lru_cache(maxsize=8192)
def normalize_spelling(name: str) -> str:
    """Return the form that all spellings of `name` have in common.

    Unlike `normalize_letters`, it drops apostrophes, other punctuation and marks of no width.
    """
    plain = normalize_letters(texts.strip_name(name).translate(APOSTROPHES))
    return " ".join(filter(None, re.split(r"[\W_]+", plain))) or normalize_letters(name)


def make_slug(name: str) -> str:
    """Return `name` for addresses: `Kosovo Police` is kosovo-police, `Ђорђе` is djordje.

    It has at most LONGEST_SLUG characters, and is empty if fewer than SHORTEST_SLUG of the name's
    can stand in an address.
    """
    plain = transliterate(texts.strip_name(name).translate(APOSTROPHES))
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))[:LONGEST_SLUG].rstrip("-")
    return slug if len(slug) >= SHORTEST_SLUG else ""


def normalize_speaker(name: str, role: str | None) -> dict[str, str]:
    """Return the columns by which a speaker is found: `folded_name` and `folded_role`."""
    return {"folded_name": normalize_spelling(name), "folded_role": normalize_spelling(role or "")}


def mark_duplicate(folded_name: dict[str, str], speaker: str) -> dict[str, str]:
    """Return the columns of a speaker of whom an older release had two spellings.

    Both spellings are one now.  Both speakers stay, and new statements find the other one;
    `speaker` is the id of the one that is marked.
    """
    return {**folded_name, "folded_name": f"{folded_name['folded_name']}\n{speaker}"}
