"""Claims: recording, amending, deciding, merging, withdrawing.  Proposals are settled by
`decision_commands`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from service.claims import (
    claim_references,
    claim_writer,
    existence,
    link_commands,
    party_changes,
    proposal_commands,
    statement_commands,
)
from service.claims.claim_batches import ClaimBatch
from service.claims.claim_writer import Versions
from service.claims.pending_statements import PendingStatement
from service.claims.proposal_commands import Outcome
from service.directory import party_commands, source_commands
from service.domain import access, amendments, history, ids, lifecycle
from service.domain import changes as domain_changes
from service.domain import proposals as domain_proposals
from service.domain.access import Action, Actor
from service.domain.changes import Change, FindingRequest
from service.domain.claims import ClaimState, Precision, Unnamed, choose_voice
from service.domain.errors import Invalid
from service.domain.guards import Move
from service.domain.history import Draft, Event
from service.domain.inputs import NewClaim, NewSource, NewStatement, Verdict
from service.record import writer
from service.record.writer import EventRow
from service.store.tables import api_keys, claims, users


def create_claim(
    connection: Connection, new: NewClaim, *, actor: Actor, now: datetime
) -> ClaimState:
    """Record a claim with the quote it comes from: it is asserted.

    Raises Invalid for a story, party, speaker, parent or origin that does not exist or fit.
    """
    access.require_permission(actor, Action.RECORD)
    draft, origin = _draft_creation(connection, new, actor=actor, now=now)
    claim_record = claim_writer.begin_record(
        connection, ids.make_id(), [draft], origin=origin, actor=actor, now=now
    )
    return claim_record.state


def import_claim(
    connection: Connection,
    new: NewClaim,
    verdict: Verdict | None,
    *,
    claim_id: str,
    batch: ClaimBatch,
    actor: Actor,
    now: datetime,
) -> None:
    """Add a claim from elsewhere to a batch, under an id of its own, with the status that others
    gave it.

    Both are one change: webhooks and feeds never show the claim without that status.  What the
    claim refers to is looked up, or recorded, at once.
    """
    access.require_permission(actor, Action.OVERRIDE)
    draft, origin = _draft_creation(connection, new, actor=actor, now=now)
    drafts = [draft]
    if verdict is not None:
        state = history.apply_event(None, Event(1, draft.type, now, draft.data), claim_id=claim_id)
        drafts.append(
            lifecycle.import_status(state, verdict.to, reason=verdict.reason, source=verdict.source)
        )
    claim_writer.begin_record(
        connection, claim_id, drafts, origin=origin, actor=actor, now=now, batch=batch
    )


def _draft_creation(
    connection: Connection, new: NewClaim, *, actor: Actor, now: datetime
) -> tuple[Draft, PendingStatement | None]:
    """Draft the first event of a claim; what it refers to is looked up, or recorded.

    Its statement, where that is new, is to be written with the claim.
    """
    lines: list[EventRow] = []
    statement_commands.require_not_future(new.claimed_at, now=now, loc=("body", "claimed_at"))
    if new.story is not None:
        claim_references.require_story(connection, new.story)
    if new.part_of is not None:
        claim_references.require_parent(connection, new.part_of)
    claimant = pending = None
    if new.claimant is not None:
        claimant = party_commands.resolve_voice(
            connection, new.claimant, new.speaker, lines, actor=actor, now=now, field="claimant"
        )
    elif new.speaker is not None:
        raise Invalid("a speaker speaks for a party: name the claimant", loc=("body", "claimant"))
    if isinstance(new.origin, NewStatement):
        same = (new.origin.party, new.origin.speaker) == (new.claimant, new.speaker)
        pending = statement_commands.prepare_statement(
            connection,
            new.origin,
            voice=claimant if same else None,
            claimant=claimant,
            lines=lines,
            actor=actor,
            now=now,
            loc=("body", "origin"),
        )
        origin = pending.statement
    else:
        writer.write_lines(connection, lines)
        origin = statement_commands.lock_statement(
            connection, new.origin, loc=("body", "origin_statement")
        )
    if claimant is not None and isinstance(origin.voice, Unnamed):
        raise Invalid(
            "nobody is on record with what a source that is not named says: claimant is null",
            loc=("body", "claimant"),
        )
    statement_voice = choose_voice(origin.voice)
    if (
        claimant
        and claimant.speaker is None
        and statement_voice
        and statement_voice.party == claimant.party
    ):
        claimant = replace(claimant, speaker=statement_voice.speaker)
    if new.supersedes is not None:
        claim_references.require_supersedable(
            connection,
            new.supersedes,
            claim_id=None,
            story=new.story,
            claimant=claimant,
            now=now,
        )
    return amendments.draft_creation(new, claimant=claimant, origin_statement=origin.id), pending


def amend_claim(
    connection: Connection,
    claim_id: str,
    changes: Mapping[str, Any],
    *,
    material: bool,
    four_eyes: bool,
    versions: Versions,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Change text, tags, assignee or when it is due.  Without a difference nothing is recorded.

    Another wording of a confirmed claim is proposed if it is not material; a material one takes the
    confirmation away.  What is not printed changes at once.
    """
    access.require_permission(actor, Action.AMEND)
    assignee = changes.get("assignee")
    if assignee is not None and not _is_actor(connection, assignee):
        raise Invalid("there is no user or key with this id", loc=("body", "assignee"))
    loaded_claim = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    drafts = amendments.draft_amendment(loaded_claim.state, changes, material=material)
    if "text" in changes and changes["text"] != loaded_claim.state.text:
        wording = amendments.reword_claim(loaded_claim.state, changes["text"], material=material)
        if four_eyes and domain_changes.needs_second_person(loaded_claim.state, wording):
            other_changes = {name: changes[name] for name in changes if name != "text"}
            drafts = amendments.draft_amendment(loaded_claim.state, other_changes, material=False)
            loaded_claim = claim_writer.record_events(
                connection, loaded_claim, drafts, actor=actor, now=now
            )
            wording = amendments.reword_claim(
                loaded_claim.state, changes["text"], material=material
            )
            return proposal_commands.submit_change(
                connection, loaded_claim, wording, four_eyes=True, actor=actor, now=now
            )
    recording = claim_writer.record_events(connection, loaded_claim, drafts, actor=actor, now=now)
    return Outcome(recording.state, recording.events[0] if recording.events else None, None)


def change_finding(
    connection: Connection,
    claim_id: str,
    ask: FindingRequest,
    *,
    four_eyes: bool,
    versions: Versions,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Say what the desk concludes beyond the status; a second person has to agree.

    Raises what `changes.change_finding` does.
    """
    access.require_permission(actor, Action.CHANGE_STATUS)
    loaded_claim = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    change = domain_changes.change_finding(loaded_claim.state, ask, decided_by=actor.name)
    return proposal_commands.submit_change(
        connection, loaded_claim, change, four_eyes=four_eyes, actor=actor, now=now
    )


def change_status(
    connection: Connection,
    claim_id: str,
    move: Move,
    *,
    four_eyes: bool,
    source: str | NewSource | None = None,
    versions: Versions,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Apply a status change, or propose it if a second person has to agree.

    `source` is the source of an override that cites no link.  Raises what `lifecycle.change_status`
    raises, and Forbidden for an override by less than an editor.
    """
    access.require_permission(actor, Action.OVERRIDE if move.override else Action.CHANGE_STATUS)
    if move.override is not None and source is not None:
        rests_on = source_commands.resolve_source(
            connection, source, actor=actor, now=now, loc=("body", "override")
        )
        move = replace(move, override=replace(move.override, source=rests_on))
    loaded_claim = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    decision_id = ids.make_id()
    lapse_drafts: list[Draft] = []
    if lifecycle.needs_second_person(move, four_eyes=four_eyes):
        lapse_drafts = domain_proposals.draft_lapse_if_outdated(loaded_claim.state)
    draft = lifecycle.change_status(
        lifecycle.predict_outcome(loaded_claim.state, lapse_drafts),
        move,
        actor=actor,
        decision_id=decision_id,
        four_eyes=four_eyes,
    )
    recording = claim_writer.record_events(
        connection, loaded_claim, [*lapse_drafts, draft], actor=actor, now=now
    )
    if draft.type == "decision.proposed":
        return Outcome(recording.state, None, decision_id)
    return Outcome(recording.state, recording.events[0], None)


def withdraw_claim(
    connection: Connection,
    claim_id: str,
    *,
    reason: str,
    source: str | NewSource | None,
    said_at: datetime | None = None,
    precision: Precision | None = None,
    versions: Versions = None,
    actor: Actor,
    now: datetime,
) -> ClaimState:
    """Record that the claimant withdrew the claim; it keeps its last status.

    `said_at` and `source` say when and where the claimant did.
    """
    access.require_permission(actor, Action.AMEND)
    if said_at is not None:
        statement_commands.require_not_future(said_at, now=now, loc=("body", "said_at"))
    loaded_claim = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    source_id = (
        None
        if source is None
        else source_commands.resolve_source(connection, source, actor=actor, now=now, loc=("body",))
    )
    draft = amendments.draft_claim_withdrawal(
        loaded_claim.state, reason=reason, source=source_id, said_at=said_at, precision=precision
    )
    return claim_writer.record_events(connection, loaded_claim, [draft], actor=actor, now=now).state


def merge_claims(
    connection: Connection,
    claim_id: str,
    *,
    into: str,
    four_eyes: bool,
    versions: Versions,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Merge a duplicate into another claim, which takes over its links, origin and components.

    The survivor's status follows its own links by the usual rules: no status is inherited.  If that
    changes what is printed of a confirmed survivor, the merge is proposed on the survivor.
    """
    access.require_permission(actor, Action.AMEND)
    if not existence.is_claim(connection, into):
        raise Invalid("there is no claim with this id", loc=("body", "into"))
    existence.require_claim(connection, claim_id)
    party_changes.lock_voices(connection, [claim_id])
    now = claim_writer.lock_claims(connection, [claim_id, into], now=now)
    claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    survivor = claim_writer.load_claim(connection, into, now=now)
    change = plan_merge(connection, claim_id, survivor.state, now=now)
    if four_eyes and domain_changes.needs_second_person(survivor.state, change):
        return proposal_commands.submit_change(
            connection, survivor, change, four_eyes=True, actor=actor, now=now
        )
    close_merged_claim(connection, claim_id, into=into, actor=actor, now=now)
    # Reread: its components may just have changed its version.
    survivor = claim_writer.load_claim(connection, into, now=now)
    recording = claim_writer.record_events(
        connection, survivor, change.drafts, actor=actor, now=now, cause=change.cause
    )
    return Outcome(recording.state, recording.events[0], None)


def plan_merge(
    connection: Connection, claim_id: str, survivor: ClaimState, *, now: datetime
) -> Change:
    """Build what the survivor records when `claim_id` is merged into it; both must be locked.

    Raises MergeCycle, ClaimMerged or ClaimWithdrawn if they cannot be merged.
    """
    loser = claim_writer.load_claim(connection, claim_id, now=now).state
    amendments.require_mergeable(
        loser, survivor, claim_references.list_ancestors(connection, survivor.id)
    )
    new_ids = {link.id: ids.make_id() for link in loser.links}
    origin = link_commands.build_origin_link(connection, loser)
    return amendments.absorb_claim(survivor, loser, new_ids, origin)


def close_merged_claim(
    connection: Connection, claim_id: str, *, into: str, actor: Actor, now: datetime
) -> None:
    """Close the duplicate and move its components to the survivor."""
    # Nothing can become a component of the loser any more: that would take its lock.
    components = connection.scalars(
        select(claims.c.id).where(claims.c.part_of == claim_id, claims.c.merged_into.is_(None))
    ).all()
    now = claim_writer.lock_claims(connection, components, now=now)
    closing = Draft("claim.merged", {"into": into})
    loser = claim_writer.load_claim(connection, claim_id, now=now)
    claim_writer.record_events(connection, loser, [closing], actor=actor, now=now)
    for component in components:
        move = Draft("claim.moved", {"part_of": into})
        loaded_claim = claim_writer.load_claim(connection, component, now=now)
        claim_writer.record_events(connection, loaded_claim, [move], actor=actor, now=now)


def _is_actor(connection: Connection, actor_id: str) -> bool:
    """Whether a user or a key has this id."""
    if connection.scalar(select(api_keys.c.id).where(api_keys.c.id == actor_id)) is not None:
        return True
    user = ids.parse_id(actor_id)
    return user is not None and (
        connection.scalar(select(users.c.id).where(users.c.id == user)) is not None
    )
