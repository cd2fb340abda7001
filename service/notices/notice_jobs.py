"""Carries out what is planned, and tells many of one thing: in batches, each a transaction.

Every transaction first locks the one row of the position, so that workers of several processes take
turns.  What is to be told to many is a job, which keeps how far it has come.  A process may be
killed at any point: what is not committed is planned, or told, again, and nobody is told twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    Connection,
    Row,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from service.domain import ids
from service.domain import notices as rules
from service.domain.access import Audience
from service.domain.notices import FollowKind, NoticeKind
from service.notices import (
    event_reading,
    follow_targets,
    mailings,
    next_people,
    notice_inserts,
    notice_plan,
    notice_sentences,
)
from service.notices.notice_inserts import NoticeRow
from service.notices.notice_plan import Notice, Plan
from service.notices.people import Person
from service.store import wakeups
from service.store.tables import (
    decisions,
    events,
    follows,
    notice_jobs,
    notice_position,
    notices,
    users,
)
from service.uses import contact_mails

MOST_JOBS = 25
"""Jobs of one transaction, at most: most concern few people."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be told to many from `due_at` on: that a decision waits, or changes of a claim."""

    kind: NoticeKind
    claim: str
    decision: str | None
    first_seq: int
    last_seq: int
    due_at: datetime


def carry_out(connection: Connection, plan: Plan, *, now: datetime) -> bool:
    """Write what was planned.  Returns False, and writes nothing, if another process has looked at
    the record since."""
    if event_reading.read_position(connection, lock=True) != plan.stored:
        return False
    _add_followers(connection, plan.followers)
    insert_notices(connection, plan.notices, now=now)
    _mark_settled(connection, plan.settled, now=now)
    contact_mails.tell_contacts(connection, plan.outdated, now=now)
    _add_jobs(connection, plan)
    connection.execute(
        update(notice_position).where(notice_position.c.id == 1).values(seq=plan.until)
    )
    return True


def save_position(connection: Connection, *, stored_seq: int, until: int) -> None:
    """Write down up to which event there was nobody to tell, unless another process has."""
    connection.execute(
        update(notice_position)
        .where(notice_position.c.id == 1, notice_position.c.seq == stored_seq)
        .values(seq=until)
    )


def insert_notices(connection: Connection, to_write: Sequence[Notice], *, now: datetime) -> None:
    """Write notices, and plan by what else they go out; of what somebody was told before, none."""
    if not to_write:
        return
    # By the first and the last: a list of thousands takes longer to read than what is between.
    people = {notice.user for notice in to_write}
    written_keys = {
        (row.key, row.user)
        for row in connection.execute(
            select(notices.c.key, notices.c.user).where(
                notices.c.key.in_({notice.key for notice in to_write}),
                notices.c.user.between(min(people), max(people)),
            )
        )
    }
    newest_notices = {(notice.key, notice.user): notice for notice in reversed(to_write)}
    to_write = [
        notice
        for notice in to_write
        if (notice.key, notice.user) not in written_keys
        and newest_notices[notice.key, notice.user] is notice
    ]
    if not to_write:
        return
    # In their order, also of what one person is told within a millisecond.
    new_ids = sorted(ids.make_id() for _ in to_write)
    rows: list[NoticeRow] = [
        {
            "id": new_id,
            "user": notice.user,
            "kind": notice.kind.value,
            "claim": notice.claim,
            "key": notice.key,
            "summary": notice.summary,
            "internal": notice.internal,
            "position": notice.position,
            "at": notice.at,
        }
        for new_id, notice in zip(new_ids, to_write, strict=True)
    ]
    notice_inserts.insert_rows(connection, rows)
    wakeups.notify_after_commit(connection)
    mailings.plan_mailings(connection, rows, now=now)


def _add_followers(connection: Connection, followers: Iterable[tuple[str, str, datetime]]) -> None:
    """Have people follow claims by what they did, but for what they follow no longer."""
    rows = [
        {
            "id": ids.make_id(),
            "user": person,
            "kind": FollowKind.CLAIM.value,
            "target": claim,
            "automatic": True,
            "created_at": since,
        }
        for person, claim, since in followers
    ]
    if rows:
        connection.execute(_ignore_known(connection, follows, "user", "kind", "target"), rows)


def _ignore_known(connection: Connection, table: Any, *columns: str) -> Any:
    """Return an insert that leaves out rows that are there, by a unique key."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing(index_elements=list(columns))


def _mark_settled(connection: Connection, settled_ids: Sequence[str], *, now: datetime) -> None:
    """Mark as read that decisions wait which wait no longer, and tell nobody else of them."""
    if not settled_ids:
        return
    keys = [f"{NoticeKind.APPROVAL}:{decision}" for decision in settled_ids]
    connection.execute(
        update(notices)
        .where(notices.c.key.in_(keys), notices.c.read_at.is_(None))
        .values(read_at=now)
    )
    connection.execute(delete(notice_jobs).where(notice_jobs.c.decision.in_(settled_ids)))


def _add_jobs(connection: Connection, plan: Plan) -> None:
    """Add a job for each decision that waits, and one for the changes of each claim."""
    settled_ids = set(plan.settled)
    jobs = [
        Job(
            kind=NoticeKind.APPROVAL,
            claim=waiting.claim,
            decision=waiting.decision,
            first_seq=waiting.seq,
            last_seq=waiting.seq,
            due_at=waiting.at,
        )
        for waiting in plan.waiting
        if waiting.decision not in settled_ids
    ]
    jobs += _plan_change_jobs(connection, plan.changes)
    if jobs:
        rows = [{"id": ids.make_id(), **asdict(job), "kind": job.kind.value} for job in jobs]
        connection.execute(insert(notice_jobs), rows)


def _plan_change_jobs(
    connection: Connection, changes_to_tell: Iterable[notice_plan.Change]
) -> list[Job]:
    """Return the jobs that tell of changes; one that has not begun takes later changes in."""
    jobs = []
    changes_by_claim: dict[str, list[notice_plan.Change]] = {}
    for change in changes_to_tell:
        changes_by_claim.setdefault(change.claim, []).append(change)
    is_waiting = and_(
        notice_jobs.c.kind == NoticeKind.CHANGE.value,
        notice_jobs.c.targets.is_(None),
        notice_jobs.c.claim.in_(list(changes_by_claim)),
    )
    waiting_jobs = (
        {
            row.claim: row.id
            for row in connection.execute(
                select(notice_jobs.c.id, notice_jobs.c.claim).where(is_waiting)
            )
        }
        if changes_by_claim
        else {}
    )
    for claim, changes in changes_by_claim.items():
        last = changes[-1].seq
        if claim in waiting_jobs:
            is_job = notice_jobs.c.id == waiting_jobs[claim]
            connection.execute(update(notice_jobs).where(is_job).values(last_seq=last))
            continue
        first = changes[0]
        jobs.append(
            Job(
                kind=NoticeKind.CHANGE,
                claim=claim,
                decision=None,
                first_seq=first.seq,
                last_seq=last,
                due_at=first.at + rules.COALESCED,
            )
        )
    return jobs


def find_next_due(connection: Connection) -> datetime | None:
    """Return when the next job is due; None if nothing is to be told."""
    query = select(notice_jobs.c.due_at).order_by(notice_jobs.c.due_at).limit(1)
    moment: datetime | None = connection.execute(query).scalar()
    return moment


def tell_due(connection: Connection, *, now: datetime) -> bool:
    """Tell a batch of people of the jobs that are due; returns whether more may be due.

    Decisions that wait come first, then changes in the order of the record: of one claim, nobody is
    told of a later change before an earlier one.
    """
    event_reading.read_position(connection, lock=True)
    receiver_count = 0
    for _ in range(MOST_JOBS):
        receivers = _tell_next(connection, now=now)
        if receivers is None:
            return False
        receiver_count += receivers
        if receiver_count >= next_people.BATCH:
            break
    return True


def _tell_next(connection: Connection, *, now: datetime) -> int | None:
    """Tell the next people of the job that is first; returns how many it concerned, None if none is
    due."""
    job = connection.execute(
        select(notice_jobs)
        .where(notice_jobs.c.due_at <= now)
        .order_by(notice_jobs.c.kind, notice_jobs.c.first_seq)
        .limit(1)
    ).first()
    if job is None:
        return None
    targets = None if job.targets is None else orjson.loads(job.targets)
    if job.kind == NoticeKind.APPROVAL:
        targets = targets or []
        receivers, messages = _plan_approval(connection, job)
    else:
        if targets is None:
            targets = follow_targets.list_targets(connection, job.claim)
        receivers, messages = _plan_changes(connection, job, targets)
    insert_notices(connection, messages, now=now)
    if len(receivers) < next_people.BATCH:
        connection.execute(delete(notice_jobs).where(notice_jobs.c.id == job.id))
    else:
        connection.execute(
            update(notice_jobs)
            .where(notice_jobs.c.id == job.id)
            .values(targets=orjson.dumps(targets).decode(), done_until=receivers[-1].id)
        )
    return len(receivers)


def _plan_approval(connection: Connection, job: Row[Any]) -> tuple[list[Person], list[Notice]]:
    """Return the next people who may approve a decision, with what they are told; nobody if it
    waits no longer."""
    decision = connection.execute(select(decisions).where(decisions.c.id == job.decision)).first()
    if decision is None or decision.state != "pending":
        return [], []
    [proposal] = connection.execute(
        select(events.c.data).where(events.c.seq == job.first_seq)
    ).one()
    data = orjson.loads(proposal)
    roles = rules.list_approver_roles(data)
    people = next_people.read_next(
        connection, job, users.c.role.in_([role.value for role in roles])
    )
    text = notice_plan.read_texts(connection, {job.claim})[job.claim]
    summary = notice_sentences.describe_approval(data, text)
    involved_users = {data["proposed_by"], *data.get("proposed_through", ())}
    messages = [
        Notice(
            person.id,
            NoticeKind.APPROVAL,
            job.claim,
            f"{NoticeKind.APPROVAL}:{job.decision}",
            summary,
            internal=True,
            position=job.last_seq,
            at=job.due_at,
        )
        for person in people
        if person.id not in involved_users
    ]
    return people, messages


def _plan_changes(
    connection: Connection, job: Row[Any], targets: Sequence[Sequence[str]]
) -> tuple[list[Person], list[Notice]]:
    """Return the next followers of a claim's changes, with what they are told: as their role now
    may read it, and without what they did themselves."""
    claim_events = event_reading.read_claim_events(
        connection, job.claim, job.first_seq, job.last_seq
    )
    changes = [event for event in claim_events if rules.is_change(event.type, event.data)]
    # Who began since is not told of what was before.
    people = next_people.read_next_followers(
        connection, job, targets, since=changes[-1].recorded_at
    )
    if not people:
        return [], []
    text = notice_plan.read_texts(connection, {job.claim})[job.claim]
    causes = {event.caused_by for event in changes}
    summaries: dict[tuple[Audience, str | None], str | None] = {}
    messages = []
    for person in people:
        view = (person.audience, person.id if person.id in causes else None)
        if view not in summaries:
            summaries[view] = notice_sentences.summarize_changes(
                changes, text, view[0], omitted_actor=view[1]
            )
        summary = summaries[view]
        if summary is None:
            continue
        messages.append(
            Notice(
                person.id,
                NoticeKind.CHANGE,
                job.claim,
                f"{NoticeKind.CHANGE}:{job.claim}:{job.first_seq}",
                summary,
                internal=_is_internal(summaries, changes, text, view, summary),
                position=job.last_seq,
                at=changes[-1].recorded_at,
            )
        )
    return people, messages


def _is_internal(
    summaries: dict[tuple[Audience, str | None], str | None],
    changes: Sequence[notice_sentences.ClaimEvent],
    text: str,
    view: tuple[Audience, str | None],
    summary: str,
) -> bool:
    """Say whether a sentence holds more than readers are told."""
    if view[0] is not Audience.DESK:
        return False
    readable = (Audience.READER, view[1])
    if readable not in summaries:
        summaries[readable] = notice_sentences.summarize_changes(
            changes, text, Audience.READER, omitted_actor=view[1]
        )
    return summaries[readable] != summary
