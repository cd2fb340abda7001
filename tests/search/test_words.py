"""What is said of two claims: what they share and in what they differ, in plain words."""

from datetime import date

import pytest

from service.domain.claims import Kind
from service.search.index import tokenizer
from service.search.similar import assertion_parser
from service.search.similar.similarity import ComparedClaim, compare_claims, find_nearest

DAY = date(2023, 10, 2)


def build_claim(
    text: str, *, kind: Kind = Kind.EVENT, party: str = "belgrade", day: date = DAY
) -> ComparedClaim:
    return ComparedClaim(text, kind, frozenset({party}), day)


@pytest.mark.parametrize(
    ("text", "other_text", "difference"),
    [
        (
            "Serbia has 8,350 troops near Kosovo",
            "Serbia has 4,500 troops near Kosovo",
            "figures differ: 8,350 and 4,500",
        ),
        (
            "4,500 NATO soldiers are in Kosovo",
            "4,500 Serbian troops are in Kosovo",
            "4,500 is said of others: NATO and Serbia",
        ),
        ("It was closed on 2 October", "It was closed on Sept. 24", "days differ: 2 October and"),
        ("It fell in 2022", "It fell in 2023", "years differ: 2022 and 2023"),
        ("Paris sends tanks", "Delhi sends tanks", "names differ: Paris and Delhi"),
        ("The army withdrew", "The army did not withdraw", "one denies what the other claims"),
        ("Troops were reduced", "Troops were increased", "contraries: reduce and increase"),
        (
            "Belgrade accuses Pristina of lies",
            "Pristina accuses Belgrade of lies",
            "who does it to whom is exchanged",
        ),
        ("Serbia has 4,500 troops", "Serbia has troops", "only one says: 4,500"),
        (
            "Troops went from 8,350 soldiers to 4,500",
            "Troops went from 4500 to 8350",
            "the other way round: from ",
        ),
        (
            "Broj vojnika je sa 8.350 pao na 4.500",
            "Broj vojnika je sa 4.500 na 8.350",
            "the other way round: from ",
        ),
    ],
)
def test_differences_of_two_claims_are_named(text: str, other_text: str, difference: str) -> None:
    """Each rule names what it found, whichever claim is asked about first."""
    differences = compare_claims(build_claim(text), build_claim(other_text)).differs
    assert any(line.startswith(difference) for line in differences), differences
    assert len(compare_claims(build_claim(other_text), build_claim(text)).differs) == len(
        differences
    )


def test_reversed_change_is_another_claim() -> None:
    """The same figures the other way round are no reason to merge; said in another order they
    are."""
    cut = build_claim("Serbia cut its troops near Kosovo from 8,350 to 4,500")
    assert not compare_claims(
        cut, build_claim("Serbia cut its troops near Kosovo from 4,500 to 8,350")
    ).probably_same
    assert (
        compare_claims(
            cut, build_claim("From 8,350 to 4,500 Serbia cut its troops near Kosovo")
        ).score
        == 1
    )
    assert (
        compare_claims(
            cut, build_claim("To 4,500 from 8,350 Serbia cut its troops near Kosovo")
        ).score
        == 1
    )


def test_what_two_claims_share_is_named() -> None:
    """Figures, days, names as they are written, and words."""
    comparison = compare_claims(
        build_claim("On 2 October Serbia cut its troops near Kosovo from 8,350 to 4,500"),
        build_claim("Serbia reduced troops near Kosovo to 4500 on October 2, 2023"),
    )
    assert comparison.shares == (
        "figures: 4,500",
        "days: 2 October",
        "names: Serbia, Kosovo",
        "words: reduce, troop, near",
    )
    assert comparison.differs == ("only one says: 8,350",)


def test_claimant_and_day_are_weak_evidence() -> None:
    """Another claimant counts a little; months later, an event counts as another, a figure does
    not."""
    text = "Serbia has put its army on the highest alert"
    claim, there = build_claim(text), build_claim(text, party="pristina")
    assert 0.9 < compare_claims(claim, there).score < 1
    assert compare_claims(claim, there).differs == ("claimed by another party",)
    later = date(2023, 12, 26)
    assert compare_claims(claim, build_claim(text, day=later)).differs == ("claimed 85 days apart",)
    assert not compare_claims(claim, build_claim(text, day=later)).probably_same
    old, new = (
        build_claim("Kosovo has 1.8 million inhabitants", kind=Kind.FIGURE, day=day)
        for day in (DAY, later)
    )
    assert compare_claims(old, new).score == 1


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("8,350 or 8.350 or 8 350 or 8350", [8350.0]),
        ("1.8 million, 1,8 million", [1_800_000.0]),
        ("twenty-five, thirty and two hundred", [25.0, 30.0, 200.0]),
        ("a third, one third, two thirds, half", [1 / 3, 2 / 3, 0.5]),
        ("12.5 percent, 12.5% and 12,5 odsto", [12.5]),
        ("the third attack in the first quarter, a third of it", [1 / 3]),
        ("two million, one million, a hundred", [2_000_000.0, 1_000_000.0, 100.0]),
        ("on 2 October 2023, since 2022", []),
        ("2000 soldiers", [2000.0]),
    ],
)
def test_figures_are_parsed(text: str, values: list[float]) -> None:
    """However a number is written it is the same; a day or year is no figure."""
    read = assertion_parser.parse_assertion(text).figures
    assert list(dict.fromkeys(figure.value for figure in read)) == pytest.approx(values)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2 October 2023", [(10, 2, 2023)]),
        ("October 2, 2023", [(10, 2, 2023)]),
        ("Oct. 2nd", [(10, 2, None)]),
        ("2. oktobra", [(10, 2, None)]),
        ("2. октобра 2023. године", [(10, 2, 2023)]),
        ("më 2 tetor", [(10, 2, None)]),
        ("2023-10-02", [(10, 2, 2023)]),
        ("it fell in March", [(3, None, None)]),
        ("They may march", []),
    ],
)
def test_days_are_parsed(text: str, days: list[tuple[int, int | None, int | None]]) -> None:
    """Days in English, Serbian and Albanian; "may" and "march" are words, too."""
    assert [
        (day.month, day.day, day.year) for day in assertion_parser.parse_assertion(text).days
    ] == days


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10_000,
        "a b " * 2_500,
        "1 " * 5_000,
        "1" * 10_000,
        "8,350 " * 1_600,
        "A B " * 2_500,
        "not " * 2_500,
        "attacked by " * 800,
        "October " * 1_200,
        "9999-99-99 31 October 0 ٣٣٣ ½ Ⅷ 1,2,3,4 1'000'000,5 99999999999999999999999999",
        "\u202eabc <script>alert('1')</script> \"'; DROP TABLE claims -- 🕊️🕊️ e\u0301\u0301\u0301",
        "...!!!",
        "",
    ],
)
def test_any_text_can_be_compared_with_another(text: str) -> None:
    """A long, empty or hostile text is compared; a long one is parsed in part."""
    for other in (text, "Serbia has 4,500 troops", f"{text} 4,500"):
        comparison = compare_claims(build_claim(text), build_claim(other))
        assert 0 <= comparison.score <= 1
    read = assertion_parser.parse_assertion(text)
    assert len(read.words) + len(read.names) + len(read.figures) <= assertion_parser.MAX_TOKENS
    assert find_nearest(text, {1: text, 2: "Serbia"}, most=1) == (
        [1] if tokenizer.split_into_words(text) else []
    )


def test_misspelled_long_word_is_the_same_word() -> None:
    """Long words that are nearly the same are one; short ones, and others, are not."""
    comparison = compare_claims(
        build_claim("Gunmen held the monastery of Banjska"),
        build_claim("Gunmen held the monastary of Banska"),
    )
    assert comparison.score == 1
    assert not comparison.differs
    assert compare_claims(build_claim("He met Ana"), build_claim("He met Ane")).score < 1
