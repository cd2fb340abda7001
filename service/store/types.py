"""Column types that behave the same on both databases."""

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, String, Text, Uuid
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from service.domain.claims import format_instant
from service.domain.errors import DatabaseDamaged

UNREADABLE = (
    "{what} in the database cannot be read: {value!r:.60}. Which row it is, and what to do, says: "
    "claimdesk doctor"
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime.

    TIMESTAMPTZ on PostgreSQL.  SQLite has no such type and would return naive datetimes, so there
    it is text of fixed width, which sorts and compares as the instants do.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime was about to be stored")
        moment = value.astimezone(UTC)
        if dialect.name != "sqlite":
            return moment
        return (
            f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z" if moment.year > 999 else _format_early_year(moment)
        )

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return _read_instant(value)
        moment: datetime = value
        return moment.astimezone(UTC)


def _read_instant(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise DatabaseDamaged(UNREADABLE.format(what="An instant", value=value)) from error


def _format_early_year(moment: datetime) -> str:
    # strftime does not pad years below 1000 on every platform.
    return f"{moment.year:04d}{moment:-%m-%dT%H:%M:%S.%f}Z"


_DIGITS = re.compile("[0-9a-f]{32}")


class Identifier(Uuid[str]):
    """A UUID as text in Python.

    A value that is no UUID, because somebody wrote past Claimdesk, is read as it is: it leads
    nowhere, and one bad row must not hide the others.
    """

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        convert = super().result_processor(dialect, coltype)  # type: ignore[no-untyped-call]
        if convert is None:
            return None

        def read(value: Any) -> Any:
            # As the driver of SQLite has it, and without making a UUID of it: that takes longer.
            if type(value) is str and _DIGITS.fullmatch(value):
                return format_id(value)
            try:
                return convert(value)
            except (ValueError, AttributeError, TypeError) as error:
                if isinstance(value, str) and "-" not in value:
                    return value
                # Bound again it would be another value: a walk along the ids would not end.
                raise DatabaseDamaged(UNREADABLE.format(what="An id", value=value)) from error

        return read


Id = Identifier(as_uuid=False)
"""A UUID as text in Python."""

LongText = Text()

# SQLite numbers rows by itself only where the column is INTEGER.
Sequence = BigInteger().with_variant(Integer(), "sqlite")


def format_id(value: Any) -> str:
    """Return an id in its canonical spelling, from a UUID or its digits alone."""
    digits = str(value).replace("-", "")
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def format_optional_instant(moment: datetime | None) -> str | None:
    """Return a stored instant as RFC 3339 text."""
    return None if moment is None else format_instant(moment)
