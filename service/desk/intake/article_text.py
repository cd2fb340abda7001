"""An article's text as its page shows it: in pieces, with what is recorded from it marked."""

from collections.abc import Sequence

from service.claims.intake_views import PassageView


def split_text(text: str, passages: Sequence[PassageView]) -> list[tuple[str, int | None]]:
    """Split a text into pieces; those that are recorded have the index of their passage."""
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
    pieces: list[tuple[str, int | None]] = []
    shown_end = 0
    for begin, end, index in sorted(ranges):
        if end <= shown_end:
            continue
        if begin > shown_end:
            pieces.append((text[shown_end:begin], None))
        pieces.append((text[max(begin, shown_end) : end], index))
        shown_end = end
    return [*pieces, (text[shown_end:], None)]
