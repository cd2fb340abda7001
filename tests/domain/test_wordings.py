"""Which corrections of a text are of its spelling."""

import pytest

from service.domain.wordings import is_same_wording


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("They have left.", "THEY  have left"),
        ("Milan Mojsilovic said", "Milan Mojsilović, said:"),
        ("“It can't be”", "'It can’t be'"),
        ("Povučena je vojska", "Повучена је војска"),
        ("a cease-fire", "a cease fire"),
        ("4,500 troops", "“4,500” troops…"),
    ],
)
def test_spelling_may_differ(before: str, after: str) -> None:
    assert is_same_wording(before, after)
    assert is_same_wording(after, before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("They have left.", "They have not left."),
        ("They have left.", "They have left?"),
        ("They cut 4,500", "They cut 4.500"),
        ("They cut 4,500", "They cut 4500"),
        ("at 10:30", "at 10 30"),
        ("5 degrees", "-5 degrees"),
        ("5 degrees", "–5 degrees"),
        ("5% of it", "5 of it"),
        ("He will re-sign", "He will resign"),
        ("killed", "billed"),
        ("one, two", "two, one"),
        ("left", ""),
        ("$5", "€5"),
    ],
)
def test_words_may_not_differ(before: str, after: str) -> None:
    assert not is_same_wording(before, after)
    assert not is_same_wording(after, before)
