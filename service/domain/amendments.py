"""Drafts events other than changes of status: linking, retracting, amending, merging, withdrawing.

Functions here are pure, like those of `lifecycle`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict

from service.domain import evidence, guards, history
from service.domain.changes import Change
from service.domain.claims import (
    AMENDABLE,
    LATER_FIELDS,
    LATER_LINK_FIELDS,
    Cause,
    ClaimState,
    DecisionKind,
    Finding,
    Lifecycle,
    Link,
    Precision,
    Stance,
    Status,
    Voice,
    format_instant,
)
from service.domain.errors import AlreadySettled, Invalid, MergeCycle, NotFound
from service.domain.history import Draft
from service.domain.inputs import CREATION_FIELDS, NewClaim
from service.domain.lifecycle import draft_reopening
from service.domain.plain_data import make_plain
from service.domain.proposals import require_open_claim


def draft_link(state: ClaimState, new: Link, *, note: str | None) -> Draft:
    """Draft a link: a statement's stance on the claim.

    Raises Invalid if the statement has an active link to the claim already.
    """
    require_open_claim(state)
    if new.statement == state.origin_statement:
        raise Invalid(
            "this statement is the claim's own origin; link what others say of it",
            loc=("body", "statement"),
        )
    existing = next(
        (link for link in state.links if link.statement == new.statement and link.is_active),
        None,
    )
    if existing is not None:
        raise Invalid(
            f"this statement is linked already ({existing.stance}); retract link {existing.id} "
            "first to give it another stance",
            loc=("body", "statement"),
        )
    data = {**describe_link(new), "note": note}
    return Draft("link.created", {"link": data})


def add_link(state: ClaimState, new: Link, *, note: str | None) -> Change:
    """Return the change that adds a link."""
    draft = draft_link(state, new, note=note)
    return Change(
        DecisionKind.LINK, (draft,), draft.data, f"{guards.name_voice(new)} {_VERBS[new.stance]}"
    )


_VERBS = {
    Stance.SUPPORTS: "supports it",
    Stance.CONTRADICTS: "contradicts it",
    Stance.REQUESTS_CONFIRMATION: "asks for confirmation",
    Stance.COMMENTS: "comments on it",
}


DERIVED = frozenset(
    {
        *("recorded_at", "affirmed", "retracted", "withdrawn", "conflicting", "set_aside"),
        *("void", "statement_void"),
    }
)
"""The fields of a link that follow from its own and later events."""


def describe_link(link: Link) -> Mapping[str, object]:
    """Return a new link as event data."""
    return {name: value for name, value in make_plain(link).items() if name not in DERIVED}


def draft_retraction(state: ClaimState, link_id: str, *, reason: str) -> Draft:
    """Draft that a link should not have been made.

    Allowed on closed claims too: it corrects the record.
    """
    link = _require_link(state, link_id)
    if link.retracted:
        raise AlreadySettled("This link was retracted before.", link=link_id)
    return Draft("link.retracted", {"link": link_id, "reason": reason})


def draft_affirmation(state: ClaimState, link_id: str) -> Draft:
    """Draft that a link holds for the present wording, or in spite of a conflict after a merge."""
    require_open_claim(state)
    link = _require_link(state, link_id)
    if not link.is_active:
        raise AlreadySettled(
            "A retracted link or withdrawn statement cannot be affirmed.", link=link_id
        )
    if link.affirmed and not link.conflicting:
        raise AlreadySettled("This link stands affirmed already.", link=link_id)
    return Draft("link.affirmed", {"link": link_id})


def retract_link(state: ClaimState, link_id: str, *, reason: str) -> Change:
    draft = draft_retraction(state, link_id, reason=reason)
    return Change(DecisionKind.RETRACTION, (draft,), {"link": link_id}, reason)


def affirm_link(state: ClaimState, link_id: str) -> Change:
    draft = draft_affirmation(state, link_id)
    reason = "The link holds for the present wording"
    return Change(DecisionKind.AFFIRMATION, (draft,), {"link": link_id}, reason)


class Withdrawal(TypedDict):
    """That somebody takes back what they said; `said_at` is when the world heard that, and `source`
    is recorded."""

    reason: str
    source: str | None
    said_at: datetime | None
    precision: Precision | None


def draft_statement_withdrawal(
    statement: str,
    *,
    reason: str,
    source: str | None,
    said_at: datetime | None = None,
    precision: Precision | None = None,
) -> Draft:
    """Draft that a linked statement was withdrawn; `said_at` is when the world heard that."""
    data = {"statement": statement, "reason": reason, "source": source}
    return Draft("statement.withdrawn", data | _describe_moment(said_at, precision))


def withdraw_linked_statement(
    statement: str, drafts: Sequence[Draft], request: Withdrawal
) -> Change:
    """Return the change that the withdrawal of a statement makes of a claim.

    If the claim is confirmed in spite of a denial, its print line is bolder without the denial.
    Then two people have to agree, and until they do the denial is printed.
    """
    return Change(
        DecisionKind.WITHDRAWAL,
        tuple(drafts),
        {"statement": statement} | make_plain(request),
        request["reason"],
    )


def draft_claim_withdrawal(
    state: ClaimState,
    *,
    reason: str,
    source: str | None,
    said_at: datetime | None = None,
    precision: Precision | None = None,
) -> Draft:
    """Draft that the claimant withdraws the claim; its last status is kept."""
    require_open_claim(state)
    data = {"reason": reason, "source": source}
    return Draft("claim.withdrawn", data | _describe_moment(said_at, precision))


def _describe_moment(said_at: datetime | None, precision: Precision | None) -> dict[str, str]:
    if said_at is None:
        return {}
    return {"said_at": format_instant(said_at), "precision": (precision or Precision.DAY).value}


def draft_amendment(
    state: ClaimState, changes: Mapping[str, Any], *, material: bool
) -> list[Draft]:
    """Draft a change of fields that are `AMENDABLE`; only what differs is recorded.

    A material change of the text is a new revision: links must be affirmed one by one, a finding
    about the former wording ends, and a confirmed claim awaits confirmation again.  A typo fix
    keeps the revision.
    """
    require_open_claim(state)
    draft = Draft("claim.amended", {})
    for name in AMENDABLE:
        value = make_plain(changes[name]) if name in changes else None
        if name in changes and value != make_plain(getattr(state, name)):
            draft.data[name] = value
    if "text" in draft.data:
        draft.data["material"] = material
        if material:
            draft.data["revision"] = state.revision + 1
    if not draft.data:
        return []
    drafts = [draft]
    if draft.data.get("material"):
        reason = "the wording was amended materially"
        finding = history.apply_drafts(state, drafts).finding
        if finding is not None:
            drafts.append(draft_end_of_finding(finding, reason, rule="amendment"))
        if state.status is Status.CONFIRMED:
            drafts.append(draft_reopening(state, reason, Cause.AMENDMENT))
    return drafts


def draft_end_of_finding(finding: Finding, reason: str, *, rule: str) -> Draft:
    """Draft the end of a finding, which was about what the claim said before."""
    return Draft(
        "finding.changed",
        {
            "previous": finding.value,
            "finding": None,
            "reason": reason,
            "cites": [],
            "decision": None,
            "decided_by": None,
            "approved_by": None,
            "approval_note": None,
        },
        rule,
    )


def reword_claim(state: ClaimState, text: str, *, material: bool) -> Change:
    """Return the change that gives the claim another wording."""
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
REPLACED = "the merged claim had this statement with a more cautious stance"
"""Why a merge retracts a link of the survivor."""


def draft_absorption(
    survivor: ClaimState, loser: ClaimState, new_ids: Mapping[str, str], origin: Link | None
) -> list[Draft]:
    """Draft that the survivor takes the loser's active links, one of each statement, and `origin`.

    `origin` is the statement that the loser was recorded with, as a link that supports; None if no
    party stands behind it.  It does not count until somebody affirms it.  If both have a link of
    one statement, the more cautious stance stays, and does not count until affirmed either.  The
    loser's status is not inherited, nor what its decisions set aside.  `new_ids` gives the ids that
    the loser's links get on the survivor.
    """
    links_of_survivor = {link.statement: link for link in survivor.links if link.is_active}
    moved_links, conflicts, replaced_links = [], [], []
    copies = [replace(link, id=new_ids[link.id], set_aside=False) for link in loser.links]
    for copy in [*copies, *([origin] if origin else [])]:
        if not copy.is_active or copy.statement == survivor.origin_statement:
            continue
        own = links_of_survivor.get(copy.statement)
        if own is None:
            if copy is origin and evidence.explain_disqualification(survivor, copy) is None:
                copy = replace(copy, conflicting=True)
            moved_links.append(copy)
        elif CAUTION.index(copy.stance) > CAUTION.index(own.stance):
            replaced_links.append(own.id)
            moved_links.append(copy)
            conflicts.append(copy.id)
        elif own.stance is not copy.stance:
            conflicts.append(own.id)
    return [
        *(Draft("link.retracted", {"link": old, "reason": REPLACED}) for old in replaced_links),
        Draft(
            "claim.absorbed",
            {
                "merged": loser.id,
                "links": [_describe_moved(link) for link in moved_links],
                "conflicts": conflicts,
            },
        ),
    ]


def _describe_moved(link: Link) -> dict[str, object]:
    """Return a link that moves to another claim as event data."""
    plain = make_plain(link)
    unset = LATER_LINK_FIELDS.items()
    return {name: value for name, value in plain.items() if (name, value) not in unset}


def absorb_claim(
    survivor: ClaimState, loser: ClaimState, new_ids: Mapping[str, str], origin: Link | None
) -> Change:
    """Return the change that a merge makes of the claim that remains."""
    return Change(
        DecisionKind.MERGE,
        tuple(draft_absorption(survivor, loser, new_ids, origin)),
        {"merged": loser.id, "text": loser.text},
        "A duplicate is merged into this claim",
        cause=Cause.MERGE,
    )


def draft_component_change(component: ClaimState, *, is_removed: bool = False) -> Draft:
    """Draft what the parent records of a component: that it is there, has changed, or is gone."""
    return Draft(
        "component.changed",
        {
            "component": component.id,
            "text": component.text,
            "status": component.status.value,
            "removed": is_removed,
        },
        "component",
    )


def draft_creation(new: NewClaim, *, claimant: Voice | None, origin_statement: str) -> Draft:
    """Draft the first event of a claim, which is asserted."""
    values = {name: getattr(new, name, None) for name in CREATION_FIELDS}
    data = {
        name: make_plain(value)
        for name, value in values.items()
        if value is not None or name not in LATER_FIELDS
    }
    data |= {"claimant": make_plain(claimant), "origin_statement": origin_statement}
    return Draft("claim.created", data)


def _require_link(state: ClaimState, link_id: str) -> Link:
    link = state.find_link(link_id)
    if link is None:
        raise NotFound("There is no such link on this claim.")
    return link
