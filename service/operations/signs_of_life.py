"""The sign that a process could write to this database, and when."""

from datetime import datetime

from sqlalchemy import Connection

from service.domain.claims import format_instant
from service.store.installation import LAST_SEEN, write_value


def record_sign_of_life(connection: Connection, *, now: datetime) -> None:
    """Write down that this database took a change at this instant.

    It is what readiness tries, and what the clock of a later start is compared with.
    """
    write_value(connection, LAST_SEEN, format_instant(now))
