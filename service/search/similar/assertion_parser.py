"""Parse what a claim says, as far as rules can read it: words, names, figures, days, denial, and
who does what to whom.

Tokens are taken in this order: days and years, figures, names; what is left is words. The result is
compared in `similarity`; nothing here decides.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from service.search.index.tokenizer import normalize_word
from service.search.similar import thesaurus

MAX_TOKENS = 400
"""Words and figures that are read of a text."""
MAX_OWNER_DISTANCE = 3
"""Words after a figure that may say whose it is: 4,500 NATO soldiers."""

_TOKEN = re.compile(
    r"(?P<iso>\d{4}-\d\d-\d\d)(?!\d)"
    r"|(?P<figure>\d{1,3}(?:[.,'’\u00a0\u2009\u202f ]\d{3})+(?!\d)|\d+(?:[.,]\d+)?)"
    r"|(?P<word>[^\W\d_]+(?:['’ʼ][^\W\d_]+)*)"
    r"|(?P<stop>[.;:!?])|(?P<sign>%)"
)
_GROUPS = re.compile(r"\d{1,3}(?:[.,'’\u00a0\u2009\u202f ]\d{3})+")


def _split(words_text: str) -> frozenset[str]:
    return frozenset(words_text.split())


_PERCENT = _split("% percent odsto posto")
_ORDINALS = _split("st nd rd th")
_YEARS = range(1900, 2100)
_BEFORE_YEAR = _split("in of since until by from to u od do ne nga viti during")
_BE = _split("is are was were be been being je su bio bila bili eshte jane u")
_BY = _split("by od strane nga")
_FROM, _TO = _split("from od sa s nga"), _split("to na do ne")
MAX_MOVE_DISTANCE = 3
"""Words between two figures of which one becomes the other: from 8,350 soldiers to 4,500."""
_ALBANIAN = _split("e dhe nga per nuk eshte jane")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, as it is written, and the names of whose it is."""

    value: float
    text: str
    owners: frozenset[str]


@dataclass(frozen=True, slots=True)
class Day:
    """A day or month that the text names; the year where it is said."""

    month: int
    day: int | None
    year: int | None
    text: str

    def may_equal(self, other: "Day") -> bool:
        """Return whether both may be the same day."""
        return (
            self.month == other.month
            and (self.day is None or other.day is None or self.day == other.day)
            and (self.year is None or other.year is None or self.year == other.year)
        )


@dataclass(frozen=True, slots=True)
class Act:
    """What is done to somebody: the words for who does it, and to whom."""

    verb: str
    doers: frozenset[str]
    targets: frozenset[str]


@dataclass(frozen=True, slots=True)
class Assertion:
    """A text as it was parsed. `names` are as they were written, by their meaning."""

    words: tuple[str, ...]
    names: dict[str, str]
    figures: tuple[Figure, ...]
    moves: frozenset[tuple[float, float]]
    """From which figure to which."""
    days: tuple[Day, ...]
    years: frozenset[int]
    is_denial: bool
    acts: tuple[Act, ...]


@dataclass(slots=True)
class _Token:
    """A word, figure or stop; `kind` is the group of `_TOKEN`, then what it was taken for.

    `word` is normalized, and later what it means. `is_first`: it begins a sentence.
    """

    kind: str
    raw: str
    word: str
    is_first: bool


@lru_cache(maxsize=1024)
def parse_assertion(text: str) -> Assertion:
    """Return what a claim's text says."""
    tokens = list(_tokenize(text))
    days = _take_days(tokens)
    years = frozenset(_take_years(tokens))
    numbers = list(_take_numbers(tokens))
    moves = frozenset(_find_moves(tokens, numbers))
    names = _take_names(tokens, is_all_capitals=text.isupper())
    figures = tuple(
        Figure(value, raw, frozenset(_find_owners(tokens, end))) for value, raw, _, end in numbers
    )
    return Assertion(
        words=tuple(dict.fromkeys(token.word for token in tokens if token.kind == "word")),
        names=names,
        figures=figures,
        moves=moves,
        days=days,
        years=years,
        is_denial=any(token.kind == "denial" for token in tokens),
        acts=tuple(_find_acts(tokens)),
    )


def _build_table(meanings: dict[str, str] | dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return what each word means, and each beginning of a word with its asterisk."""
    return {
        word: meaning
        for meaning, words_text in meanings.items()
        for word in (words_text.split() if isinstance(words_text, str) else words_text)
    }


_SAME = _build_table(thesaurus.SAME)
_NAMED = _build_table(thesaurus.NAMED)
_DENIAL = _build_table({"not": thesaurus.DENIAL})
_ACTS = _build_table({"act": thesaurus.ACTS})
_EMPTY = _split(thesaurus.EMPTY)
_TITLES = _split(thesaurus.TITLES)
_MONTHS = {
    word: number
    for number, words_text in enumerate(thesaurus.MONTHS, 1)
    for word in words_text.split()
}
_PHRASES = re.compile(
    rf"(?<!\w)({'|'.join(re.escape(phrase) for phrase in thesaurus.PHRASES)})(?!\w)", re.IGNORECASE
)


class _Meaning(NamedTuple):
    """What the thesaurus knows of a normalized word."""

    name: str | None
    synonym: str | None
    is_denial: bool
    is_act: bool


@lru_cache(maxsize=1 << 14)
def _look_up(word: str) -> _Meaning:
    return _Meaning(
        _look_up_in(_NAMED, word),
        _look_up_in(_SAME, word),
        _look_up_in(_DENIAL, word) is not None,
        _look_up_in(_ACTS, word) is not None,
    )


def _look_up_in(table: dict[str, str], word: str) -> str | None:
    """Return what `table` says a word means: the word itself, or its longest listed beginning."""
    if word in table:
        return table[word]
    beginnings = (table.get(f"{word[:end]}*") for end in range(len(word), 2, -1))
    return next((meaning for meaning in beginnings if meaning is not None), None)


def _tokenize(text: str) -> Iterator[_Token]:
    plain = unicodedata.normalize("NFC", text)
    plain = _PHRASES.sub(lambda match: thesaurus.PHRASES[match[0].lower()], plain)
    is_first = True
    for count, match in enumerate(_TOKEN.finditer(plain)):
        if count == MAX_TOKENS:
            return
        kind, raw = str(match.lastgroup), match[0]
        if kind == "stop":
            is_first = True
        yield _Token(kind, raw, normalize_word(raw) if kind == "word" else raw, is_first)
        if kind != "stop":
            is_first = False


def _take_days(tokens: list[_Token]) -> tuple[Day, ...]:
    """Return the days and months that are named; their tokens are taken."""
    days = []
    for at, token in enumerate(tokens):
        if token.kind == "iso":
            parts = [int(part) for part in token.raw.split("-")]
            days.append(Day(parts[1], parts[2], parts[0], token.raw))
            token.kind = "day"
            continue
        number = _MONTHS.get(token.word) if token.kind == "word" else None
        if number is None:
            continue
        before = [near for near in _list_near(tokens, at, -1, 3) if near.word not in _ORDINALS]
        after = [near for near in _list_near(tokens, at, 1, 4) if near.word not in _ORDINALS]
        day_token = next((near for near in before[:1] if _is_day(near)), None)
        if day_token is None:
            day_token = next((near for near in after[:1] if _is_day(near)), None)
        rest = [near for near in after if near is not day_token]
        year_token = next((near for near in rest[:1] if _is_year(near)), None)
        if day_token is None and year_token is None and (token.is_first or token.raw[0].islower()):
            continue  # "may" and "march" are words, too
        places = {id(token), id(day_token), id(year_token)}
        day_tokens = [other for other in tokens if id(other) in places]
        day = int(day_token.raw) if day_token else None
        year = int(year_token.raw) if year_token else None
        days.append(Day(number, day, year, " ".join(other.raw for other in day_tokens)))
        for other in day_tokens:
            other.kind = "day"
    return tuple(dict.fromkeys(days))


def _list_near(tokens: list[_Token], at: int, step: int, most: int) -> list[_Token]:
    """Return the tokens beside one, nearest first, without full stops: Oct. 2, 2. oktobra."""
    near = tokens[at + 1 : at + 1 + most] if step > 0 else tokens[max(0, at - most) : at][::-1]
    return [token for token in near if token.raw != "." and token.word != "of"]


def _is_day(token: _Token) -> bool:
    raw = token.raw
    return token.kind == "figure" and len(raw) <= 2 and raw.isdecimal() and 1 <= int(raw) <= 31


def _is_year(token: _Token) -> bool:
    raw = token.raw
    return token.kind == "figure" and len(raw) == 4 and raw.isdecimal() and int(raw) in _YEARS


def _take_years(tokens: list[_Token]) -> Iterator[int]:
    """Yield the years that are named: in 2023."""
    for at, token in enumerate(tokens):
        if _is_year(token) and at and tokens[at - 1].word in _BEFORE_YEAR:
            token.kind = "day"
            yield int(token.raw)


_Number = tuple[float, str, int, int]
"""A number, how it is written, its place and the place after it."""


def _take_numbers(tokens: list[_Token]) -> Iterator[_Number]:
    """Yield the numbers; their tokens are taken."""
    at = 0
    while at < len(tokens):
        value, end = _read_number(tokens, at)
        if value is None:
            at += 1
            continue
        while end < len(tokens) and tokens[end].word in thesaurus.SCALES:
            value *= thesaurus.SCALES[tokens[end].word]
            end += 1
        if end < len(tokens) and tokens[end].word in _PERCENT:
            end += 1
        for token in tokens[at:end]:
            token.kind = "number"
        yield value, " ".join(token.raw for token in tokens[at:end]).replace(" %", "%"), at, end
        at = end


def _find_moves(tokens: list[_Token], numbers: list[_Number]) -> Iterator[tuple[float, float]]:
    """Yield what goes from one figure to another."""
    for (before, _, first, end), (after, _, second, _) in pairwise(numbers):
        follows = first > 0 and second - end <= MAX_MOVE_DISTANCE + 1
        if follows and tokens[first - 1].word in _FROM and tokens[second - 1].word in _TO:
            yield before, after


def _read_number(tokens: list[_Token], at: int) -> tuple[float | None, int]:
    """Return the number that begins at a place, and the place after it."""
    token = tokens[at]
    if token.kind == "figure":
        return _parse_figure(token.raw), at + 1
    if token.kind != "word":
        return None, at
    following = tokens[at + 1].word if at + 1 < len(tokens) else ""
    if token.word in ("a", "one") and following in thesaurus.PARTS:
        return thesaurus.PARTS[following], at + 2
    if token.word in ("a", "one") and following in thesaurus.SCALES:
        return 1.0, at + 1
    if token.word in thesaurus.HALVES or (token.word in thesaurus.PARTS and following == "of"):
        return thesaurus.PARTS[token.word], at + 1
    value = thesaurus.NUMBERS.get(token.word)
    if value is None:
        return None, at
    if value >= 20 and thesaurus.NUMBERS.get(following, 10) < 10:
        return float(value + thesaurus.NUMBERS[following]), at + 2
    if value < 20 and following in thesaurus.PARTS:
        return value * thesaurus.PARTS[following], at + 2
    return float(value), at + 1


def _parse_figure(raw: str) -> float:
    """Return a number written in digits: 8,350 and 8 350 are the same, 1.8 and 1,8 decimals."""
    if _GROUPS.fullmatch(raw):
        return float(re.sub(r"\D", "", raw))
    return float(raw.replace(",", "."))


def _take_names(tokens: list[_Token], *, is_all_capitals: bool) -> dict[str, str]:
    """Return the parties, places and people named. What is neither name nor number becomes a word
    by its meaning, a denial, or nothing."""
    is_albanian = any(token.word in _ALBANIAN for token in tokens)
    names: dict[str, str] = {}
    for at, token in enumerate(tokens):
        if token.kind != "word":
            continue
        word = token.word
        meaning = _look_up(word)
        key = thesaurus.ACRONYMS.get(token.raw) or meaning.name
        if key is None and not is_all_capitals and _is_name(tokens, at):
            key = word
        if key is not None:
            token.kind, token.word = "name", key
            names.setdefault(key, token.raw)
        elif _is_denial(token) and not (word == "ne" and is_albanian):
            token.kind = "denial"
        elif word in _EMPTY or not word:
            token.kind = "empty"
        else:
            token.word = meaning.synonym or word
    return names


def _is_name(tokens: list[_Token], at: int) -> bool:
    """Return whether a word is a name by its capital letter.

    At the beginning of a sentence it is one only if a name follows, or it is all in capitals.
    """
    token = tokens[at]
    if not token.raw[0].isupper() or token.word in _TITLES or token.word in _EMPTY:
        return False
    if _look_up(token.word).synonym is not None or _is_denial(token):
        return False
    if not token.is_first or (len(token.raw) > 1 and token.raw.isupper()):
        return True
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    return (
        following is not None
        and following.kind == "word"
        and following.raw[0].isupper()
        and not following.raw.isupper()
        and _look_up(following.word).synonym is None
    )


def _is_denial(token: _Token) -> bool:
    # "hasn't" is normalized without its apostrophe.
    is_contraction = token.raw.lower().endswith(("n't", "n’t", "nʼt"))
    return is_contraction or _look_up(token.word).is_denial


def _find_owners(tokens: list[_Token], after: int) -> Iterable[str]:
    """Yield the names that follow a figure."""
    for token in tokens[after : after + MAX_OWNER_DISTANCE]:
        if token.kind not in ("name", "word"):
            return
        if token.kind == "name":
            yield token.word


def _find_acts(tokens: list[_Token]) -> Iterator[Act]:
    """Yield what somebody does to somebody; in "were attacked by" the second to the first."""
    for at, token in enumerate(tokens):
        if token.kind != "word" or not _look_up(token.word).is_act:
            continue
        subject = _list_words(tokens[:at])
        following = tokens[at + 1 :]
        is_passive = any(near.word in _BE for near in tokens[max(0, at - 3) : at])
        agent = next((n for n, other in enumerate(following) if other.word in _BY), None)
        if is_passive and agent is not None:
            yield Act(token.word, _list_words(following[agent + 1 :]), subject)
        elif not is_passive:
            yield Act(token.word, subject, _list_words(following))


def _list_words(tokens: list[_Token]) -> frozenset[str]:
    return frozenset(token.word for token in tokens if token.kind in ("word", "name"))
