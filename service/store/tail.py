"""Reading the record by number without missing an event.

PostgreSQL hands out `events.seq` when a row is inserted and shows the row when its transaction
commits, so a reader that has seen 7 may still have 6 to come.  A trigger (migrations/) therefore
notes in `horizon`, after `seq` was drawn, the first transaction number not yet given out.  Whoever
drew a lower `seq` had a lower transaction number by then.  So once every transaction below an
event's horizon has ended, no lower `seq` can appear any more: the event is settled.  A reader takes
events in order and stops before the first that is not.  SQLite has one writer: commits come in
order.
"""

from sqlalchemy import ColumnElement, Dialect, Integer, literal, literal_column

SETTLED = "(horizon <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint)::int"


def settled(dialect: Dialect) -> ColumnElement[int]:
    """A column: 1 where nothing with a lower number can still be committed, else 0."""
    if dialect.name == "sqlite":
        return literal(1)
    return literal_column(SETTLED, Integer)
