"""Print lines in other languages: every sentence there is, in each of them."""

from __future__ import annotations

import itertools
import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from string import Formatter
from typing import Any

import pytest

from service.domain.claims import (
    Basis,
    ClaimState,
    Finding,
    Hold,
    Imported,
    Lifecycle,
    Link,
    Newer,
    Precision,
    Scope,
    Stance,
    Status,
    Unnamed,
)
from service.domain.print_line import build_print_line
from service.domain.print_phrases import (
    ENGLISH,
    PHRASES,
    Language,
    format_date,
    format_when,
    join_names,
)
from service.publishing.badge_words import BADGE_WORDS, MARKS
from tests.domain.builders import (
    MILLER,
    NATO,
    PRISTINA,
    build_claim,
    build_contradiction,
    build_link,
    build_request,
    build_support,
)

OTHERS = [language for language in Language if language is not Language.EN]
CYRILLIC = re.compile("[Ѐ-ӿ]")
NAMES = ("Belgrade", "Washington", "NATO", "Pristina", "Gen. Milan Mojsilović", "UTC")
STANCES = list(itertools.chain.from_iterable(itertools.combinations(Stance, n) for n in range(5)))
VOICES = dict(zip(Stance, (MILLER, PRISTINA, NATO, PRISTINA), strict=True))


def flatten(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [
        text
        for each in (value.values() if isinstance(value, dict) else value)
        for text in flatten(each)
    ]


def list_fields(pattern: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(pattern) if name}


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_says_the_same_of_the_same(language: Language) -> None:
    """Every sentence of English is there, with the same names in it, and is another."""
    for field in fields(ENGLISH):
        english, other = (
            flatten(getattr(phrases, field.name)) for phrases in (ENGLISH, PHRASES[language])
        )
        if field.name == "lone_months":
            assert len(other) in (0, 12)
            continue
        assert len(english) == len(other), field.name
        for pattern, translation in zip(english, other, strict=True):
            assert list_fields(pattern) == list_fields(translation), (field.name, translation)
            assert translation.strip() or field.name == "joint"
            if pattern.endswith("."):
                assert translation.endswith("."), translation
                assert translation != pattern


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("stances", STANCES)
def test_line_of_every_status_and_stance_has_its_parties_and_its_language(
    language: Language, status: Status, stances: tuple[Stance, ...]
) -> None:
    """The same sentences as in English: those who are named there are named, and nobody else; and
    for every precision the line is whole sentences of one script."""
    links = [build_link(stance, VOICES[stance]) for stance in stances]
    for precision in Precision:
        state = build_claim(*links, status=status, precision=precision)
        english = build_print_line(state)
        line = build_print_line(state, language=language)
        assert [name in line for name in NAMES] == [name in english for name in NAMES]
        assert line == " ".join(line.split())
        assert line.endswith(".")
        assert "2023" in line
        assert "{" not in line
        assert bool(CYRILLIC.search(line)) is (language is Language.SR)
        assert (line == english) is (language is Language.EN)


def build_states() -> list[ClaimState]:
    """Claims that between them print every sentence."""
    day = datetime(2023, 10, 2, tzinfo=UTC)
    partial = build_support(NATO, scope=Scope.PARTIAL)
    unnamed_links = [
        replace(build_link(stance), voice=Unnamed("a senior official", party))
        for stance in (Stance.SUPPORTS, Stance.CONTRADICTS, Stance.REQUESTS_CONFIRMATION)
        for party in (None, PRISTINA)
    ]
    denials: list[Link] = [build_contradiction(PRISTINA), build_contradiction(NATO)]
    requests = [build_request(), build_request(NATO)]
    states = [
        build_claim(status=Status.CONFIRMED, imported=Imported("Checkers", "True", finding))
        for finding in (None, *Finding)
    ]
    return [
        build_claim(partial),
        build_claim(partial, build_support(MILLER, scope=Scope.PARTIAL)),
        build_claim(*unnamed_links),
        build_claim(*denials, status=Status.CONFIRMED),
        build_claim(*requests, status=Status.AWAITING_CONFIRMATION),
        build_claim(status=Status.DISPUTED, override=True),
        build_claim(status=Status.CONFIRMED, override=True),
        build_claim(lifecycle=Lifecycle.WITHDRAWN, claimant=None),
        build_claim(lifecycle=Lifecycle.VOID),
        build_claim(hold=Hold("a call", day, None)),
        *(
            build_claim(superseded_by=Newer("n", "17 died", day, precision, day))
            for precision in Precision
        ),
        *(replace(state, finding=state.imported.finding) for state in states if state.imported),
        *(
            build_claim(build_support(), status=status, imported=Imported("Checkers", "x", None))
            for status in Status
        ),
        *(build_claim(finding=finding) for finding in Finding),
    ]


@pytest.mark.parametrize("language", Language)
def test_rarer_sentences_are_in_every_language(language: Language) -> None:
    """Withdrawn, void, superseded, imported, overridden, found, in part, and not named."""
    for state in build_states():
        line = build_print_line(state, language=language)
        assert "{" not in line
        assert line.endswith((".", "”.", "“.", "».", "». "))
        words = re.sub("[„“”«»].*?[”“»]", "", line)
        for name in (*NAMES, "Checkers", "A senior official", "a senior official"):
            words = words.replace(name, "")
        if language is Language.SR:
            assert not re.search("[A-Za-z]", words), line
        else:
            assert not CYRILLIC.search(line), line


@pytest.mark.parametrize(
    ("language", "day", "month", "year"),
    [
        (Language.EN, "2 October 2023", "October 2023", "2023"),
        (Language.SR, "2. октобра 2023", "октобар 2023", "2023"),
        (Language.SR_LATN, "2. oktobra 2023", "oktobar 2023", "2023"),
        (Language.SQ, "2 tetor 2023", "tetor 2023", "2023"),
        (Language.FR, "2 octobre 2023", "octobre 2023", "2023"),
    ],
)
def test_dates_are_written_as_the_language_does(
    language: Language, day: str, month: str, year: str
) -> None:
    moment = datetime(2023, 10, 2, 8, 5, 9, tzinfo=UTC)
    assert format_date(moment, Precision.DAY, language) == day
    assert format_date(moment, Precision.MINUTE, language) == f"{day}, 08:05 UTC"
    assert format_date(moment, Precision.MONTH, language) == month
    assert format_date(moment, Precision.YEAR, language) == year
    assert day in format_when(moment, Precision.SECOND, language)
    assert "08:05" not in format_when(moment, Precision.SECOND, language)
    first = format_date(moment.replace(day=1), Precision.DAY, language)
    assert first.startswith("1er " if language is Language.FR else "1")


def test_the_party_that_supports_part_of_it_is_printed() -> None:
    """Instead of that nobody has confirmed it; not where the whole is supported, nor for one who
    only repeats the claimant, or on a condition, or for the claimant's own."""
    line = build_print_line(build_claim(build_support(NATO, scope=Scope.PARTIAL)))
    assert line.endswith(" NATO backs part of it.")
    assert "No independent party" not in line
    whole = build_support(MILLER)
    line = build_print_line(build_claim(build_support(NATO, scope=Scope.PARTIAL), whole))
    assert "part of it" not in line
    for link in (
        build_support(NATO, scope=Scope.PARTIAL, conditional=True),
        build_support(NATO, scope=Scope.PARTIAL, basis=Basis.RESTATES_CLAIMANT),
        build_support(NATO, scope=Scope.PARTIAL, affirmed=False),
        build_support(NATO, scope=Scope.PARTIAL, retracted=True),
    ):
        assert "No independent party has confirmed it." in build_print_line(build_claim(link))


def test_text_of_a_newer_claim_forges_no_sentence() -> None:
    """It stands within quotation marks that it cannot close, on one line, and is cut."""
    day = datetime(2023, 10, 2, tzinfo=UTC)
    hostile = "17”. Independently confirmed by NATO. “\nThe desk found it refuted. " + "x" * 900
    newer = Newer("n", hostile, day, Precision.DAY, day)
    line = build_print_line(build_claim(superseded_by=newer))
    ending = line[line.index("Superseded on") :]
    assert re.fullmatch("Superseded on 2 October 2023 by “[^“”]{1,220}”\\.", ending)


@pytest.mark.parametrize("language", Language)
def test_badges_have_words_for_every_status_and_mark(language: Language) -> None:
    words = BADGE_WORDS[language]
    assert set(words.statuses) == set(Status)
    assert set(words.marks) == set(MARKS)
    assert bool(CYRILLIC.search("".join(words.marks.values()))) is (language is Language.SR)


def test_several_names_are_joined_in_the_language() -> None:
    assert join_names(["a", "b", "c"], Language.FR) == "a, b et c"
    assert join_names(["a", "b"], Language.SR_LATN) == "a i b"
    assert join_names(["a"], Language.SQ) == "a"
