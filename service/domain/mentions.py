"""Finds who is mentioned in a text: `@` and a person's full name."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import islice

from service.domain import names

_WORD = r"[\w\u0300-\u036f]"
# Not within a word, nor in an address of mail or of a page.
_MARK = re.compile(rf"(?<![\w\u0300-\u036f./@+%=-])@(?={_WORD})")
_WORDS = re.compile(f"{_WORD}+")
# "@Ana's" mentions Ana; "@ana.kovac" and "@Ana-Marija" do not.
_GOES_ON = re.compile(rf"[.@-]{_WORD}")


def list_mentioned(text: str, people: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ids of those of `people` (names by id) whom `text` mentions, in the text's order.

    The longest name that fits counts; case, diacritics and script make no difference.  All who have
    that name are mentioned.
    """
    if "@" not in text:
        return ()
    ids_by_name: dict[str, list[str]] = {}
    for person, name in people.items():
        ids_by_name.setdefault(_normalize(name), []).append(person)
    longest = max((len(_WORDS.findall(name)) for name in people.values()), default=0)
    text = unicodedata.normalize("NFC", text)
    mentioned_ids: dict[str, None] = {}
    for mark in _MARK.finditer(text):
        ends = [word.end() for word in islice(_WORDS.finditer(text, mark.end()), longest)]
        mentioned_ids |= dict.fromkeys(_find_longest(text, mark.end(), ends, ids_by_name))
    return tuple(mentioned_ids)


def _find_longest(
    text: str, begin: int, ends: list[int], ids_by_name: Mapping[str, list[str]]
) -> Iterable[str]:
    for end in reversed(ends):
        user_id = ids_by_name.get(_normalize(text[begin:end]))
        if user_id is not None and not _GOES_ON.match(text, end):
            return user_id
    return ()


def _normalize(name: str) -> str:
    """Return a name without regard to case, diacritics and script, and without what follows its
    last word (Jr.)."""
    plain = names.normalize_letters(name.translate(names.APOSTROPHES))
    return re.sub(rf"(?:(?!{_WORD}).)+$", "", plain)
