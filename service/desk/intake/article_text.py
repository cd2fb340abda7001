"""An article's text as its page shows it: in pieces, with what is recorded from it marked."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from service.claims.intake_views import PassageView


class Piece(NamedTuple):
    """A stretch of the text in which the same passages lie."""

    text: str
    passage: int | None
    """The index of a passage that it is part of."""
    ends: Sequence[int]
    """The indexes of the passages that end with it."""


def split_text(text: str, passages: Sequence[PassageView]) -> list[Piece]:
    """Split a text into pieces, so that each passage ends where a piece does; one may be within
    another, or begin within it."""
    ranges = []
    placed = [
        (index, words)
        for index, passage in enumerate(passages)
        for words in (passage, *passage["others"])
    ]
    for index, words in placed:
        exact, prefix = words["exact"], words["prefix"] or ""
        if exact is None:
            continue
        place = text.find(prefix + exact)
        begin = place + len(prefix) if place != -1 else text.find(exact)
        if begin != -1:
            ranges.append((begin, begin + len(exact), index))
    pieces = []
    places = sorted({0, len(text), *(place for begin, end, _ in ranges for place in (begin, end))})
    for begin, end in itertools.pairwise(places):
        around = [index for first, last, index in ranges if first <= begin and end <= last]
        ends = sorted({index for _, last, index in ranges if last == end})
        pieces.append(Piece(text[begin:end], min(around, default=None), ends))
    return pieces
