"""The sign that a process could write to this database, and when."""

from datetime import datetime

from sqlalchemy import Connection, insert, update

from service.domain.claims import rfc3339
from service.store.tables import installation

LAST_SEEN = "last_seen"


def record_sign_of_life(connection: Connection, *, now: datetime) -> None:
    """Write down that this database took a change at this instant.

    It is what readiness tries, and what the clock of a later start is compared with.
    """
    row = {"name": LAST_SEEN, "value": rfc3339(now)}
    changed = connection.execute(
        update(installation).where(installation.c.name == LAST_SEEN).values(row)
    ).rowcount
    if not changed:
        connection.execute(insert(installation).values(row))
