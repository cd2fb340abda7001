"""What a changing transaction carries beside its SQL: one typed object, as a request carries one.

`Database` makes it anew for every attempt of a command, so that nothing of a transaction that was
rolled back is left (docs/decisions/0027-what-a-transaction-carries.md).
"""

from dataclasses import dataclass

from sqlalchemy import Connection

KEY = "claimdesk.transaction"


@dataclass(slots=True)
class TransactionContext:
    """The surroundings of one transaction."""

    base_url: str
    """Where this service is, for the addresses in what is written for receivers."""
    notifies: bool = False
    """Whether somebody has something to look for once it is committed."""


def begin_context(connection: Connection, base_url: str) -> TransactionContext:
    """Give the transaction on this connection a context of its own."""
    context = TransactionContext(base_url)
    connection.info[KEY] = context
    return context


def context_of(connection: Connection) -> TransactionContext:
    """Return the context of the transaction on this connection, which `Database` began."""
    context = connection.info[KEY]
    assert isinstance(context, TransactionContext)
    return context
