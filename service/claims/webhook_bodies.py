"""Renders the body of a webhook for an event.

Standard Webhooks 1.0: `{"type", "timestamp", "data"}`.  Every event about a claim says which
(`build_claim`), at which `version`, by whom (`by`: a name, null if a rule acted) and when.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from service.claims.claim_views import ClaimView, SpeakerNameView, build_claimant
from service.claims.webhook_body_views import (
    AmendedView,
    BodyChangesView,
    BodyClaimView,
    BodyLinkView,
    ClaimCorrectedView,
    CreatedView,
    FindingChangedView,
    HoldChangedView,
    LinkedView,
    MergedView,
    ProposedView,
    RejectedView,
    RetractedView,
    StatementCorrectedView,
    StatementWithdrawnView,
    StatusChangedView,
    UseOutdatedView,
    WithdrawalReadView,
    WithdrawnView,
)
from service.domain.claims import (
    Attribution,
    ClaimState,
    DecisionKind,
    Link,
    Speaker,
    Unnamed,
    choose_voice,
    format_instant,
)
from service.domain.disclosure import AMENDED_FOR_ALL
from service.domain.history import Event
from service.domain.print_line import build_print_line
from service.domain.webhooks import OPERATORS, EventType
from service.webhooks.bodies import render_body

EventData = Mapping[str, Any]
AMENDMENT_FIELDS = (*AMENDED_FOR_ALL, "material")
"""What an amendment tells; who is assigned is the desk's own business."""


def render_message(
    event: Event, state: ClaimState, *, by: str | None, base_url: str
) -> bytes | None:
    """Render the body for `event`, after which the claim is `state`; None if receivers do not get
    this event."""
    render = RENDERERS.get(event.type)
    view = render(state, event.data) if render else None
    if view is None:
        return None
    about: Mapping[str, object] = {
        "claim": build_claim(state, base_url),
        "version": event.number,
        **view,
        "by": by,
        "occurred_at": format_instant(event.recorded_at),
    }
    return render_body(event.type, event.recorded_at, about)


def build_claim(state: ClaimState, base_url: str) -> BodyClaimView:
    return {
        "id": state.id,
        "text": state.text,
        "claimant": build_claimant(state.claimant),
        "url": build_claim_url(state.id, base_url),
    }


def abridge_document(document: ClaimView, base_url: str) -> BodyClaimView:
    """Return what a body says of a claim, from the document that is served of it."""
    return {
        "id": document["id"],
        "text": document["text"],
        "claimant": document["claimant"],
        "url": build_claim_url(document["id"], base_url),
    }


def build_claim_url(claim_id: str, base_url: str) -> str:
    return f"{base_url}/claims/{claim_id}"


def build_link(link: Link) -> BodyLinkView:
    """Build a linked statement in brief: who said it, its stance on the claim, and the words."""
    voice = choose_voice(link.voice)
    view: BodyLinkView = {
        "link": link.id,
        "statement": link.statement,
        "party": voice.party if voice else None,
        "party_name": voice.name if voice else None,
        "root": link.root,
        "speaker": _build_speaker(voice.speaker if voice else None),
        "stance": link.stance,
        "scope": link.scope,
        "conditional": link.conditional,
        "basis": link.basis,
        "said_at": format_instant(link.said_at),
        "precision": link.precision,
        "quote": link.quote,
    }
    if isinstance(link.voice, Unnamed):
        view["attribution"] = Attribution.UNNAMED
        view["description"] = link.voice.description
    return view


def _build_speaker(speaker: Speaker | None) -> SpeakerNameView | None:
    return {"name": speaker.name, "role": speaker.role} if speaker else None


def _list_link_briefs(state: ClaimState, is_chosen: Callable[[Link], bool]) -> list[BodyLinkView]:
    return [build_link(link) for link in state.links if is_chosen(link)]


def _render_creation(state: ClaimState, _: EventData) -> CreatedView:
    return {
        "kind": state.kind,
        "status": state.status,
        "claimed_at": format_instant(state.claimed_at),
        "precision": state.precision,
        "story": state.story,
        "tags": list(state.tags),
        "part_of": state.part_of,
        "print_line": build_print_line(state),
    }


def _render_status_change(state: ClaimState, data: EventData) -> StatusChangedView:
    cited_ids = set(data["cites"])
    return {
        "previous_status": data["previous_status"],
        "status": data["status"],
        "reason": data["reason"],
        "cause": data["cause"],
        "cites": _list_link_briefs(state, lambda link: link.id in cited_ids),
        "override": data["override"],
        "decided_by": data["decided_by"],
        "approved_by": data["approved_by"],
        "sequence": data["sequence"],
        "print_line": build_print_line(state),
    }


def _render_amendment(state: ClaimState, data: EventData) -> AmendedView | None:
    changes = {name: data[name] for name in AMENDMENT_FIELDS if name in data}
    if not changes.keys() - {"material"}:
        return None
    return {
        "changes": cast(BodyChangesView, changes),
        "revision": state.revision,
        "print_line": build_print_line(state),
    }


def _render_finding_change(state: ClaimState, data: EventData) -> FindingChangedView:
    cited_ids = set(data["cites"])
    return {
        "previous": data["previous"],
        "finding": data["finding"],
        "reason": data["reason"],
        "cites": _list_link_briefs(state, lambda link: link.id in cited_ids),
        "status": state.status,
        "decided_by": data["decided_by"],
        "approved_by": data["approved_by"],
        "print_line": build_print_line(state),
    }


def _render_merge(_: ClaimState, data: EventData) -> MergedView:
    return {"into": data["into"]}


def _render_withdrawal(state: ClaimState, data: EventData) -> WithdrawnView:
    return {
        "reason": data["reason"],
        "status": state.status,
        "print_line": build_print_line(state),
        **_describe_withdrawal(data),
    }


def _render_difference(state: ClaimState, data: EventData) -> ClaimCorrectedView:
    return {
        "before": data["before"],
        "after": data["after"],
        "reason": data["reason"],
        "status": state.status,
        "print_line": build_print_line(state),
    }


def _render_statement_correction(state: ClaimState, data: EventData) -> StatementCorrectedView:
    statement = data["statement"]
    return {
        **_render_difference(state, data),
        "statement": statement,
        "material": data["material"],
        "links": _list_link_briefs(state, lambda link: link.statement == statement),
    }


def _render_hold(state: ClaimState, data: EventData) -> HoldChangedView:
    return {
        "reason": data["reason"],
        "until": data["until"],
        "status": state.status,
        "print_line": build_print_line(state),
    }


def _render_outdated(state: ClaimState, data: EventData) -> UseOutdatedView:
    return {
        "class": data["class"],
        "uses": data["uses"],
        "count": data["count"],
        "status": state.status,
        "print_line": build_print_line(state),
    }


def _describe_withdrawal(data: EventData) -> WithdrawalReadView:
    """When and where a withdrawal was read, as far as that is known."""
    return {
        "said_at": data.get("said_at"),
        "precision": data.get("precision"),
        "source": data.get("source"),
    }


def _render_link(state: ClaimState, data: EventData) -> LinkedView:
    link = state.find_link(data["link"]["id"])
    assert link is not None
    return {"link": build_link(link), "print_line": build_print_line(state)}


def _render_retraction(state: ClaimState, data: EventData) -> RetractedView:
    link = state.find_link(data["link"])
    assert link is not None
    return {
        "link": build_link(link),
        "reason": data["reason"],
        "print_line": build_print_line(state),
    }


def _render_statement_withdrawal(state: ClaimState, data: EventData) -> StatementWithdrawnView:
    statement = data["statement"]
    return {
        "statement": statement,
        "reason": data["reason"],
        "links": _list_link_briefs(state, lambda link: link.statement == statement),
        "print_line": build_print_line(state),
        **_describe_withdrawal(data),
    }


def _render_proposal(state: ClaimState, data: EventData) -> ProposedView:
    cited_ids = set(data["cites"])
    return {
        "decision": data["id"],
        "status": state.status,
        "to": data["to"],
        "reason": data["reason"],
        "cites": _list_link_briefs(state, lambda link: link.id in cited_ids),
        "override": data["override"],
        "proposed_by": data["proposed_by_name"],
        "kind": data.get("kind", DecisionKind.STATUS),
    }


def _render_rejection(state: ClaimState, data: EventData) -> RejectedView:
    return {"decision": data["decision"], "status": state.status, "comment": data["comment"]}


RENDERERS: dict[str, Callable[[ClaimState, EventData], Mapping[str, object] | None]] = {
    "claim.created": _render_creation,
    "claim.status_changed": _render_status_change,
    "claim.amended": _render_amendment,
    "finding.changed": _render_finding_change,
    "claim.merged": _render_merge,
    "claim.withdrawn": _render_withdrawal,
    "claim.corrected": _render_difference,
    "claim.voided": _render_difference,
    "claim.restored": _render_difference,
    "claim.separated": _render_difference,
    "hold.placed": _render_hold,
    "hold.ended": _render_hold,
    "use.outdated": _render_outdated,
    "link.created": _render_link,
    "link.retracted": _render_retraction,
    "statement.corrected": _render_statement_correction,
    "statement.withdrawn": _render_statement_withdrawal,
    "decision.proposed": _render_proposal,
    "decision.rejected": _render_rejection,
}
assert {*RENDERERS, EventType.PING, *OPERATORS} == set(EventType)
