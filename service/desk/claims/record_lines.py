"""A claim's record in words: what happened, by whom, and why."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.claims.link_queries import describe_voice
from service.desk.claims import proposal_words
from service.desk.corrections import correction_words
from service.domain import labels, plain_data
from service.domain.claims import (
    Cause,
    DecisionKind,
    Finding,
    Lifecycle,
    Precision,
    Status,
    parse_instant,
)
from service.domain.correction_requests import RequestOutcome
from service.domain.inquiries import InquiryOutcome
from service.domain.print_phrases import join_names
from service.domain.proposals import LapseReason
from service.web import time_zones

Data = Mapping[str, Any]
"""The data of an event, which each type has of its own shape."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What an event says, with the status or stance that its mark shows."""

    what: str
    why: str | None = None
    status: Status | None = None
    stance: str | None = None


@dataclass(frozen=True, slots=True)
class RecordLine:
    """An event of the record, as the page shows it."""

    number: int
    type: str
    recorded_at: str
    who: str | None
    """None where that is nobody's business."""
    what: str
    why: str | None
    status: Status | None
    stance: str | None
    past: bool
    """Whether it was recorded by the instant that the page is as of."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a claim's events refer to by id."""

    voices: Mapping[str, str]
    """By link: whose statement it is of."""
    people: Mapping[str, str]
    """Those who may be assigned."""

    def list_voices(self, links: Iterable[str]) -> str:
        """List whose statements links are of, each once."""
        return join_names(list(dict.fromkeys(self.name_voice(link) for link in links)))

    def name_voice(self, link: str) -> str:
        return self.voices.get(link, "a statement")


def describe_event(event: Data, names: Names, *, moment: datetime | None = None) -> RecordLine:
    """Put an event of the record into words.

    What the reader may not know is not in it: `redact_events` comes first.
    """
    wording = _WORDINGS[event["type"]](event["data"], names)
    if event["type"] == "hold.ended" and "rule" in (event["actor"] or {}):
        wording = Wording("The hold ended by itself: its time had come")
    recorded_at = event["recorded_at"]
    return RecordLine(
        number=event["seq"],
        type=event["type"],
        recorded_at=recorded_at,
        who=_name_actor(event["actor"]),
        what=wording.what,
        why=wording.why,
        status=wording.status,
        stance=wording.stance,
        past=moment is None or datetime.fromisoformat(recorded_at) <= moment,
    )


def name_voice(statement: Data) -> str:
    """Name whoever made a statement: the speaker with the party, the party, or a source that is not
    named as it is described."""
    if statement.get("description"):
        of_party = f" ({statement['party_name']})" if statement.get("party_name") else ""
        return f"{statement['description']}{of_party}, not named,"
    speaker = statement["speaker"]
    party = str(statement.get("party_name") or "Nobody in particular")
    return f"{speaker['name']} ({party})" if speaker else party


def _name_actor(actor: Data | None) -> str | None:
    if actor is None:
        return None
    return "the rules" if "rule" in actor else str(actor["name"])


def _describe_ground(code: str) -> str:
    """Say why an editor decided against the guards; programs may give grounds of their own."""
    ground = labels.OVERRIDES.get(code)
    return ground[0].lower() + ground[1:] if ground else code.replace("-", " ")


def _describe_finding(finding: str | None) -> str:
    return f"Found: {labels.FINDINGS[Finding(finding)]}" if finding else "Finding taken back"


def _describe_agreement(data: Data) -> str:
    """Say who proposed and who approved a change, where two people agreed on it."""
    if data.get("decided_by") and data.get("approved_by"):
        return f"; proposed by {data['decided_by']}, approved by {data['approved_by']}"
    return ""


def _join_notes(*notes: str | None) -> str | None:
    return " — ".join(note for note in notes if note) or None


def _describe_creation(data: Data, _: Names) -> Wording:
    claimant = data["claimant"]
    by = f"claimed by {claimant['name']}" if claimant else "unattributed"
    return Wording(f"Recorded: {by}", status=Status.ASSERTED)


def _describe_status_change(data: Data, names: Names) -> Wording:
    before, after = Status(data["previous_status"]), Status(data["status"])
    cause, override = Cause(data["cause"]), data["override"]
    what = f"From {labels.STATUSES[before].lower()} to {labels.STATUSES[after].lower()}"
    if cause is not Cause.DECISION:
        what += f": {labels.CAUSES[cause]}"
    if override:
        what += f", against the usual rules ({_describe_ground(override['code'])})"
    what += _describe_agreement(data)
    if data["cites"]:
        what += f". Rests on {names.list_voices(data['cites'])}"
    reason = data["reason"] if cause in (Cause.DECISION, Cause.IMPORT) else None
    note = override["note"] if override else None
    return Wording(what, _join_notes(reason, note, data.get("approval_note")), status=after)


def _describe_amendment(data: Data, names: Names) -> Wording:
    changes = []
    if "text" in data:
        manner = "Reworded in substance" if data.get("material") else "Better worded"
        changes.append(f"{manner}: “{data['text']}”")
    if "tags" in data:
        changes.append(f"Tagged {', '.join(data['tags'])}" if data["tags"] else "Tags removed")
    if "assignee" in data:
        assignee = data["assignee"]
        name = names.people.get(assignee, "somebody")
        changes.append(f"Assigned to {name}" if assignee else "Unassigned")
    if "due_at" in data:
        due_at = data["due_at"]
        day = time_zones.format_local(parse_instant(due_at), Precision.MINUTE) if due_at else None
        changes.append(f"Due by {day}" if day else "No longer due by a time")
    if "finding" in data:
        changes.append(_describe_finding(data["finding"]))
    return Wording(". ".join(changes) or "Amended")


def _describe_link(data: Data, _: Names) -> Wording:
    link = data["link"]
    voice = name_voice(describe_voice(plain_data.read_source(link["voice"])))
    limits = ["conditionally"] if link["conditional"] else []
    limits += ["in part"] if link["scope"] == "partial" else []
    what = f"{voice[:1].upper()}{voice[1:]} {labels.STANCES[link['stance']]}"
    what += f" ({', '.join(limits)})" if limits else ""
    return Wording(what, link.get("note"), stance=link["stance"])


def _describe_absorption(data: Data, _: Names) -> Wording:
    count, conflicts = len(data["links"]), len(data["conflicts"])
    words = f"{count} of its links moved here" if count else "none of its links was new"
    what = f"A duplicate was merged into this claim; {words}"
    if conflicts:
        what += f"; {conflicts} had another stance there and wait to be affirmed"
    return Wording(what)


def _describe_release(data: Data) -> str:
    left_count, back = len(data["links"]), len(data["restored"])
    what = "A claim that was merged into this one was separated from it"
    what += f"; {left_count} of its links left" if left_count else "; no link left with it"
    return f"{what}; {back} that the merge had retracted came back" if back else what


def _describe_component(data: Data, _: Names) -> Wording:
    if data["removed"]:
        return Wording(f"No longer part of this: “{data['text']}”")
    status = labels.STATUSES[Status(data["status"])].lower()
    return Wording(f"Its part “{data['text']}” is {status}")


def _describe_finding_change(data: Data, names: Names) -> Wording:
    what = _describe_finding(data["finding"]) + _describe_agreement(data)
    if data["cites"]:
        what += f". Rests on {names.list_voices(data['cites'])}"
    return Wording(what, _join_notes(data["reason"], data.get("approval_note")))


def _describe_proposal(data: Data, names: Names) -> Wording:
    change = proposal_words.describe_change(data.get("kind"), data["to"], data.get("change"))
    rests = f", on {names.list_voices(data['cites'])}" if data["cites"] else ""
    against = ", against the usual rules" if data["override"] else ""
    return Wording(f"Proposed: {change}{rests}{against}", data["reason"])


def _describe_approval(data: Data, _: Names) -> Wording:
    kind = labels.DECISIONS[DecisionKind(data["kind"])]
    what = f"Proposal of {kind} approved"
    if data["decided_by"]:
        names = f"by {data['decided_by']}, approved by {data['approved_by']}"
        what = f"Agreed on {kind}: proposed {names}"
    return Wording(what, data["approval_note"])


def _describe_inquiry(data: Data, _: Names) -> Wording:
    voice = data["voice"]
    addressee = voice["name"] if voice else data.get("whom") or "Somebody"
    until = time_zones.format_local(parse_instant(data["until"]), Precision.MINUTE)
    return Wording(f"{addressee} was asked for comment, until {until}", data.get("note"))


def _describe_inquiry_change(data: Data, _: Names) -> Wording:
    changes = []
    if "outcome" in data:
        outcome = data["outcome"]
        word = labels.INQUIRY_OUTCOMES[InquiryOutcome(outcome)].lower() if outcome else "open again"
        changes.append(f"Request for comment: {word}")
    if "until" in data:
        until = time_zones.format_local(parse_instant(data["until"]), Precision.MINUTE)
        changes.append(f"Time to comment until {until}")
    return Wording("; ".join(changes) or "A request for comment was put right", data.get("note"))


def _describe_withdrawal(what: str) -> Callable[[Data, Names], Wording]:
    def describe(data: Data, _: Names) -> Wording:
        said_at = data.get("said_at")
        when = (
            time_zones.format_local(parse_instant(said_at), Precision(data["precision"]))
            if said_at
            else None
        )
        return Wording(f"{what}, {when}" if when else what, data["reason"])

    return describe


def _describe_correction(what: str, data: Data) -> str:
    """Say what was corrected, and in which fields."""
    fields = {**correction_words.FIELDS, "quotes": "The words", "precision": "Precision"}
    is_moved = bool({"said_at", "claimed_at"} & data["after"].keys())
    names = [fields[name] for name in data["after"] if name != "precision" or not is_moved]
    return f"{what}: {', '.join(name[0].lower() + name[1:] for name in names)}"


_WORDINGS: dict[str, Callable[[Data, Names], Wording]] = {
    "claim.created": _describe_creation,
    "claim.status_changed": _describe_status_change,
    "claim.amended": _describe_amendment,
    "finding.changed": _describe_finding_change,
    "claim.merged": lambda *_: Wording("Merged into another claim"),
    "claim.absorbed": _describe_absorption,
    "claim.withdrawn": _describe_withdrawal("The claimant takes the claim back"),
    "claim.corrected": lambda data, _: Wording(
        _describe_correction("Corrected", data), data["reason"]
    ),
    "claim.voided": lambda data, _: Wording("Void: recorded by mistake", data["reason"]),
    "claim.restored": lambda data, _: Wording(
        "Restored: it was no mistake"
        if data["before"]["lifecycle"] == Lifecycle.VOID
        else "Reinstated: the claimant did not take it back",
        data["reason"],
    ),
    "claim.separated": lambda data, _: Wording(
        "Separated again: a claim of its own", data["reason"]
    ),
    "claim.released": lambda data, _: Wording(_describe_release(data), data["reason"]),
    "hold.placed": lambda data, _: Wording("On hold: not to be used", data["reason"]),
    "hold.ended": lambda *_: Wording("No longer on hold"),
    "claim.moved": lambda data, _: Wording(
        "Part of another claim now" if data["part_of"] else "Stands on its own now"
    ),
    "link.created": _describe_link,
    "link.retracted": lambda data, names: Wording(
        f"Link to {names.name_voice(data['link'])} retracted", data["reason"]
    ),
    "link.voided": lambda data, names: Wording(
        f"Link to {names.name_voice(data['link'])} void: recorded by mistake", data["reason"]
    ),
    "link.restored": lambda data, names: Wording(
        f"Link to {names.name_voice(data['link'])} restored", data["reason"]
    ),
    "link.affirmed": lambda data, names: Wording(
        f"Link to {names.name_voice(data['link'])} affirmed for this wording"
    ),
    "statement.quoted": lambda data, _: Wording(
        "Another rendering of a statement was added", data["quote"]["text"]
    ),
    "statement.corrected": lambda data, _: Wording(
        _describe_correction("A statement was corrected", data), data["reason"]
    ),
    "source.corrected": lambda data, _: Wording(
        _describe_correction("A source was corrected", data), data["reason"]
    ),
    "statement.voided": lambda data, _: Wording(
        "A statement is void: recorded by mistake", data["reason"]
    ),
    "statement.restored": lambda data, _: Wording(
        "A statement is no longer void"
        if data["undoes"] == "void"
        else "A statement was not taken back after all",
        data["reason"],
    ),
    "statement.withdrawn": _describe_withdrawal("A linked statement was taken back"),
    "decision.proposed": _describe_proposal,
    "decision.rejected": lambda data, _: Wording("Proposal rejected", data["comment"]),
    "decision.withdrawn": lambda data, _: Wording("Proposal taken back", data["reason"]),
    "decision.approved": _describe_approval,
    "decision.lapsed": lambda data, _: Wording(
        f"Proposal lapsed: {labels.LAPSES[LapseReason(data['reason'])]}"
    ),
    "claim.superseded": lambda data, _: Wording(
        f"Superseded by “{data['text']}”" if data["by"] else "Superseded no more"
    ),
    "component.changed": _describe_component,
    "inquiry.created": _describe_inquiry,
    "inquiry.changed": _describe_inquiry_change,
    "inquiry.lapsed": lambda *_: Wording("The deadline of a request for comment passed unanswered"),
    "correction_request.answered": lambda data, _: Wording(
        "A request to correct was answered: "
        + labels.REQUEST_OUTCOMES[RequestOutcome(data["outcome"])].lower(),
        data["answer"],
    ),
    "party.changed": lambda *_: Wording("A party in it was renamed, or moved under another"),
    "speaker.changed": lambda data, _: Wording(f"A speaker’s name was corrected: {data['name']}"),
}
