"""Record when a process could last write to this database."""

from datetime import datetime

from sqlalchemy import Connection

from service.domain.claims import format_instant
from service.store.installation import LAST_SEEN, write_value


def record_sign_of_life(connection: Connection, *, now: datetime) -> None:
    """Note that this database took a change at this instant.

    The readiness check does this, and the clock of a later start is compared with it.
    """
    write_value(connection, LAST_SEEN, format_instant(now))
