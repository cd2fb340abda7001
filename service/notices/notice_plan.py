"""Decides, from a stretch of the record, who is to be told of what.

It only reads: most of what is recorded at a desk concerns nobody who follows it, and then nothing
is written.  Where many may have to be told, it plans a job (`notice_jobs.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, or_, select

from service.claims.projections import SUPERSEDING_TYPES
from service.domain import notices as rules
from service.domain import uses as domain_uses
from service.domain.notices import FollowKind, NoticeKind
from service.notices import event_reading, notice_sentences, people
from service.notices.notice_sentences import ClaimEvent
from service.notices.people import Person
from service.store.tables import claims, decisions, follows, notes, uses

SETTLING = (
    *("decision.approved", "decision.rejected", "decision.withdrawn", "decision.lapsed"),
    # The approval of a status, which the change of status itself says.
    "claim.status_changed",
)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell one person."""

    user: str
    kind: NoticeKind
    claim: str | None
    key: str
    summary: str
    internal: bool
    position: int
    at: datetime


class Change(NamedTuple):
    """An event of a claim of which followers are to be told."""

    claim: str
    seq: int
    at: datetime


class Waiting(NamedTuple):
    """A decision that waits for a second person."""

    decision: str
    claim: str
    seq: int
    at: datetime


@dataclass(slots=True)
class Plan:
    """What follows from a stretch of the record, from `after` to `until`."""

    stored: int
    """The position in the database when this was planned."""
    until: int
    is_last: bool = True
    """Whether nothing had been recorded after it."""
    changes: list[Change] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    """Decisions that wait no longer."""
    notices: list[Notice] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    """Uses of which a contact may have to be told."""
    followers: list[tuple[str, str, datetime]] = field(default_factory=list)
    """People, with the claims that they follow by what they did, and since when."""

    @property
    def is_empty(self) -> bool:
        has_notices = self.changes or self.waiting or self.settled or self.notices or self.outdated
        return not (has_notices or self.followers)


def make_plan(connection: Connection, looked_at: tuple[int, int], *, now: datetime) -> Plan:
    """Plan what follows from what was recorded since.

    `looked_at` is a stored position, and up to which number nothing followed from what was recorded
    after it: those events are not looked at again.
    """
    position = event_reading.read_position(connection)
    after = max(position, looked_at[1]) if looked_at[0] == position else position
    stretch = event_reading.read_stretch(connection, after)
    plan = Plan(position, stretch.until, is_last=stretch.until == after)
    if not stretch.rows:
        return plan
    events = event_reading.attribute(stretch.rows)
    rows = [row for row in stretch.rows if row.claim is None]
    oldest = now - rules.OLDEST
    events = [event for event in events if event.recorded_at >= oldest]
    rows = [row for row in rows if row.recorded_at >= oldest]
    material = _read_material(connection, events, rows)
    for event in events:
        _plan_event(plan, event, material)
    for row in rows:
        plan.notices += _list_mentions(row, material)
    changes = [event for event in events if rules.is_change(event.type, event.data)]
    plan.changes += _choose_followed(connection, plan, changes)
    return plan


@dataclass(frozen=True, slots=True)
class _Material:
    """What a stretch of the record speaks of."""

    people: Mapping[str, Person]
    texts: Mapping[str, str]
    decisions: Mapping[str, Row[Any]]
    superseded: Mapping[tuple[str, datetime], Row[Any]]
    uses: Mapping[tuple[str, int], Sequence[Row[Any]]]
    notes: Mapping[str, str]


def _read_material(
    connection: Connection, events: Sequence[ClaimEvent], rows: Sequence[Row[Any]]
) -> _Material:
    settled_ids = {decision for event in events if (decision := _find_settled(event)) is not None}
    proposals = (
        {
            row.id: row
            for row in connection.execute(select(decisions).where(decisions.c.id.in_(settled_ids)))
        }
        if settled_ids
        else {}
    )
    superseded_claims = _read_superseded(connection, events)
    outdated_uses = _read_outdated_uses(connection, events)
    person_ids = {event.actor["id"] for event in events if "id" in event.actor}
    person_ids |= {event.data["assignee"] for event in events if event.data.get("assignee")}
    person_ids |= {row.proposed_by for row in (*proposals.values(), *superseded_claims.values())}
    person_ids |= {use.recorded_by for group in outdated_uses.values() for use in group}
    notes_changed = [row.subject for row in rows if row.type == "note.changed"]
    for row in rows:
        person_ids |= set(orjson.loads(row.data).get("mentions") or ())
    told_of = {event.claim for event in events if _find_settled(event) is not None}
    told_of |= {event.claim for event in events if event.data.get("assignee")}
    told_of |= {row.claim for row in superseded_claims.values()} | {key[0] for key in outdated_uses}
    return _Material(
        people.read_people(connection, person_ids),
        read_texts(connection, told_of),
        proposals,
        superseded_claims,
        outdated_uses,
        _read_claims_of_notes(connection, notes_changed),
    )


def _find_settled(event: ClaimEvent) -> str | None:
    """Return the decision that an event settles; None if it settles none."""
    return event.data["decision"] if event.type in SETTLING else None


def _supersedes(event: ClaimEvent) -> bool:
    """Say whether an event may end a proposal that was about what the claim was before."""
    is_material = event.type == "claim.amended" and bool(event.data.get("material"))
    return event.type in SUPERSEDING_TYPES or is_material


def read_texts(connection: Connection, claim_ids: set[str]) -> dict[str, str]:
    """Return the texts of claims by their ids."""
    if not claim_ids:
        return {}
    rows = connection.execute(
        select(claims.c.id, claims.c.document).where(claims.c.id.in_(claim_ids))
    )
    return {row.id: orjson.loads(row.document)["text"] for row in rows}


def _read_superseded(
    connection: Connection, events: Sequence[ClaimEvent]
) -> dict[tuple[str, datetime], Row[Any]]:
    """Return the proposals that ended because the claim changed, by claim and instant."""
    changed_claims = {event.claim for event in events if _supersedes(event)}
    if not changed_claims:
        return {}
    instants = [event.recorded_at for event in events]
    rows = connection.execute(
        select(decisions).where(
            decisions.c.claim.in_(changed_claims),
            decisions.c.state == "superseded",
            decisions.c.settled_at >= min(instants),
            decisions.c.settled_at <= max(instants),
        )
    )
    return {(row.claim, row.settled_at): row for row in rows}


def _read_outdated_uses(
    connection: Connection, events: Sequence[ClaimEvent]
) -> dict[tuple[str, int], list[Row[Any]]]:
    """Return the uses that events made outdated, by the claim and the number of the event."""
    altered_claims = {
        event.claim for event in events if domain_uses.classify(event.type, event.data) is not None
    }
    if not altered_claims:
        return {}
    outdated_uses: dict[tuple[str, int], list[Row[Any]]] = {}
    rows = connection.execute(
        select(uses).where(uses.c.claim.in_(altered_claims), uses.c.state == "outdated")
    )
    for row in rows:
        outdated_uses.setdefault((row.claim, row.outdated_version), []).append(row)
    return outdated_uses


def _read_claims_of_notes(connection: Connection, note_ids: Sequence[str]) -> dict[str, str]:
    if not note_ids:
        return {}
    rows = connection.execute(select(notes.c.id, notes.c.claim).where(notes.c.id.in_(note_ids)))
    return {row.id: row.claim for row in rows}


def _plan_event(plan: Plan, event: ClaimEvent, material: _Material) -> None:
    """Plan what follows from an event for single people, and whether a decision waits."""
    actor: str = event.actor.get("id", "")
    if event.type == "decision.proposed":
        waiting = Waiting(event.data["id"], event.claim, event.seq, event.recorded_at)
        plan.waiting.append(waiting)
    if event.type in ("claim.created", "decision.proposed") and actor in material.people:
        plan.followers.append((actor, event.claim, event.recorded_at))
    assignee: str = event.data.get("assignee") or ""
    if assignee in material.people and event.type in ("claim.created", "claim.amended"):
        plan.followers.append((assignee, event.claim, event.recorded_at))
        if assignee != actor and material.people[assignee].is_of_desk:
            name = event.actor.get("name")
            summary = notice_sentences.describe_assignment(name, material.texts[event.claim])
            plan.notices.append(_build(event, assignee, NoticeKind.ASSIGNMENT, summary))
    decision = _find_settled(event)
    if decision is not None:
        plan.settled.append(decision)
        proposal = material.decisions.get(decision)
        plan.notices += _list_settlements(event, proposal, material)
    if _supersedes(event):
        proposal = material.superseded.get((event.claim, event.recorded_at))
        if proposal is not None:
            plan.settled.append(proposal.id)
            plan.notices += _list_settlements(event, proposal, material)
    for use in material.uses.get((event.claim, event.number), ()):
        plan.outdated.append(use.id)
        if use.recorded_by in material.people and use.recorded_by != event.caused_by:
            grade = use._mapping["class"]
            text = material.texts[event.claim]
            summary = notice_sentences.describe_use(use.url or use.place, grade, text)
            notice = _build(event, use.recorded_by, NoticeKind.USE, summary, internal=False)
            plan.notices.append(notice)


def _list_settlements(
    event: ClaimEvent, proposal: Row[Any] | None, material: _Material
) -> Iterator[Notice]:
    """Yield the notice to whoever proposed a decision, unless they ended it themselves."""
    if proposal is None or proposal.proposed_by == event.caused_by:
        return
    person = material.people.get(proposal.proposed_by)
    if person is None or not person.is_of_desk:
        return
    summary = notice_sentences.describe_settlement(
        event.type,
        event.data,
        event.actor.get("name"),
        {"kind": proposal.kind, "to": proposal.to},
        material.texts[event.claim],
    )
    notice = _build(event, person.id, NoticeKind.DECISION, summary)
    # An approval may be said by two events.
    yield replace(notice, key=f"{NoticeKind.DECISION}:{proposal.id}")


def _list_mentions(row: Row[Any], material: _Material) -> Iterator[Notice]:
    """Yield the notices to those whom a note mentions, but its author."""
    if row.type not in ("note.recorded", "note.changed"):
        return
    data, actor = orjson.loads(row.data), orjson.loads(row.actor)
    claim = data.get("claim") or material.notes.get(row.subject)
    for user in data.get("mentions") or ():
        person = material.people.get(user)
        if person is None or user == actor.get("id") or not person.is_of_desk:
            continue
        summary = notice_sentences.describe_mention(actor.get("name"), data["text"])
        yield Notice(
            user,
            NoticeKind.MENTION,
            claim,
            f"mention:{row.subject}",
            summary,
            internal=True,
            position=row.seq,
            at=row.recorded_at,
        )


def _build(
    event: ClaimEvent, user: str, kind: NoticeKind, summary: str, *, internal: bool = True
) -> Notice:
    return Notice(
        user,
        kind,
        event.claim,
        f"{kind}:{event.seq}",
        summary,
        internal=internal,
        position=event.seq,
        at=event.recorded_at,
    )


def _choose_followed(
    connection: Connection, plan: Plan, changes: Sequence[ClaimEvent]
) -> list[Change]:
    """Return the changes of claims that somebody follows, or may follow by party, tag or search."""
    if not changes:
        return []
    active = follows.c.stopped_at.is_(None)
    wide = (FollowKind.PARTY.value, FollowKind.TAG.value, FollowKind.SEARCH.value)
    chosen_events = changes
    any_follow = select(follows.c.id).where(active, follows.c.kind.in_(wide)).limit(1)
    if connection.execute(any_follow).first() is None:
        claim_ids = {event.claim for event in changes}
        story_slugs = {event.story for event in changes if event.story is not None}
        rows = connection.execute(
            select(follows.c.kind, follows.c.target)
            .where(
                active,
                or_(
                    (follows.c.kind == FollowKind.CLAIM.value) & follows.c.target.in_(claim_ids),
                    (follows.c.kind == FollowKind.STORY.value) & follows.c.target.in_(story_slugs),
                ),
            )
            .distinct()
        )
        follow_targets = {(row.kind, row.target) for row in rows}
        followers = dict.fromkeys(plan.followers)
        chosen_events = [
            event
            for event in changes
            if (FollowKind.CLAIM.value, event.claim) in follow_targets
            or (FollowKind.STORY.value, event.story) in follow_targets
            or any(
                claim == event.claim and person != event.caused_by for person, claim, _ in followers
            )
        ]
    return [Change(event.claim, event.seq, event.recorded_at) for event in chosen_events]
