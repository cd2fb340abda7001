"""What receivers are told of an event: the body of a webhook, rendered once.

Standard Webhooks 1.0: `{"type", "timestamp", "data"}`.  Every event about a claim says which
(`claim`), at which `version`, by whom (`by`: a name, null where a rule acted) and when.
"""

from collections.abc import Callable
from typing import Any

from service.claims.documents import claimant
from service.domain.claims import ClaimState, DecisionKind, Link, Speaker, format_instant
from service.domain.history import Event
from service.domain.print_line import build_print_line
from service.domain.webhooks import EventType
from service.webhooks.bodies import render_body

Data = dict[str, Any]
AMENDED = ("text", "tags", "finding", "material")
"""What an amendment tells; who is assigned is the desk's own business."""


def message(event: Event, state: ClaimState, *, by: str | None, base_url: str) -> bytes | None:
    """The body that tells of `event`, after which the claim is `state`; None where outsiders are
    not told of it."""
    render = RENDERERS.get(event.type)
    told = render(state, event.data) if render else None
    if told is None:
        return None
    about = {
        "claim": claim(state, base_url),
        "version": event.number,
        **told,
        "by": by,
        "occurred_at": format_instant(event.recorded_at),
    }
    return render_body(event.type, event.recorded_at, about)


def claim(state: ClaimState, base_url: str) -> Data:
    return {
        "id": state.id,
        "text": state.text,
        "claimant": claimant(state.claimant),
        "url": claim_url(state.id, base_url),
    }


def claim_url(claim_id: str, base_url: str) -> str:
    return f"{base_url}/claims/{claim_id}"


def brief(link: Link) -> Data:
    """A linked statement in brief: who, what it does to the claim, and the words."""
    voice = link.voice
    return {
        "link": link.id,
        "statement": link.statement,
        "party": voice.party,
        "party_name": voice.name,
        "root": voice.root,
        "speaker": _speaker(voice.speaker),
        "stance": link.stance,
        "scope": link.scope,
        "conditional": link.conditional,
        "basis": link.basis,
        "said_at": format_instant(link.said_at),
        "precision": link.precision,
        "quote": link.quote,
    }


def _speaker(speaker: Speaker | None) -> Data | None:
    return {"name": speaker.name, "role": speaker.role} if speaker else None


def _briefs(state: ClaimState, chosen: Callable[[Link], bool]) -> list[Data]:
    return [brief(link) for link in state.links if chosen(link)]


def _created(state: ClaimState, _: Data) -> Data:
    return {
        "kind": state.kind,
        "status": state.status,
        "claimed_at": format_instant(state.claimed_at),
        "precision": state.precision,
        "story": state.story,
        "tags": state.tags,
        "part_of": state.part_of,
        "print_line": build_print_line(state),
    }


def _status_changed(state: ClaimState, data: Data) -> Data:
    cited = set(data["cites"])
    return {
        "previous_status": data["previous_status"],
        "status": data["status"],
        "reason": data["reason"],
        "cause": data["cause"],
        "cites": _briefs(state, lambda link: link.id in cited),
        "override": data["override"],
        "decided_by": data["decided_by"],
        "approved_by": data["approved_by"],
        "sequence": data["sequence"],
        "print_line": build_print_line(state),
    }


def _amended(state: ClaimState, data: Data) -> Data | None:
    changes = {name: data[name] for name in AMENDED if name in data}
    if not changes.keys() - {"material"}:
        return None
    return {"changes": changes, "revision": state.revision, "print_line": build_print_line(state)}


def _finding_changed(state: ClaimState, data: Data) -> Data:
    cited = set(data["cites"])
    return {
        "previous": data["previous"],
        "finding": data["finding"],
        "reason": data["reason"],
        "cites": _briefs(state, lambda link: link.id in cited),
        "status": state.status,
        "decided_by": data["decided_by"],
        "approved_by": data["approved_by"],
        "print_line": build_print_line(state),
    }


def _merged(_: ClaimState, data: Data) -> Data:
    return {"into": data["into"]}


def _withdrawn(state: ClaimState, data: Data) -> Data:
    return {
        "reason": data["reason"],
        "status": state.status,
        "print_line": build_print_line(state),
        **_withdrawn_when(data),
    }


def _withdrawn_when(data: Data) -> Data:
    """When and where a withdrawal was read, as far as that is known."""
    return {name: data.get(name) for name in ("said_at", "precision", "source")}


def _linked(state: ClaimState, data: Data) -> Data:
    link = state.link(data["link"]["id"])
    assert link is not None
    return {"link": brief(link), "print_line": build_print_line(state)}


def _retracted(state: ClaimState, data: Data) -> Data:
    link = state.link(data["link"])
    assert link is not None
    return {"link": brief(link), "reason": data["reason"], "print_line": build_print_line(state)}


def _statement_withdrawn(state: ClaimState, data: Data) -> Data:
    statement = data["statement"]
    return {
        "statement": statement,
        "reason": data["reason"],
        "links": _briefs(state, lambda link: link.statement == statement),
        "print_line": build_print_line(state),
        **_withdrawn_when(data),
    }


def _proposed(state: ClaimState, data: Data) -> Data:
    cited = set(data["cites"])
    return {
        "decision": data["id"],
        "status": state.status,
        "to": data["to"],
        "reason": data["reason"],
        "cites": _briefs(state, lambda link: link.id in cited),
        "override": data["override"],
        "proposed_by": data["proposed_by_name"],
        "kind": data.get("kind", DecisionKind.STATUS),
    }


def _rejected(state: ClaimState, data: Data) -> Data:
    return {"decision": data["decision"], "status": state.status, "comment": data["comment"]}


RENDERERS: dict[str, Callable[[ClaimState, Data], Data | None]] = {
    "claim.created": _created,
    "claim.status_changed": _status_changed,
    "claim.amended": _amended,
    "finding.changed": _finding_changed,
    "claim.merged": _merged,
    "claim.withdrawn": _withdrawn,
    "link.created": _linked,
    "link.retracted": _retracted,
    "statement.withdrawn": _statement_withdrawn,
    "decision.proposed": _proposed,
    "decision.rejected": _rejected,
}
assert {*RENDERERS, EventType.PING} == set(EventType)
