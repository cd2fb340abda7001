"""The time zone in which a page shows times, and in which its forms are filled in.

It is that of whoever looks, or the desk's (`CLAIMDESK_TIMEZONE`). Days, months and years that are
known alone are the same in every zone; the record and the API are UTC.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from service.domain.claims import Precision, to_utc
from service.domain.errors import Invalid
from service.domain.print_phrases import format_date
from service.domain.zones import find_zone

HOURLY = frozenset({Precision.HOUR, Precision.MINUTE, Precision.SECOND})
"""What has a time of the day."""
_shown_zone: ContextVar[str] = ContextVar("shown_time_zone", default="UTC")


def show_in(name: str) -> None:
    """Show the times of what is rendered for this request in a zone."""
    _shown_zone.set(name)


@contextmanager
def use_zone(name: str) -> Iterator[None]:
    """Show times in a zone within the block: threads know nothing of the request's."""
    token = _shown_zone.set(name)
    try:
        yield
    finally:
        _shown_zone.reset(token)


def read_shown_zone() -> str:
    """Return the name of the zone in which times are shown."""
    return _shown_zone.get()


def localize(moment: datetime) -> datetime:
    """Return an instant by the clock that is shown."""
    return moment.astimezone(find_zone(_shown_zone.get()) or UTC)


def name_offset(local: datetime) -> str:
    """Return what a clock is called: `CEST`, or `UTC+03` where its zone has no letters."""
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name


def format_local(moment: datetime, precision: Precision) -> str:
    """Return `2 October 2023, 20:05 CEST`; `2 October 2023` where only the day is known."""
    if precision not in HOURLY:
        return format_date(to_utc(moment), precision)
    local = localize(moment)
    clock = f"{local:%H:%M:%S}" if precision is Precision.SECOND else f"{local:%H:%M}"
    return f"{format_date(local, Precision.DAY)}, {clock} {name_offset(local)}"


def format_field(moment: datetime) -> str:
    """Format an instant as a field for a day and a time has it."""
    return f"{localize(moment):%Y-%m-%dT%H:%M:%S}"


def parse_local(text: str) -> datetime:
    """Parse `2023-10-02T18:00`, by the clock that is shown, to UTC.

    Raises Invalid for a time that the clocks left out or showed twice, ValueError for anything that
    is no time.
    """
    naive = datetime.fromisoformat(text)
    if naive.tzinfo is not None:
        raise ValueError("it has an offset")
    name = _shown_zone.get()
    local = naive.replace(tzinfo=find_zone(name) or UTC)
    earlier, later = local.utcoffset(), local.replace(fold=1).utcoffset()
    if earlier is not None and later is not None and earlier != later:
        if earlier < later:
            raise Invalid(
                f"there was no such time in {name}: clocks went forward that night over it"
            )
        raise Invalid(
            f"this time came twice in {name}, as clocks went back that night: give the day alone, "
            "or set your zone to UTC in your profile and give it in UTC"
        )
    return to_utc(local)
