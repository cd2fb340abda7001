"""Drafts voids and ways back: of what was recorded by mistake, and of what was done by mistake.

Functions here are pure, like those of `amendments`.  A way back makes things as if the act had not
happened, from now on.  It never confirms: a claim that fell meanwhile stays fallen, and what has
changed while the claim was closed is weighed when it opens again.

What was recorded by mistake, and what was done by mistake, is put right like any other mistake: a
status that follows from that has the cause `correction`.  Nobody withdrew anything, as
`support_withdrawn` would say.  Only a claim that opens again moves for what came meanwhile, with
the cause of that.
"""

from collections.abc import Sequence
from typing import Literal

from service.domain import amendments, history, reversal_steps
from service.domain.changes import Change
from service.domain.claims import Cause, ClaimState, DecisionKind, Lifecycle, Link, Status
from service.domain.errors import AlreadySettled, ClaimMerged, Conflict, NotFound
from service.domain.history import Draft, Event
from service.domain.proposals import require_open_claim

Undone = Literal["void", "withdrawal"]
"""What a restoration of a statement takes back."""


def void_claim(state: ClaimState, *, reason: str) -> Change:
    """Return the change that says that the claim was recorded by mistake.

    Raises ClaimMerged, or AlreadySettled if it is void already.
    """
    if state.lifecycle is Lifecycle.VOID:
        raise AlreadySettled("This claim is void already.", claim=state.id)
    if state.lifecycle is Lifecycle.MERGED:
        raise ClaimMerged(
            f"This claim was merged into {state.merged_into}: void that one, or separate this one "
            "from it first.",
            merged_into=state.merged_into,
        )
    draft = _draft_lifecycle("claim.voided", state, Lifecycle.VOID, reason)
    return Change(DecisionKind.VOID, (draft,), {"claim": state.id}, reason)


def restore_claim(state: ClaimState, *, reason: str, since: ClaimState) -> Change:
    """Return the change that says that the claim was no mistake; `since` is what it was before.

    Raises AlreadySettled if the claim is not void.
    """
    if state.lifecycle is not Lifecycle.VOID:
        raise AlreadySettled("This claim is not void: there is nothing to restore.", claim=state.id)
    lifecycle = state.former_lifecycle or Lifecycle.ACTIVE
    return _open_claim(state, lifecycle, reason=reason, since=since)


def reinstate_claim(state: ClaimState, *, reason: str, since: ClaimState) -> Change:
    """Return the change that says that the claimant did not withdraw the claim; `since` is what it
    was before.

    Raises AlreadySettled if nobody did, and ClaimMerged or ClaimVoid.
    """
    if state.lifecycle is not Lifecycle.WITHDRAWN:
        require_open_claim(state)
        raise AlreadySettled(
            "This claim was not withdrawn: there is nothing to reinstate.", claim=state.id
        )
    return _open_claim(state, Lifecycle.ACTIVE, reason=reason, since=since)


def _open_claim(
    state: ClaimState, lifecycle: Lifecycle, *, reason: str, since: ClaimState
) -> Change:
    draft = _draft_lifecycle("claim.restored", state, lifecycle, reason)
    request = {"claim": state.id, "was": state.lifecycle.value}
    return Change(DecisionKind.RESTORATION, (draft,), request, reason, since=since)


def _draft_lifecycle(type: str, state: ClaimState, lifecycle: Lifecycle, reason: str) -> Draft:
    before, after = {"lifecycle": state.lifecycle.value}, {"lifecycle": lifecycle.value}
    return Draft(type, {"before": before, "after": after, "reason": reason})


def void_link(state: ClaimState, link_id: str, *, reason: str) -> Change:
    """Return the change that says that a link was recorded by mistake.

    Raises NotFound, or AlreadySettled if it is void already.
    """
    if _require_link(state, link_id).void:
        raise AlreadySettled("This link is void already.", link=link_id)
    draft = Draft("link.voided", {"link": link_id, "reason": reason})
    return Change(DecisionKind.VOID, (draft,), {"link": link_id}, reason, cause=Cause.CORRECTION)


def restore_link(state: ClaimState, link_id: str, *, reason: str) -> Change:
    """Return the change that takes back that a link is void or, if it is not, its retraction.

    Raises NotFound, AlreadySettled if the link is neither, and Conflict if its statement was linked
    again since, or is the claim's own origin by now.
    """
    link = _require_link(state, link_id)
    if not (link.void or link.retracted):
        raise AlreadySettled("This link is neither void nor retracted.", link=link_id)
    if link.statement == state.origin_statement:
        raise Conflict(
            "This statement is the claim's own origin by now, and no evidence of it: correct "
            "origin_statement first.",
            statement=link.statement,
        )
    undoes = "void" if link.void else "retraction"
    if undoes == "retraction" or not link.retracted:
        _require_not_linked_again(state, link)
    draft = Draft("link.restored", {"link": link_id, "undoes": undoes, "reason": reason})
    return _restore_links(state, [draft], {"link": link_id}, reason)


def draft_statement_void(statement: str, *, reason: str) -> Draft:
    """Draft that a statement was recorded by mistake."""
    return Draft("statement.voided", {"statement": statement, "reason": reason})


def void_statement(statement: str, *, reason: str) -> Change:
    """Return the change that the void of a statement makes of a claim."""
    draft = draft_statement_void(statement, reason=reason)
    request = {"statement": statement}
    return Change(DecisionKind.VOID, (draft,), request, reason, cause=Cause.CORRECTION)


def restore_statement(
    state: ClaimState,
    statement: str,
    undoes: Undone,
    *,
    reason: str,
    since: ClaimState | None = None,
) -> Change | None:
    """Return the change that a restoration of a statement makes of a claim; None where it makes
    none.

    `since` is what the claim was before it was withdrawn with its origin: then it is reinstated.
    """
    flag = reversal_steps.STATEMENT_FLAGS[undoes]
    is_origin = statement == state.origin_statement and undoes == "void"
    drafts = []
    if is_origin or any(getattr(link, flag) for link in state.links if link.statement == statement):
        data = {"statement": statement, "undoes": undoes, "reason": reason}
        drafts.append(Draft("statement.restored", data))
    if since is not None:
        drafts.append(_draft_lifecycle("claim.restored", state, Lifecycle.ACTIVE, reason))
    if not drafts:
        return None
    request = {"statement": statement, "undoes": undoes}
    return _restore_links(state, drafts, request, reason, since=since)


def _restore_links(
    state: ClaimState,
    drafts: Sequence[Draft],
    request: dict[str, str],
    reason: str,
    *,
    since: ClaimState | None = None,
) -> Change:
    """Return the change that gives links back to a claim.

    They moved it when they were new; what was decided in spite of them since stays.  A confirmation
    is weighed anew all the same: it may take more support in spite of a denial that is back.
    """
    cause = Cause.CORRECTION if since is None else None
    if since is None and state.status is not Status.CONFIRMED:
        since = history.apply_drafts(state, drafts)
    return Change(
        DecisionKind.RESTORATION, tuple(drafts), request, reason, cause=cause, since=since
    )


def _require_not_linked_again(state: ClaimState, link: Link) -> None:
    newer = next(
        (
            other
            for other in state.links
            if other.statement == link.statement
            and other.id != link.id
            and not (other.void or other.retracted)
        ),
        None,
    )
    if newer is not None:
        raise Conflict(
            f"This statement was linked again ({newer.stance}): retract link {newer.id} first.",
            link=newer.id,
        )


def _require_link(state: ClaimState, link_id: str) -> Link:
    link = state.find_link(link_id)
    if link is None:
        raise NotFound("There is no such link on this claim.")
    return link


def draft_separation(loser: ClaimState, *, reason: str) -> Draft:
    """Draft that a merged claim is a claim of its own again.  Raises AlreadySettled."""
    if loser.lifecycle is not Lifecycle.MERGED:
        raise AlreadySettled(
            "This claim is not merged: there is nothing to separate.", claim=loser.id
        )
    before = {"lifecycle": Lifecycle.MERGED.value, "merged_into": loser.merged_into}
    after = {"lifecycle": Lifecycle.ACTIVE.value, "merged_into": None}
    return Draft("claim.separated", {"before": before, "after": after, "reason": reason})


def release_claim(
    survivor: ClaimState,
    loser: ClaimState,
    events: Sequence[Event],
    *,
    reason: str,
    prints_elsewhere: bool,
) -> Change:
    """Return the change that the survivor of a merge makes when the claims are separated.

    Links that came with the merge leave, links that it retracted come back, and those that it put
    in doubt count again; but not where somebody has decided on them since.  `events` are the
    survivor's.  Raises Conflict if the survivor was merged itself, or nothing says what came.
    """
    if survivor.lifecycle is Lifecycle.MERGED:
        raise Conflict(
            f"The claim that this one was merged into was merged into {survivor.merged_into} "
            "since: separate that one first.",
            merged_into=survivor.merged_into,
        )
    place, absorption = next(
        (place, event)
        for place, event in reversed(list(enumerate(events)))
        if event.type == "claim.absorbed" and event.data["merged"] == loser.id
    )
    decided_links = _list_decided_links(events[place + 1 :])
    open_links = {link.id: link for link in survivor.links if link.id not in decided_links}
    absorbed_ids = [link["id"] for link in absorption.data["links"]]
    leaving = [
        link for link in absorbed_ids if link in open_links and not open_links[link].retracted
    ]
    staying = {
        link.statement
        for link in survivor.links
        if link.id not in leaving and not (link.retracted or link.void)
    }
    restored_links = [
        link
        for link in _list_replaced_links(events[:place], absorption)
        if link in open_links
        and open_links[link].retracted
        and open_links[link].statement not in {*staying, survivor.origin_statement}
    ]
    weighed_links = [
        link
        for link in absorption.data["conflicts"]
        if link not in absorbed_ids and link in open_links and open_links[link].conflicting
    ]
    data = {
        "separated": loser.id,
        "links": leaving,
        "restored": restored_links,
        "weighed": weighed_links,
        "reason": reason,
    }
    return Change(
        DecisionKind.SEPARATION,
        (Draft("claim.released", data),),
        {"separated": loser.id, "text": loser.text},
        reason,
        cause=Cause.CORRECTION,
        prints_elsewhere=prints_elsewhere,
    )


def _list_replaced_links(earlier: Sequence[Event], absorption: Event) -> list[str]:
    """List the links that a merge retracted: right before it, and with it."""
    replaced_ids = []
    for event in reversed(earlier):
        is_of_merge = event.type == "link.retracted" and event.data["reason"] == amendments.REPLACED
        if not is_of_merge or event.recorded_at != absorption.recorded_at:
            break
        replaced_ids.append(event.data["link"])
    return replaced_ids[::-1]


LINK_TYPES = frozenset({"link.affirmed", "link.retracted", "link.voided", "link.restored"})
"""The events by which somebody decides on one link."""


def _list_decided_links(later: Sequence[Event]) -> set[str]:
    """List the links that somebody has decided on, or rested a decision on."""
    decided_links: set[str] = set()
    for event in later:
        data = event.data
        if event.type in LINK_TYPES:
            decided_links.add(data["link"])
        elif event.type == "finding.changed":
            decided_links.update(data["cites"])
        elif event.type == "claim.status_changed" and data["cause"] == Cause.DECISION:
            decided_links.update(data["cites"])
            decided_links.update(aside["link"] for aside in data["set_aside"])
    return decided_links
