"""Dates of which only the month or the year is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from service.domain.claims import Precision
from service.domain.instants import compute_end, normalize_instant
from service.domain.partial_dates import parse_partial_date

AUGUST = datetime(2020, 8, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "in August 2020",
        "August 2020",
        "In Aug. 2020",
        "aug, 2020",
        "2020-08",
        "2020-8",
        "08/2020",
        "8.2020",
        "2020 August",
    ],
)
def test_month_is_read_as_a_month(text: str) -> None:
    assert parse_partial_date(text) == (AUGUST, Precision.MONTH)


@pytest.mark.parametrize("text", ["2020", "in 2020", " 2020 "])
def test_year_is_read_as_a_year(text: str) -> None:
    assert parse_partial_date(text) == (datetime(2020, 1, 1, tzinfo=UTC), Precision.YEAR)


@pytest.mark.parametrize(
    "text",
    ["", "August", "2020-13", "0000", "2 August 2020", "Ma 2020", "2020-08-01", "Augustus 2020"],
)
def test_other_text_is_no_month_and_no_year(text: str) -> None:
    assert parse_partial_date(text) is None


@pytest.mark.parametrize(
    ("precision", "first", "end"),
    [
        (Precision.YEAR, datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)),
        (Precision.MONTH, AUGUST, datetime(2020, 9, 1, tzinfo=UTC)),
    ],
)
def test_month_and_year_begin_and_end_with_the_calendar(
    precision: Precision, first: datetime, end: datetime
) -> None:
    """As written: the last evening of August in Belgrade is not September, nor the first July."""
    for day in (1, 31):
        instant = datetime(2020, 8, day, 23, 30, tzinfo=timezone(timedelta(hours=-3)))
        assert normalize_instant(instant, precision) == first
    assert compute_end(first, precision) == end
    last = datetime(9999, 12, 1, tzinfo=UTC)
    assert compute_end(normalize_instant(last, precision), precision) > last


def test_leap_february_ends_with_its_29th() -> None:
    february = datetime(2020, 2, 1, tzinfo=UTC)
    assert compute_end(february, Precision.MONTH) - february == timedelta(days=29)
