"""Several writes in one round trip.

PostgreSQL runs the parts of a WITH together on one snapshot: each sees the tables as they were
before all of them.  SQLite has no writes in WITH, and no round trips to save: there they run one
after the other.  Statements must therefore mean the same both ways, which holds where a row is
read by one only before another changes it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Delete,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    literal,
    select,
)

from service.store.prepared import Prepared


class Together:
    """Statements to run as one; their bound parameters carry names of their own."""

    def __init__(self, *statements: Insert | Update | Delete) -> None:
        whole: Select[Any] = select(literal(1))
        for position, one in enumerate(statements):
            whole = whole.add_cte(one.cte(f"step_{position}"))
        self.whole = Prepared(whole)
        self.each = [Prepared(one) for one in statements]

    def run(self, connection: Connection, parameters: dict[str, Any]) -> None:
        together = connection.dialect.name == "postgresql"
        for prepared in (self.whole,) if together else self.each:
            prepared.run(connection, parameters)


def bound(table: Table, columns: Sequence[str], prefix: str) -> dict[str, BindParameter[Any]]:
    """Values for a row of `table`: parameters named `<prefix>_<column>`."""
    return {name: bindparam(f"{prefix}_{name}", type_=table.c[name].type) for name in columns}
