"""Applies a rename to the claims that show the name, a batch at a time.

Few claims change at once, in the transaction of the rename.  If many claims show the name, the
party's own record changes at once, and its claims follow in transactions of their own, so that no
other writer waits for more than one batch (docs/decisions/0022-renames-in-batches.md).
"""

import time
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from service.claims import claim_writer, rename_queue
from service.claims.rename_queue import Rename
from service.domain.access import Actor
from service.domain.history import Draft
from service.domain.subjects import Subject
from service.search.index import index_writer
from service.store import wakeups
from service.store.tables import statements

BATCH = 100
"""Claims, or statements, of one transaction, at most."""
BATCH_SECONDS = 0.05
"""A batch that has taken so long ends with the claim that it is at: on SQLite nobody else writes
meanwhile, and elsewhere nobody changes these claims."""


def begin_rename(
    connection: Connection,
    subject: Subject,
    draft: Draft | None,
    showing: Any,
    *,
    actor: Actor,
    now: datetime,
) -> datetime:
    """Record a change on the claims that `shown` selects: at once if they are few.

    Without a `draft` they are only indexed again.  Returns the instant of the change: `now`, or the
    last instant at which one of few claims changed if the clock went back.
    """
    rename, count = rename_queue.add_rename(
        connection, subject, draft, showing, actor=actor, now=now
    )
    statement_ids = (
        select(statements.c.id)
        .where(rename_queue.build_statement_condition(rename))
        .limit(BATCH + 1)
    )
    few = connection.execute(
        select(func.count()).select_from(statement_ids.subquery())
    ).scalar_one()
    if count > BATCH or few > BATCH:
        wakeups.notify_after_commit(connection)
        return now
    claim_ids = rename_queue.list_claims(connection, rename, most=BATCH)
    now = claim_writer.lock_claims(connection, claim_ids, now=now)
    for claim_id in claim_ids:
        claim_writer.load_claim(connection, claim_id, now=now)
    index_writer.reindex_statements(connection, rename_queue.build_statement_condition(rename))
    rename_queue.end_rename(connection, rename)
    return now


def continue_rename(connection: Connection, *, now: datetime, most: int = BATCH) -> int:
    """Apply the first rename under way to its next claims, then to its next statements.

    Returns how many those were; 0 if there is nothing to do, or another server does it.
    """
    rename = rename_queue.lease_rename(connection)
    if rename is None:
        return 0
    claims = rename_queue.list_claims(connection, rename, most=most)
    if not claims:
        return _index_statements(connection, rename, most=most)
    began = time.monotonic()
    for count, claim_id in enumerate(claims, start=1):
        claim_writer.load_claim(connection, claim_id, now=now)
        if time.monotonic() - began > BATCH_SECONDS:
            return count
    return len(claims)


def _index_statements(connection: Connection, rename: Rename, *, most: int) -> int:
    statement_ids = rename_queue.list_statements(connection, rename, most=most)
    index_writer.reindex_statements(connection, statements.c.id.in_(statement_ids))
    if len(statement_ids) < most:
        rename_queue.end_rename(connection, rename)
    else:
        rename_queue.note_statement(connection, rename, statement_ids[-1])
    return max(1, len(statement_ids))
