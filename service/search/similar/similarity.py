"""Compare two claims: give a score, and say in words what they share and in what they differ.

Words, names and figures that two texts share make a score. What sets them apart lowers it: other
figures, days or names, a denial, a contrary, roles exchanged. Who claimed it and when is weak
evidence: the same may be claimed by two parties, and again. `tests/search/` holds the scores
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
from service.search.index.stemmer import LANGUAGES, stem_word
from service.search.similar import assertion_parser, thesaurus
from service.search.similar.assertion_parser import Assertion

PROBABLY_SAME = 0.65
"""From this score on two claims are probably one: between the lowest score of one claim in other
words and the highest of two in the choosing half of the labelled pairs, but for one pair."""
RELATED = 0.3
"""From this score on a claim is worth a look."""
NAME, FIGURE, WORD = 1.5, 1.5, 1.0
"""The weights of what is shared."""
SHARE_OF_BOTH = 0.65
"""How much of the score is what both texts share of all they say; the rest is what the shorter
shares with the longer."""
ALIKE = 82
"""How alike two words are, of 100, that are one with another ending or a slip."""
MIN_ALIKE_LETTERS = 5
"""Letters of words that may be compared so."""
MAX_ALIKE_WORDS = 50
"""Words of a text that are compared so."""
LATER_DAYS = 30
"""The same words about an event so much later tell of another."""
TIMELESS = frozenset({Kind.FIGURE, Kind.ATTRIBUTION, Kind.POSITION})
MIN_COMMON = 45
"""How alike, of 100, the words of two texts are that are worth comparing: below the least alike of
what is one claim in the choosing half, above nearly all that only share a common word or two."""
COMMON_CHARACTERS = 400
"""Characters of a text that are looked at for that."""
MAX_SHARED_WORDS = 8
"""Shared words that are named."""

_GROUPING = re.compile(r"(?<=\d)[.,](?=\d{3})")

# What the score is multiplied by where texts differ so.
OTHER_FIGURES = 0.45
OTHER_DAYS = 0.5
OTHER_NAMES = 0.55
DENIED = 0.45
CONTRARY = 0.45
EXCHANGED = 0.4
OTHER_TIME = 0.55
OTHER_CLAIMANT = 0.95
FURTHER_FIGURES = 0.7
"""One text has a figure that the other, which has no other, lacks: it may be the point of it."""
FURTHER = 0.92
"""The same of a day or a name."""

Difference = tuple[float, str]
"""What the score is multiplied by, and what to say of it."""


@dataclass(frozen=True, slots=True)
class ComparedClaim:
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
        return self.score >= PROBABLY_SAME


def find_nearest(text: str, texts: Mapping[int, str], *, most: int) -> list[int]:
    """Return the keys of those texts that have most words in common with `text`."""
    nearest = process.extract(
        _normalize_text(text),
        {key: _normalize_text(other) for key, other in texts.items()},
        scorer=fuzz.token_set_ratio,
        score_cutoff=MIN_COMMON,
        limit=most,
    )
    return [key for _, _, key in nearest]


@lru_cache(maxsize=1024)
def _normalize_text(text: str) -> str:
    text = text[:COMMON_CHARACTERS]
    if text.isascii():
        return str(utils.default_process(_GROUPING.sub("", text)))
    return " ".join(word for _, _, word, _ in tokenizer.split_into_words(text))


def compare_claims(first: ComparedClaim, other: ComparedClaim) -> Similarity:
    """Return how much two claims are the same."""
    a, b = (
        assertion_parser.parse_assertion(first.text),
        assertion_parser.parse_assertion(other.text),
    )
    names, words = _match_words(a.names, b.names), _match_words(a.words, b.words)
    figures = _list_values(a) & _list_values(b)
    shared_weight = NAME * len(names) + WORD * len(words) + FIGURE * len(figures)
    if not shared_weight:
        return Similarity(0.0, (), ())
    weights = _weigh(a), _weigh(b)
    score = SHARE_OF_BOTH * 2 * shared_weight / sum(weights)
    score += (1 - SHARE_OF_BOTH) * shared_weight / min(weights)
    differs = []
    for factor, sentence in (*_compare_texts(a, b, names), *_compare_occasions(first, other)):
        score *= factor
        differs.append(sentence)
    days = [day.text for day in a.days if any(day.may_equal(other_day) for other_day in b.days)]
    shares = (
        _describe("figures", [figure.text for figure in a.figures if figure.value in figures]),
        _describe("days", days),
        _describe("names", [a.names[name] for name in names]),
        _describe("words", list(words)[:MAX_SHARED_WORDS]),
    )
    return Similarity(round(score, 2), tuple(filter(None, shares)), tuple(differs))


def _list_values(text: Assertion) -> set[float]:
    return {figure.value for figure in text.figures}


def _weigh(text: Assertion) -> float:
    return NAME * len(text.names) + WORD * len(text.words) + FIGURE * len(_list_values(text))


def _match_words(these: Iterable[str], those: Iterable[str]) -> dict[str, str]:
    """Return the words of one text that the other has, but for their endings, with the other's."""
    unmatched_words = dict.fromkeys(those)
    by_stem = {stem: word for word in unmatched_words for stem in _list_stems(word)}
    matches: dict[str, str] = {}
    rest = []
    for word in these:
        related_words = (
            by_stem[stem] for stem in _list_stems(word) if by_stem.get(stem) in unmatched_words
        )
        same = word if word in unmatched_words else next(related_words, None)
        if same is None:
            rest.append(word)
        else:
            matches[word] = same
            del unmatched_words[same]
    near = [word for word in unmatched_words if len(word) >= MIN_ALIKE_LETTERS][:MAX_ALIKE_WORDS]
    for word in [word for word in rest if len(word) >= MIN_ALIKE_LETTERS][:MAX_ALIKE_WORDS]:
        best = process.extractOne(word, near, scorer=fuzz.ratio, score_cutoff=ALIKE)
        if best is not None:
            matches[word] = best[0]
            near.remove(best[0])
    return matches


@lru_cache(maxsize=1 << 14)
def _list_stems(word: str) -> frozenset[str]:
    return frozenset(
        stem for stem in (stem_word(word, language) for language in LANGUAGES) if len(stem) > 2
    )


def _compare_texts(a: Assertion, b: Assertion, names: Mapping[str, str]) -> Iterator[Difference]:
    """Yield what the texts say differently; `names` are those that both name."""
    yield from _compare_figures(a, b)
    days = _list_other_days(a, b), _list_other_days(b, a)
    yield from _compare_lists("days", OTHER_DAYS, FURTHER, *days)
    years = [
        sorted(map(str, these - those)) for these, those in ((a.years, b.years), (b.years, a.years))
    ]
    yield from _compare_lists("years", OTHER_DAYS, FURTHER, *years)
    yield from _compare_lists(
        "names",
        OTHER_NAMES,
        FURTHER,
        [text for name, text in a.names.items() if name not in names],
        [text for name, text in b.names.items() if name not in names.values()],
    )
    if a.is_denial != b.is_denial:
        yield DENIED, "one denies what the other claims"
    for these, those in thesaurus.OPPOSITES:
        for each, other in ((these, those), (those, these)):
            if _has_only(a, each, other) and _has_only(b, other, each):
                words = f"{_join(each & {*a.words})} and {_join(other & {*b.words})}"
                yield CONTRARY, f"contraries: {words}"
    if _has_exchanged_roles(a, b):
        yield EXCHANGED, "who does it to whom is exchanged"


def _compare_occasions(first: ComparedClaim, other: ComparedClaim) -> Iterator[Difference]:
    """Yield what differs in who claimed it, and when."""
    if first.claimant != other.claimant and not first.claimant & other.claimant:
        yield OTHER_CLAIMANT, "claimed by another party"
    days = abs((first.day - other.day).days)
    if days > LATER_DAYS and not {first.kind, other.kind} & TIMELESS:
        yield OTHER_TIME, f"claimed {days} days apart"


def _compare_lists(
    kind: str, factor: float, factor_of_one: float, first: list[str], second: list[str]
) -> Iterator[Difference]:
    """Yield what each says that the other does not, or only one of them."""
    if first and second:
        yield factor, f"{kind} differ: {_join(first)} and {_join(second)}"
    elif first or second:
        yield factor_of_one, f"only one says: {_join(first or second)}"


def _compare_figures(a: Assertion, b: Assertion) -> Iterator[Difference]:
    figures = {figure.value: figure for figure in a.figures}
    other_figures = {figure.value: figure for figure in b.figures}
    yield from _compare_lists(
        "figures",
        OTHER_FIGURES,
        FURTHER_FIGURES,
        [figures[value].text for value in figures if value not in other_figures],
        [other_figures[value].text for value in other_figures if value not in figures],
    )
    for value in figures.keys() & other_figures.keys():
        owners, other_owners = figures[value].owners, other_figures[value].owners
        if owners and other_owners and not owners & other_owners:
            names = f"{_join(sorted(owners))} and {_join(sorted(other_owners))}"
            yield OTHER_FIGURES, f"{figures[value].text} is said of others: {names}"
    for start, end in sorted(a.moves):
        if (end, start) in b.moves:
            yield (
                EXCHANGED,
                f"the other way round: from {figures[start].text} to {figures[end].text}",
            )


def _list_other_days(a: Assertion, b: Assertion) -> list[str]:
    """Return the days of a text that the other does not name."""
    return [day.text for day in a.days if not any(day.may_equal(other) for other in b.days)]


def _has_only(text: Assertion, these: frozenset[str], not_those: frozenset[str]) -> bool:
    return not these.isdisjoint(text.words) and not_those.isdisjoint(text.words)


def _has_exchanged_roles(a: Assertion, b: Assertion) -> bool:
    """Return whether both tell of one act, with doer and target the other way round."""
    return any(
        first.verb == second.verb
        and not first.doers.isdisjoint(second.targets)
        and not first.targets.isdisjoint(second.doers)
        and first.doers.isdisjoint(second.doers)
        for first in a.acts
        for second in b.acts
    )


def _describe(kind: str, words: list[str]) -> str | None:
    return f"{kind}: {_join(words)}" if words else None


def _join(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))
