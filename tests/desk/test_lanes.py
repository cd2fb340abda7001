"""The chart of a story: where bars and ticks stand, and what the ticks say."""

from datetime import UTC, datetime, timedelta

import pytest

from service.desk.stories import lane_chart
from service.domain.claims import Lifecycle, Status
from service.stories.status_spans import Interval, Lane

NOON = datetime(2023, 10, 2, 12, 0, tzinfo=UTC)


def build_lane(*turns: tuple[Status, float], merged: float | None = None) -> Lane:
    """Statuses, each from so many hours after noon on."""
    at = [NOON + timedelta(hours=hours) for _, hours in turns]
    closing = None if merged is None else NOON + timedelta(hours=merged)
    ends = [*at[1:], closing]
    return Lane(
        tuple(Interval(turn[0], at[n], ends[n]) for n, turn in enumerate(turns)),
        Lifecycle.ACTIVE if merged is None else Lifecycle.MERGED,
        closing,
    )


def test_bars_stand_where_their_times_are() -> None:
    """In proportion to the time from the first claim to now; what holds still goes on beyond."""
    chart = lane_chart.draw_chart(
        {
            "a": build_lane((Status.ASSERTED, 0), (Status.DISPUTED, 5)),
            "b": build_lane((Status.ASSERTED, 2), merged=4),
        },
        until=NOON + timedelta(hours=10),
    )
    assert chart is not None
    assert [(item.status, item.at, item.width) for item in chart.bars["a"]] == [
        ("asserted", 0, 47),
        ("disputed", 47, 53),
    ]
    assert [(item.at, item.width) for item in chart.bars["b"]] == [(18.8, 18.8)]
    assert chart.bars["a"][-1].until is None
    assert (chart.closed["b"].lifecycle, chart.closed["b"].at) == ("merged", 37.6)
    assert chart.begin == "2023-10-02T12:00:00Z"


def test_no_label_overlaps_the_word_now() -> None:
    """A tick beside the word `now` keeps its line only."""
    chart = lane_chart.draw_chart(
        {"a": build_lane((Status.ASSERTED, 0))}, until=NOON + timedelta(hours=5.2)
    )
    assert chart is not None
    assert [tick.label for tick in chart.ticks] == [
        "2 Oct, 12:00",
        "13:00",
        "14:00",
        "15:00",
        "16:00",
        "",
    ]
    assert [tick.anchor for tick in chart.ticks][:2] == ["start", "middle"]


def test_story_without_lanes_has_no_chart() -> None:
    """Nothing is divided by no time at all."""
    assert lane_chart.draw_chart({}, until=NOON) is None
    assert lane_chart.draw_chart({"a": Lane((), Lifecycle.ACTIVE, None)}, until=NOON) is None
    chart = lane_chart.draw_chart({"a": build_lane((Status.ASSERTED, 0))}, until=NOON)
    assert chart is not None
    assert [(item.at, item.width) for item in chart.bars["a"]] == [(94, 6)]


@pytest.mark.parametrize(
    ("hours", "labels"),
    [
        (0.005, ["2 Oct, 12:00:00", "12:00:05", "12:00:10", "12:00:15"]),
        (0.25, ["2 Oct, 12:00", "12:05", "12:10", "12:15"]),
        (10, ["2 Oct, 12:00", "15:00", "18:00", "21:00"]),
        (40, ["2 Oct, 12:00", "3 Oct", "12:00", "4 Oct"]),
        (24 * 9, ["3 Oct 2023", "5 Oct", "7 Oct", "9 Oct", "11 Oct"]),
        (24 * 100, ["Nov 2023", "Dec", "Jan 2024"]),
        (24 * 365 * 5, ["2024", "2025", "2026", "2027", "2028"]),
        (24 * 365 * 150, ["2050", "2100", "2150"]),
    ],
)
def test_ticks_are_round_and_labels_repeat_nothing(hours: float, labels: list[str]) -> None:
    """Whole minutes, hours, days, months or years, never more than six, in order."""
    end = NOON + timedelta(hours=hours)
    ticks = lane_chart.label_ticks(lane_chart.choose_ticks(NOON, end))
    assert [label for _, label in ticks] == labels
    assert all(NOON <= moment <= end for moment, _ in ticks)


@pytest.mark.parametrize("minutes", [0.02, 0.3, 1, 7, 59, 400, 3_000, 40_000, 700_000, 9_000_000])
def test_chart_has_one_to_six_ticks(minutes: float) -> None:
    begin = NOON + timedelta(minutes=13, seconds=17)
    ticks, _ = lane_chart.choose_ticks(begin, begin + timedelta(minutes=minutes))
    assert 1 <= len(ticks) <= lane_chart.MOST_TICKS
    assert ticks == sorted(ticks)
