"""Pages of lists, by keyset cursors.

A cursor holds the sort keys of the last row of a page, so the thousandth page costs what the first
does, and rows that come in meanwhile shift nothing.  It is opaque, versioned, signed and bound to
its list.  It is good for a day; in feeds, which readers keep, for ever.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Select, literal, tuple_

from service.domain.claims import format_instant
from service.domain.errors import EpochEnded, ExpiredCursor, InvalidCursor
from service.store.types import Instant

T = TypeVar("T")

VERSION = 1
VERSION_WITH_EPOCH = 2
LIFETIME = timedelta(hours=24)
MAC_BYTES = 16
OF_REPLICA = "r."
"""Begins the cursor of a list that may go on at a replica, because it began there.  Any other goes
on at the primary: an older state would show again what has moved up since."""
BY_END = " by the end of what is known"
"""Ends the scope of a list that is sorted by the ends of days and hours.  Before schema 0018 such
lists were sorted by bare instants, and a cursor of that order would skip rows."""
DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Cursors:
    """Writes and reads cursors with this installation's key."""

    key: bytes
    epoch: str = ""
    """The record's epoch (domain/positions.py): a cursor of another epoch is refused."""
    mark: str = ""
    """`OF_REPLICA` for cursors of pages that a replica answers."""

    def write(self, scope: str, keys: Sequence[Any], *, now: datetime | None) -> str:
        """Return a cursor of the list `scope` that continues after the row with these sort keys.

        With `now` None it never expires, and is the same whenever it is written.
        """
        issued_at = None if now is None else int(now.timestamp())
        epoch = [self.epoch] if self.epoch else []
        version = VERSION_WITH_EPOCH if self.epoch else VERSION
        body = orjson.dumps(
            [version, issued_at, _hash_scope(scope), *epoch, *map(serialize_key, keys)]
        )
        return self.mark + urlsafe_b64encode(self._mac(body) + body).rstrip(b"=").decode()

    def read(self, cursor: str, scope: str, *, now: datetime) -> list[Any]:
        """Return the sort keys in `cursor`.

        Raises InvalidCursor if it was not written for this list, ExpiredCursor after a day, and
        EpochEnded if the record was replaced since.
        """
        cursor = cursor.removeprefix(OF_REPLICA)
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError) as error:
            raise _build_invalid_cursor() from error
        mac, body = raw[:MAC_BYTES], raw[MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise _build_invalid_cursor()
        keys: list[Any]
        version, issued_at, scope_hash, *keys = orjson.loads(body)
        epoch = str(keys.pop(0)) if version == VERSION_WITH_EPOCH and keys else ""
        if version not in (VERSION, VERSION_WITH_EPOCH):
            raise _build_invalid_cursor()
        if scope_hash != _hash_scope(scope):
            if scope.endswith(BY_END) and scope_hash == _hash_scope(scope.removesuffix(BY_END)):
                raise ExpiredCursor(
                    "This list has another order since this cursor was made: start from the first "
                    "page again.",
                    loc=("query", "cursor"),
                )
            raise _build_invalid_cursor()
        if epoch != self.epoch:
            raise EpochEnded(
                "This desk was restored from a backup since this cursor was made: start from the "
                "first page again.",
                epoch=self.epoch or None,
            )
        if issued_at is not None and now.timestamp() - issued_at > LIFETIME.total_seconds():
            raise ExpiredCursor(
                "This cursor is over a day old: start from the first page again.",
                loc=("query", "cursor"),
            )
        return keys

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self.key, body, sha256)[:MAC_BYTES]


@dataclass(frozen=True, slots=True)
class Window:
    """Which page of a list is asked for."""

    limit: int
    after: list[Any] | None
    """The sort keys after which it begins; None for the first page."""


def select_page(
    query: Select[Any], window: Window, *order: ColumnElement[Any], newest_first: bool = False
) -> Select[Any]:
    """Put a query into the order of these columns, and read from the window's cursor on as many
    rows as it has, and one more."""
    if window.after is not None:
        last = [_bind_key(key, column) for key, column in zip(window.after, order, strict=True)]
        place, end = (order[0], last[0]) if len(order) == 1 else (tuple_(*order), tuple_(*last))
        query = query.where(place < end if newest_first else place > end)
    columns = [column.desc() for column in order] if newest_first else order
    return query.order_by(*columns).limit(window.limit + 1)


def _bind_key(key: Any, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a sort key, as a cursor has it, as a value of the column."""
    is_instant = isinstance(column.type, Instant)
    return literal(datetime.fromisoformat(key) if is_instant else key, column.type)


def cut_page(
    rows: Sequence[T], window: Window, keys: Callable[[T], Sequence[Any]]
) -> tuple[Sequence[T], Sequence[Any] | None]:
    """Return the page within `rows`, and the sort keys of its last row if another page follows.

    The query must have read one row more than the limit.
    """
    if len(rows) <= window.limit:
        return rows, None
    page = rows[: window.limit]
    return page, keys(page[-1])


def collect_rows(
    read_page: Callable[[Window], Sequence[T]], keys: Callable[[T], Sequence[Any]]
) -> list[T]:
    """Return all rows of a list, which is read page by page."""
    rows: list[T] = []
    after: list[Any] | None = None
    while True:
        window = Window(MAX_LIMIT, after)
        page, last = cut_page(read_page(window), window, keys)
        rows += page
        if last is None:
            return rows
        after = list(last)


def serialize_key(value: Any) -> Any:
    """Return a sort key as JSON, whatever the driver made of it."""
    if isinstance(value, datetime):
        return format_instant(value)
    return str(value) if isinstance(value, UUID) else value


def _hash_scope(scope: str) -> str:
    return sha256(scope.encode()).hexdigest()[:16]


def _build_invalid_cursor() -> InvalidCursor:
    return InvalidCursor(
        "Take cursors as they come from next_cursor, with the same filters and sort.",
        loc=("query", "cursor"),
    )
