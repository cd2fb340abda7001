"""Reads what waits for a person: decisions, proposals, claims, notices, printed claims."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, literal, select

from service.claims.documents import StoredClaim
from service.domain import access
from service.domain.access import Action, Actor
from service.domain.claims import Lifecycle
from service.domain.notices import NoticeKind
from service.domain.uses import UseState
from service.notices import inbox
from service.notices.notice_views import NoticeView
from service.store.paging import Window
from service.store.tables import claims, decisions, notices, uses

MOST = 50
"""Lines of one group."""
NEWEST = 15
"""Settled proposals, mentions and changes that are shown."""
MOST_WAITING = 100
"""Waiting decisions among which those for a person are looked for."""
PERSONAL = (
    *(NoticeKind.MENTION, NoticeKind.DECISION, NoticeKind.ASSIGNMENT),
    *(NoticeKind.DUE, NoticeKind.USE, NoticeKind.WEBHOOK),
)
"""Kinds of notices that count as work until they are read; what one follows only changes."""


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """A decision, and the claim that it is on."""

    claim: str
    text: str
    state: str
    kind: str
    to: str
    change: Any
    reason: str
    proposed_by: str
    proposed_at: datetime
    settled_by: str | None
    settled_at: datetime | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class UseLine:
    """A place where a claim was printed as it may be no more."""

    id: str
    text: str
    title: str
    grade: str | None
    outdated_at: datetime


@dataclass(frozen=True, slots=True)
class Work:
    """What waits for a person, and what of theirs came to something."""

    approvals: list[DecisionLine]
    proposals: list[DecisionLine]
    assigned: list[StoredClaim]
    mentions: list[NoticeView]
    changes: list[NoticeView]
    uses: list[UseLine]
    unread: int
    """Notices of all kinds that are not read."""


def count_work(connection: Connection, *, caller: Actor) -> int:
    """Count the decisions that a person may approve, and what they were told and have not read."""
    unread = (
        select(literal(1))
        .where(
            notices.c.user == caller.id,
            notices.c.read_at.is_(None),
            notices.c.kind.in_([kind.value for kind in PERSONAL]),
            *(() if _sees_internals(caller) else (notices.c.internal.is_(False),)),
        )
        .limit(inbox.MOST_COUNTED)
        .subquery()
    )
    unread_count = connection.execute(select(func.count()).select_from(unread)).scalar_one()
    return int(unread_count) + len(_list_approvals(connection, caller))


def read_work(connection: Connection, *, caller: Actor) -> Work:
    """Read all groups of a person's work, each as far as a page shows it."""
    is_desk = _sees_internals(caller)
    return Work(
        approvals=[_build_decision(row) for row in _list_approvals(connection, caller)][:MOST],
        proposals=_list_proposals(connection, caller) if is_desk else [],
        assigned=_list_assigned(connection, caller) if is_desk else [],
        mentions=_list_notices(connection, caller, NoticeKind.MENTION),
        changes=_list_notices(connection, caller, NoticeKind.CHANGE),
        uses=_list_outdated(connection, caller),
        unread=inbox.count_unread(connection, caller=caller),
    )


def _sees_internals(caller: Actor) -> bool:
    return access.is_allowed(caller, Action.READ_INTERNALS)


_LINES = select(decisions, claims.c.document).join(claims, claims.c.id == decisions.c.claim)


def _list_approvals(connection: Connection, caller: Actor) -> list[Row[Any]]:
    """List the decisions that wait and that a person may approve, the oldest first."""
    if not access.is_allowed(caller, Action.APPROVE):
        return []
    rows = connection.execute(
        _LINES.where(decisions.c.state == "pending", decisions.c.proposed_by != caller.id)
        .order_by(decisions.c.proposed_at, decisions.c.id)
        .limit(MOST_WAITING)
    ).all()
    return [row for row in rows if _may_approve(row, caller)]


def _may_approve(row: Row[Any], caller: Actor) -> bool:
    """Whether a person may approve, as far as the decision tells: the approval itself asks all."""
    if row.proposed_by in caller.made_by:
        return False
    return access.is_allowed(caller, Action.OVERRIDE) or (
        orjson.loads(row.proposal).get("override") is None
    )


def _list_proposals(connection: Connection, caller: Actor) -> list[DecisionLine]:
    """List a person's proposals: those that wait, then the newest others."""
    own_proposals = _LINES.where(decisions.c.proposed_by == caller.id)
    newest = decisions.c.proposed_at.desc(), decisions.c.id.desc()
    is_pending = decisions.c.state == "pending"
    waiting = connection.execute(
        own_proposals.where(is_pending).order_by(*newest).limit(MOST)
    ).all()
    settled_rows = connection.execute(
        own_proposals.where(~is_pending).order_by(*newest).limit(NEWEST)
    ).all()
    return [_build_decision(row) for row in (*waiting, *settled_rows)]


def _list_assigned(connection: Connection, caller: Actor) -> list[StoredClaim]:
    """List the claims in force that a person is assigned, those due first and soonest."""
    rows = connection.execute(
        select(claims.c.document, claims.c.assignee, claims.c.due_at)
        .where(claims.c.assignee == caller.id, claims.c.lifecycle == Lifecycle.ACTIVE.value)
        .order_by(claims.c.due_at.is_(None), claims.c.due_at, claims.c.changed_at.desc())
        .limit(MOST)
    )
    return [StoredClaim(row.document, row.assignee, row.due_at) for row in rows]


def _list_notices(connection: Connection, caller: Actor, kind: NoticeKind) -> list[NoticeView]:
    inbox_notices, _ = inbox.list_notices(
        connection, caller=caller, window=Window(NEWEST, None), kind=kind
    )
    return inbox_notices[:NEWEST]


def _list_outdated(connection: Connection, caller: Actor) -> list[UseLine]:
    """List where a person printed a claim as it may be printed no more, open longest first."""
    rows = connection.execute(
        select(uses, claims.c.document)
        .join(claims, claims.c.id == uses.c.claim)
        .where(uses.c.state == UseState.OUTDATED.value, uses.c.recorded_by == caller.id)
        .order_by(uses.c.outdated_at, uses.c.id)
        .limit(MOST)
    )
    return [
        UseLine(
            id=row.id,
            text=orjson.loads(row.document)["text"],
            title=row.title or row.place or row.url,
            grade=row._mapping["class"],
            outdated_at=row.outdated_at,
        )
        for row in rows
    ]


def _build_decision(row: Row[Any]) -> DecisionLine:
    return DecisionLine(
        claim=row.claim,
        text=orjson.loads(row.document)["text"],
        state=row.state,
        kind=row.kind,
        to=row.to,
        change=orjson.loads(row.proposal).get("change"),
        reason=row.reason,
        proposed_by=row.proposed_by_name,
        proposed_at=row.proposed_at,
        settled_by=row.settled_by_name,
        settled_at=row.settled_at,
        comment=row.comment,
    )
