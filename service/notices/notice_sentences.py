"""Writes the one sentence that a notice says, of data alone.

A sentence is written for an audience: what it may not read is taken out of the events first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from service.domain import directions, disclosure
from service.domain.access import Audience
from service.domain.claims import DecisionKind, Finding, Stance, Status
from service.domain.labels import AMENDED, DECISIONS, FINDINGS, LAPSES, STANCES, STATUSES
from service.domain.notices import CHANGE_TYPES
from service.domain.print_phrases import join_names
from service.domain.proposals import LapseReason

Data = Mapping[str, Any]
LONGEST_EXCERPT = 120


@dataclass(frozen=True, slots=True)
class ClaimEvent:
    """An event of a claim, with who acted: `{id, name}` of a person or key, or `{rule}`."""

    seq: int
    claim: str
    number: int
    type: str
    recorded_at: datetime
    actor: Data
    data: Data
    story: str | None = None
    caused_by: str | None = None
    """Who acted, also where a rule followed at once from what somebody did."""


class ReadableEvent(TypedDict):
    """What an audience may read of an event; there is no actor where that is withheld."""

    type: str
    actor: Data | None
    data: Data


def summarize_changes(
    events: Sequence[ClaimEvent], text: str, audience: Audience, *, omitted_actor: str | None
) -> str | None:
    """Say what changed of a claim: the gravest change, and how many more there were.

    What `omitted_actor` caused is left out.  Returns None if nothing is left to say.
    """
    shown_events: list[ReadableEvent] = []
    for event in events:
        if omitted_actor is not None and event.caused_by == omitted_actor:
            continue
        line: ReadableEvent = {"type": event.type, "actor": event.actor, "data": event.data}
        readable, _ = disclosure.withhold_event(line, audience)
        if readable["type"] in PHRASES:
            shown_events.append(readable)
    if not shown_events:
        return None
    # Of the same gravity the last.
    lead = min(reversed(shown_events), key=lambda line: CHANGE_TYPES.index(line["type"]))
    phrase = PHRASES[lead["type"]](lead["data"])
    name = (lead["actor"] or {}).get("name")
    by = f" by {directions.isolate_text(name)}" if name else ""
    more = len(shown_events) - 1
    rest = f" (and {more} more change{'s' if more > 1 else ''})" if more else ""
    return f"{phrase}{by}: {quote_text(text)}{rest}"


def quote_text(text: str) -> str:
    """Return the beginning of a text on one line, in quotation marks."""
    line = " ".join(text.split())
    if len(line) > LONGEST_EXCERPT:
        line = line[: LONGEST_EXCERPT - 1].rstrip() + "…"
    return f"“{directions.isolate_text(line)}”"


def describe_approval(proposal: Data, text: str) -> str:
    """Say that a decision waits."""
    name = directions.isolate_text(proposal["proposed_by_name"])
    return f"{name} proposes {describe_decision(proposal)}, which waits for you: {quote_text(text)}"


def describe_decision(proposal: Data) -> str:
    """Say what a decision changes, from its event or its row."""
    kind = DecisionKind(proposal.get("kind", DecisionKind.STATUS))
    if kind is DecisionKind.STATUS:
        return f"the status “{STATUSES[Status(proposal['to'])]}”"
    return DECISIONS[kind]


def describe_settlement(
    type: str, data: Data, actor_name: str | None, proposal: Data, text: str
) -> str:
    """Say what became of somebody's own proposal."""
    what = f"your proposal of {describe_decision(proposal)}"
    who = directions.isolate_text(actor_name or "The desk")
    words = data.get("comment") or data.get("approval_note")
    saying = f", saying {quote_text(words)}" if words else ""
    if type == "decision.approved" or data.get("approved_by"):
        return f"{who} approved {what}{saying}: {quote_text(text)}"
    if type == "decision.rejected":
        return f"{who} rejected {what}{saying}: {quote_text(text)}"
    if type == "decision.lapsed":
        why = LAPSES[LapseReason(data["reason"])]
        return f"Your proposal of {describe_decision(proposal)} ended, as {why}: {quote_text(text)}"
    return f"Your proposal of {describe_decision(proposal)} ended, as the claim changed: " + (
        quote_text(text)
    )


def describe_assignment(actor_name: str | None, text: str) -> str:
    """Say that a claim was assigned to whoever is told."""
    return f"{directions.isolate_text(actor_name or 'The desk')} assigned to you: " + (
        quote_text(text)
    )


def describe_mention(actor_name: str | None, note: str) -> str:
    """Say that a note mentions whoever is told."""
    return f"{directions.isolate_text(actor_name or 'The desk')} mentions you: {quote_text(note)}"


def describe_use(place: str, grade: str, text: str) -> str:
    """Say that what somebody printed is outdated."""
    return (
        f"What you printed is outdated ({grade}) at {directions.isolate_text(place)}: "
        f"{quote_text(text)}"
    )


def describe_overdue(text: str) -> str:
    """Say that the time by which a claim was due has passed."""
    return f"Overdue: {quote_text(text)}"


def describe_endpoint(name: str, event: str, reason: str | None) -> str:
    """Say what became of an endpoint."""
    why = f": {reason}" if reason else ""
    return f"The webhook to {directions.isolate_text(name)} {event}{why}"


def _say(phrase: str) -> Callable[[Data], str]:
    return lambda _data: phrase


def _describe_status(data: Data) -> str:
    return STATUSES[Status(data["status"])]


def _describe_finding(data: Data) -> str:
    finding = data["finding"]
    return f"Found {FINDINGS[Finding(finding)]}" if finding else "Finding taken back"


def _describe_amendment(data: Data) -> str:
    if "text" in data:
        return "Reworded"
    if "tags" in data:
        return "Tags changed"
    return f"Amended {join_names([AMENDED[name] for name in AMENDED if name in data])}"


def _describe_link(data: Data) -> str:
    link = data["link"]
    voice = link["voice"]
    name = voice.get("name") or voice.get("description") or "Somebody"
    conditional = " if true" if link["conditional"] else ""
    stance = STANCES[Stance(link["stance"])]
    return f"{directions.isolate_text(name)} {stance}{conditional}, recorded"


def _describe_supersession(data: Data) -> str:
    return "Superseded by a newer claim" if data.get("by") else "No longer superseded"


PHRASES: Mapping[str, Callable[[Data], str]] = {
    "claim.status_changed": _describe_status,
    "finding.changed": _describe_finding,
    "claim.voided": _say("Void as recorded by mistake"),
    "hold.placed": _say("On hold"),
    "claim.corrected": _say("Corrected"),
    "statement.corrected": _say("A statement on it corrected"),
    "source.corrected": _say("A source of it corrected"),
    "claim.created": _say("Recorded"),
    "claim.withdrawn": _say("Taken back by its claimant, recorded"),
    "claim.merged": _say("Merged into another claim"),
    "claim.superseded": _describe_supersession,
    "claim.restored": _say("Restored"),
    "claim.separated": _say("Separated again from another claim"),
    "hold.ended": _say("No longer on hold"),
    "claim.amended": _describe_amendment,
    "claim.absorbed": _say("Another claim merged into it"),
    "statement.withdrawn": _say("A statement on it withdrawn, recorded"),
    "link.created": _describe_link,
    "link.retracted": _say("A link retracted"),
    "link.voided": _say("A link void as recorded by mistake"),
    "link.restored": _say("A link restored"),
    "statement.voided": _say("A statement on it void as recorded by mistake"),
    "statement.restored": _say("A statement on it restored"),
    "component.changed": _say("A part of it changed"),
    "inquiry.created": _say("Comment requested"),
    "inquiry.changed": _say("An answer to a request for comment, recorded"),
    "inquiry.lapsed": _say("No answer in time to a request for comment"),
    "correction_request.answered": _say("A request to correct answered"),
}
"""What happened, to stand before "by Anna Petrović"."""
