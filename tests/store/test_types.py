"""Instants are aware UTC, to the microsecond, and sort as text as they do in time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Dialect, make_url, select
from sqlalchemy.exc import StatementError

from service.store.engine import Database
from service.store.tables import stories
from service.store.types import Instant

SQLITE, POSTGRESQL = (make_url(f"{name}://").get_dialect()() for name in ("sqlite", "postgresql"))
INSTANT = Instant()
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# A day from either end of the calendar: what lies beyond has no UTC.
instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=offsets)  # noqa: DTZ001


@given(instants)
def test_instant_survives_sqlite_unchanged(moment: datetime) -> None:
    """Aware, in UTC, to the microsecond, whatever its offset and year."""
    stored_text = INSTANT.process_bind_param(moment, SQLITE)
    assert len(stored_text) == 27
    back = INSTANT.process_result_value(stored_text, SQLITE)
    assert back == moment
    assert back.utcoffset() == timedelta(0)


@given(instants, instants)
def test_stored_instants_sort_as_text(earlier: datetime, later: datetime) -> None:
    """SQLite compares text: an earlier instant is less."""
    first, second = (INSTANT.process_bind_param(moment, SQLITE) for moment in (earlier, later))
    assert (first < second) == (earlier < later)
    assert (first == second) == (earlier == later)


@given(instants)
def test_postgresql_instants_are_utc(moment: datetime) -> None:
    """Whatever the time zone of a server or a session."""
    bound_value = INSTANT.process_bind_param(moment, POSTGRESQL)
    assert bound_value == moment
    assert bound_value.utcoffset() == timedelta(0)
    back = INSTANT.process_result_value(moment, POSTGRESQL)
    assert back is not None
    assert (back, back.utcoffset()) == (moment, timedelta(0))


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=["sqlite", "postgresql"])
def test_naive_datetime_is_refused(dialect: Dialect) -> None:
    """It does not say which instant it means."""
    with pytest.raises(ValueError, match="naive"):
        INSTANT.process_bind_param(datetime(2023, 10, 2), dialect)  # noqa: DTZ001
    assert INSTANT.process_bind_param(None, dialect) is None
    assert INSTANT.process_result_value(None, dialect) is None


MOMENTS = [
    datetime(1900, 1, 1, tzinfo=UTC),
    datetime(2023, 10, 1, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2023, 10, 2, 1, 0, tzinfo=timezone(timedelta(hours=1, microseconds=0))),
    datetime(2023, 10, 2, 0, 0, 0, 1, tzinfo=UTC),
    datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]


async def test_instants_compare_alike_on_both_databases(database: Database) -> None:
    """The same value, the same order and the same comparisons on both."""

    def store(connection: Connection, rows: list[dict[str, object]]) -> None:
        connection.execute(stories.insert(), rows)

    rows = [
        {"slug": f"s{i}", "title": "x", "created_at": moment, "updated_at": moment}
        for i, moment in enumerate(reversed(MOMENTS))
    ]
    await database.write(store, rows)

    def ask(connection: Connection) -> tuple[list[datetime], list[datetime]]:
        column = stories.c.created_at
        ordered_instants = connection.scalars(select(column).order_by(column)).all()
        later = connection.scalars(select(column).where(column > MOMENTS[2]).order_by(column)).all()
        return list(ordered_instants), list(later)

    ordered_instants, later = await database.read(ask)
    assert ordered_instants == MOMENTS
    assert {moment.utcoffset() for moment in ordered_instants} == {timedelta(0)}
    assert later == MOMENTS[3:]
    naive = rows[0] | {"slug": "naive", "created_at": datetime(2023, 10, 2)}  # noqa: DTZ001
    with pytest.raises(StatementError, match="naive"):
        await database.write(store, [naive])
