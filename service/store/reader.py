"""What a request reads from: the primary (`Database`), or a replica (`Replica`)."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

from service.store.compiled_statements import Lookup, Parameters, TypedLookup

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[Any, ...]
SETTLED = "claimdesk.settled"


class Reader(Protocol):
    """Runs queries that change nothing."""

    @property
    def embedded(self) -> bool:
        """Whether it is SQLite."""

    @property
    def settled(self) -> int | None:
        """The number up to which a replica has every event of claims; None: ask the database."""

    async def read(
        self,
        query: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `query` on a connection that cannot write."""

    async def look_up(self, lookup: Lookup, parameters: Parameters) -> list[Row]:
        """Return the rows of a compiled statement, as the driver gives them."""

    async def look_up_rows(self, lookup: TypedLookup[T], parameters: Parameters) -> list[T]:
        """Return the rows of a compiled statement, with the values of its columns' types."""


def note_settled(connection: Connection, number: int) -> Connection:
    """Note on a connection to a replica up to which number it has every event of claims: the locks
    that tell it (record/tail.py) are held on the primary alone."""
    connection.info[SETTLED] = number
    return connection


def find_settled(connection: Connection) -> int | None:
    """Return what `note_settled` noted; None on the primary."""
    last_settled: int | None = connection.info.get(SETTLED)
    return last_settled
