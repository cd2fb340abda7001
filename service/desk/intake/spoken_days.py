"""Resolves words for a day beside a passage: on Monday, yesterday, on the twelfth."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from service.desk.intake.nearby_text import Sentence
from service.domain.partial_dates import MONTHS

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth"),
    *("seventeenth", "eighteenth", "nineteenth", "twentieth", "twenty-first", "twenty-second"),
    *("twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth", "twenty-seventh"),
    *("twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first"),
)
_MONTH = rf"(?P<month>{'|'.join(MONTHS)})"
_YEAR = r"(?:,? (?P<year>\d{4}))?"
_PART_OF_DAY = r"(?:the (?:morning|afternoon|evening|night) of )?"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:late |early )?on (?P<weekday>{'|'.join(WEEKDAYS)})\b",
        rf"\bon {_PART_OF_DAY}(?P<day>\d\d?)(?:st|nd|rd|th)? {_MONTH}\b{_YEAR}",
        rf"\bon {_PART_OF_DAY}{_MONTH} (?P<day>\d\d?)(?:st|nd|rd|th)?\b{_YEAR}",
        rf"\bon {_PART_OF_DAY}the (?P<ordinal>{'|'.join(sorted(_ORDINALS, key=len, reverse=True))})"
        rf"\b(?: of {_MONTH}\b)?",
        r"\b(?P<near>yesterday|today)\b",
    )
)


class SpokenDay(NamedTuple):
    """A day, and the words that it was understood from."""

    day: date
    words: str


def find_spoken_day(sentences: Iterable[Sentence], published: date) -> SpokenDay | None:
    """Find the day that the sentences beside a passage name, resolved against the article's.

    The passage's own sentence goes first, then those before it, the nearest first.  What is quoted
    is left aside: a speaker's Monday is not the day of the words.
    """
    for sentence in sorted(
        (each for each in sentences if each.distance <= 0), key=lambda each: -each.distance
    ):
        places = [
            (match.start(), match)
            for pattern in _PATTERNS
            for match in pattern.finditer(sentence.text)
        ]
        for _, match in sorted(places, key=lambda place: place[0], reverse=True):
            day = _resolve(match.groupdict(), published)
            if day is not None:
                return SpokenDay(day, match[0])
    return None


def _resolve(parts: dict[str, str | None], published: date) -> date | None:
    """Return the latest day not after `published` that these parts can mean; None for none."""
    if weekday := parts.get("weekday"):
        back = (published.weekday() - WEEKDAYS.index(weekday.lower())) % 7
        return published - timedelta(days=back)
    if near := parts.get("near"):
        return published - timedelta(days=near.lower() == "yesterday")
    ordinal = parts.get("ordinal")
    number = _ORDINALS.index(ordinal.lower()) + 1 if ordinal else int(parts["day"] or 0)
    name, year = parts.get("month"), parts.get("year")
    if name is None:
        firsts = [published.replace(day=1)]
        firsts.append((firsts[0] - timedelta(days=1)).replace(day=1))
    else:
        month = MONTHS.index(name.lower()) + 1
        years = [int(year)] if year else [published.year, published.year - 1]
        firsts = [date(each, month, 1) for each in years if each]
    for first in firsts:
        day = first + timedelta(days=number - 1)
        if day.month == first.month and number and day <= published:
            return day
    return None
