"""Whether two claims are one, as a figure and in plain words.

Words, names and figures that two texts share make a score; what sets them apart lowers it: other
figures, days or names, a denial, a contrary, roles exchanged.  Who claimed it and when is weak
evidence: the same may be claimed by two parties, and again.  tests/search/ holds the scores
against labelled pairs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from rapidfuzz import fuzz, process, utils

from service.domain.claims import Kind
from service.search.index import tokenizer
from service.search.index.stemmer import stem_word
from service.search.similar import assertion_parser, thesaurus
from service.search.similar.assertion_parser import Wording

SAME = 0.65
"""From this score on two claims are probably one: between the lowest score of one claim in other
words and the highest of two in the choosing half of the labelled pairs, but for one pair."""
RELATED = 0.3
"""From this score on a claim is worth a look."""
NAME, FIGURE, WORD = 1.5, 1.5, 1.0
"""What each weighs in what is shared."""
BOTH = 0.65
"""How much of the score is what both texts share of all they say; the rest is what the shorter
shares with the longer."""
ALIKE = 82
"""How alike two words are, of 100, that are one with another ending or a slip."""
SHORTEST = 5
"""Letters of words that may be compared so."""
CLOSELY = 50
"""How many words of a text are looked at one against another."""
LATER_DAYS = 30
"""The same words about an event so much later tell of another."""
TIMELESS = frozenset({Kind.FIGURE, Kind.ATTRIBUTION, Kind.POSITION})
GLANCE = 45
"""How alike, of 100, the words of two texts are that are worth comparing: below the least alike of
what is one claim in the choosing half, above nearly all that only share a common word or two."""
GLANCED = 400
"""Characters of a text that are looked at for that."""
SHOWN = 8
"""Shared words that are named."""

_GROUPING = re.compile(r"(?<=\d)[.,](?=\d{3})")

# What is left of the score where texts differ so.
OTHER_FIGURES = 0.45
OTHER_DAYS = 0.5
OTHER_NAMES = 0.55
DENIED = 0.45
CONTRARY = 0.45
EXCHANGED = 0.4
OTHER_TIME = 0.55
OTHER_CLAIMANT = 0.95
MORE_FIGURES = 0.7
"""One text has a figure that the other, which has no other, lacks: it may be the point of it."""
MORE = 0.92
"""The same of a day or a name."""

Difference = tuple[float, str]
"""What is left of the score, and what to say of it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is compared of a claim; `claimant` is the party's slug, and its root's where that is
    known, or nobody's."""

    text: str
    kind: Kind
    claimant: frozenset[str]
    day: date


@dataclass(frozen=True, slots=True)
class Similarity:
    """A score from 0 to 1, and what two claims share and in what they differ, in words."""

    score: float
    shares: tuple[str, ...]
    differs: tuple[str, ...]

    @property
    def probably_same(self) -> bool:
        return self.score >= SAME


def nearest(text: str, others: Mapping[int, str], *, most: int) -> list[int]:
    """The keys of those texts that have most words in common with `text`, at a glance."""
    found = process.extract(
        _plain(text),
        {key: _plain(other) for key, other in others.items()},
        scorer=fuzz.token_set_ratio,
        score_cutoff=GLANCE,
        limit=most,
    )
    return [key for _, _, key in found]


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    text = text[:GLANCED]
    if text.isascii():
        return str(utils.default_process(_GROUPING.sub("", text)))
    return " ".join(word for _, _, word in tokenizer.split_into_words(text))


def compare(one: Claim, other: Claim) -> Similarity:
    """How much two claims are the same."""
    a, b = assertion_parser.read(one.text), assertion_parser.read(other.text)
    names, words = _alike(a.names, b.names), _alike(a.words, b.words)
    figures = _values(a) & _values(b)
    shared = NAME * len(names) + WORD * len(words) + FIGURE * len(figures)
    if not shared:
        return Similarity(0.0, (), ())
    score = BOTH * 2 * shared / (_weight(a) + _weight(b))
    score += (1 - BOTH) * shared / min(_weight(a), _weight(b))
    differs = []
    for left, said in (*_of_texts(a, b, names), *_of_occasions(one, other)):
        score *= left
        differs.append(said)
    days = [day.shown for day in a.days if any(day.fits(theirs) for theirs in b.days)]
    shares = (
        _named("figures", [one.shown for one in a.figures if one.value in figures]),
        _named("days", days),
        _named("names", [a.names[name] for name in names]),
        _named("words", list(words)[:SHOWN]),
    )
    return Similarity(round(score, 2), tuple(filter(None, shares)), tuple(differs))


def _values(text: Wording) -> set[float]:
    return {figure.value for figure in text.figures}


def _weight(text: Wording) -> float:
    return NAME * len(text.names) + WORD * len(text.words) + FIGURE * len(_values(text))


def _alike(these: Iterable[str], those: Iterable[str]) -> dict[str, str]:
    """The words of one text with those of the other that are the same, but for their endings."""
    left = dict.fromkeys(those)
    by_stem = {stem: word for word in left for stem in _stems(word)}
    found: dict[str, str] = {}
    rest = []
    for word in these:
        known = (by_stem[stem] for stem in _stems(word) if by_stem.get(stem) in left)
        same = word if word in left else next(known, None)
        if same is None:
            rest.append(word)
        else:
            found[word] = same
            del left[same]
    near = [word for word in left if len(word) >= SHORTEST][:CLOSELY]
    for word in [one for one in rest if len(one) >= SHORTEST][:CLOSELY]:
        best = process.extractOne(word, near, scorer=fuzz.ratio, score_cutoff=ALIKE)
        if best is not None:
            found[word] = best[0]
            near.remove(best[0])
    return found


@lru_cache(maxsize=1 << 14)
def _stems(word: str) -> frozenset[str]:
    return frozenset(stem for stem in stem_word(word) if len(stem) > 2)


def _of_texts(a: Wording, b: Wording, names: Mapping[str, str]) -> Iterator[Difference]:
    """What the texts say differently; `names` are those that both name."""
    yield from _figures(a, b)
    yield from _apart("days", OTHER_DAYS, MORE, _other_days(a, b), _other_days(b, a))
    years = [
        sorted(map(str, these - those)) for these, those in ((a.years, b.years), (b.years, a.years))
    ]
    yield from _apart("years", OTHER_DAYS, MORE, *years)
    yield from _apart(
        "names",
        OTHER_NAMES,
        MORE,
        [shown for name, shown in a.names.items() if name not in names],
        [shown for name, shown in b.names.items() if name not in names.values()],
    )
    if a.denies != b.denies:
        yield DENIED, "one denies what the other claims"
    for these, those in thesaurus.OPPOSITES:
        for one, other in ((these, those), (those, these)):
            if _only(a, one, other) and _only(b, other, one):
                said = f"{_listed(one & {*a.words})} and {_listed(other & {*b.words})}"
                yield CONTRARY, f"contraries: {said}"
    if _exchanged(a, b):
        yield EXCHANGED, "who does it to whom is exchanged"


def _of_occasions(one: Claim, other: Claim) -> Iterator[Difference]:
    """What differs in who claimed it, and when."""
    if one.claimant != other.claimant and not one.claimant & other.claimant:
        yield OTHER_CLAIMANT, "claimed by another party"
    days = abs((one.day - other.day).days)
    if days > LATER_DAYS and not {one.kind, other.kind} & TIMELESS:
        yield OTHER_TIME, f"claimed {days} days apart"


def _apart(
    kind: str, left: float, left_of_one: float, mine: list[str], theirs: list[str]
) -> Iterator[Difference]:
    """What each says that the other does not, or only one of them."""
    if mine and theirs:
        yield left, f"{kind} differ: {_listed(mine)} and {_listed(theirs)}"
    elif mine or theirs:
        yield left_of_one, f"only one says: {_listed(mine or theirs)}"


def _figures(a: Wording, b: Wording) -> Iterator[Difference]:
    mine = {figure.value: figure for figure in a.figures}
    theirs = {figure.value: figure for figure in b.figures}
    yield from _apart(
        "figures",
        OTHER_FIGURES,
        MORE_FIGURES,
        [mine[value].shown for value in mine if value not in theirs],
        [theirs[value].shown for value in theirs if value not in mine],
    )
    for value in mine.keys() & theirs.keys():
        whose, others = mine[value].of, theirs[value].of
        if whose and others and not whose & others:
            said = f"{_listed(sorted(whose))} and {_listed(sorted(others))}"
            yield OTHER_FIGURES, f"{mine[value].shown} is said of others: {said}"
    for start, end in sorted(a.moves):
        if (end, start) in b.moves:
            said = f"from {mine[start].shown} to {mine[end].shown}"
            yield EXCHANGED, f"the other way round: {said}"


def _other_days(a: Wording, b: Wording) -> list[str]:
    return [day.shown for day in a.days if not any(day.fits(other) for other in b.days)]


def _only(text: Wording, these: frozenset[str], not_those: frozenset[str]) -> bool:
    return not these.isdisjoint(text.words) and not_those.isdisjoint(text.words)


def _exchanged(a: Wording, b: Wording) -> bool:
    """Whether both tell of one act, with who does it and who suffers it the other way round."""
    return any(
        mine.what == theirs.what
        and not mine.by.isdisjoint(theirs.to)
        and not mine.to.isdisjoint(theirs.by)
        and mine.by.isdisjoint(theirs.by)
        for mine in a.acts
        for theirs in b.acts
    )


def _named(kind: str, found: list[str]) -> str | None:
    return f"{kind}: {_listed(found)}" if found else None


def _listed(found: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(found))
