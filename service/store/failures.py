"""Translates errors of the databases into problems that say what is wrong and what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.domain.errors import (
    DatabaseDamaged,
    DatabaseFull,
    DatabaseReadOnly,
    Unavailable,
)

RETRIED = {"40001", "40P01"}
"""Serialization failure and deadlock: PostgreSQL asks for the transaction again."""
OVERTAKEN = "23505"
"""A key that another transaction took first, after this one had looked for it: made again, a
command sees what is there and says so."""
TRANSIENT = ("08", "53", "57P", "55P03", "57014", "25P03", "25006")
"""How PostgreSQL's codes of transient failures begin (its appendix A): a broken connection; no
connection, memory or disk left; a server that stops or starts; a lock or a statement that took too
long; an idle transaction; a server that takes no writes, as after a failover."""
UNKNOWN = (
    "The database cannot be reached or is busy. Whether the change was recorded is not known: send "
    "it again with the same Idempotency-Key."
)
FULL = (
    "The database has no room left ({reason}), so nothing was changed. Make room where it lies, "
    "then try again."
)
READ_ONLY = (
    "The database takes no changes ({reason}), so nothing was changed. Let this account write to "
    "it, or have a primary answer at its address; nothing has to be restarted here."
)
NO_PRIMARY = (
    "No server at the database's address takes changes: what answers is a standby. Nothing has to "
    "be done here once there is a primary; send it again then."
)
NO_STANDBY = "No server at the replica's address is a standby."
DAMAGED = (
    "The database cannot be read as it should be ({reason}). Stop the server and run: claimdesk "
    "verify. If it finds a break, put a backup in its place: claimdesk restore FILE"
)
INPUT_OUTPUT = (
    "The disk under the database failed ({reason}). Whether the change was recorded is not known: "
    "look at the disk, then send it again with the same Idempotency-Key."
)
REFUSED_CODE = "CD001"
RELEASE_REFUSED = (
    "This database was upgraded by a newer Claimdesk, which this release must not write to: stop "
    "this process and start the newer release. Nothing was changed."
)
"""What the triggers of `releases.py` say to a process of an older release."""
SQLITE_BUSY, SQLITE_LOCKED, SQLITE_READONLY, SQLITE_IOERR = 5, 6, 8, 10
SQLITE_CORRUPT, SQLITE_FULL, SQLITE_CANTOPEN, SQLITE_NOTADB = 11, 13, 14, 26
"""SQLite's primary result codes (sqlite.org/rescode.html)."""
log = structlog.get_logger("database")


@contextmanager
def translate_errors(*, report: bool = False) -> Iterator[None]:
    """Raise a problem in place of what a driver raises when the database fails.

    With `report` the driver's own words are logged: the problem alone would not tell an operator
    which disk is full.
    """
    try:
        yield
    except (PoolTimeout, DBAPIError, sqlite3.Error, OSError, asyncpg.PostgresError) as error:
        problem = find_problem(error)
        if problem is None:
            raise
        if report:
            log_failure(error, problem)
        raise problem from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        # asyncpg raises InternalClientError if a connection breaks while it prepares a statement.
        problem = Unavailable(
            NO_PRIMARY
            if isinstance(error, asyncpg.TargetServerAttributeNotMatched)
            else f"The database cannot be reached: {error}."
        )
        if report:
            log_failure(error, problem)
        raise problem from error


def find_problem(error: BaseException) -> Unavailable | None:
    """Return the problem for an error of a driver or its pool; None for a fault of ours and for an
    error after which the transaction is tried again."""
    if isinstance(error, PoolTimeout):
        return Unavailable("The database is busy; try again in a moment.")
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return _find_sqlite_problem(cause)
    code = getattr(cause, "sqlstate", None) or ""
    if code in RETRIED:
        return None
    reason = _first_line(cause)
    if code == REFUSED_CODE:
        return Unavailable(RELEASE_REFUSED)
    if code == "53100":
        return DatabaseFull(FULL.format(reason=reason))
    if code == "25006":
        return DatabaseReadOnly(READ_ONLY.format(reason=reason))
    if code.startswith("XX00") and code != "XX000":
        return DatabaseDamaged(DAMAGED.format(reason=reason))
    if code == "58030":
        return Unavailable(INPUT_OUTPUT.format(reason=reason))
    if isinstance(error, DBAPIError):
        is_disconnected = (
            isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
        )
        return Unavailable(UNKNOWN) if is_disconnected or code.startswith(TRANSIENT) else None
    if isinstance(cause, asyncpg.PostgresError):
        transient = code.startswith(TRANSIENT)
        return Unavailable(f"The database does not answer: {reason}.") if transient else None
    return Unavailable(f"The database cannot be reached: {error}.")


def _find_sqlite_problem(error: sqlite3.Error) -> Unavailable | None:
    reason = _first_line(error)
    if isinstance(error, sqlite3.IntegrityError) and str(error) == RELEASE_REFUSED:
        return Unavailable(RELEASE_REFUSED)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == SQLITE_FULL:
        return DatabaseFull(FULL.format(reason=reason))
    if code == SQLITE_READONLY:
        return DatabaseReadOnly(READ_ONLY.format(reason=reason))
    if code in (SQLITE_CORRUPT, SQLITE_NOTADB):
        return DatabaseDamaged(DAMAGED.format(reason=reason))
    if code == SQLITE_IOERR:
        return Unavailable(INPUT_OUTPUT.format(reason=reason))
    if code in (SQLITE_BUSY, SQLITE_LOCKED):
        return Unavailable(
            "The database is busy: another process is writing to it. Nothing was changed; try "
            "again in a moment."
        )
    if code == SQLITE_CANTOPEN:
        return Unavailable(f"The database cannot be opened: {reason}.")
    return Unavailable(UNKNOWN) if isinstance(error, sqlite3.OperationalError) else None


def log_failure(error: BaseException, problem: Unavailable) -> None:
    """Log an error in the database's own words, with its code."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    # A busy database recovers by itself; the rest is for somebody to look at.
    write = log.warning if type(problem) is Unavailable else log.error
    write(
        "the database failed",
        error=f"{type(cause).__name__}: {cause}",
        code=code,
        problem=problem.slug,
    )


def _first_line(error: BaseException | None) -> str:
    return (str(error).splitlines() or ["no reason given"])[0].rstrip(".")
