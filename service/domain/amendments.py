"""Acts other than status changes: linking, retracting, amending, merging, withdrawing.

Pure, like `lifecycle`: each returns the drafts of events that the act amounts to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from service.domain import evidence, history
from service.domain.changes import Change
from service.domain.claims import (
    Cause,
    ClaimState,
    DecisionKind,
    Finding,
    Lifecycle,
    Link,
    Precision,
    Stance,
    Status,
    format_instant,
)
from service.domain.errors import AlreadySettled, Invalid, MergeCycle, NotFound
from service.domain.history import Draft, make_plain
from service.domain.lifecycle import draft_reopening
from service.domain.proposals import require_open_claim


def draft_link(state: ClaimState, new: Link, *, note: str | None) -> Draft:
    """Record that a statement takes a stance on the claim.

    Raises Invalid where the same statement is linked already with an active link.
    """
    require_open_claim(state)
    if new.statement == state.origin_statement:
        raise Invalid(
            "this statement is the claim's own origin; link what others say of it",
            loc=("body", "statement"),
        )
    standing = next(
        (one for one in state.links if one.statement == new.statement and one.is_active), None
    )
    if standing is not None:
        raise Invalid(
            f"this statement is linked already ({standing.stance}); retract link {standing.id} "
            "first to give it another stance",
            loc=("body", "statement"),
        )
    data = describe_link(new) | {"note": note}
    return Draft("link.created", {"link": data})


def add_link(state: ClaimState, new: Link, *, note: str | None) -> Change:
    """Another statement's stance on the claim."""
    draft = draft_link(state, new, note=note)
    return Change(DecisionKind.LINK, (draft,), draft.data, f"{new.voice.name} {_VERBS[new.stance]}")


_VERBS = {
    Stance.SUPPORTS: "supports it",
    Stance.CONTRADICTS: "contradicts it",
    Stance.REQUESTS_CONFIRMATION: "asks for confirmation",
    Stance.COMMENTS: "comments on it",
}


def describe_link(one: Link) -> dict[str, Any]:
    """A new link as event data: the instant it was recorded is the event's own."""
    data: dict[str, Any] = make_plain(one)
    for derived in (
        "recorded_at",
        "affirmed",
        "retracted",
        "withdrawn",
        "conflicting",
        "set_aside",
    ):
        del data[derived]
    return data


def draft_retraction(state: ClaimState, link_id: str, *, reason: str) -> Draft:
    """Say that a link should not have been made.

    Allowed on closed claims too: it corrects the record.
    """
    one = _existing(state, link_id)
    if one.retracted:
        raise AlreadySettled("This link was retracted before.", link=link_id)
    return Draft("link.retracted", {"link": link_id, "reason": reason})


def draft_affirmation(state: ClaimState, link_id: str) -> Draft:
    """Say that a link holds for the present wording too (or in spite of a merged-in conflict)."""
    require_open_claim(state)
    one = _existing(state, link_id)
    if not one.is_active:
        raise AlreadySettled(
            "A retracted link or withdrawn statement cannot be affirmed.", link=link_id
        )
    if one.affirmed and not one.conflicting:
        raise AlreadySettled("This link stands affirmed already.", link=link_id)
    return Draft("link.affirmed", {"link": link_id})


def retract_link(state: ClaimState, link_id: str, *, reason: str) -> Change:
    draft = draft_retraction(state, link_id, reason=reason)
    return Change(DecisionKind.RETRACTION, (draft,), {"link": link_id}, reason)


def affirm_link(state: ClaimState, link_id: str) -> Change:
    draft = draft_affirmation(state, link_id)
    reason = "The link holds for the present wording"
    return Change(DecisionKind.AFFIRMATION, (draft,), {"link": link_id}, reason)


def draft_statement_withdrawal(
    statement: str,
    *,
    reason: str,
    source: str | None,
    said_at: datetime | None = None,
    precision: Precision | None = None,
) -> Draft:
    """A linked statement was taken back; `said_at` is when the world heard that."""
    when = _when(said_at, precision)
    return Draft(
        "statement.withdrawn", {"statement": statement, "reason": reason, "source": source} | when
    )


def withdraw_linked_statement(
    statement: str, drafts: Sequence[Draft], asked: Mapping[str, Any]
) -> Change:
    """What the withdrawal of a statement means for a claim.

    Where the claim is confirmed in spite of it, the line is bolder without it: then two have to
    agree, and until they do the claim is printed with the denial.
    """
    return Change(
        DecisionKind.WITHDRAWAL,
        tuple(drafts),
        {"statement": statement} | make_plain(asked),
        asked["reason"],
    )


def draft_claim_withdrawal(
    state: ClaimState,
    *,
    reason: str,
    source: str | None,
    said_at: datetime | None = None,
    precision: Precision | None = None,
) -> Draft:
    """The claimant takes the claim back: the last status is kept."""
    require_open_claim(state)
    return Draft(
        "claim.withdrawn", {"reason": reason, "source": source} | _when(said_at, precision)
    )


def _when(said_at: datetime | None, precision: Precision | None) -> dict[str, Any]:
    if said_at is None:
        return {}
    return {"said_at": format_instant(said_at), "precision": (precision or Precision.DAY).value}


def draft_amendment(
    state: ClaimState, changes: Mapping[str, Any], *, material: bool
) -> list[Draft]:
    """Change text, tags or assignee; only what differs is recorded.

    A material change of the text is a new revision: links must be affirmed one by one, a finding
    about the former wording ends, and a confirmed claim awaits confirmation again.  A typo fix
    keeps the revision.
    """
    require_open_claim(state)
    differing: dict[str, Any] = {}
    if "text" in changes and changes["text"] != state.text:
        differing |= {"text": changes["text"], "material": material}
        if material:
            differing["revision"] = state.revision + 1
    if "assignee" in changes and changes["assignee"] != state.assignee:
        differing["assignee"] = changes["assignee"]
    if "tags" in changes and tuple(changes["tags"]) != state.tags:
        differing["tags"] = list(changes["tags"])
    if not differing:
        return []
    drafts = [Draft("claim.amended", differing)]
    if differing.get("material"):
        finding = history.apply_drafts(state, drafts).finding
        if finding is not None:
            drafts.append(_end_finding(finding))
        if state.status is Status.CONFIRMED:
            drafts.append(draft_reopening(state))
    return drafts


def _end_finding(finding: Finding) -> Draft:
    """A finding is about a wording: it does not outlive it."""
    return Draft(
        "finding.changed",
        {
            "previous": finding.value,
            "finding": None,
            "reason": "the wording was amended materially",
            "cites": [],
            "decision": None,
            "decided_by": None,
            "approved_by": None,
            "approval_note": None,
        },
        "amendment",
    )


def reword_claim(state: ClaimState, text: str, *, material: bool) -> Change:
    """Another wording of the claim."""
    return Change(
        DecisionKind.AMENDMENT,
        tuple(draft_amendment(state, {"text": text}, material=material)),
        {"text": text, "material": material},
        "Another wording of the same claim",
    )


def require_mergeable(loser: ClaimState, survivor: ClaimState, ancestors: set[str]) -> None:
    """Raise unless `loser` may be merged into `survivor`.

    `ancestors` are the ids of the claims that the survivor is part of, at any height.
    """
    if loser.id == survivor.id:
        raise MergeCycle("A claim cannot be merged into itself.")
    require_open_claim(loser)
    if survivor.lifecycle is not Lifecycle.ACTIVE:
        raise MergeCycle(
            f"The claim to merge into is {survivor.lifecycle} itself.",
            merged_into=survivor.merged_into,
        )
    if loser.id in ancestors:
        raise MergeCycle(
            "The claim to merge into is part of this one; a claim cannot be part of itself."
        )


CAUTION = (Stance.COMMENTS, Stance.SUPPORTS, Stance.REQUESTS_CONFIRMATION, Stance.CONTRADICTS)
"""Stances from the least to the most cautious."""


def draft_absorption(
    survivor: ClaimState, loser: ClaimState, new_ids: Mapping[str, str], origin: Link | None
) -> list[Draft]:
    """The survivor takes the loser's active links, once for each statement, and its `origin`.

    `origin` is the statement that the loser was recorded with, as a link that supports; None where
    no party stands behind it.  It counts for nothing until somebody has weighed it, and affirms it.
    Of a statement that both had with different stances the more cautious link stays, flagged
    likewise.  Nothing of the loser's status is inherited, nor what its decisions set aside.
    `new_ids` gives each of the loser's links the id it has on the survivor.
    """
    here = {one.statement: one for one in survivor.links if one.is_active}
    moved, conflicts, replaced = [], [], []
    copies = [replace(one, id=new_ids[one.id], set_aside=False) for one in loser.links]
    for copy in [*copies, *([origin] if origin else [])]:
        if not copy.is_active or copy.statement == survivor.origin_statement:
            continue
        mine = here.get(copy.statement)
        if mine is None:
            if copy is origin and evidence.explain_disqualification(survivor, copy) is None:
                copy = replace(copy, conflicting=True)
            moved.append(copy)
        elif CAUTION.index(copy.stance) > CAUTION.index(mine.stance):
            replaced.append(mine.id)
            moved.append(copy)
            conflicts.append(copy.id)
        elif mine.stance is not copy.stance:
            conflicts.append(mine.id)
    reason = "the merged claim had this statement with a more cautious stance"
    return [
        *(Draft("link.retracted", {"link": link_id, "reason": reason}) for link_id in replaced),
        Draft(
            "claim.absorbed",
            {"merged": loser.id, "links": make_plain(moved), "conflicts": conflicts},
        ),
    ]


def absorb_claim(
    survivor: ClaimState, loser: ClaimState, new_ids: Mapping[str, str], origin: Link | None
) -> Change:
    """What a merge records on the claim that remains."""
    return Change(
        DecisionKind.MERGE,
        tuple(draft_absorption(survivor, loser, new_ids, origin)),
        {"merged": loser.id, "text": loser.text},
        "A duplicate is merged into this claim",
        cause=Cause.MERGE,
    )


def draft_component_change(component: ClaimState, *, removed: bool = False) -> Draft:
    """What a parent's record says when one of its components is added, moves or leaves."""
    return Draft(
        "component.changed",
        {
            "component": component.id,
            "text": component.text,
            "status": component.status.value,
            "removed": removed,
        },
        "component",
    )


def draft_creation(
    *,
    text: str,
    kind: str,
    claimant: Any,
    claimed_at: Any,
    precision: str,
    story: str | None,
    tags: tuple[str, ...],
    part_of: str | None,
    origin_statement: str,
) -> Draft:
    """The first line of a claim's record: somebody is on record, so the claim is asserted."""
    return Draft(
        "claim.created",
        {
            "text": text,
            "kind": kind,
            "claimant": make_plain(claimant) if claimant else None,
            "claimed_at": format_instant(claimed_at),
            "precision": precision,
            "story": story,
            "tags": list(tags),
            "part_of": part_of,
            "origin_statement": origin_statement,
        },
    )


def _existing(state: ClaimState, link_id: str) -> Link:
    one = state.link(link_id)
    if one is None:
        raise NotFound("There is no such link on this claim.")
    return one
