"""What is searched for, and what it is found in.

A text is read as words: folded (case, accents, Serbian Cyrillic, digit groups) and, by whoever
knows languages, stemmed.  A query is words, "phrases", prefix* and -exclusions; words stand in any
order and all must be found.  `rank` decides whether a query finds a claim, and how well: the
indexes of both databases answer what it answers, and it alone answers for what was known before.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

from service.domain.errors import Unsearchable

LONGEST = 500
"""Characters of a query."""
MOST_WORDS = 16
"""Words of a query, those within phrases and exclusions included."""
SHORTEST_PREFIX = 3
LONGEST_WORD = 40
"""Bytes of a folded word; what is longer is cut, in texts and queries alike."""
SNIPPETS = 3
EXCERPT = 240
"""Characters of a snippet, about."""
LEAD = 60
"""Characters that a snippet shows before what was found."""

_GROUPED = r"(?<![^\W_])\d{1,3}(?:[.,'’\u00a0\u2009\u202f]\d{3})+(?!\d)"
_MARKS = (
    r"\u00ad\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200d\u2060\u20d0-\u20ff\ufe20-\ufe2f"
)
_WORD = re.compile(rf"{_GROUPED}|[^\W_](?:[^\W_]|[{_MARKS}]|['’ʼ](?=[^\W_]))*")
_PIECE = re.compile(
    r'(?P<minus>-(?=[^\s"-]|"))?(?:"(?P<phrase>[^"]*)"|(?P<open>")|(?P<word>[^\s"]+))'
)
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))
# Letters that Unicode does not decompose, and Cyrillic as Serbian writes it in Latin.
_LATIN = "đ dj ð d ł l ø o æ ae œ oe ı i ħ h ŧ t ŋ n þ th"
_CYRILLIC = (
    "а a б b в v г g д d ђ dj е e ж z з z и i ј j к k л l љ lj м m н n њ nj о o п p р r с s т t "
    "ћ c у u ф f х h ц c ч c џ dz ш s ѕ dz і i є je ґ g ы y э e ю ju я ja щ sc"
)
_NAMED = f"{_LATIN} {_CYRILLIC}".split()
LATIN = str.maketrans(dict(zip(_NAMED[::2], _NAMED[1::2], strict=True)) | {"ъ": "", "ь": ""})
"""Letters as plain Latin letters."""


class Level(IntEnum):
    """Where words are looked for; each level contains those before it."""

    TEXT = 1
    NAMES = 2
    QUOTES = 3


@dataclass(frozen=True, slots=True)
class Field:
    """A searchable text, read.  The nth word stands at `spans[n]`, is `exact[n]` folded, and
    `stems` are one rendering of all words for each language that it may be in."""

    kind: str
    level: Level
    text: str
    spans: tuple[tuple[int, int], ...]
    exact: tuple[str, ...]
    stems: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow one another, or a single word: their stems in each language."""

    forms: tuple[tuple[str, ...], ...]

    def found(self, field: Field) -> Iterator[tuple[int, int]]:
        """Where it stands in the field: its first word, and the one after its last."""
        firsts = {form[0] for form in self.forms}
        for stems in field.stems:
            for start, stem in enumerate(stems):
                if stem in firsts:
                    for form in self.forms:
                        if stems[start : start + len(form)] == form:
                            yield start, start + len(form)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The beginning of a word, as it is written or in its stem."""

    text: str

    def found(self, field: Field) -> Iterator[tuple[int, int]]:
        for position, word in enumerate(field.exact):
            stems = (stems[position] for stems in field.stems)
            if any(form.startswith(self.text) for form in (word, *stems)):
                yield position, position + 1


Term = Phrase | Prefix


@dataclass(frozen=True, slots=True)
class Query:
    """What must be found, what must not, and all that must as one phrase in the order typed, where
    that says more than the parts."""

    required: tuple[Term, ...]
    excluded: tuple[Term, ...]
    together: Phrase | None


class Tier(IntEnum):
    """How well a claim fits, best first."""

    TOGETHER = 0
    TEXT = 1
    NAMES = 2
    ANYWHERE = 3


@lru_cache(maxsize=1 << 16)
def fold(word: str) -> str:
    """A word without case, accents, possessive and script; empty where nothing of it is left."""
    # Decomposed before as well: some letters (𝐕, ㎏) have no lower case until they are.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", word).casefold())
    letters = re.sub(r"['’ʼ]s$", "", decomposed).translate(LATIN)
    kept = "".join(
        str(unicodedata.decimal(one)) if one.isdecimal() else one
        for one in letters
        if one.isalnum()
    )
    return kept.encode()[:LONGEST_WORD].decode(errors="ignore")


def words(text: str) -> list[tuple[int, int, str]]:
    """Where each word of a text begins and ends, and its folded form."""
    found = ((match.start(), match.end(), fold(match.group())) for match in _WORD.finditer(text))
    return [one for one in found if one[2]]


def parse(text: str, stems: Callable[[str], Sequence[str]]) -> Query:
    """The query that somebody typed.  `stems` gives a folded word's stem in each language.

    Raises Unsearchable, with what to do about it.
    """
    if len(text) > LONGEST:
        raise _refused(f"a query has at most {LONGEST} characters: name what matters most")
    if "\x00" in text:
        raise _refused("a text holds no NUL")
    required: dict[Term, None] = {}
    excluded: dict[Term, None] = {}
    typed: list[str] = []
    count = 0
    for match in _PIECE.finditer(text.translate(_QUOTES)):
        if match["open"]:
            raise _refused('a " is not closed: put one at each end of a phrase')
        terms = _terms(match, stems)
        count += sum(len(one) for one, _ in terms)
        if count > MOST_WORDS:
            raise _refused(f"a query has at most {MOST_WORDS} words: name what matters most")
        for folded, term in terms:
            (excluded if match["minus"] else required)[term] = None
            typed += [] if match["minus"] else folded
    if not required:
        if excluded:
            raise _refused("say what to look for as well: exclusions alone would find all the rest")
        raise _refused("there is no word in it to look for")
    return Query(tuple(required), tuple(excluded), _together(required, typed, stems))


def _terms(
    match: re.Match[str], stems: Callable[[str], Sequence[str]]
) -> list[tuple[list[str], Term]]:
    """What a piece of a query asks for, each with the folded words it is made of."""
    piece = match["phrase"] if match["phrase"] is not None else match["word"]
    prefix = match["phrase"] is None and piece.endswith("*")
    if match["phrase"] is None and "*" in piece.removesuffix("*"):
        raise _refused("an asterisk stands at the end of a word: withdr*")
    folded = [word for _, _, word in words(piece)]
    if not prefix:
        return [(folded, _phrase(folded, stems))] if folded else []
    if not folded or len(folded[-1]) < SHORTEST_PREFIX:
        raise _refused(f"at least {SHORTEST_PREFIX} letters or digits stand before an asterisk")
    first = [([word], _phrase([word], stems)) for word in folded[:-1]]
    return [*first, ([folded[-1]], Prefix(folded[-1]))]


def _phrase(folded: list[str], stems: Callable[[str], Sequence[str]]) -> Phrase:
    forms = zip(*(stems(word) for word in folded), strict=True)
    return Phrase(tuple(dict.fromkeys(forms)))


def _together(
    required: Iterable[Term], typed: list[str], stems: Callable[[str], Sequence[str]]
) -> Phrase | None:
    terms = tuple(required)
    if len(terms) == 1 or any(isinstance(one, Prefix) for one in terms):
        return None
    return _phrase(typed, stems)


def _refused(message: str) -> Unsearchable:
    return Unsearchable(message, loc=("query", "q"))


def rank(query: Query, fields: Sequence[Field]) -> Tier | None:
    """How well the query finds what has these fields; None where it does not."""

    def held(term: Term, level: Level) -> bool:
        return any(True for field in fields if field.level <= level for _ in term.found(field))

    if any(held(term, Level.QUOTES) for term in query.excluded):
        return None
    if query.together is not None and held(query.together, Level.TEXT):
        return Tier.TOGETHER
    for level, tier in (
        (Level.TEXT, Tier.TEXT),
        (Level.NAMES, Tier.NAMES),
        (Level.QUOTES, Tier.ANYWHERE),
    ):
        if all(held(term, level) for term in query.required):
            return tier
    return None


def snippets(query: Query, fields: Iterable[Field]) -> list[dict[str, Any]]:
    """The fields in which the words were first found, at most three, each with what to mark.

    `{"field", "text", "marks": [[start, end], …]}`: characters of `text`, which is cut to an
    excerpt with an ellipsis at each cut.
    """
    shown: list[dict[str, Any]] = []
    missing = set(query.required)
    for field in fields:
        here = {term: list(term.found(field)) for term in query.required}
        if missing.isdisjoint(term for term, places in here.items() if places):
            continue
        missing -= {term for term, places in here.items() if places}
        places = [place for found in here.values() for place in found]
        shown.append(_excerpt(field, _merged(field, places)))
        if not missing or len(shown) == SNIPPETS:
            break
    return shown


def _merged(field: Field, places: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Ranges of characters without overlaps, in order."""
    marks: list[list[int]] = []
    for first, after in sorted(places):
        start, end = field.spans[first][0], field.spans[after - 1][1]
        if marks and start <= marks[-1][1]:
            marks[-1][1] = max(marks[-1][1], end)
        else:
            marks.append([start, end])
    return marks


def _excerpt(field: Field, marks: list[list[int]]) -> dict[str, Any]:
    text = field.text
    start = 0 if len(text) <= EXCERPT or marks[0][0] <= LEAD else _word_from(text, marks[0])
    end = min(len(text), max(start + EXCERPT, marks[0][1]))
    before, after = "…" if start else "", "…" if end < len(text) else ""
    shift = len(before) - start
    return {
        "field": field.kind,
        "text": f"{before}{text[start:end]}{after}",
        "marks": [[first + shift, min(last, end) + shift] for first, last in marks if first < end],
    }


def _word_from(text: str, mark: list[int]) -> int:
    """Where an excerpt begins: at a word shortly before what is marked."""
    earliest = mark[0] - LEAD
    space = text.find(" ", earliest, mark[0])
    return space + 1 if space >= 0 else earliest
