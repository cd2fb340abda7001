"""Whom a note mentions."""

import pytest

from service.domain.mentions import list_mentioned

PEOPLE = {
    "1": "Ana Kovač",
    "2": "Ana",
    "3": "Đorđe O'Neill",
    "4": "Ana Kovač Marić",
    "5": "J. Smith Jr.",
    "6": "Ana",
    "7": "Јована Илић",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ask @Ana Kovač today", ["1"]),
        ("@ANA   KOVAC: today", ["1"]),
        ("@Ana\nKovac\u030c", ["1"]),
        ("@Ana Kovač Marić and @ana kovač", ["4", "1"]),
        ("@Ana Marić", ["2", "6"]),
        ("@Ana's turn, says @Ana Kovač’s editor", ["2", "6", "1"]),
        ("(@djordje oneill)", ["3"]),
        ("@Đorđe O’Neill, @Ђорђе О'Неилл?", ["3"]),
        ("@J. Smith, @J. Smith Jr.", ["5"]),
        ("@Jovana Ilić", ["7"]),
        ("@Ana. @Ana! @Ana-", ["2", "6"]),
        ("mail ana@ana.example or kfor@Ana", []),
        ("@ana.kovac @Ana-Marija @Anabela @ana@example.org", []),
        ("https://example.org/@Ana Kovač", []),
        ("@ Ana Kovač, Ana Kovač, @", []),
        ("@Boris", []),
        ("", []),
    ],
)
def test_full_name_after_at_sign_mentions_person(text: str, expected: list[str]) -> None:
    """The longest name counts; not within a word or an address; spelling makes no difference."""
    assert list(list_mentioned(text, PEOPLE)) == expected


def test_long_text_of_signs_is_read_in_linear_time() -> None:
    """Ten thousand characters of `@a` mention whoever is called so, once."""
    assert list_mentioned("@a " * 3_333, {"1": "A", "2": "A B C D E F"}) == ("1",)
