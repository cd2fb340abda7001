"""Checks for `claimdesk doctor` whether people are told what is recorded."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from service.domain.diagnosis import Finding, make_fault
from service.domain.notices import OLDEST
from service.notices import event_reading, mailings, notice_jobs
from service.store.tables import events, users

BEHIND = timedelta(minutes=5)
ADVICE = (
    "Start what tells them: claimdesk serve, or claimdesk dispatch where servers do not. If it "
    "runs, its log says what is wrong."
)


def check_notices(connection: Connection, *, now: datetime) -> list[Finding]:
    """Find that nobody looks at the record, or that what is due is not told."""
    if connection.execute(select(users.c.id).limit(1)).first() is None:
        return []
    position = event_reading.read_position(connection)
    waiting = [
        connection.execute(
            select(events.c.recorded_at)
            # Nobody is told of what is older.
            .where(events.c.seq > position, events.c.recorded_at > now - OLDEST)
            .order_by(events.c.seq)
            .limit(1)
        ).scalar(),
        notice_jobs.find_next_due(connection),
        mailings.find_next_mailing(connection),
    ]
    oldest = min((moment for moment in waiting if moment is not None), default=now)
    if now - oldest <= BEHIND:
        return []
    minutes = round((now - oldest).total_seconds() / 60)
    return [
        make_fault("notices", f"People are told {minutes} minutes late, or not at all.", ADVICE)
    ]
