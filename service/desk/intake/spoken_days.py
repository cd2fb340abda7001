"""Resolves words for a day beside a passage: on Monday, yesterday, u sredu, le 12 mai."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from service.desk.intake import language_words
from service.desk.intake.nearby_text import Sentence

DAYS_BACK = 366
"""From an article's day there is a year back."""
LONGEST_UNTIL = 40
"""Characters before a day in which “since”, “until” and the like are looked for."""


class SpokenDay(NamedTuple):
    """A day, and the words that it was understood from."""

    day: date
    words: str
    is_counted: bool
    """Whether it is one before the article's day, for the words name no year."""


def find_spoken_day(
    sentences: Iterable[Sentence], published: date, language: str
) -> SpokenDay | None:
    """Find the day that the sentences beside a passage name, resolved against the article's.

    The passage's own sentence goes first, then those before it, the nearest first.  What is quoted
    is left aside: a speaker's Monday is not the day of the words.  Sentences are read as the
    article's language; of a language whose words are not known, none are.
    """
    words = language_words.get_words(language)
    if words is None or published.toordinal() <= DAYS_BACK:
        return None
    for sentence in sorted(
        (each for each in sentences if each.distance <= 0), key=lambda each: -each.distance
    ):
        matches = [
            match
            for pattern in words.days
            for match in pattern.finditer(sentence.text)
            if not words.until.search(
                sentence.text[max(0, match.start() - LONGEST_UNTIL) : match.start()]
            )
        ]
        for match in sorted(matches, key=lambda each: each.start(), reverse=True):
            day = _resolve(match.groupdict(), published)
            if day is not None:
                return SpokenDay(day, match[0], not match.groupdict().get("year"))
    return None


def _resolve(parts: dict[str, str | None], published: date) -> date | None:
    """Return the latest day not after `published` that these parts can mean; None for none."""
    numbers = {
        name[0]: int(name[1:]) for name, text in parts.items() if text and name[1:].isdigit()
    }
    if "w" in numbers:
        return published - timedelta(days=(published.weekday() - numbers["w"]) % 7)
    if "n" in numbers:
        return published - timedelta(days=numbers["n"])
    day = numbers["o"] + 1 if "o" in numbers else int(parts.get("day") or 0)
    year = int(parts.get("year") or 0)
    month = numbers["m"] + 1 if "m" in numbers else int(parts.get("month_number") or 0)
    if month > 12 or (parts.get("year") and not year):
        return None
    if month:
        years = [year] if year else [published.year, published.year - 1]
        firsts = [date(each, month, 1) for each in years]
    else:
        firsts = [published.replace(day=1)]
        firsts.append((firsts[0] - timedelta(days=1)).replace(day=1))
    for first in firsts:
        spoken_day = first + timedelta(days=day - 1)
        if spoken_day.month == first.month and day and spoken_day <= published:
            return spoken_day
    return None
