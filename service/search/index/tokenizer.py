"""Split a text into words, and normalize each for comparison.

Letters are normalized as those of names are (`domain/names.py`).  A word that may be written in
more than one way is read twice: in its parts, which is how a text is read first, and in one.

- Re-opening is `re` and `opening`, and `reopening`, whatever its dash is.
- O’Neill is `neill` and `oneill`; Iğdır'da, with the ending of a name, is `igdir` and `igdirda`.
- Chinese, Japanese, Thai and their like, which put no spaces, are read in pairs of characters.
- An emoji is a word, whatever its colour.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from service.domain import names, texts

MAX_WORD_BYTES = 40
"""A longer normalized word is cut, in texts and in queries alike."""
MIN_MAIN_LETTERS = 3
"""A shorter part of a word with an apostrophe is no word of its own."""
NEIGHBOURS = 3
"""Words before and after a compound that is read in one, which a phrase may have as well."""

_APOSTROPHES = "".join(map(chr, names.APOSTROPHES))
_DASHES = "-\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
_MARKS = rf"{texts.INVISIBLE}\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
# Thai, Lao, Myanmar, Khmer, kana and Han.
_UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ebe\u0ec0-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u109f"
    "\u1780-\u17d3\u3005-\u3007\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af"
)
_PICTURE = "\u231a-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001f1e5\U0001f200-\U0001faff"
_VARIANT = "\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_EMOJI = rf"[{_PICTURE}][{_VARIANT}]*(?:\u200d[{_PICTURE}][{_VARIANT}]*)*|{_FLAG}"
_GROUPED_DIGITS = r"(?<![^\W_])\d{1,3}(?:[.,'’\u00a0\u2009\u202f]\d{3})+(?!\d)"
_WORD = re.compile(
    rf"{_GROUPED_DIGITS}"
    rf"|[^\W_](?:[^\W_]|[{_MARKS}{_UNSPACED}]|[{_APOSTROPHES}](?=[^\W_]))*"
    rf"|{_EMOJI}"
)
_IS_EMOJI = re.compile(_EMOJI)
_NOT_IN_EMOJI = re.compile(rf"[\u200d{_VARIANT}]")
_DASH = re.compile(f"[{_DASHES}]")
_APOSTROPHE = re.compile(f"[{_APOSTROPHES}]")
_RUN = re.compile(f"([{_UNSPACED}][{_UNSPACED}{_MARKS}]*)")
_UNSEEN = re.compile(f"[{texts.INVISIBLE}]")
_WIDE = re.compile("[\uf900-\ufaff\uff66-\uff9f]")

Word = tuple[int, int, str, str]
"""Where a word begins and ends in its text, its normalized form, and that with what stands before
or after its apostrophe; the last is empty for the last character of a text without spaces, by which
that is found alone."""


class Words(NamedTuple):
    """A text, or a part of it, as words, each with where it begins and ends."""

    spans: tuple[tuple[int, int], ...]
    words: tuple[str, ...]


@lru_cache(maxsize=1 << 16)
def normalize_word(word: str) -> str:
    """Return a word in lower-case Latin letters and digits, without accents.

    Empty where nothing of it is left.
    """
    plain = names.normalize_word(word)
    cut = plain.encode()[:MAX_WORD_BYTES].decode(errors="ignore")
    return cut if cut == plain else names.normalize_word(cut)


def split_into_words(text: str) -> list[Word]:
    """Return the words of a text in order. 8,350 and 8.350 are one word, `8350`."""
    words: list[Word] = []
    for match in _WORD.finditer(text):
        start = match.start()
        for first, last, word, whole in _split_token(match[0]):
            words.append((start + first, start + last, word, whole))
    return words


@lru_cache(maxsize=1 << 16)
def _split_token(token: str) -> tuple[Word, ...]:
    """Return the words of what stands between spaces and punctuation."""
    if token.isascii() and token.isalnum():
        word = normalize_word(token)
        return ((0, len(token), word, word),) if word else ()
    if _IS_EMOJI.fullmatch(token):
        word = _NOT_IN_EMOJI.sub("", token)
        return ((0, len(token), word, word),) if word else ()
    words: list[Word] = []
    for part in re.finditer(rf"{_RUN.pattern}|[^{_UNSPACED}]+", token):
        if part[1]:
            words += _split_into_pairs(part.start(), part[0])
        else:
            words += _read_apostrophes(part.start(), part[0])
    return tuple(words)


def _split_into_pairs(start: int, run: str) -> list[Word]:
    """Return each two neighbours of a text without spaces, and its last character."""
    plain = _UNSEEN.sub("", run)
    plain = unicodedata.normalize("NFKC", plain) if _WIDE.search(plain) else plain
    end = len(plain)
    words = []
    for at in range(end):
        # Where characters were left out or put together, the whole is what was found.
        first, last = (at, min(at + 2, end)) if end == len(run) else (0, len(run))
        is_tail = at == end - 1 and at > 0
        pair = plain[at : at + 2]
        words.append((start + first, start + last, pair, "" if is_tail else pair))
    return words


def _read_apostrophes(start: int, letters: str) -> list[Word]:
    """Return a word without the ending or the article that an apostrophe parts from it."""
    if _GROUPED.fullmatch(letters):
        main = whole = normalize_word(letters)
    else:
        parts = [part for part in _APOSTROPHE.split(letters) if part]
        if len(parts) > 1 and parts[-1].casefold() == "s":
            parts.pop()
        main = whole = normalize_word("".join(parts))
        if len(parts) > 1:
            main = normalize_word(_find_main_part(parts))
            main = main if len(main) >= MIN_MAIN_LETTERS else whole
    return [(start, start + len(letters), main, whole)] if main else []


_GROUPED = re.compile(_GROUPED_DIGITS)


def _find_main_part(parts: Sequence[str]) -> str:
    """Return what carries the name: the end of O’Neill and l’ambassade, the beginning of Iğdır'da.

    Don't is one word.
    """
    first, *rest = parts
    if not rest:
        return first
    if rest[-1].casefold() == "t" and first.casefold().endswith("n"):
        return "".join(parts)
    is_article = len(first) == 1 or (rest[0][:1].isupper() and not first.isupper())
    return _find_main_part(rest) if is_article and len(rest[-1]) > 1 else first


def read_words(text: str) -> list[Words]:
    """Return a text as words; then what of it is written in one as well, with its neighbours."""
    words = split_into_words(text)
    tails = [word for word in words if not word[3]]
    if tails:
        words = [word for word in words if word[3]]
    readings = [_build_words(words), *(_build_words([tail]) for tail in tails)]
    compounds = _join_compounds(text, words)
    if compounds is None:
        return readings
    joined_words, places = compounds
    near = sorted(
        {at for place in places for at in range(place - NEIGHBOURS, place + NEIGHBOURS + 1)}
        & set(range(len(joined_words)))
    )
    part: list[Word] = []
    for place, at in enumerate(near):
        if part and near[place - 1] != at - 1:
            readings.append(_build_words(part))
            part = []
        part.append(joined_words[at])
    readings.append(_build_words(part))
    return readings


def read_query_words(text: str) -> list[list[str]]:
    """Return what to look for: the words in their parts and, if that is something else, in one."""
    words = [word for word in split_into_words(text) if word[3]]
    compounds = _join_compounds(text, words)
    readings = [words] if compounds is None else [words, compounds[0]]
    return [[word for _, _, word, _ in reading] for reading in readings]


def is_unspaced(word: str) -> bool:
    """Return whether a normalized word is a part of a text without spaces."""
    return not word.isascii() and _RUN.match(word) is not None


def _build_words(words: Sequence[Word]) -> Words:
    return Words(
        tuple([(start, end) for start, end, _, _ in words]), tuple([word[2] for word in words])
    )


def _join_compounds(text: str, words: Sequence[Word]) -> tuple[list[Word], list[int]] | None:
    """Return the words with each compound in one, and where those are; None where there is none."""
    has_dash = _DASH.search(text) is not None
    if not has_dash and all(word == whole for _, _, word, whole in words):
        return None
    joined_words: list[Word] = []
    places: list[int] = []
    was_glued = False
    for start, end, word, whole in words:
        before = joined_words[-1] if joined_words else None
        if (
            has_dash
            and before is not None
            and start == before[1] + 1
            and _DASH.match(text, before[1])
            and not (before[2].isdecimal() and word.isdecimal())
        ):
            in_one = normalize_word(before[2] + whole)
            joined_words[-1] = (before[0], end, in_one, in_one)
            was_glued = True
        else:
            joined_words.append((start, end, whole, whole))
            was_glued = False
        if (was_glued or whole != word) and (not places or places[-1] < len(joined_words) - 1):
            places.append(len(joined_words) - 1)
    return (joined_words, places) if places else None
