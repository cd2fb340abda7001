"""A replica of PostgreSQL that answers reads, as long as it is known how far it is behind.

A watcher asks the primary for its position in the write-ahead log, and the replica how far it has
replayed, twice a second.  Once the replica has come to a position, it has everything that was
committed when the primary was asked: so it is known for each moment how old its state is at most,
without comparing clocks, and no request has to ask.  It is used

- while that is less than a bound, and
- for a caller who has written, once it has come to the position after their last write.

Everything else, and whatever fails on the replica, is read from the primary
(docs/decisions/0030-read-replicas.md).
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import asyncpg
import structlog
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.domain.errors import ClaimdeskError, Unavailable
from service.store.background_tasks import end_task
from service.store.compiled_statements import Lookup, Parameters, TypedLookup
from service.store.connector import Connector
from service.store.postgresql import PostgreSQLBackend
from service.store.reader import Reader, note_settled

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[Any, ...]

CHECK_SECONDS = 0.5
"""The watcher asks so often."""
ANSWER_SECONDS = 2.0
"""A replica that does not tell its position within this time is left."""
CAUTIOUS_SECONDS = 60.0
"""For so long after a read went on at the primary, lists that begin go on there too."""
UNKNOWN_POSITION = 2**63 - 1
"""No replica has come to it."""
POSITION = Lookup(select(text("(pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint")))
IDENTITY = Lookup(
    select(text("(SELECT system_identifier::text FROM pg_control_system())"), text("oid::bigint"))
    .select_from(text("pg_database"))
    .where(text("datname = current_database()"))
)
REPLAYED = "SELECT pg_is_in_recovery(), (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint"
PAGE, PAGE_HEADER = 8192, 24
"""Of the log, in bytes."""
FAILURES = (
    PoolTimeout,
    DBAPIError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    Unavailable,
)
"""What drivers and connectors raise; a fault of ours is raised again by the primary."""
FOREIGN = "What answers is no replica of this database."
SILENT = "It does not answer within {seconds:g} s."
PROMOTED = "It is a primary now."
log = structlog.get_logger("replica")


async def read_position(primary: Reader) -> int:
    """Return the position of the primary's log after everything that is committed by now."""
    [(position,)] = await primary.look_up(POSITION, {})
    # Where the last record ends with its page, the next one would begin behind the header of
    # another; a replica counts that header once there is a record.
    begins_page = position % PAGE == PAGE_HEADER
    return int(position) - (PAGE_HEADER if begins_page else 0)


async def _fetch_replayed(connection: Any) -> int:
    """Return the position that a replica has come to.  Raises Unavailable if it is none."""
    async with connection.transaction():  # a pooler keeps statements together by it
        in_recovery, replayed_position = await connection.fetchrow(REPLAYED)
    if not in_recovery:
        raise Unavailable(PROMOTED)
    return int(replayed_position)


class Mark(NamedTuple):
    """Where the primary was at a moment."""

    asked_at: float
    settled: int
    position: int


class Replica:
    """The standby that `build_connector` leads to; `start` it before use, `stop` it at the end.

    `read_settled` reads the number up to which the primary has every event of claims.
    """

    embedded = False

    def __init__(
        self,
        primary: Reader,
        build_connector: Callable[[], Connector],
        connections: int,
        *,
        most_seconds: float,
        read_settled: Callable[[Connection], int],
    ) -> None:
        self.most_seconds = most_seconds
        self.problem: str | None = "It was not asked yet."
        """Why it does not answer; None while it does."""
        self.requests = 0
        """How many requests were sent here."""
        self.fallbacks = 0
        """How many reads failed here, and went on at the primary."""
        self._primary = primary
        self._build_connector = build_connector
        self._connections = connections
        self._read_settled = read_settled
        self._backend: PostgreSQLBackend | None = None
        self._watch: Any = None
        self._marks: deque[Mark] = deque(maxlen=int(most_seconds / CHECK_SECONDS) + 2)
        self._complete: Mark | None = None
        self._newest_position = 0
        self._replayed = 0
        self._is_suspect = False
        self._fell_back_at = -CAUTIOUS_SECONDS
        self._was_used = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_watching())

    async def stop(self) -> None:
        await end_task(self._task)
        await self._disconnect()

    @property
    def settled(self) -> int:
        """The number up to which it has every event of claims."""
        return 0 if self._complete is None else self._complete.settled

    @property
    def seconds_behind(self) -> float | None:
        """How old its state is at most; None where that is not known."""
        return None if self._complete is None else time.monotonic() - self._complete.asked_at

    @property
    def bytes_behind(self) -> int | None:
        """How much of the log it had yet to replay when it was last asked."""
        if self._complete is None:
            return None
        return max(0, self._newest_position - self._replayed)

    @property
    def is_used(self) -> bool:
        """Whether it answers, and is not too far behind."""
        if self.problem is not None or self._is_suspect or self._complete is None:
            return False
        return time.monotonic() - self._complete.asked_at <= self.most_seconds

    @property
    def is_steady(self) -> bool:
        """Whether what was read lately was all read here."""
        return time.monotonic() - self._fell_back_at > CAUTIOUS_SECONDS

    def has_replayed(self, position: int) -> bool:
        """Whether it has what was committed when the primary was at `position`."""
        return position <= self._replayed

    async def read(
        self,
        query: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `query` here, or at the primary if that fails."""
        if self._backend is not None:
            last_settled = self.settled
            try:
                return await self._backend.run(
                    lambda connection: query(
                        note_settled(connection, last_settled), *args, **kwargs
                    ),
                    writing=False,
                )
            except FAILURES as error:
                self._note_failure(error)
        return await self._primary.read(query, *args, **kwargs)

    async def look_up(self, lookup: Lookup, parameters: Parameters) -> list[Row]:
        """Return the rows of a compiled statement, from the primary if that fails here."""
        if self._backend is not None:
            try:
                return await self._backend.look_up(lookup, parameters)
            except FAILURES as error:
                self._note_failure(error)
        return await self._primary.look_up(lookup, parameters)

    async def look_up_rows(self, lookup: TypedLookup[T], parameters: Parameters) -> list[T]:
        """Return the rows of a compiled statement, with the values of its columns' types."""
        backend = self._backend
        if backend is None:
            return await self._primary.look_up_rows(lookup, parameters)
        rows = await self.look_up(lookup, parameters)
        return lookup.read_rows(backend.dialect, rows)

    def _note_failure(self, error: BaseException) -> None:
        self.fallbacks += 1
        self._fell_back_at = time.monotonic()
        cause = getattr(error, "orig", error)
        code = getattr(cause, "sqlstate", None) or ""
        # A standby ends queries that stand in the way of its replay; that says nothing of others.
        if not code or code.startswith(("08", "53", "57P")):
            self._is_suspect = True

    async def _keep_watching(self) -> None:
        while True:
            try:
                await self._mark_primary()
                await self._ask()
                self._is_suspect = False
                self.problem = None
            except Exception as error:
                # Whatever it is, the primary answers until the replica does again.
                await self._leave(error)
            self._report()
            await asyncio.sleep(CHECK_SECONDS)

    async def _mark_primary(self) -> None:
        """Mark where the primary is.  If it does not answer, the marks grow old."""
        asked_at = time.monotonic()
        with contextlib.suppress(ClaimdeskError):
            last_settled = await self._primary.read(self._read_settled)
            # In a later statement: whatever is settled was committed before this position.
            position = await read_position(self._primary)
            self._marks.append(Mark(asked_at, last_settled, position))
            self._newest_position = position

    async def _ask(self) -> None:
        """Ask the replica how far it has replayed; connect to it first where that has ended."""
        if self._backend is None:
            await self._connect()
        asking = asyncio.create_task(_fetch_replayed(self._watch))
        asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Not cancelled: that would wait for the server too.
        await asyncio.wait({asking}, timeout=ANSWER_SECONDS)
        if not asking.done():
            raise Unavailable(SILENT.format(seconds=ANSWER_SECONDS))
        replayed_position = self._replayed = asking.result()
        while self._marks and self._marks[0].position <= replayed_position:
            self._complete = self._marks.popleft()

    async def _connect(self) -> None:
        backend = PostgreSQLBackend(self._build_connector(), self._connections)
        try:
            await backend.start()
            self._watch = await backend.connector.connect(name="claimdesk replica", read_only=True)
            identity = await backend.look_up(IDENTITY, {})
            if identity != await self._primary.look_up(IDENTITY, {}):
                raise Unavailable(FOREIGN)
        except BaseException:
            await backend.terminate()
            raise
        self._backend = backend

    async def _leave(self, error: Exception) -> None:
        self.problem = getattr(error, "detail", None) or repr(error)
        await self._disconnect()

    async def _disconnect(self) -> None:
        """End all connections: whoever waits for an answer goes on at the primary at once."""
        backend, self._backend = self._backend, None
        if backend is not None:
            await backend.terminate()

    def _report(self) -> None:
        if self.is_used != self._was_used:
            self._was_used = self.is_used
            if self._was_used:
                log.info("the replica answers reads")
            else:
                log.warning(
                    "the replica is not used",
                    reason=self.problem or "It is too far behind.",
                    seconds_behind=self.seconds_behind,
                )
