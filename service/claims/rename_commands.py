"""Renames parties and speakers, also if their names are printed on claims that two people vouch
for.

`party_changes` carries a change out; this module decides whether one person may make it.  If a
second person has to agree, the proposal is recorded on one of the claims that would print
otherwise: the oldest one on which no other decision is pending.  That claim's page shows what
prints now and what would.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select, union

from service.claims import claim_writer, party_changes, proposal_commands
from service.domain import access, changes, plain_data
from service.domain.access import Action, Actor
from service.domain.changes import Change
from service.domain.claims import DecisionKind, Pending, Status
from service.domain.errors import Conflict, DecisionPending, Invalid
from service.domain.history import Draft
from service.store import states, tables
from service.store.tables import claims, speakers

PartyTree = Mapping[str, Mapping[str, Any]]
"""The rows of all parties by slug."""
PRINTED = ("name", "parent", "in_sentence", "merged_into")
"""What of a party stands on claims: its name, and its root's; and whether it is merged."""


def change_party(
    connection: Connection,
    slug: str,
    changes: Mapping[str, Any],
    *,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> str | None:
    """Change a party, or propose it; returns the id of the pending decision, if there is one.

    Raises what `party_changes.change_party` raises, and Conflict for a party that is merged.
    """
    access.require_permission(actor, Action.CHANGE_PARTIES)
    into = connection.scalar(
        select(tables.parties.c.merged_into).where(tables.parties.c.slug == slug)
    )
    if into is not None:
        raise Conflict(f"This party was merged into '{into}': change that one.", merged_into=into)
    return submit_party(
        connection, slug, changes, reason=None, four_eyes=four_eyes, actor=actor, now=now
    )


def submit_party(
    connection: Connection,
    slug: str,
    changes: Mapping[str, Any],
    *,
    reason: str | None,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> str | None:
    """Change, merge or separate a party, or propose it; returns the id of the pending decision, if
    there is one."""
    tree: PartyTree = lock_tree(connection) if four_eyes else {}
    party = tree.get(slug, {})
    new = {name: changes[name] for name in PRINTED if name in changes and name in party}
    if any(party[name] != value for name, value in new.items()):
        plan = _plan_party(tree, slug, changes, new, reason)
        concerned_parties = list(plan.drafts[0].data["parties"])
        shown_claims = party_changes.select_showing_parties(concerned_parties)
        decision = _propose(connection, plan, shown_claims, actor=actor, now=now)
        if decision is not None:
            return decision
    party_changes.change_party(connection, slug, changes, reason=reason, actor=actor, now=now)
    return None


def change_speaker(
    connection: Connection,
    speaker_id: str,
    changes: Mapping[str, Any],
    *,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> str | None:
    """Correct a speaker's name or role, or propose it; returns the id of the pending decision.

    Raises what `party_changes.change_speaker` raises, and Conflict for a speaker who is merged.
    """
    access.require_permission(actor, Action.CHANGE_PARTIES)
    into = connection.scalar(select(speakers.c.merged_into).where(speakers.c.id == speaker_id))
    if into is not None:
        raise Conflict(f"This speaker was merged into {into}: change that one.", merged_into=into)
    return submit_speaker(
        connection, speaker_id, changes, reason=None, four_eyes=four_eyes, actor=actor, now=now
    )


def submit_speaker(
    connection: Connection,
    speaker_id: str,
    changes: Mapping[str, Any],
    *,
    reason: str | None,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> str | None:
    """Change, merge or separate a speaker, or propose it; returns the id of the pending decision,
    if there is one."""
    row = connection.execute(select(speakers).where(speakers.c.id == speaker_id)).first()
    if row is not None and four_eyes:
        plan = _plan_speaker(connection, row._asdict(), changes, reason)
        shown_claims = union(
            *(
                select(claims.c.id).where(
                    claims.c.claimant == each.party, claims.c.state.contains(each.id)
                )
                for each in (row, *party_changes.list_merged_speakers(connection, speaker_id))
            )
        )
        decision = _propose(connection, plan, shown_claims, actor=actor, now=now)
        if decision is not None:
            return decision
    party_changes.change_speaker(
        connection, speaker_id, changes, reason=reason, actor=actor, now=now
    )
    return None


def replan_rename(connection: Connection, waiting: Pending) -> Change:
    """Build a proposed rename with present names, on the claim on which it was proposed.

    Raises Conflict if the party or speaker has changed since the proposal.
    """
    request = dict(waiting.change or {})
    if waiting.kind is DecisionKind.PARTY:
        tree = lock_tree(connection)
        slug, changes = request["party"], request["changes"]
        new = {name: changes[name] for name in PRINTED if name in changes}
        plan = _plan_party(tree, slug, changes, new, request.get("reason"))
    else:
        query = select(speakers).where(speakers.c.id == request["speaker"]).with_for_update()
        row = connection.execute(query).one()._asdict()
        plan = _plan_speaker(connection, row, request["changes"], request.get("reason"))
    if plan.request["was"] != request["was"]:
        was = plan.request["was"]["name"]
        raise Conflict(f"“{request['was']['name']}” is “{was}” by now, or stands elsewhere.")
    return replace(plan, reason=waiting.reason)


def carry_out_rename(
    connection: Connection, change: Change, *, actor: Actor, now: datetime
) -> None:
    """Apply an approved rename to everything that shows the name."""
    request = change.request
    changes, reason = request["changes"], request.get("reason")
    if change.kind is DecisionKind.PARTY:
        party_changes.change_party(
            connection, request["party"], changes, reason=reason, actor=actor, now=now
        )
    else:
        party_changes.change_speaker(
            connection, request["speaker"], changes, reason=reason, actor=actor, now=now
        )


def _propose(
    connection: Connection, plan: Change, showing: Any, *, actor: Actor, now: datetime
) -> str | None:
    """Propose `plan` on the first claim that would print otherwise; None if there is none.

    Raises DecisionPending if each of them has another pending decision.
    """
    busy: DecisionPending | None = None
    for claim_id in connection.scalars(_select_vouched(showing)).all():
        stored_state = connection.scalar(
            select(states.select_whole(claims)).where(claims.c.id == claim_id)
        )
        if not changes.needs_second_person(states.parse(stored_state or ""), plan):
            continue
        loaded_claim = claim_writer.load_claim(connection, claim_id, now=now)
        if not changes.needs_second_person(loaded_claim.state, plan):
            continue
        try:
            outcome = proposal_commands.submit_change(
                connection, loaded_claim, plan, four_eyes=True, actor=actor, now=now
            )
        except DecisionPending as error:
            busy = error
            continue
        return outcome.decision
    if busy is not None:
        raise busy
    return None


def _select_vouched(showing: Any) -> Any:
    """Select the claims among `shown` that two people may vouch for, the oldest first."""
    is_vouched: ColumnElement[bool] = or_(
        claims.c.status == Status.CONFIRMED.value, claims.c.state.contains('"finding":"')
    )
    return (
        select(claims.c.id)
        .where(claims.c.id.in_(showing), claims.c.merged_into.is_(None), is_vouched)
        .order_by(claims.c.id)
    )


def lock_tree(connection: Connection) -> PartyTree:
    """Lock every party, in the order in which `party_changes` locks them; returns them by slug."""
    rows = connection.execute(
        select(tables.parties).order_by(tables.parties.c.slug).with_for_update()
    )
    return {row.slug: row._asdict() for row in rows}


def _plan_party(
    tree: PartyTree,
    slug: str,
    changes: Mapping[str, Any],
    new: Mapping[str, Any],
    why: str | None,
) -> Change:
    """Build what a change of a party's name or parent would record on a claim that shows it."""
    party = tree[slug]
    new_tree = {**tree, slug: {**party, **new}}
    if "name" in new:
        rows = {each: SimpleNamespace(**row) for each, row in tree.items()}
        for merged_slug in party_changes.list_merged(rows, slug):
            new_tree[merged_slug] = {**tree[merged_slug], "name": new["name"]}
    below = _list_below(tree, slug)
    root = _find_root(new_tree, slug, below)
    voices = {
        each: plain_data.describe_names(
            name=new_tree[each]["name"],
            in_sentence=new_tree[each]["in_sentence"],
            root=root,
            root_name=new_tree[root]["name"],
            root_in_sentence=new_tree[root]["in_sentence"],
        )
        for each in below
    }
    draft = Draft("party.changed", {"party": slug, "parties": voices})
    was = {name: party[name] for name in ("name", "parent", "root")}
    if "in_sentence" in new:
        was["in_sentence"] = party["in_sentence"]
    reason = f"“{party['name']}” becomes “{new_tree[slug]['name']}”"
    if new_tree[slug]["parent"] != party["parent"]:
        above = new_tree[slug]["parent"]
        reason = f"“{party['name']}” " + (
            f"becomes part of “{tree[above]['name']}”" if above else "stands by itself"
        )
    about = {"party": slug, "changes": dict(changes), "was": was}
    if why is not None:
        about["reason"] = reason = why
    return Change(DecisionKind.PARTY, (draft,), about, reason)


def _list_below(tree: PartyTree, slug: str) -> list[str]:
    """List `slug` and every party below it."""
    below, waiting = [], [slug]
    while waiting:
        parent = waiting.pop()
        below.append(parent)
        waiting.extend(other for other, row in tree.items() if row["parent"] == parent)
    return sorted(below)


def _find_root(tree: PartyTree, slug: str, below: Iterable[str]) -> str:
    """Find the topmost party above `slug`.  Raises Invalid for a parent that is unknown or below
    it."""
    root, under = slug, set(below)
    while tree[root]["parent"] is not None:
        above = tree[root]["parent"]
        if above not in tree:
            raise Invalid(f"there is no party '{above}'", loc=("body", "parent"))
        if above in under:
            raise Invalid(f"'{slug}' would become its own ancestor", loc=("body", "parent"))
        root = above
    return root


def _plan_speaker(
    connection: Connection, row: Mapping[str, Any], changes: Mapping[str, Any], why: str | None
) -> Change:
    """Build what a speaker's name or role would record on a claim that shows it, or that shows
    somebody who was merged into this one."""
    name, role = changes.get("name", row["name"]), changes.get("role", row["role"])
    same = [each.id for each in party_changes.list_merged_speakers(connection, row["id"])]
    drafts = [
        Draft("speaker.changed", {"speaker": speaker, "name": name, "role": role})
        for speaker in (row["id"], *same)
    ]
    about = {
        "speaker": row["id"],
        "changes": dict(changes),
        "was": {"name": row["name"], "role": row["role"]},
    }
    reason = f"“{row['name']}” becomes “{name}”"
    if why is not None:
        about["reason"] = reason = why
    return Change(DecisionKind.SPEAKER, tuple(drafts), about, reason)
