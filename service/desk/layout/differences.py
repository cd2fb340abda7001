"""Marks the words in which two texts differ, so that both can be read beside each other."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from markupsafe import Markup

from service.desk.layout.rendering import isolate_words

SENTENCE = re.compile(r".+?(?:[.!?]”?(?=\s)\s*|$)", re.DOTALL)
WORD = re.compile(r"(?:\w+|[^\w\s]+)\s*|\s+")
MOST_WORDS = 1_000
"""Longer texts are shown as they are: comparing takes the square of their lengths."""
ALIKE = 0.6
"""Sentences that share less than this are marked as wholes: loose words between would confuse."""


def mark_differences(before: str, after: str) -> tuple[Markup, Markup]:
    """Return both texts as HTML: what only the first has in `<del>`, only the second in `<ins>`."""
    if max(len(WORD.findall(text)) for text in (before, after)) > MOST_WORDS:
        return isolate_words(before), isolate_words(after)
    return _compare(SENTENCE.findall(before), SENTENCE.findall(after))


def _compare(old: Sequence[str], new: Sequence[str]) -> tuple[Markup, Markup]:
    """Compare two texts by their sentences, and sentences that are alike by their words."""
    removed, added = Markup(), Markup()
    for kind, old_begin, old_end, new_begin, new_end in _match(old, new).get_opcodes():
        removed_words, added_words = old[old_begin:old_end], new[new_begin:new_end]
        if kind == "equal":
            sides = isolate_words("".join(removed_words)), isolate_words("".join(added_words))
        elif len(removed_words) == len(added_words) == 1 and _are_alike(
            removed_words[0], added_words[0]
        ):
            sides = _compare(WORD.findall(removed_words[0]), WORD.findall(added_words[0]))
        else:
            sides = _wrap("del", "".join(removed_words)), _wrap("ins", "".join(added_words))
        removed += sides[0]
        added += sides[1]
    return removed, added


def _are_alike(old: str, new: str) -> bool:
    """Say whether two sentences share most of their words, and are more than one."""
    words = WORD.findall(old), WORD.findall(new)
    return min(map(len, words)) > 1 and _match(*words).ratio() >= ALIKE


def _match(old: Sequence[str], new: Sequence[str]) -> SequenceMatcher[str]:
    """Match two lists of words, whatever space is behind each."""
    return SequenceMatcher(
        None, [part.rstrip() for part in old], [part.rstrip() for part in new], autojunk=False
    )


def _wrap(element: str, words: str) -> Markup:
    """Wrap words in an element, which does not take the space behind them in."""
    bare = words.rstrip()
    if not bare:
        return Markup()
    begin, end = Markup(f"<{element}>"), Markup(f"</{element}>")  # noqa: S704 - our own
    return begin + isolate_words(bare) + end + words[len(bare) :]
