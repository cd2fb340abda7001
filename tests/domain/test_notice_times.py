"""When notices go out, by somebody's own clock."""

from datetime import datetime, time

import pytest

from service.domain.notice_times import Timetable, find_departure
from service.domain.zones import find_zone

BELGRADE = Timetable("Europe/Belgrade", 8, time(22), time(6, 30))


@pytest.mark.parametrize(
    ("now", "departure", "is_gathered"),
    [
        ("2023-10-02T19:59:59Z", "2023-10-02T19:59:59Z", False),
        ("2023-10-02T20:00:00Z", "2023-10-03T04:30:00Z", True),
        ("2023-10-03T04:29:59Z", "2023-10-03T04:30:00Z", True),
        ("2023-10-03T04:30:00Z", "2023-10-03T04:30:00Z", False),
        # The night in which an hour is there twice.
        ("2023-10-28T23:30:00Z", "2023-10-29T05:30:00Z", True),
    ],
)
def test_nothing_goes_out_in_quiet_hours(now: str, departure: str, is_gathered: bool) -> None:
    next_departure = find_departure(BELGRADE, as_digest=False, now=datetime.fromisoformat(now))
    assert (next_departure.at, next_departure.is_gathered) == (
        datetime.fromisoformat(departure),
        is_gathered,
    )


@pytest.mark.parametrize(
    ("now", "departure"),
    [
        ("2023-10-02T05:59:59Z", "2023-10-02T06:00:00Z"),
        ("2023-10-02T06:00:00Z", "2023-10-03T06:00:00Z"),
        ("2023-10-28T12:00:00Z", "2023-10-29T07:00:00Z"),
        ("2024-03-30T12:00:00Z", "2024-03-31T06:00:00Z"),
    ],
)
def test_digest_goes_out_at_its_hour_whatever_the_season(now: str, departure: str) -> None:
    next_departure = find_departure(BELGRADE, as_digest=True, now=datetime.fromisoformat(now))
    assert (next_departure.at, next_departure.is_gathered) == (
        datetime.fromisoformat(departure),
        True,
    )


def test_quiet_hours_within_a_day_do_not_go_past_midnight() -> None:
    timetable = Timetable("UTC", 8, time(12), time(14))
    for hour, is_gathered in ((11, False), (12, True), (13, True), (14, False), (23, False)):
        now = datetime.fromisoformat(f"2023-10-02T{hour}:00:00Z")
        assert find_departure(timetable, as_digest=False, now=now).is_gathered is is_gathered


@pytest.mark.parametrize("name", ["Europe/Belgarde", "../etc/passwd", "/etc/passwd", "", "a\x00b"])
def test_other_names_are_no_time_zones(name: str) -> None:
    assert find_zone("Europe/Belgrade")
    assert not find_zone(name)
