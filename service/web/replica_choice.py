"""Where a request reads: the one place that sends some of them to a replica.

A replica answers what journalists and the public read, a little later than the primary.  The
primary answers

- everything but a GET, and every action that manages something;
- a caller who has written, until the replica has their last write.  The answer to a change carries
  the log's position after it, in a header and for browsers in a cookie, and the caller sends it
  back.  It is not signed: one that is made up leads to the primary, or to what everybody gets;
- whoever asks for it: `Cache-Control: no-cache`, as the desk's script does after an event;
- `as_of` an instant of which the replica may not know everything yet;
- the further pages of a list that began at the primary.

Without a replica all of this is one comparison.
"""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from starlette.requests import Request

from service.config import Settings
from service.domain.access import Action
from service.domain.errors import ClaimdeskError
from service.store.engine import Database
from service.store.paging import OF_REPLICA, Cursors
from service.store.reader import Reader
from service.store.replica import UNKNOWN_POSITION, Replica
from service.web.callers import is_secure, name_cookie
from service.web.request_context import RequestContext

HEADER = "claimdesk-position"
COOKIE = "claimdesk_position"
MAY_BE_BEHIND = frozenset({Action.READ_CLAIMS, Action.READ_RECORDS, Action.READ_INTERNALS})
"""What a replica answers."""
CURSORS = ("cursor", "claims", "events")
"""Parameters that are cursors; the last two on the page of a story."""
INSTANTS = ("as_of", "at")
LONGEST_CHANGE = timedelta(minutes=1)
"""What is recorded at an instant is committed by so much later."""
LONGEST_POSITION = 16


def choose_reader(
    request: Request,
    database: Database,
    settings: Settings,
    action: Action | None,
    *,
    now: datetime,
) -> Reader:
    """Choose where a request reads, for all that it reads."""
    replica = database.replica
    if replica is None or action not in MAY_BE_BEHIND or request.method != "GET":
        return database
    if not replica.is_used or _asks_for_primary(request, replica, settings, now):
        return database
    replica.requests += 1
    return replica


def choose_cursors(reader: Reader, cursors: Cursors) -> Cursors:
    """Return what writes the cursors of lists that are read there."""
    if isinstance(reader, Replica) and reader.is_steady:
        return replace(cursors, mark=OF_REPLICA)
    return cursors


def _asks_for_primary(
    request: Request, replica: Replica, settings: Settings, now: datetime
) -> bool:
    headers = request.headers
    positions = [headers.get(HEADER)]
    if "cookie" in headers:
        positions.append(request.cookies.get(name_cookie(settings, COOKIE)))
    if not all(replica.has_replayed(_parse_position(text)) for text in positions if text):
        return True
    if "no-cache" in headers.get("cache-control", ""):
        return True
    if not request.scope["query_string"]:
        return False
    query = request.query_params
    settled_at = now - timedelta(seconds=replica.most_seconds) - LONGEST_CHANGE
    return any(
        (name in CURSORS and value != "" and not value.startswith(OF_REPLICA))
        or (name in INSTANTS and value != "" and not _is_before(value, settled_at))
        for name, value in query.multi_items()
    )


def _parse_position(text: str) -> int:
    """Parse a position; 0, which everybody has come to, for what is none."""
    try:
        return int(text, 16) if len(text) <= LONGEST_POSITION else 0
    except ValueError:
        return 0


def _is_before(text: str, moment: datetime) -> bool:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return False
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)) < moment


class PositionHeaders:
    """Tells callers with the answer to a change from which position on a replica has it; also with
    one that refuses it: they read next what it was refused by."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._cookie = name_cookie(settings, COOKIE)
        # A replica that is used has everything that is older.
        self._seconds = math.ceil(settings.database_read_lag_seconds) + 5
        self._secure = "; Secure" if is_secure(settings) else ""

    async def build(self, context: RequestContext) -> list[tuple[bytes, bytes]]:
        """Build the headers of an answer to this request, which is not a GET."""
        credential = context.credential
        if self._database.replica is None or credential is None:
            return []
        try:
            position = await self._database.read_position()
        except ClaimdeskError:
            # The change may be recorded all the same: let its caller read from the primary.
            position = UNKNOWN_POSITION
        headers = [(HEADER.encode(), b"%x" % position)]
        if credential.key is None:
            cookie = (
                f"{self._cookie}={position:x}; Max-Age={self._seconds}; Path=/; HttpOnly; "
                f"SameSite=Lax{self._secure}"
            )
            headers.append((b"set-cookie", cookie.encode()))
        return headers
