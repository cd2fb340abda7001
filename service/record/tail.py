"""Reading the record by number without missing an event.

PostgreSQL hands out `events.seq` when a row is inserted and shows the row when its transaction
commits, so a reader that has seen 7 may still have 6 to come.  Transaction ids cannot tell: a
snapshot knows which have ended, not which were given out, and a restored dump brings ids of another
server.  So whoever draws a number first takes a shared advisory lock, held to the end of its
transaction, whose key says which number came next just then (`claimdesk_next_event`, migrations/).
The reader notes the last number drawn, then looks for such locks: below the lowest of them, and up
to the number noted, every number is committed or never will be (`claimdesk_settled`).

The lock's key is the number above the lowest bigint: Claimdesk's other advisory locks are positive.
SQLite has one writer: commits come in order.
"""

from sqlalchemy import Connection, Select, func, select

from service.store.tables import events

NEWEST_OF_ALL: Select[int] = select(func.coalesce(func.max(events.c.seq), 0))
NEWEST = NEWEST_OF_ALL.where(events.c.claim.is_not(None))
"""Only claims' events are told of, so theirs are the numbers that readers go on from."""
SETTLED = select(func.claimdesk_settled()).scalar_subquery()
"""In a subquery it is called once, not for every row."""


def newest(connection: Connection) -> int:
    """The number of the newest event of a claim in the settled part of the record; 0 where none is.

    It is an event's own number, not one that was drawn and rolled back: after a crash PostgreSQL
    may give such a number out again, and whoever had been told to go on from it would miss what
    gets it then.

    Rows must be read by a later statement, which sees what was committed until then: a single
    snapshot for both (REPEATABLE READ) would be older than what this finds.
    """
    query = NEWEST
    if connection.dialect.name != "sqlite":
        query = query.where(events.c.seq <= SETTLED)
    return connection.execute(query).scalar_one()
