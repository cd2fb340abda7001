"""Claims: recording, amending, deciding, merging, withdrawing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from service.commands import ledger, parties, sources, statements
from service.commands.inputs import NewClaim, NewSource, NewStatement, Verdict
from service.commands.ledger import Versions
from service.domain import access, amendments, history, ids, lifecycle
from service.domain.access import Action, Actor
from service.domain.claims import Cause, ClaimState, Lifecycle
from service.domain.errors import Invalid, NotFound, Settled
from service.domain.guards import Move
from service.domain.history import Draft, Event
from service.store.tables import api_keys, claims, decisions, notes, stories, users

ABOVE = (
    select(claims.c.part_of)
    .where(claims.c.id == bindparam("claim"))
    .with_for_update(read=True, key_share=True)
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The claim after a decision: the change of status, or the id of the decision that waits for
    a second person."""

    state: ClaimState
    change: Event | None
    decision: str | None


def create(session: Connection, new: NewClaim, *, actor: Actor, now: datetime) -> ClaimState:
    """Record a claim with the quote it comes from: it is asserted.

    Raises Invalid for a story, party, speaker, parent or origin that does not exist or fit.
    """
    access.require(actor, Action.RECORD)
    draft = _begin(session, new, actor=actor, now=now)
    return ledger.open_record(session, ids.uuid7(), [draft], actor=actor, now=now).state


def bring_in(
    session: Connection,
    new: NewClaim,
    verdict: Verdict | None,
    *,
    claim_id: str,
    actor: Actor,
    now: datetime,
) -> ClaimState:
    """Record a claim from elsewhere under an id of its own, with the status that others gave it.

    One change: nobody is told of the claim without that status.
    """
    access.require(actor, Action.OVERRIDE)
    drafts = [_begin(session, new, actor=actor, now=now)]
    if verdict is not None:
        begun = history.apply(
            None, Event(1, drafts[0].type, now, drafts[0].data), claim_id=claim_id
        )
        drafts.append(
            lifecycle.bring_in(begun, verdict.to, reason=verdict.reason, source=verdict.source)
        )
    return ledger.open_record(session, claim_id, drafts, actor=actor, now=now).state


def _begin(session: Connection, new: NewClaim, *, actor: Actor, now: datetime) -> Draft:
    """The first event of a claim, with what it refers to looked up or recorded."""
    statements.require_said(new.claimed_at, now=now, loc=("body", "claimed_at"))
    if new.story is not None:
        known = session.scalar(select(stories.c.slug).where(stories.c.slug == new.story))
        if known is None:
            raise Invalid(
                f"there is no story '{new.story}'; create it with POST /v1/stories",
                loc=("body", "story"),
            )
    if new.part_of is not None:
        _require_parent(session, new.part_of)
    claimant = None
    if new.claimant is not None:
        claimant = parties.voice(session, new.claimant, new.speaker, now=now, field="claimant")
    elif new.speaker is not None:
        raise Invalid("a speaker speaks for a party: name the claimant", loc=("body", "claimant"))
    if isinstance(new.origin, NewStatement):
        same = (new.origin.party, new.origin.speaker) == (new.claimant, new.speaker)
        origin = statements.record(
            session,
            new.origin,
            voice=claimant if same else None,
            actor=actor,
            now=now,
            loc=("body", "origin"),
        )
    else:
        origin = statements.read(session, new.origin, loc=("body", "origin_statement"))
    said = origin.voice
    if claimant and claimant.speaker is None and said and said.party == claimant.party:
        claimant = replace(claimant, speaker=said.speaker)
    return amendments.created(
        text=new.text,
        kind=new.kind.value,
        claimant=claimant,
        claimed_at=new.claimed_at,
        precision=new.precision.value,
        story=new.story,
        tags=new.tags,
        part_of=new.part_of,
        origin_statement=origin.id,
    )


def amend(
    session: Connection,
    claim_id: str,
    changes: Mapping[str, Any],
    *,
    material: bool,
    versions: Versions,
    actor: Actor,
    now: datetime,
) -> ClaimState:
    """Change text, tags, assignee or finding.  What differs in nothing is not recorded."""
    access.require(actor, Action.AMEND)
    assignee = changes.get("assignee")
    if assignee is not None and not _is_actor(session, assignee):
        raise Invalid("there is no user or key with this id", loc=("body", "assignee"))
    loaded = ledger.load(session, claim_id, versions=versions)
    drafts = amendments.amend(loaded.state, changes, material=material)
    return ledger.record(session, loaded, drafts, actor=actor, now=now).state


def change_status(
    session: Connection,
    claim_id: str,
    move: Move,
    *,
    four_eyes: bool,
    versions: Versions,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Apply a status change, or propose it where a second person has to agree.

    Raises what `lifecycle.change_status` does, Forbidden for an override by less than an editor.
    """
    access.require(actor, Action.OVERRIDE if move.override else Action.CHANGE_STATUS)
    loaded = ledger.load(session, claim_id, versions=versions)
    decision_id = ids.uuid7()
    draft = lifecycle.change_status(
        loaded.state, move, actor=actor, decision_id=decision_id, four_eyes=four_eyes
    )
    changed = ledger.record(session, loaded, [draft], actor=actor, now=now)
    if draft.type == "decision.proposed":
        return Outcome(changed.state, None, decision_id)
    return Outcome(changed.state, changed.events[0], None)


def approve(
    session: Connection, decision_id: str, *, note: str | None, actor: Actor, now: datetime
) -> ClaimState:
    """Carry out a proposal as the second person."""
    access.require(actor, Action.APPROVE)
    loaded = _deciding(session, decision_id)
    waiting = loaded.state.pending
    if waiting is not None and waiting.override is not None:
        access.require(actor, Action.OVERRIDE)
    draft = lifecycle.approve(loaded.state, decision_id, actor=actor, note=note)
    return ledger.record(session, loaded, [draft], actor=actor, now=now).state


def reject(
    session: Connection, decision_id: str, *, comment: str, actor: Actor, now: datetime
) -> ClaimState:
    access.require(actor, Action.APPROVE)
    loaded = _deciding(session, decision_id)
    waiting = loaded.state.pending
    if waiting is not None and waiting.override is not None:
        access.require(actor, Action.OVERRIDE)
    draft = lifecycle.reject(loaded.state, decision_id, comment=comment)
    return ledger.record(session, loaded, [draft], actor=actor, now=now).state


def withdraw_decision(
    session: Connection, decision_id: str, *, reason: str | None, actor: Actor, now: datetime
) -> ClaimState:
    """Take one's own proposal back."""
    access.require(actor, Action.CHANGE_STATUS)
    loaded = _deciding(session, decision_id)
    draft = lifecycle.withdraw_decision(loaded.state, decision_id, actor=actor, reason=reason)
    return ledger.record(session, loaded, [draft], actor=actor, now=now).state


def withdraw(
    session: Connection,
    claim_id: str,
    *,
    reason: str,
    source: str | NewSource | None,
    versions: Versions = None,
    actor: Actor,
    now: datetime,
) -> ClaimState:
    """The claimant takes the claim back: its last status is kept."""
    access.require(actor, Action.AMEND)
    loaded = ledger.load(session, claim_id, versions=versions)
    source_id = (
        None
        if source is None
        else sources.resolve(session, source, actor=actor, now=now, loc=("body",))
    )
    draft = amendments.withdraw_claim(loaded.state, reason=reason, source=source_id)
    return ledger.record(session, loaded, [draft], actor=actor, now=now).state


def merge(
    session: Connection,
    claim_id: str,
    *,
    into: str,
    versions: Versions,
    actor: Actor,
    now: datetime,
) -> ClaimState:
    """Merge a duplicate into another claim, which takes its links and components.

    The survivor's status follows its own links by the usual rules: nothing is inherited.
    """
    access.require(actor, Action.AMEND)
    if session.scalar(select(claims.c.id).where(claims.c.id == into)) is None:
        raise Invalid("there is no claim with this id", loc=("body", "into"))
    if not _exists(session, claim_id):
        raise NotFound("There is no claim with this id.")
    now = ledger.hold(session, [claim_id, into], now=now)
    # Nothing can become a component of the loser any more: that would take its lock.
    components = session.scalars(
        select(claims.c.id).where(claims.c.part_of == claim_id, claims.c.merged_into.is_(None))
    ).all()
    now = ledger.hold(session, components, now=now)
    loser = ledger.load(session, claim_id, versions=versions)
    survivor = ledger.load(session, into)
    amendments.require_mergeable(loser.state, survivor.state, _ancestors(session, into))
    gone = ledger.record(
        session, loser, [Draft("claim.merged", {"into": into})], actor=actor, now=now
    )
    for component in components:
        moved = Draft("claim.moved", {"part_of": into})
        ledger.record(session, ledger.load(session, component), [moved], actor=actor, now=now)
    # Reread: its components may just have changed its version.
    survivor = ledger.load(session, into)
    new_ids = {one.id: ids.uuid7() for one in gone.state.links}
    absorbed = amendments.absorb(survivor.state, gone.state, new_ids)
    return ledger.record(session, survivor, absorbed, actor=actor, now=now, cause=Cause.MERGE).state


def add_note(
    session: Connection, claim_id: str, *, text: str, actor: Actor, now: datetime
) -> dict[str, Any]:
    """Add to the desk's own discussion of a claim: beside the record, never public."""
    access.require(actor, Action.RECORD)
    if not _exists(session, claim_id):
        raise NotFound("There is no claim with this id.")
    row = {
        "id": ids.uuid7(),
        "claim": claim_id,
        "text": text,
        "author": actor.id,
        "author_name": actor.name,
        "recorded_at": now,
    }
    session.execute(insert(notes), row)
    return row


def _deciding(session: Connection, decision_id: str) -> ledger.Loaded:
    """The claim on which a decision waits, locked.  Raises NotFound, Settled."""
    claim_id = session.scalar(select(decisions.c.claim).where(decisions.c.id == decision_id))
    if claim_id is None:
        raise NotFound("There is no decision with this id.")
    loaded = ledger.load(session, claim_id)
    state = session.scalar(select(decisions.c.state).where(decisions.c.id == decision_id))
    if state != "pending":
        raise Settled(f"This decision was {state} before.", state=state)
    return loaded


def _exists(session: Connection, claim_id: str) -> bool:
    return session.scalar(select(claims.c.id).where(claims.c.id == claim_id)) is not None


def _ancestors(session: Connection, claim_id: str) -> set[str]:
    """The claims that `claim_id` is part of, at any height, held there: two merges that are sound
    alone could close a circle together."""
    found: set[str] = set()
    above = session.scalar(ABOVE, {"claim": claim_id})
    while above is not None and above not in found:
        found.add(above)
        above = session.scalar(ABOVE, {"claim": above})
    return found


def _is_actor(session: Connection, actor_id: str) -> bool:
    """Whether a user or a key has this id."""
    if session.scalar(select(api_keys.c.id).where(api_keys.c.id == actor_id)) is not None:
        return True
    user = ids.parse(actor_id)
    return user is not None and (
        session.scalar(select(users.c.id).where(users.c.id == user)) is not None
    )


def _require_parent(session: Connection, parent_id: str) -> None:
    loc = ("body", "part_of")
    # Locked as its new component will change it: were it held only lightly until then, two
    # components at once would each wait for the other.
    row = session.execute(
        select(claims.c.lifecycle).where(claims.c.id == parent_id).with_for_update()
    ).first()
    if row is None:
        raise Invalid("there is no claim with this id", loc=loc)
    if row.lifecycle == Lifecycle.MERGED:
        raise Invalid("that claim was merged into another; be part of that one", loc=loc)
