"""Compares wordings: whether a correction of a text is of its spelling, or says something else."""

import re
import unicodedata

from service.domain.names import APOSTROPHES, normalize_letters

QUESTION_MARKS = frozenset("?؟՞፧⁇⁈⁉")
SIGNS = frozenset("%‰‱&#@*")
"""What Unicode calls punctuation, and is read aloud."""
_WITHIN_NUMBER = re.compile(r"(?<=\d)[.,:/‑–—-](?=\d)")
_NEGATIVE = re.compile(r"(?<!\w)[-‐‑–—](?=\d)")
_KEPT = {".": "\ue000", ",": "\ue001", ":": "\ue002", "/": "\ue003", "-": "\ue004"}


def is_same_wording(before: str, after: str) -> bool:
    """Say whether two texts have the same words in the same order, read aloud alike.

    Case, spacing, punctuation, diacritics and the script of Serbian may differ.  Letters, digits,
    what stands within a number, a sign before it and a question mark may not: "4,500", "4.500"
    and "4500" are three wordings, and so are a statement and a question.
    """
    return _list_words(before) == _list_words(after)


def _list_words(text: str) -> list[str]:
    plain = normalize_letters(text.translate(APOSTROPHES))
    for pattern in (_WITHIN_NUMBER, _NEGATIVE):
        plain = pattern.sub(lambda mark: _KEPT.get(mark[0], _KEPT["-"]), plain)
    return "".join(map(_replace_punctuation, plain)).split()


def _replace_punctuation(letter: str) -> str:
    if letter in QUESTION_MARKS:
        return " ? "
    if letter in SIGNS or not unicodedata.category(letter).startswith("P"):
        return letter
    return " "
