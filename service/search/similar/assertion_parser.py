"""What a claim says, as far as rules can read it: words, names, figures, days, denial, who did what
to whom.  What is read is compared in `search/similar/similarity.py`; nothing here decides.
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

LONGEST = 400
"""Words that are read of a text."""
OWNER = 3
"""Words after a figure that may say whose it is: 4,500 NATO soldiers."""

_TOKEN = re.compile(
    r"(?P<iso>\d{4}-\d\d-\d\d)(?!\d)"
    r"|(?P<figure>\d{1,3}(?:[.,'’\u00a0\u2009\u202f ]\d{3})+(?!\d)|\d+(?:[.,]\d+)?)"
    r"|(?P<word>[^\W\d_]+(?:['’ʼ][^\W\d_]+)*)"
    r"|(?P<stop>[.;:!?])|(?P<sign>%)"
)
_GROUPS = re.compile(r"\d{1,3}(?:[.,'’\u00a0\u2009\u202f ]\d{3})+")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_PERCENT = _words("% percent odsto posto")
_ORDINALS = _words("st nd rd th")
_YEARS = range(1900, 2100)
_BEFORE_YEAR = _words("in of since until by from to u od do ne nga viti during")
_BE = _words("is are was were be been being je su bio bila bili eshte jane u")
_BY = _words("by od strane nga")
_FROM, _TO = _words("from od sa s nga"), _words("to na do ne")
BETWEEN = 3
"""Words between two figures of which one becomes the other: from 8,350 soldiers to 4,500."""
_ALBANIAN = _words("e dhe nga per nuk eshte jane")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, as it is shown, and the names of whose it is."""

    value: float
    shown: str
    of: frozenset[str]


@dataclass(frozen=True, slots=True)
class Day:
    """A day or month that the text names; the year where it is said."""

    month: int
    day: int | None
    year: int | None
    shown: str

    def fits(self, other: "Day") -> bool:
        """Whether both may be the same."""
        return (
            self.month == other.month
            and (self.day is None or other.day is None or self.day == other.day)
            and (self.year is None or other.year is None or self.year == other.year)
        )


@dataclass(frozen=True, slots=True)
class Act:
    """What is done to somebody: the words for who does it, and for whom."""

    what: str
    by: frozenset[str]
    to: frozenset[str]


@dataclass(frozen=True, slots=True)
class Wording:
    """A text as it was read; `names` are shown as they were written."""

    words: tuple[str, ...]
    names: dict[str, str]
    figures: tuple[Figure, ...]
    moves: frozenset[tuple[float, float]]
    """From which figure to which."""
    days: tuple[Day, ...]
    years: frozenset[int]
    denies: bool
    acts: tuple[Act, ...]


@dataclass(slots=True)
class _Token:
    """A word, figure or stop; `kind` is the group of `_TOKEN`, then what it was taken for."""

    kind: str
    raw: str
    folded: str
    first: bool


@lru_cache(maxsize=1024)
def read(text: str) -> Wording:
    """Read a claim's text."""
    tokens = list(_tokens(text))
    days = _days(tokens)
    years = frozenset(_years(tokens))
    found = list(_figures(tokens))
    moves = frozenset(_moves(tokens, found))
    names = _names(tokens, shouted=text.isupper())
    figures = tuple(
        Figure(value, shown, frozenset(_owners(tokens, after))) for value, shown, _, after in found
    )
    return Wording(
        words=tuple(dict.fromkeys(one.folded for one in tokens if one.kind == "word")),
        names=names,
        figures=figures,
        moves=moves,
        days=days,
        years=years,
        denies=any(one.kind == "denial" for one in tokens),
        acts=tuple(_acts(tokens)),
    )


def _table(means: dict[str, str] | dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Each word, and beginning of a word with its asterisk, with what it means."""
    return {
        word: meaning
        for meaning, listed in means.items()
        for word in (listed.split() if isinstance(listed, str) else listed)
    }


_SAME = _table(thesaurus.SAME)
_NAMED = _table(thesaurus.NAMED)
_DENIAL = _table({"not": thesaurus.DENIAL})
_ACTS = _table({"act": thesaurus.ACTS})
_EMPTY = _words(thesaurus.EMPTY)
_TITLES = _words(thesaurus.TITLES)
_MONTHS = {
    word: number for number, listed in enumerate(thesaurus.MONTHS, 1) for word in listed.split()
}
_PHRASES = re.compile(
    rf"(?<!\w)({'|'.join(re.escape(one) for one in thesaurus.PHRASES)})(?!\w)", re.IGNORECASE
)


class _Meant(NamedTuple):
    """What a folded word is known for."""

    name: str | None
    same: str | None
    denies: bool
    act: bool


@lru_cache(maxsize=1 << 14)
def _meant(word: str) -> _Meant:
    return _Meant(
        _meaning(word, _NAMED),
        _meaning(word, _SAME),
        _meaning(word, _DENIAL) is not None,
        _meaning(word, _ACTS) is not None,
    )


def _meaning(word: str, table: dict[str, str]) -> str | None:
    """What `table` says a word means: the word itself, or its longest listed beginning."""
    if word in table:
        return table[word]
    beginnings = (table.get(f"{word[:end]}*") for end in range(len(word), 2, -1))
    return next((one for one in beginnings if one is not None), None)


def _tokens(text: str) -> Iterator[_Token]:
    plain = unicodedata.normalize("NFC", text)
    plain = _PHRASES.sub(lambda found: thesaurus.PHRASES[found[0].lower()], plain)
    first = True
    for count, match in enumerate(_TOKEN.finditer(plain)):
        if count == LONGEST:
            return
        kind, raw = str(match.lastgroup), match[0]
        if kind == "stop":
            first = True
        yield _Token(kind, raw, normalize_word(raw) if kind == "word" else raw, first)
        if kind != "stop":
            first = False


def _days(tokens: list[_Token]) -> tuple[Day, ...]:
    """The days and months that are named; their tokens are taken."""
    found = []
    for at, token in enumerate(tokens):
        if token.kind == "iso":
            year, month, day = map(int, token.raw.split("-"))
            found.append(Day(month, day, year, token.raw))
            token.kind = "day"
            continue
        number = _MONTHS.get(token.folded) if token.kind == "word" else None
        if number is None:
            continue
        before = [one for one in _near(tokens, at, -1, 3) if one.folded not in _ORDINALS]
        after = [one for one in _near(tokens, at, 1, 4) if one.folded not in _ORDINALS]
        day_token = next((one for one in before[:1] if _is_day(one)), None)
        if day_token is None:
            day_token = next((one for one in after[:1] if _is_day(one)), None)
        rest = [one for one in after if one is not day_token]
        year_token = next((one for one in rest[:1] if _is_year(one)), None)
        if day_token is None and year_token is None and (token.first or token.raw[0].islower()):
            continue  # "may" and "march" are words, too
        shown = " ".join(
            one.raw for one in tokens if one is token or one is day_token or one is year_token
        )
        found.append(
            Day(
                number,
                int(day_token.raw) if day_token else None,
                int(year_token.raw) if year_token else None,
                shown,
            )
        )
        for one in (token, day_token, year_token):
            if one is not None:
                one.kind = "day"
    return tuple(dict.fromkeys(found))


def _near(tokens: list[_Token], at: int, step: int, most: int) -> list[_Token]:
    """The tokens beside one, nearest first, without full stops: Oct. 2, 2. oktobra."""
    beside = tokens[at + 1 : at + 1 + most] if step > 0 else tokens[max(0, at - most) : at][::-1]
    return [one for one in beside if one.raw != "." and one.folded != "of"]


def _is_day(token: _Token) -> bool:
    raw = token.raw
    return token.kind == "figure" and len(raw) <= 2 and raw.isdecimal() and 1 <= int(raw) <= 31


def _is_year(token: _Token) -> bool:
    raw = token.raw
    return token.kind == "figure" and len(raw) == 4 and raw.isdecimal() and int(raw) in _YEARS


def _years(tokens: list[_Token]) -> Iterator[int]:
    for at, token in enumerate(tokens):
        if _is_year(token) and at and tokens[at - 1].folded in _BEFORE_YEAR:
            token.kind = "day"
            yield int(token.raw)


_Found = tuple[float, str, int, int]
"""A number, how it is written, its place and the place after it."""


def _figures(tokens: list[_Token]) -> Iterator[_Found]:
    """Each number; its tokens are taken."""
    at = 0
    while at < len(tokens):
        value, end = _number(tokens, at)
        if value is None:
            at += 1
            continue
        while end < len(tokens) and tokens[end].folded in thesaurus.SCALES:
            value *= thesaurus.SCALES[tokens[end].folded]
            end += 1
        if end < len(tokens) and tokens[end].folded in _PERCENT:
            end += 1
        shown = " ".join(one.raw for one in tokens[at:end]).replace(" %", "%")
        for one in tokens[at:end]:
            one.kind = "number"
        yield value, shown, at, end
        at = end


def _moves(tokens: list[_Token], found: list[_Found]) -> Iterator[tuple[float, float]]:
    """What goes from one figure to another."""
    for (before, _, first, end), (after, _, second, _) in pairwise(found):
        follows = first > 0 and second - end <= BETWEEN + 1
        if follows and tokens[first - 1].folded in _FROM and tokens[second - 1].folded in _TO:
            yield before, after


def _number(tokens: list[_Token], at: int) -> tuple[float | None, int]:
    """The number that begins at a place, and the place after it."""
    token = tokens[at]
    if token.kind == "figure":
        return _value(token.raw), at + 1
    if token.kind != "word":
        return None, at
    following = tokens[at + 1].folded if at + 1 < len(tokens) else ""
    if token.folded in ("a", "one") and following in thesaurus.PARTS:
        return thesaurus.PARTS[following], at + 2
    if token.folded in ("a", "one") and following in thesaurus.SCALES:
        return 1.0, at + 1
    if token.folded in thesaurus.HALVES or (token.folded in thesaurus.PARTS and following == "of"):
        return thesaurus.PARTS[token.folded], at + 1
    value = thesaurus.NUMBERS.get(token.folded)
    if value is None:
        return None, at
    if value >= 20 and thesaurus.NUMBERS.get(following, 10) < 10:
        return float(value + thesaurus.NUMBERS[following]), at + 2
    if value < 20 and following in thesaurus.PARTS:
        return value * thesaurus.PARTS[following], at + 2
    return float(value), at + 1


def _value(raw: str) -> float:
    """8,350, 8.350 and 8 350 are the same number; 1.8 and 1,8 are decimals."""
    if _GROUPS.fullmatch(raw):
        return float(re.sub(r"\D", "", raw))
    return float(raw.replace(",", "."))


def _names(tokens: list[_Token], *, shouted: bool) -> dict[str, str]:
    """The parties, places and people named.  What is neither name nor number becomes a word by
    its meaning, a denial, or nothing."""
    albanian = any(one.folded in _ALBANIAN for one in tokens)
    named: dict[str, str] = {}
    for at, token in enumerate(tokens):
        if token.kind != "word":
            continue
        word = token.folded
        meant = _meant(word)
        key = thesaurus.ACRONYMS.get(token.raw) or meant.name
        if key is None and not shouted and _capital(tokens, at):
            key = word
        if key is not None:
            token.kind, token.folded = "name", key
            named.setdefault(key, token.raw)
        elif _denies(token) and not (word == "ne" and albanian):
            token.kind = "denial"
        elif word in _EMPTY or not word:
            token.kind = "empty"
        else:
            token.folded = meant.same or word
    return named


def _capital(tokens: list[_Token], at: int) -> bool:
    """Whether a word is a name by its capital letter: not at the beginning of a sentence, unless
    another name follows or it is all in capitals."""
    token = tokens[at]
    if not token.raw[0].isupper() or token.folded in _TITLES or token.folded in _EMPTY:
        return False
    if _meant(token.folded).same is not None or _denies(token):
        return False
    if not token.first or (len(token.raw) > 1 and token.raw.isupper()):
        return True
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    return (
        following is not None
        and following.kind == "word"
        and following.raw[0].isupper()
        and not following.raw.isupper()
        and _meant(following.folded).same is None
    )


def _denies(token: _Token) -> bool:
    # "hasn't" is folded without its apostrophe.
    contracted = token.raw.lower().endswith(("n't", "n’t", "nʼt"))
    return contracted or _meant(token.folded).denies


def _owners(tokens: list[_Token], after: int) -> Iterable[str]:
    for one in tokens[after : after + OWNER]:
        if one.kind not in ("name", "word"):
            return
        if one.kind == "name":
            yield one.folded


def _acts(tokens: list[_Token]) -> Iterator[Act]:
    """What somebody does to somebody.  In "were attacked by" the second does it to the first."""
    for at, token in enumerate(tokens):
        if token.kind != "word" or not _meant(token.folded).act:
            continue
        before = _said(tokens[:at])
        behind = tokens[at + 1 :]
        passive = any(one.folded in _BE for one in tokens[max(0, at - 3) : at])
        agent = next((n for n, one in enumerate(behind) if one.folded in _BY), None)
        if passive and agent is not None:
            yield Act(token.folded, _said(behind[agent + 1 :]), before)
        elif not passive:
            yield Act(token.folded, before, _said(behind))


def _said(tokens: list[_Token]) -> frozenset[str]:
    return frozenset(one.folded for one in tokens if one.kind in ("word", "name"))
