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

from sqlalchemy import Connection, func, select

SETTLED = select(func.claimdesk_settled())


def settled(connection: Connection) -> int | None:
    """The number up to which the record is settled; None where all of it always is.

    Rows must be read by a later statement, which sees what was committed until then: a single
    snapshot for both (REPEATABLE READ) would be older than what this finds.
    """
    if connection.dialect.name == "sqlite":
        return None
    highest: int = connection.execute(SETTLED).scalar_one()
    return highest
