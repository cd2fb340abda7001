"""Marks the words in which two texts differ, so that both can be read beside each other."""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from markupsafe import Markup

from service.desk.layout.rendering import isolate_words

SENTENCE = re.compile(r".+?(?:[.!?]”?(?=\s)\s*|$)", re.DOTALL)
WORD = re.compile(r"(?:\w+|[^\w\s]+)\s*|\s+")
MOST_WORDS = 1_000
"""Longer texts are shown as they are: comparing takes the square of their lengths."""
MOST_STEPS = 1_000_000
"""What comparing may take at most: words that are repeated often take the cube of their number."""
ALIKE = 0.6
"""Sentences that share less than this are marked as wholes: loose words between would confuse."""

Change = tuple[str, int, int, int, int]
"""What happens to a stretch of words, where it is in the one list and where in the other."""


def mark_differences(before: str, after: str) -> tuple[Markup, Markup]:
    """Return both texts as HTML: what only the first has in `<del>`, only the second in `<ins>`."""
    if max(len(WORD.findall(text)) for text in (before, after)) > MOST_WORDS:
        return isolate_words(before), isolate_words(after)
    return _compare(SENTENCE.findall(before), SENTENCE.findall(after))


def _compare(old: Sequence[str], new: Sequence[str]) -> tuple[Markup, Markup]:
    """Compare two texts by their sentences, and sentences that are alike by their words."""
    removals, additions = Markup(), Markup()
    for kind, old_begin, old_end, new_begin, new_end in _list_changes(old, new):
        removed_words, added_words = old[old_begin:old_end], new[new_begin:new_end]
        if kind == "equal":
            sides = isolate_words("".join(removed_words)), isolate_words("".join(added_words))
        elif len(removed_words) == len(added_words) == 1 and _are_alike(
            removed_words[0], added_words[0]
        ):
            sides = _compare(WORD.findall(removed_words[0]), WORD.findall(added_words[0]))
        else:
            sides = _wrap("del", "".join(removed_words)), _wrap("ins", "".join(added_words))
        removals += sides[0]
        additions += sides[1]
    return removals, additions


def _are_alike(old: str, new: str) -> bool:
    """Say whether two sentences share most of their words, and are more than one."""
    words = WORD.findall(old), WORD.findall(new)
    shared_count = sum(
        end - begin for kind, begin, end, _, _ in _list_changes(*words) if kind == "equal"
    )
    return min(map(len, words)) > 1 and 2 * shared_count >= ALIKE * sum(map(len, words))


def _list_changes(old: Sequence[str], new: Sequence[str]) -> list[Change]:
    """List how one list of words becomes another, as opcodes of difflib, whatever space is behind
    each word.  What begins and ends both is set aside first; the rest is replaced as a whole where
    comparing it would take too long."""
    olds, news = [part.rstrip() for part in old], [part.rstrip() for part in new]
    most = min(len(olds), len(news))
    head = next((place for place in range(most) if olds[place] != news[place]), most)
    most -= head
    tail = next((place for place in range(most) if olds[-1 - place] != news[-1 - place]), most)
    old_end, new_end = len(olds) - tail, len(news) - tail
    olds, news = olds[head:old_end], news[head:new_end]
    changes: list[Change] = [("equal", 0, head, 0, head)] if head else []
    if _count_steps(olds, news) > MOST_STEPS:
        changes.append(("replace", head, old_end, head, new_end))
    else:
        changes += [
            (kind, old_from + head, old_to + head, new_from + head, new_to + head)
            for kind, old_from, old_to, new_from, new_to in SequenceMatcher(
                None, olds, news, autojunk=False
            ).get_opcodes()
        ]
    if tail:
        changes.append(("equal", old_end, len(old), new_end, len(new)))
    return changes


def _count_steps(old: Sequence[str], new: Sequence[str]) -> int:
    """Count what difflib may take: for each stretch that it finds, all pairs of equal words."""
    new_counts = Counter(new)
    pair_count = sum(count * new_counts[word] for word, count in Counter(old).items())
    return pair_count * min(len(old), len(new))


def _wrap(element: str, words: str) -> Markup:
    """Wrap words in an element, which does not take the space behind them in."""
    bare = words.rstrip()
    if not bare:
        return Markup()
    begin, end = Markup(f"<{element}>"), Markup(f"</{element}>")  # noqa: S704 - our own
    return begin + isolate_words(bare) + end + words[len(bare) :]
