"""Statements for the hot path, which run on the bare driver."""

from sqlalchemy import SelectBase

from service.store.prepared import Prepared


class Lookup(Prepared):
    """A SELECT for the hot path.

    Its columns must be text or whole numbers: results come as the driver gives them.  `point`
    says that it reads a handful of rows by key, so that SQLite may answer on the event loop's
    own thread: that takes less time than handing it to another.
    """

    def __init__(self, statement: SelectBase, *, point: bool = False) -> None:
        super().__init__(statement)
        self.point = point
