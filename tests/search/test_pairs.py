"""The scores against labelled pairs, and what is said of what differs."""

import tomllib
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest

from service.domain.claims import Kind
from service.search.similar import similarity
from service.search.similar.similarity import ComparedClaim, compare_claims
from tests.search.pairs import Pair, compute_figures, load

SEEDS = Path(__file__).parents[2] / "seeds" / "kosovo-2023-10.toml"
DAY = date(2023, 10, 2)
PRECISION = RECALL = 0.87
"""The floors.  The judging half, 34 pairs of one claim and 45 of two, gave 0.943 and 0.971 when it
was first asked: of 35 pairs taken for one, two more may be wrong, and two or three more be missed,
before a test fails.  One pair is three hundredths; what loses more than that is a change of rules,
not of luck."""


@pytest.fixture(scope="module")
def choosing() -> list[Pair]:
    return load("choosing")


@pytest.fixture(scope="module")
def judging() -> list[Pair]:
    return load("judging")


def test_labelled_pairs_are_many_and_distinct(choosing: list[Pair], judging: list[Pair]) -> None:
    """There are at least 120, under the same headings in both halves, and no pair in both."""
    pairs = [
        frozenset({(pair.one.text, pair.one.day), (pair.other.text, pair.other.day)})
        for pair in choosing + judging
    ]
    assert len(set(pairs)) == len(pairs) >= 120
    assert {pair.trap for pair in choosing} == {pair.trap for pair in judging}


def test_threshold_is_the_best_for_the_choosing_half(choosing: list[Pair]) -> None:
    """The threshold is the choosing half's, not the judging half's."""
    best = max(compute_figures(choosing, hundredths / 100).f1 for hundredths in range(30, 100, 5))
    assert compute_figures(choosing, similarity.PROBABLY_SAME).f1 == best


def test_precision_and_recall_stay_above_their_floors(
    choosing: list[Pair], judging: list[Pair], capsys: pytest.CaptureFixture[str]
) -> None:
    """Precision and recall, which every run prints, stay above their floors on pairs that chose
    nothing."""
    judging_figures = compute_figures(judging, similarity.PROBABLY_SAME)
    with capsys.disabled():
        print(f"\nsimilar claims: {judging_figures} ({len(judging)} pairs that chose nothing)")
        choosing_figures = compute_figures(choosing, similarity.PROBABLY_SAME)
        print(f"similar claims: {choosing_figures} ({len(choosing)} that chose)")
    assert judging_figures.precision >= PRECISION
    assert judging_figures.recall >= RECALL


def test_claim_in_other_words_is_offered(choosing: list[Pair], judging: list[Pair]) -> None:
    """One that is not recognised for certain is still shown."""
    missed_pairs = [
        pair for pair in choosing + judging if pair.same and pair.score < similarity.RELATED
    ]
    assert len(missed_pairs) <= 1, missed_pairs


def test_similarity_is_symmetric(judging: list[Pair]) -> None:
    """A claim is as similar to another as that one to it, and the same as itself."""
    for pair in judging:
        assert compare_claims(pair.other, pair.one).score == pytest.approx(pair.score, abs=0.06)
        assert compare_claims(pair.one, pair.one).score == 1


def test_claims_of_the_article_are_told_apart() -> None:
    """No two of the article's own claims, parts of one another and all, are probably the same."""
    claims = [
        ComparedClaim(claim["text"], Kind(claim["kind"]), frozenset(), DAY)
        for claim in tomllib.loads(SEEDS.read_text())["claims"]
    ]
    assert len(claims) == 12
    for each, other in combinations(claims, 2):
        assert not compare_claims(each, other).probably_same, (each.text, other.text)
