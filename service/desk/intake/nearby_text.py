"""Finds what stands around a passage of an article: its paragraph, the sentences, quotations."""

import itertools
import re
from typing import NamedTuple

CLOSED_BY = {"“": "”", "„": "“”", "«": "»", "»": "«", '"': '"'}
"""Marks that open a quotation, and those that close it.

“English”, „Serbian“, «French», »German«.
"""
REACH = 2_000
"""Characters on either side of a passage, and of the passage itself, that guesses are made from: a
text without empty lines is one paragraph, however long."""
_SENTENCE_END = re.compile(
    r"(?<!\bMr\.)(?<!\bMs\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bGen\.)(?<!\bSt\.)(?<!\bNo\.)"
    r"(?<!\bdr\.)(?<!\bг\.)(?<!\bg\.)(?<!\bM\.)(?<!\bMme\.)"
    r"(?<=[.!?…])[”“»\")]*\s+"
    r"(?!(?<=\d\.\s)[^\W_A-ZČĆĐŠŽА-ЯЂЈЉЊЋЏ])"  # “12. maja 2024.” is within a sentence
)


class Sentence(NamedTuple):
    """A sentence, without what is quoted in it, and its distance from the passage."""

    text: str
    """What the article says itself; of a quotation stands one space."""
    distance: int
    """How many sentences before the passage, as a negative number, or after it."""


def judge_quotation(text: str, begin: int, end: int) -> bool:
    """Tell whether the words from `begin` to `end` stand within one quotation."""
    words, before = text[begin:end], text[:begin]
    paragraph = before[before.rfind("\n\n") + 1 :]
    mark = find_open_mark(paragraph)
    if mark and find_open_mark(paragraph + words[:-1]) == mark:
        return True
    first = words[:1]
    is_closed = first in CLOSED_BY and words[-1] in CLOSED_BY[first]
    return is_closed and find_open_mark(words[:-1]) == first


def find_open_mark(words: str) -> str:
    """Return the mark of the quotation that is open where `words` end; empty where none is."""
    open_mark = ""
    for letter in words:
        if open_mark:
            open_mark = "" if letter in CLOSED_BY[open_mark] else open_mark
        elif letter in CLOSED_BY:
            open_mark = letter
    return open_mark


def list_sentences(text: str, begin: int, end: int) -> list[Sentence]:
    """List the sentences of the passage's paragraph without what is quoted in them, as far as they
    are within reach."""
    first = text.rfind("\n\n", 0, begin) + 1
    last = text.find("\n\n", begin)
    paragraph = text[first : last if last != -1 else len(text)]
    bounds = [0, *(match.end() for match in _SENTENCE_END.finditer(paragraph)), len(paragraph)]
    end = min(end, begin + REACH)
    reach_start, reach_stop = begin - first - REACH, end - first + REACH
    spans = [
        (max(start, reach_start), min(stop, reach_stop))
        for start, stop in itertools.pairwise(bounds)
        if start < stop and start < reach_stop and stop > reach_start
    ]
    own = [
        place
        for place, (start, stop) in enumerate(spans)
        if first + start < end and first + stop > begin
    ] or [0]
    account = _blank_quotations(paragraph)
    return [
        Sentence(
            " ".join(account[start:stop].split()),
            place - own[0] if place < own[0] else max(0, place - own[-1]),
        )
        for place, (start, stop) in enumerate(spans)
    ]


def _blank_quotations(paragraph: str) -> str:
    """Return a paragraph of the same length with spaces for all that is quoted."""
    letters, open_mark = [], ""
    for letter in paragraph:
        if open_mark:
            letters.append(" ")
            open_mark = "" if letter in CLOSED_BY[open_mark] else open_mark
        else:
            open_mark = letter if letter in CLOSED_BY else ""
            letters.append(" " if open_mark else letter)
    return "".join(letters)
