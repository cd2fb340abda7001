"""Parse dates as others write them: exactly, or refuse them with the reason.

Nothing is invented: no day of a month, no year of a day, no hour of a midnight, no zone.  A month
stays a month, and a year a year.  That is why no library guesses here (dateutil takes today's year
for a missing one, dateparser a day for a missing one): the formats of the mapping are tried with
`strptime`, then ISO 8601.
"""

import re
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from service.domain.claims import Precision
from service.domain.instants import CALENDAR
from service.domain.partial_dates import parse_partial_date
from service.domain.zones import find_zone
from service.exchange.import_fields import refuse

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_DATE = 200
DIRECTIVE = re.compile(r"%(.)", re.DOTALL)
DIRECTIVES = frozenset("aAwdbBmyYHIpMSfzZjUWGuV%")
MACHINE_DEPENDENT = frozenset("cxX")
WEEKDAY = frozenset("aAwu")
MONTH = frozenset("bBm")
WITHOUT_SEPARATOR = re.compile(r"%[YymdHIMSjUWGV](?=%[YymdHIMSjUWGVf])")
ZONE_AT_END = re.compile(r"\s*(?:[+-]\d\d:?\d\d|Z)$")
ISO = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)"
    r"(?:(?:[Tt]|\s+)(?P<hour>\d\d?)"
    r"(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?"
    r"\s*(?P<zone>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
ISO_WEEKDAY = re.compile(r"(\d{4})-W(\d\d)-([1-7])", re.ASCII)
END_OF_DAY = re.compile(r"(?<!\d)24:00")
WEEK = re.compile(r"\d{4}-?W\d\d?")
ZONE_NAME = re.compile(r"[A-Za-z]+(?:/[A-Za-z_+-]+)+|(?<![A-Za-z])[A-Z]{1,4}(?![A-Za-z])")
ZONES = {
    name: timezone(timedelta(hours=hours))
    for hours, names in {
        0: "UTC GMT UT Z WET",
        1: "CET MEZ WEST",
        2: "CEST MESZ EET",
        3: "EEST MSK",
        -4: "EDT",
        -5: "EST CDT",
        -6: "CST MDT",
        -7: "MST PDT",
        -8: "PST",
    }.items()
    for name in names.split()
}
"""Zones by their letters, where these mean only one zone in mail and news of this part of the world
(RFC 5322, section 4.3).  BST and IST, for instance, mean several."""


class NotInFormat(ValueError):
    """A text that is not written in a format."""


def check_format(pattern: str) -> str:
    """Return a format of dates, in the directives of Python's `strptime`.

    Raises ValueError for one by which no date could be read exactly.
    """
    directives = frozenset(DIRECTIVE.findall(pattern))
    if directives & MACHINE_DEPENDENT:
        raise ValueError(f"{pattern!r} differs from machine to machine: write it out")
    if not directives <= DIRECTIVES or not _reads_itself(pattern):
        raise ValueError(f"{pattern!r} is no format of a date, such as %d-%m-%Y")
    if not directives & frozenset("YyG"):
        raise ValueError(f"{pattern!r} has no year: no claim can be dated by it")
    if "d" in directives and not directives & MONTH:
        raise ValueError(f"{pattern!r} has a day and no month")
    if "I" in directives and "p" not in directives:
        raise ValueError(f"{pattern!r} has hours to 12 (%I), and not which half of the day (%p)")
    if "p" in directives and "I" not in directives:
        raise ValueError(f"{pattern!r} has a half of the day (%p), and no hours to 12 (%I)")
    if ("f" in directives and "S" not in directives) or (
        "S" in directives and "M" not in directives
    ):
        raise ValueError(f"{pattern!r} has seconds and no minutes")
    if "M" in directives and not directives & frozenset("HI"):
        raise ValueError(f"{pattern!r} has minutes and no hour")
    if directives & frozenset("HI") and _find_written_part(pattern) != "day":
        raise ValueError(f"{pattern!r} has an hour and no day")
    return pattern


def _reads_itself(pattern: str) -> bool:
    sample = datetime(2020, 8, 25, 12, tzinfo=UTC)
    try:
        datetime.strptime(sample.strftime(pattern), pattern)  # noqa: DTZ007
    except (ValueError, re.error):
        return False
    return True


@lru_cache(maxsize=256)
def _find_written_part(pattern: str) -> str:
    """Return how much of a date a format has: its day, or only its week, month or year."""
    directives = frozenset(DIRECTIVE.findall(pattern))
    weekday = bool(directives & WEEKDAY)
    if ("d" in directives and directives & MONTH) or "j" in directives:
        return "day"
    if directives & frozenset("UWV"):
        return "day" if weekday else "week"
    return "month" if directives & MONTH else "year"


def parse_date(
    field: str, value: str | None, formats: Sequence[str], zone: str
) -> tuple[datetime, Precision] | None:
    """Parse an instant, and how exactly it is known, by the first of `formats` that fits; else as
    ISO 8601.

    Where no offset is written, the time zone's counts.  A day stays the day that was written, a
    month the month, a year the year.  A midnight counts as a day: programs write it where they know
    no hour.  Raises RowRefusal.
    """
    if value is None or not (value := value.strip()):
        return None
    if len(value) > LONGEST_DATE:
        refuse(field, value, f"it has {len(value)} characters, and no date has so many")
    for pattern in formats:
        try:
            moment, precision = _parse_format(field, value, pattern)
        except NotInFormat:
            continue
        return _settle_zone(field, value, moment, precision, zone)
    partial = parse_partial_date(value)
    try:
        moment, precision = partial or _parse_iso(value)
    except ValueError:
        refuse(field, value, _explain(value, formats))
    return _settle_zone(field, value, moment, precision, zone)


def _explain(value: str, formats: Sequence[str]) -> str:
    if END_OF_DAY.search(value):
        return "24:00 ends one day and begins the next: write the day that is meant"
    if WEEK.fullmatch(value):
        return _explain_partial("week")
    attempts = ", ".join([*formats, "ISO 8601"])
    return f"no date or hour that is written like one of: {attempts}"


def _explain_partial(part: str) -> str:
    return f"only its {part} is known: a claim has a day, a month or a year, and none is invented"


def _parse_format(field: str, value: str, pattern: str) -> tuple[datetime, Precision]:
    zone: tzinfo | None = None
    text, reading = value, pattern
    if "%Z" in pattern:
        text, zone = _replace_zone(value)
        reading = pattern.replace("%Z", "%z")
    try:
        moment = datetime.strptime(text, reading)  # noqa: DTZ007 (the zone is added later)
        weekday = time.strptime(text, reading).tm_wday
    except (ValueError, OverflowError, re.error) as error:
        raise NotInFormat(str(error)) from error
    if WITHOUT_SEPARATOR.search(pattern):
        _require_full_width(text, reading, moment)
    part = _find_written_part(pattern)
    if part in ("month", "year"):
        return moment.replace(day=1, tzinfo=UTC), Precision(part)
    if part != "day":
        refuse(field, value, _explain_partial(part))
    if weekday != moment.weekday():
        refuse(field, value, f"{moment.day} {moment:%B %Y} was a {moment:%A}")
    if zone is not None:
        moment = moment.replace(tzinfo=zone)
    return moment, _find_precision(pattern)


def _replace_zone(value: str) -> tuple[str, tzinfo]:
    """Replace a zone's name with an offset of zero, and return the zone.

    Raises NotInFormat where no zone is known.
    """
    for match in ZONE_NAME.finditer(value):
        zone: tzinfo | None = ZONES.get(match[0])
        if zone is None and "/" in match[0]:
            try:
                zone = ZoneInfo(match[0])
            except (ValueError, OSError, KeyError):
                continue
        if zone is not None:
            return f"{value[: match.start()]}+0000{value[match.end() :]}", zone
    raise NotInFormat("it has no zone that is known")


def _require_full_width(text: str, pattern: str, moment: datetime) -> None:
    """Require all digits of numbers without separators: `202312` is not 2 January 2023."""
    rendering = moment.strftime(pattern.replace("%z", "").rstrip())
    if len(ZONE_AT_END.sub("", text)) != len(rendering):
        raise NotInFormat("it has too few digits")


def _find_precision(pattern: str) -> Precision:
    directives = frozenset(DIRECTIVE.findall(pattern))
    if "S" in directives:
        return Precision.SECOND
    if "M" in directives:
        return Precision.MINUTE
    return Precision.HOUR if directives & frozenset("HI") else Precision.DAY


def _parse_iso(value: str) -> tuple[datetime, Precision]:
    """Parse an ISO 8601 date or instant.  Raises ValueError."""
    by_week = ISO_WEEKDAY.fullmatch(value)
    if by_week is not None:
        day = date.fromisocalendar(*map(int, by_week.groups()))
        return datetime(day.year, day.month, day.day), Precision.DAY  # noqa: DTZ001
    match = ISO.fullmatch(value)
    if match is None:
        raise ValueError("no ISO 8601")
    year, month, day_of_month = (int(match[name]) for name in ("year", "month", "day"))
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    fraction = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    moment = datetime(  # noqa: DTZ001 (the zone is added below, or later)
        year, month, day_of_month, hour, minute, second, fraction
    )
    if match["hour"] is None:
        return moment, Precision.DAY
    if match["zone"] is not None:
        moment = moment.replace(tzinfo=_parse_offset(match["zone"]))
    if match["minute"] is None:
        return moment, Precision.HOUR
    return moment, Precision.SECOND if second or fraction else Precision.MINUTE


def _parse_offset(text: str) -> timezone:
    if not text.startswith(("+", "-")):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(size if text[0] == "+" else -size)


def _settle_zone(
    field: str, value: str, moment: datetime, precision: Precision, zone: str
) -> tuple[datetime, Precision]:
    if precision not in CALENDAR and not (
        moment.hour or moment.minute or moment.second or moment.microsecond
    ):
        precision = Precision.DAY
    if precision in CALENDAR or precision is Precision.DAY:
        moment = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=find_zone(zone))
    _require_one_instant(field, value, moment)
    try:
        instant = moment.astimezone(UTC)
        is_in_range = EARLIEST <= instant < LATEST
    except OverflowError:
        is_in_range = False
    if not is_in_range:
        refuse(field, value, "it does not lie between the years 1900 and 2200")
    return instant, precision


def _require_one_instant(field: str, value: str, moment: datetime) -> None:
    """Refuse an hour that a change of clocks left out, or repeated."""
    if not isinstance(moment.tzinfo, ZoneInfo):
        return
    first, second = moment.replace(fold=0).utcoffset(), moment.replace(fold=1).utcoffset()
    if first is None or second is None or first == second:
        return
    name = moment.tzinfo.key
    if first > second:
        refuse(field, value, f"this hour was twice that night in {name}: write its offset")
    refuse(field, value, f"there was no such hour that night in {name}")
