"""A chart of lanes, one for each claim: where its statuses begin and end, and what the axis says.

Places are percentages of the width, so that the chart fits any window and its words keep their
size.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from service.domain.claims import Lifecycle, format_instant
from service.stories.status_spans import Lane

MOST_TICKS = 6
SECOND, MINUTE, HOUR, DAY = 1, 60, 3_600, 86_400
STEPS = (
    *(SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND),
    *(MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR),
    *(DAY, 2 * DAY, 7 * DAY, 14 * DAY),
)
"""Seconds from tick to tick; beyond, ticks stand at the first of months."""
MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 600)
EDGE = 12
"""A label nearer than this to the begin of the axis would stand out over it."""
PRESENT = 94
"""Where the present stands: what holds still goes on beyond it, so that a change of a minute ago
is seen however long the story is."""
CROWDED = 14
"""A label nearer than this to the present's would run into it."""


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str
    anchor: str
    """Which part of the label stands at the tick: its start or its middle."""


@dataclass(frozen=True, slots=True)
class Bar:
    status: str
    at: float
    width: float
    since: str
    until: str | None


@dataclass(frozen=True, slots=True)
class Chart:
    begin: str
    end: str
    ticks: tuple[Tick, ...]
    bars: Mapping[str, tuple[Bar, ...]]
    """By claim, in order of time."""
    closed: Mapping[str, tuple[str, float, str]]
    """Of claims that were merged or withdrawn: how, where, and when."""
    present: float = PRESENT


def chart(lanes: Mapping[str, Lane], *, until: datetime) -> Chart | None:
    """The lanes from the first of their instants to `until`; None where there is nothing to
    draw."""
    begins = [one.intervals[0].since for one in lanes.values() if one.intervals]
    if not begins:
        return None
    begin, end = min(begins), max(until, *begins)
    if end - begin < timedelta(seconds=1):
        begin = end - timedelta(seconds=1)
    whole = (end - begin).total_seconds()

    def place(moment: datetime) -> float:
        return round(PRESENT * (moment - begin).total_seconds() / whole, 3)

    bars = {}
    closed = {}
    for claim, lane in lanes.items():
        bars[claim] = tuple(
            Bar(
                one.status.value,
                place(one.since),
                round((place(one.until) if one.until else 100) - place(one.since), 3),
                format_instant(one.since),
                format_instant(one.until) if one.until else None,
            )
            for one in lane.intervals
        )
        if lane.closed_at is not None and lane.lifecycle is not Lifecycle.ACTIVE:
            at = format_instant(lane.closed_at)
            closed[claim] = (lane.lifecycle.value, place(lane.closed_at), at)
    ticks = tuple(
        Tick(
            place(one),
            label if place(one) < PRESENT - CROWDED else "",
            "start" if place(one) < EDGE else "middle",
        )
        for one, label in labelled(ticking(begin, end))
    )
    return Chart(format_instant(begin), format_instant(end), ticks, bars, closed)


def ticking(begin: datetime, end: datetime) -> tuple[list[datetime], int]:
    """Round instants of UTC between two, and the seconds from one to the next: a month is taken
    for thirty days, a year for twelve of those."""
    begin, end = begin.astimezone(UTC), end.astimezone(UTC)
    for step in STEPS:
        # From a Monday on, so that weeks begin with one.
        origin = datetime(1900, 1, 1, tzinfo=UTC)
        first = -(-(begin - origin) // timedelta(seconds=step))
        last = (end - origin) // timedelta(seconds=step)
        if last - first < MOST_TICKS:
            ticks = [origin + timedelta(seconds=step) * n for n in range(first, last + 1)]
            return ticks, step
    for months in MONTHS:
        found = list(_firsts(begin, end, months))
        if len(found) <= MOST_TICKS:
            break
    return found, months * 30 * DAY


def _firsts(begin: datetime, end: datetime, months: int) -> Iterator[datetime]:
    number = -(-(begin.year * 12 + begin.month - 1) // months) * months
    while True:
        year, month = divmod(number, 12)
        moment = datetime(year, month + 1, 1, tzinfo=UTC)
        if moment > end:
            return
        if moment >= begin:
            yield moment
        number += months


def labelled(ticking: tuple[list[datetime], int]) -> list[tuple[datetime, str]]:
    """Each tick with its label: what of its date the one before did not say already."""
    ticks, step = ticking
    found = []
    before: datetime | None = None
    for one in ticks:
        day, hour = f"{one.day} {one:%b}", f"{one:%H:%M:%S}" if step < MINUTE else f"{one:%H:%M}"
        if step >= 360 * DAY:
            label = f"{one:%Y}"
        elif step >= 30 * DAY:
            label = f"{one:%b %Y}" if before is None or before.year != one.year else f"{one:%b}"
        elif step >= DAY:
            label = f"{day} {one.year}" if before is None or before.year != one.year else day
        elif before is None or before.date() != one.date():
            label = day if one.hour == one.minute == one.second == 0 else f"{day}, {hour}"
        else:
            label = hour
        found.append((one, label))
        before = one
    return found
