"""When a notice goes out by mail or chat: at once, after quiet hours, or with the day's digest."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from service.domain.claims import to_utc


class MailMode(StrEnum):
    """Whether notices of a kind come by mail, and when."""

    AT_ONCE = "at_once"
    DIGEST = "digest"
    """Once a day, together."""
    OFF = "off"


class Channel(StrEnum):
    """Where notices go besides the inbox."""

    MAIL = "mail"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Timetable:
    """When somebody wants to be written to, in their own time zone."""

    time_zone: str
    digest_hour: int
    quiet_from: time | None = None
    quiet_until: time | None = None


@dataclass(frozen=True, slots=True)
class Departure:
    """When something goes out, and whether together with all that goes out then."""

    at: datetime
    is_gathered: bool


def find_departure(timetable: Timetable, *, as_digest: bool, now: datetime) -> Departure:
    """Return when a notice of now goes out."""
    local = now.astimezone(ZoneInfo(timetable.time_zone))
    if as_digest:
        return Departure(_find_next(local, time(timetable.digest_hour)), is_gathered=True)
    begin, end = timetable.quiet_from, timetable.quiet_until
    if begin is None or end is None or not _is_between(local.time(), begin, end):
        return Departure(now, is_gathered=False)
    return Departure(_find_next(local, end), is_gathered=True)


def _find_next(local: datetime, hour: time) -> datetime:
    """Return when the clock next shows this time."""
    candidate = local.replace(hour=hour.hour, minute=hour.minute, second=0, microsecond=0)
    if to_utc(candidate) <= to_utc(local):
        candidate += timedelta(days=1)  # by the wall clock, whatever happens to it at night
    return to_utc(candidate)


def _is_between(now: time, begin: time, end: time) -> bool:
    """Say whether a time is in a stretch of the day, which may go past midnight."""
    if begin <= end:
        return begin <= now < end
    return now >= begin or now < end
