"""Instants of which only so much is known: a second, a day, a year."""

from datetime import UTC, datetime, timedelta

from service.domain.claims import Precision, to_utc


def normalize_instant(moment: datetime, precision: Precision) -> datetime:
    """Return `moment` in UTC; if only the day, month or year is known, midnight UTC of its first
    day as written.

    Midnight in Belgrade must not become the day before.
    """
    if precision is Precision.DAY:
        return moment.replace(tzinfo=UTC)
    if precision in CALENDAR:
        first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
        return first.replace(month=1) if precision is Precision.YEAR else first
    return to_utc(moment)


CALENDAR = frozenset({Precision.YEAR, Precision.MONTH})
"""What is only known of a month or a year has no day, and none is made up."""
UNCERTAINTY = {
    Precision.DAY: timedelta(days=1),
    Precision.HOUR: timedelta(hours=1),
    Precision.MINUTE: timedelta(minutes=1),
    Precision.SECOND: timedelta(seconds=1),
}
"""How much later than the instant that is recorded something may have been said."""

END_OF_CALENDAR = datetime.max.replace(tzinfo=UTC)


def compute_end(moment: datetime, precision: Precision) -> datetime:
    """Return the end of the year, month, day, hour … that is known.  Lists are sorted by it.

    "Nine dead" of some day may well be later than "twelve dead" of 06:00 that day: what has only a
    date was not said at midnight.
    """
    try:
        if precision is Precision.YEAR:
            return moment.replace(year=moment.year + 1, month=1, day=1)
        if precision is Precision.MONTH:
            return (moment.replace(day=1) + timedelta(days=32)).replace(day=1)
        return moment + UNCERTAINTY[precision]
    except (OverflowError, ValueError):
        return END_OF_CALENDAR
