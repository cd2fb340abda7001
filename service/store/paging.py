"""Keyset cursors: opaque, versioned, signed, bound to their list, and good for a day (in feeds,
which readers keep, for ever).

A cursor holds the sort keys of the last row seen, so the thousandth page costs what the first
does, and rows that come in meanwhile shift nothing.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from service.domain.claims import format_instant
from service.domain.errors import EpochEnded, ExpiredCursor, InvalidCursor

VERSION = 1
LATER_EPOCHS = 2
"""The version of cursors that name their epoch."""
LIFETIME = timedelta(hours=24)
MAC_BYTES = 16
BY_END = " by the end of what is known"
"""Ends the scope of a list in the order of the ends of days and hours.  Before schema 0018 it was
in that of bare instants, and a cursor of that order would skip rows."""
DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Cursors:
    """Makes and reads cursors with this installation's key."""

    key: bytes
    epoch: str = ""
    """Of the record (domain/positions.py): a cursor of another leads nowhere."""

    def write(self, scope: str, keys: Sequence[Any], *, now: datetime | None) -> str:
        """A cursor for the list `scope` after the row with these sort keys.

        With `now` None it is good for ever, and the same whenever it is made.
        """
        issued = None if now is None else int(now.timestamp())
        made_in = [self.epoch] if self.epoch else []
        version = LATER_EPOCHS if self.epoch else VERSION
        body = orjson.dumps([version, issued, _short(scope), *made_in, *map(plain_key, keys)])
        return urlsafe_b64encode(self._mac(body) + body).rstrip(b"=").decode()

    def read(self, cursor: str, scope: str, *, now: datetime) -> list[Any]:
        """The sort keys in `cursor`.

        Raises InvalidCursor where it was not made for this very list, ExpiredCursor after a day,
        EpochEnded where the record was replaced since.
        """
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError) as error:
            raise _invalid() from error
        mac, body = raw[:MAC_BYTES], raw[MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise _invalid()
        keys: list[Any]
        version, issued, made_for, *keys = orjson.loads(body)
        made_in = str(keys.pop(0)) if version == LATER_EPOCHS and keys else ""
        if version not in (VERSION, LATER_EPOCHS):
            raise _invalid()
        if made_for != _short(scope):
            if scope.endswith(BY_END) and made_for == _short(scope.removesuffix(BY_END)):
                raise ExpiredCursor(
                    "This list has another order since this cursor was made: start from the first "
                    "page again.",
                    loc=("query", "cursor"),
                )
            raise _invalid()
        if made_in != self.epoch:
            raise EpochEnded(
                "This desk was restored from a backup since this cursor was made: start from the "
                "first page again.",
                epoch=self.epoch or None,
            )
        if issued is not None and now.timestamp() - issued > LIFETIME.total_seconds():
            raise ExpiredCursor(
                "This cursor is over a day old: start from the first page again.",
                loc=("query", "cursor"),
            )
        return keys

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self.key, body, sha256)[:MAC_BYTES]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for."""

    limit: int
    after: list[Any] | None
    """The sort keys after which it begins, or None for the first page."""


def cut(
    rows: Sequence[Any], window: Window, keys: Callable[[Any], Sequence[Any]]
) -> tuple[Sequence[Any], Sequence[Any] | None]:
    """The page within `rows`, of which one more than the limit was read, and the sort keys of its
    last row where another page follows."""
    if len(rows) <= window.limit:
        return rows, None
    page = rows[: window.limit]
    return page, keys(page[-1])


def plain_key(value: Any) -> Any:
    """A sort key as JSON, whatever the driver made of it."""
    if isinstance(value, datetime):
        return format_instant(value)
    return str(value) if isinstance(value, UUID) else value


def _short(scope: str) -> str:
    return sha256(scope.encode()).hexdigest()[:16]


def _invalid() -> InvalidCursor:
    return InvalidCursor(
        "Take cursors as they come from next_cursor, with the same filters and sort.",
        loc=("query", "cursor"),
    )
