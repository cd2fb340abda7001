"""Deadlines of claims: when a hold ends, and when the time to answer a request for comment does.

Whoever locks a claim records on it what has passed (`claim_writer.load_claim`).  Here is what
`deadline_keeper` asks, so that it does not wait for somebody to lock it.
"""

from datetime import datetime

from sqlalchemy import Connection, func, select, union, union_all

from service.claims import claim_writer
from service.store.tables import claims, inquiries


def find_next_deadline(connection: Connection) -> datetime | None:
    """Return the next deadline that is not recorded as passed; None if there is none."""
    ends = union_all(
        select(func.min(claims.c.hold_until).label("at")).where(claims.c.hold_until.is_not(None)),
        select(func.min(inquiries.c.due_at)).where(inquiries.c.due_at.is_not(None)),
    ).subquery()
    deadline: datetime | None = connection.scalar(select(func.min(ends.c.at)))
    return deadline


def pass_deadlines(connection: Connection, *, most: int, now: datetime) -> int:
    """Record the deadlines that have passed, on so many claims at most.  Returns on how many."""
    due = union(
        select(claims.c.id.label("claim")).where(claims.c.hold_until <= now),
        select(inquiries.c.claim).where(inquiries.c.due_at <= now),
    ).subquery()
    claim_ids = connection.scalars(select(due.c.claim).order_by(due.c.claim).limit(most)).all()
    claim_writer.load_claims(connection, claim_ids, now=now)
    return len(claim_ids)
