"""Reads dates of which only the month or the year is written: `August 2020`, `2020-08`, `2020`."""

import re
from datetime import UTC, datetime

from service.domain.claims import Precision

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_NAME = r"(?P<name>[a-z]+)\.?"
PATTERNS = tuple(
    re.compile(pattern, re.ASCII | re.IGNORECASE)
    for pattern in (
        r"(?P<year>\d{4})",
        r"(?P<year>\d{4})[-/.](?P<month>\d\d?)",
        r"(?P<month>\d\d?)[-/.](?P<year>\d{4})",
        rf"{_NAME},?\s+(?P<year>\d{{4}})",
        rf"(?P<year>\d{{4}})\s+{_NAME}",
    )
)


def parse_partial_date(text: str) -> tuple[datetime, Precision] | None:
    """Return the first instant of a month or a year, and which of them it is.

    Months have their numbers, or their names in English, whole or cut to three letters or more;
    the word `in` may stand before.  Returns None for any other text.
    """
    words = re.sub(r"^in\s+", "", text.strip(), flags=re.IGNORECASE)
    for pattern in PATTERNS:
        match = pattern.fullmatch(words)
        if match is None:
            continue
        parts = match.groupdict()
        if int(parts["year"]) == 0:
            return None
        month = _find_month(parts)
        if month is None:
            return None
        is_year = not {"month", "name"} & parts.keys()
        first = datetime(int(parts["year"]), month, 1, tzinfo=UTC)
        return first, Precision.YEAR if is_year else Precision.MONTH
    return None


def _find_month(parts: dict[str, str]) -> int | None:
    if "month" in parts:
        number = int(parts["month"])
        return number if 1 <= number <= 12 else None
    if "name" not in parts:
        return 1
    name = parts["name"].lower()
    if len(name) < 3:
        return None
    return next((n for n, month in enumerate(MONTHS, start=1) if month.startswith(name)), None)
