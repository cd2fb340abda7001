"""Reads the record by number without missing an event.

PostgreSQL hands out `events.seq` when a row is inserted and shows the row when its transaction
commits, so a reader that has seen 7 may still have 6 to come.  Transaction ids cannot tell: a
snapshot knows which have ended, not which were given out, and a restored dump brings ids of another
server.  So a transaction that draws a number first takes a shared advisory lock, held to its end,
whose key says which number came next at that moment (`claimdesk_next_event`, migrations/).  The
reader notes the last number drawn, then looks for such locks.  Below the lowest of them, and up to
the number noted, every number is committed or never will be (`claimdesk_settled`).

The lock's key is the number above the lowest bigint: Claimdesk's other advisory locks are positive.
SQLite has one writer: commits come in order.  A replica has no locks: there it is known what was
settled on the primary before all that the replica has replayed (store/replica.py).
"""

from sqlalchemy import Connection, Select, func, select

from service.store.reader import find_settled
from service.store.tables import events

NEWEST_OF_ALL: Select[int] = select(func.coalesce(func.max(events.c.seq), 0))
NEWEST = NEWEST_OF_ALL.where(events.c.claim.is_not(None))
"""Readers get the events of claims only, and go on from their numbers."""
SETTLED = select(func.claimdesk_settled()).scalar_subquery()
"""In a subquery it is called once, and not for every row."""


def newest(connection: Connection) -> int:
    """Return the number of the newest settled event of a claim; 0 if there is none.

    It is the number of an event, not one that was drawn and rolled back: after a crash PostgreSQL
    may give such a number out again, and a reader who goes on from it would miss that event.

    Read the rows in a later statement, which sees what was committed until then.  A single snapshot
    for both (REPEATABLE READ) would be too old.
    """
    query = NEWEST
    settled_seq = find_settled(connection)
    if settled_seq is not None:
        query = query.where(events.c.seq <= settled_seq)
    elif connection.dialect.name != "sqlite":
        query = query.where(events.c.seq <= SETTLED)
    return connection.execute(query).scalar_one()
