"""What was done to accounts, keys, webhooks and the desk's policy, newest first."""

from collections.abc import Collection
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from service.domain.claims import format_instant
from service.domain.subjects import SubjectKind
from service.store.paging import Window
from service.store.tables import events

SEARCHED = 200
"""How far back what others did to an account is looked for."""
AUDITED = (SubjectKind.PERSON, SubjectKind.KEY, SubjectKind.WEBHOOK, SubjectKind.SETTING)


def list_events(
    connection: Connection,
    window: Window,
    *,
    kinds: Collection[SubjectKind] = AUDITED,
    subject: str | None = None,
) -> list[dict[str, Any]]:
    """Events of these kinds of subject, or of one subject, a page at a time."""
    query = select(events).where(events.c.kind.in_([kind.value for kind in kinds]))
    if subject is not None:
        query = query.where(events.c.subject == subject)
    if window.after is not None:
        query = query.where(events.c.seq < int(window.after[0]))
    rows = connection.execute(query.order_by(events.c.seq.desc()).limit(window.limit + 1))
    return [_describe(row) for row in rows]


def list_by_others(connection: Connection, user_id: str, *, limit: int) -> list[dict[str, Any]]:
    """What others did to a person's account, newest first."""
    window = Window(SEARCHED, None)
    mine = list_events(connection, window, kinds=[SubjectKind.PERSON], subject=user_id)
    return [event for event in mine if event["actor"].get("id") != user_id][:limit]


def _describe(row: Row[Any]) -> dict[str, Any]:
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
