"""Lists what was done to accounts, keys, webhooks and the desk's policy, newest first."""

from collections.abc import Collection
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from service.domain.claims import format_instant
from service.domain.subjects import SubjectKind
from service.record.audit_views import AuditEventView
from service.store.paging import Window, select_page
from service.store.tables import events

EVENTS_SEARCHED = 200
"""Among how many of an account's events those of others are looked for."""
AUDITED = (SubjectKind.PERSON, SubjectKind.KEY, SubjectKind.WEBHOOK, SubjectKind.SETTING)


def list_events(
    connection: Connection,
    window: Window,
    *,
    kinds: Collection[SubjectKind] = AUDITED,
    subject: str | None = None,
) -> list[AuditEventView]:
    """Return a page of the events of these kinds of subjects, or of one subject."""
    query = select(events).where(events.c.kind.in_([kind.value for kind in kinds]))
    if subject is not None:
        query = query.where(events.c.subject == subject)
    page = select_page(query, window, events.c.seq, newest_first=True)
    return [_describe(row) for row in connection.execute(page)]


def list_by_others(connection: Connection, user_id: str, *, limit: int) -> list[AuditEventView]:
    """Return what others did to a person's account, newest first."""
    window = Window(EVENTS_SEARCHED, None)
    own_events = list_events(connection, window, kinds=[SubjectKind.PERSON], subject=user_id)
    return [event for event in own_events if event["actor"].get("id") != user_id][:limit]


def _describe(row: Row[Any]) -> AuditEventView:
    return {
        "seq": row.seq,
        "id": row.id,
        "kind": row.kind,
        "subject": row.subject,
        "number": row.number,
        "type": row.type,
        "recorded_at": format_instant(row.recorded_at),
        "actor": orjson.loads(row.actor),
        "data": orjson.loads(row.data),
        "previous_hash": row.previous_hash,
        "hash": row.hash,
    }
