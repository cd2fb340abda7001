"""What others' data says of a claim, field by field: cleaned, bounded, or refused with a reason."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from service.domain import texts
from service.domain.claims import Kind, Precision

MOST = {
    "text": 2_000,
    "quote": 10_000,
    "claimant": 120,
    "speaker": 200,
    "role": 200,
    "publisher": 200,
    "title": 500,
    "url": 2_048,
    "language": 35,
    "label": 200,
    "rated_by": 120,
    "explanation": 1_000,
    "tags": 50,
    "story": 64,
    "id": 1_000,
}
"""The same bounds as in the API: what is imported must be valid there."""
PROSE = frozenset({"text", "quote", "explanation"})
NAMES = frozenset({"claimant", "speaker", "role", "publisher", "rated_by"})
MOST_TAGS = 20
SHOWN = 80
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
HOST = re.compile(
    r"(?i)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+(:\d+)?(/|\?|#|$)"
)
ISO = re.compile(r"\d{4}-\d\d?-\d\d?")
HOURS, MINUTES, SECONDS = ("%H", "%I"), ("%M", "%R"), ("%S", "%T", "%X", "%c")


class Refused(Exception):
    """A row that is not imported: the field at fault, what it holds, and why."""

    def __init__(self, field: str | None, value: str | None, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.value = None if value is None else shortened(value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Incoming:
    """A claim as others have it.  `key` is what it is known again by."""

    line: int
    key: tuple[str, ...]
    text: str
    claimed_at: datetime
    precision: Precision
    url: str
    kind: Kind
    language: str
    claimant: str | None = None
    speaker: str | None = None
    role: str | None = None
    publisher: str | None = None
    title: str | None = None
    published_at: datetime | None = None
    quote: str | None = None
    label: str | None = None
    rated_by: str | None = None
    review_url: str | None = None
    explanation: str | None = None
    tags: tuple[str, ...] = ()
    story: str | None = None


def shortened(value: str) -> str:
    """A value for a report: in one line, and not too much of it."""
    line = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in value)
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


def refuse(field: str, value: str | None, reason: str) -> NoReturn:
    raise Refused(field, value, reason)


def text(field: str, value: str | None) -> str | None:
    """Give a text as the policy of `domain/texts.py` takes it, names and labels in one line.

    None where there is nothing to see.  What others wrote is folded where it can be without loss:
    marks of no width in names, embeddings and overrides everywhere.
    """
    if value is None or not texts.is_visible(value):
        return None
    if "\x00" in value:
        refuse(field, value, "it holds a NUL")
    if any("\ud800" <= character <= "\udfff" for character in value):
        refuse(field, value, "it holds bytes that are no characters in the file's encoding")
    try:
        if field in NAMES:
            value = texts.clean_name(texts.fold_name(value))
        elif field in PROSE:
            value = texts.clean_prose(texts.fold_prose(value.strip()))
        else:
            value = texts.clean_line(" ".join(texts.fold_prose(value).split()))
    except ValueError as error:
        refuse(field, value, str(error))
    if len(value) > MOST[field]:
        refuse(field, value, f"it has {len(value)} characters; at most {MOST[field]} are allowed")
    return value


def address(field: str, value: str | None) -> str | None:
    """An http(s) address; one without a scheme, such as www.example.org/page, gets https."""
    value = text("url", value)
    if value is None:
        return None
    if value.startswith("//"):
        value = f"https:{value}"
    elif "://" not in value and HOST.match(value):
        value = f"https://{value}"
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        sound = False
    if not sound or any(one.isspace() for one in value) or len(value) > MOST["url"]:
        refuse(field, value, "this is no http(s) address")
    return value


def language(value: str | None) -> str | None:
    value = text("language", value)
    if value is not None and not LANGUAGE.fullmatch(value):
        refuse("language", value, "this is no language tag, such as en or sr-Latn")
    return value


def kind(value: str | None, otherwise: Kind) -> Kind:
    if value is None or not value.strip():
        return otherwise
    try:
        return Kind(value.strip().lower())
    except ValueError:
        refuse("kind", value, f"a claim's kind is one of {', '.join(Kind)}")


def tags(parts: Sequence[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(one for part in parts if (one := text("tags", part))))
    if len(found) > MOST_TAGS:
        refuse("tags", "; ".join(found), f"{len(found)} tags; at most {MOST_TAGS} are allowed")
    return found


def moment(
    field: str, value: str | None, formats: Sequence[str], timezone: str
) -> tuple[datetime, Precision] | None:
    """An instant and how exactly it is known, by the first of `formats` that fits; else ISO 8601.

    Where no offset is written, the time zone's counts.  A day stays the day that was written.
    """
    if value is None or not (value := value.strip()):
        return None
    for pattern in formats:
        try:
            found = datetime.strptime(value, pattern)  # noqa: DTZ007 (the zone is added below)
        except (ValueError, OverflowError):
            continue
        return _within(field, value, found, _precision(pattern), timezone)
    if not ISO.match(value):
        refuse(field, value, _unreadable(formats))
    day, mark, rest = value.replace(" ", "T", 1).partition("T")
    try:
        year, month, of_month = map(int, day.split("-"))
        exact = f"{year:04d}-{month:02d}-{of_month:02d}{mark}{rest}"
        found = datetime.fromisoformat(exact)
    except ValueError:
        refuse(field, value, _unreadable(formats))
    precision = (
        Precision.DAY if not mark else Precision.SECOND if found.second else Precision.MINUTE
    )
    return _within(field, value, found, precision, timezone)


def _unreadable(formats: Sequence[str]) -> str:
    tried = ", ".join([*formats, "ISO 8601"])
    return f"no date or hour that is written like one of: {tried}"


def _precision(pattern: str) -> Precision:
    if any(one in pattern for one in SECONDS):
        return Precision.SECOND
    if any(one in pattern for one in MINUTES):
        return Precision.MINUTE
    return Precision.HOUR if any(one in pattern for one in HOURS) else Precision.DAY


def _within(
    field: str, value: str, found: datetime, precision: Precision, timezone: str
) -> tuple[datetime, Precision]:
    if precision is Precision.DAY:
        found = found.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    elif found.tzinfo is None:
        found = found.replace(tzinfo=_zone(timezone))
    try:
        found = found.astimezone(UTC)
        if EARLIEST <= found < LATEST:
            return found, precision
    except OverflowError:
        pass
    refuse(field, value, "it does not lie between the years 1900 and 2200")


@lru_cache(maxsize=16)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
