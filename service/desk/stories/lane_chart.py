"""The chart of a story: a lane for each claim, where its statuses begin and end, and the axis.

Places are percentages of the width: so the chart fits any window, and its words keep their size.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from service.domain.claims import Lifecycle, format_instant
from service.stories.status_spans import Interval, Lane

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
class Closing:
    """How and when a claim was closed."""

    lifecycle: str
    at: float
    instant: str


@dataclass(frozen=True, slots=True)
class Chart:
    begin: str
    end: str
    ticks: tuple[Tick, ...]
    bars: Mapping[str, tuple[Bar, ...]]
    """By claim, in order of time."""
    closed: Mapping[str, Closing]
    """By claim: those that were merged or withdrawn."""
    present: float = PRESENT


def draw_chart(lanes: Mapping[str, Lane], *, until: datetime) -> Chart | None:
    """Draw the lanes from the first of their instants to `until`; None if nothing is to draw."""
    begins = [lane.intervals[0].since for lane in lanes.values() if lane.intervals]
    if not begins:
        return None
    begin, end = min(begins), max(until, *begins)
    if end - begin < timedelta(seconds=1):
        begin = end - timedelta(seconds=1)
    whole = (end - begin).total_seconds()

    def place(moment: datetime) -> float:
        return round(PRESENT * (moment - begin).total_seconds() / whole, 3)

    def draw_bar(interval: Interval) -> Bar:
        begin, until = place(interval.since), interval.until
        return Bar(
            interval.status.value,
            begin,
            round((place(until) if until else 100) - begin, 3),
            format_instant(interval.since),
            format_instant(until) if until else None,
        )

    bars = {claim: tuple(map(draw_bar, lane.intervals)) for claim, lane in lanes.items()}
    closed_lanes = {
        claim: Closing(lane.lifecycle.value, place(lane.closed_at), format_instant(lane.closed_at))
        for claim, lane in lanes.items()
        if lane.closed_at is not None and lane.lifecycle is not Lifecycle.ACTIVE
    }
    ticks = tuple(
        Tick(
            place(instant),
            label if place(instant) < PRESENT - CROWDED else "",
            "start" if place(instant) < EDGE else "middle",
        )
        for instant, label in label_ticks(choose_ticks(begin, end))
    )
    return Chart(format_instant(begin), format_instant(end), ticks, bars, closed_lanes)


def choose_ticks(begin: datetime, end: datetime) -> tuple[list[datetime], int]:
    """Choose round instants of UTC between two; also return the seconds from one to the next.

    A month counts as thirty days, a year as twelve of those.
    """
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
        ticks = list(_list_first_days(begin, end, months))
        if len(ticks) <= MOST_TICKS:
            break
    return ticks, months * 30 * DAY


def _list_first_days(begin: datetime, end: datetime, months: int) -> Iterator[datetime]:
    number = -(-(begin.year * 12 + begin.month - 1) // months) * months
    while True:
        year, month = divmod(number, 12)
        moment = datetime(year, month + 1, 1, tzinfo=UTC)
        if moment > end:
            return
        if moment >= begin:
            yield moment
        number += months


def label_ticks(ticks_and_step: tuple[list[datetime], int]) -> list[tuple[datetime, str]]:
    """Label each tick with what of its date the label before it does not say."""
    ticks, step = ticks_and_step
    labels = []
    before: datetime | None = None
    for tick in ticks:
        day, hour = (
            f"{tick.day} {tick:%b}",
            f"{tick:%H:%M:%S}" if step < MINUTE else f"{tick:%H:%M}",
        )
        if step >= 360 * DAY:
            label = f"{tick:%Y}"
        elif step >= 30 * DAY:
            label = f"{tick:%b %Y}" if before is None or before.year != tick.year else f"{tick:%b}"
        elif step >= DAY:
            label = f"{day} {tick.year}" if before is None or before.year != tick.year else day
        elif before is None or before.date() != tick.date():
            label = day if tick.hour == tick.minute == tick.second == 0 else f"{day}, {hour}"
        else:
            label = hour
        labels.append((tick, label))
        before = tick
    return labels
