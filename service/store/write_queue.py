"""The queue of changes to an embedded database.

A commit waits for the disk, longer than a change takes to make.  So changes that wait in line share
a transaction: the first is made in it, each of the others in a savepoint, one COMMIT makes all of
them durable, and each is answered after that.  A change that fails is rolled back alone.  If its
error ended the whole transaction, each of the changes is made again by itself.  If the commit
fails, that is the answer to all of them.

A savepoint is for small changes: SQLite keeps what each statement of it overwrites until it ends,
so that one of a thousand claims takes ten times as long.  A change that turns out to be large is
rolled back, and made first in the next transaction.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Work = Callable[[Connection], Any]

GROUP_SECONDS = 0.05
"""How long changes join a transaction whose first change waits for them."""
SAVEPOINT_STATEMENTS = 300
"""How many statements a change has within a savepoint; a change of one claim has some thirty."""


class _ChangeTooLarge(Exception):
    """A change has more statements than a savepoint is for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change: what it returned, or the error that rolled it back."""

    result: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change that waits, and the future of whoever waits for its outcome."""

    work: Work
    future: asyncio.Future[Any]

    def answer(self, outcome: Outcome) -> None:
        if self.future.cancelled():
            return  # whoever waited has gone; what is committed stays
        if outcome.error is None:
            self.future.set_result(outcome.result)
        else:
            self.future.set_exception(outcome.error)


class WriteQueue:
    """Makes changes in `thread`, in their order, by `transact(work)`: which runs `work` in a
    transaction, commits it and returns its result, or rolls it back and raises."""

    def __init__(
        self, thread: ThreadPoolExecutor, transact: Callable[[Callable[[Connection], Any]], Any]
    ) -> None:
        self._thread = thread
        self._transact = transact
        self._waiting: deque[Change] = deque()
        self._statements_left: int | None = None
        """Of the change that is made in a savepoint; None where one is made in no savepoint."""

    def count_statement(self, *_: Any) -> None:
        """Count a statement of the change that is being made; called before each."""
        if self._statements_left is not None:
            self._statements_left -= 1
            if self._statements_left < 0:
                raise _ChangeTooLarge

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Make a change, and return once it is durable.  Raises what it, or its commit, raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append(Change(work, future))
        self._thread.submit(self._make_waiting_changes, loop)
        return await future

    def _make_waiting_changes(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make what waits.  Each change asks for this; most find that it was made with others."""
        if not self._waiting:
            return
        changes = [self._waiting.popleft()]
        outcomes: list[Outcome] = []
        try:
            self._transact(lambda connection: self._make_group(connection, changes, outcomes))
        except Exception as error:
            # Handed to whoever waits for it.
            if len(outcomes) < len(changes) > 1:
                outcomes = [self._make_alone(change) for change in changes]
            else:
                outcomes = [Outcome(error=error) for _ in changes]
        loop.call_soon_threadsafe(_answer_all, changes, outcomes)

    def _make_group(
        self, connection: Connection, changes: list[Change], outcomes: list[Outcome]
    ) -> None:
        """Make the first change, and those that wait by then: they are added to `changes`, and what
        became of each to `outcomes`."""
        began = time.monotonic()
        outcomes.append(Outcome(changes[0].work(connection)))
        while self._waiting and time.monotonic() - began < GROUP_SECONDS:
            changes.append(self._waiting.popleft())
            try:
                outcomes.append(self._make_in_savepoint(connection, changes[-1].work))
            except _ChangeTooLarge:
                # The call that it asked for when it was added is yet to come, and makes it first.
                self._waiting.appendleft(changes.pop())
                break

    def _make_in_savepoint(self, connection: Connection, work: Work) -> Outcome:
        """Make a change in a savepoint.  Raises _ChangeTooLarge, with nothing of it left."""
        connection.exec_driver_sql("SAVEPOINT one_change")
        error: Exception | None = None
        result = None
        self._statements_left = SAVEPOINT_STATEMENTS
        try:
            result = work(connection)
        except Exception as raised:
            error = raised
        self._statements_left = None
        if error is not None:
            # Fails where the error ended the whole transaction: then so does the group.
            connection.exec_driver_sql("ROLLBACK TO one_change")
        connection.exec_driver_sql("RELEASE one_change")
        if isinstance(error, _ChangeTooLarge):
            raise error
        return Outcome(result, error)

    def _make_alone(self, change: Change) -> Outcome:
        try:
            return Outcome(self._transact(change.work))
        except Exception as error:
            return Outcome(error=error)


def _answer_all(changes: list[Change], outcomes: list[Outcome]) -> None:
    for change, outcome in zip(changes, outcomes, strict=True):
        change.answer(outcome)
