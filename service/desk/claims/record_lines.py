"""A claim's record in words: what happened, by whom, and why."""

from collections.abc import Callable, Mapping
from typing import Any

from service.desk.claims import proposal_words
from service.domain import labels
from service.domain.claims import Cause, DecisionKind, Finding, Precision, Status, parse_instant
from service.domain.print_line import format_date, join_names
from service.domain.proposals import LapseReason

Data = dict[str, Any]


def told(event: Data, links: Mapping[str, Data], people: Mapping[str, str]) -> Data:
    """An event of the record as a reader meets it.

    `links` are the claim's links by id, as served; `people` are names by the ids of those who may
    be assigned.  What may not be read is not in it: `redact_events` comes first.
    """
    data = event["data"]
    shown: Data = {
        "number": event["seq"],
        "recorded_at": event["recorded_at"],
        "type": event["type"],
        "hash": event["hash"],
        "who": _who(event["actor"]),
        "why": None,
        "status": None,
        "stance": None,
    }
    return shown | _TOLD[event["type"]](data, _Known(links, people))


class _Known:
    def __init__(self, links: Mapping[str, Data], people: Mapping[str, str]) -> None:
        self.links = links
        self.people = people

    def voice(self, link: str) -> str:
        """Whose statement a link is of."""
        found = self.links.get(link)
        return _voice(found["statement"]) if found else "a statement"


def _who(actor: Data | None) -> str | None:
    """Who acted; None where that is nobody's business."""
    if actor is None:
        return None
    return "the rules" if "rule" in actor else str(actor["name"])


def _voice(statement: Data) -> str:
    speaker = statement["speaker"]
    party = statement.get("party_name") or "Nobody in particular"
    return f"{speaker['name']} ({party})" if speaker else str(party)


def _ground(code: str) -> str:
    """Why an editor decided against the guards; programs may give grounds of their own."""
    known = labels.OVERRIDES.get(code)
    return known[0].lower() + known[1:] if known else code.replace("-", " ")


def _created(data: Data, _: _Known) -> Data:
    claimant = data["claimant"]
    by = f"claimed by {claimant['name']}" if claimant else "unattributed"
    return {"what": f"Recorded: {by}", "status": Status.ASSERTED.value}


def _status_changed(data: Data, known: _Known) -> Data:
    before, after = Status(data["previous_status"]), Status(data["status"])
    what = f"From {labels.STATUSES[before].lower()} to {labels.STATUSES[after].lower()}"
    cause = Cause(data["cause"])
    what += f": {labels.CAUSES[cause]}" if cause is not Cause.DECISION else ""
    if data["override"]:
        what += f", against the usual rules ({_ground(data['override']['code'])})"
    if data.get("decided_by") and data.get("approved_by"):
        what += f"; proposed by {data['decided_by']}, approved by {data['approved_by']}"
    cited = list(dict.fromkeys(known.voice(one) for one in data["cites"]))
    what += f". Rests on {join_names(cited)}" if cited else ""
    why = data["reason"] if cause in (Cause.DECISION, Cause.IMPORT) else None
    notes = [why, data["override"]["note"] if data["override"] else None, data.get("approval_note")]
    return {
        "what": what,
        "why": " — ".join(one for one in notes if one) or None,
        "status": after.value,
    }


def _amended(data: Data, known: _Known) -> Data:
    said = []
    if "text" in data:
        how = "Reworded in substance" if data.get("material") else "Better worded"
        said.append(f"{how}: “{data['text']}”")
    if "tags" in data:
        said.append(f"Tagged {', '.join(data['tags'])}" if data["tags"] else "Tags removed")
    if "assignee" in data:
        who = data["assignee"]
        said.append(f"Assigned to {known.people.get(who, 'somebody')}" if who else "Unassigned")
    if "finding" in data:
        found = data["finding"]
        said.append(f"Found: {labels.FINDINGS[Finding(found)]}" if found else "Finding taken back")
    return {"what": ". ".join(said) or "Amended"}


def _linked(data: Data, _: _Known) -> Data:
    link = data["link"]
    stance = labels.STANCES[link["stance"]]
    speaker, party = link["voice"]["speaker"], link["voice"]["name"]
    who = f"{speaker['name']} ({party})" if speaker else party
    how = [word for word, holds in _qualities(link) if holds]
    what = f"{who} {stance}" + (f" ({', '.join(how)})" if how else "")
    return {"what": what, "why": link.get("note"), "stance": link["stance"]}


def _qualities(link: Data) -> list[tuple[str, bool]]:
    return [("conditionally", link["conditional"]), ("in part", link["scope"] == "partial")]


def _absorbed(data: Data, _: _Known) -> Data:
    count = len(data["links"])
    moved = f"{count} of its links moved here" if count else "none of its links was new"
    what = f"A duplicate was merged into this claim; {moved}"
    if data["conflicts"]:
        what += f"; {len(data['conflicts'])} had another stance there and wait to be affirmed"
    return {"what": what}


def _component(data: Data, _: _Known) -> Data:
    if data["removed"]:
        return {"what": f"No longer part of this: “{data['text']}”"}
    status = labels.STATUSES[Status(data["status"])].lower()
    return {"what": f"Its part “{data['text']}” is {status}"}


def _finding_changed(data: Data, known: _Known) -> Data:
    found = data["finding"]
    what = f"Found: {labels.FINDINGS[Finding(found)]}" if found else "Finding taken back"
    if data["decided_by"] and data["approved_by"]:
        what += f"; proposed by {data['decided_by']}, approved by {data['approved_by']}"
    cited = list(dict.fromkeys(known.voice(one) for one in data["cites"]))
    what += f". Rests on {join_names(cited)}" if cited else ""
    notes = [data["reason"], data["approval_note"]]
    return {"what": what, "why": " — ".join(one for one in notes if one) or None}


def _proposed(data: Data, known: _Known) -> Data:
    cited = list(dict.fromkeys(known.voice(one) for one in data["cites"]))
    rests = f", on {join_names(cited)}" if cited else ""
    against = ", against the usual rules" if data["override"] else ""
    title = proposal_words.describe(data.get("kind"), data["to"], data.get("change"))
    return {"what": f"Proposed: {title}{rests}{against}", "why": data["reason"]}


def _approved(data: Data, _: _Known) -> Data:
    names = f"by {data['decided_by']}, approved by {data['approved_by']}"
    what = f"Proposal of {labels.DECISIONS[DecisionKind(data['kind'])]} approved"
    if data["decided_by"]:
        what = f"Agreed on {labels.DECISIONS[DecisionKind(data['kind'])]}: proposed {names}"
    return {"what": what, "why": data["approval_note"]}


def _withdrawn(what: str) -> Callable[[Data, _Known], Data]:
    def tell(data: Data, _: _Known) -> Data:
        heard = data.get("said_at")
        when = format_date(parse_instant(heard), Precision(data["precision"])) if heard else None
        return {"what": f"{what}, {when}" if when else what, "why": data["reason"]}

    return tell


_TOLD: dict[str, Callable[[Data, _Known], Data]] = {
    "claim.created": _created,
    "claim.status_changed": _status_changed,
    "claim.amended": _amended,
    "finding.changed": _finding_changed,
    "claim.merged": lambda *_: {"what": "Merged into another claim"},
    "claim.absorbed": _absorbed,
    "claim.withdrawn": _withdrawn("The claimant takes the claim back"),
    "claim.moved": lambda data, _: {
        "what": "Part of another claim now" if data["part_of"] else "Stands on its own now"
    },
    "link.created": _linked,
    "link.retracted": lambda data, known: {
        "what": f"Link to {known.voice(data['link'])} retracted",
        "why": data["reason"],
    },
    "link.affirmed": lambda data, known: {
        "what": f"Link to {known.voice(data['link'])} affirmed for this wording"
    },
    "statement.quoted": lambda data, _: {
        "what": "Another rendering of a statement was added",
        "why": data["quote"]["text"],
    },
    "statement.withdrawn": _withdrawn("A linked statement was taken back"),
    "decision.proposed": _proposed,
    "decision.rejected": lambda data, _: {"what": "Proposal rejected", "why": data["comment"]},
    "decision.withdrawn": lambda data, _: {
        "what": "Proposal taken back",
        "why": data["reason"],
    },
    "decision.approved": _approved,
    "decision.lapsed": lambda data, _: {
        "what": "Proposal lapsed: " + labels.LAPSES[LapseReason(data["reason"])]
    },
    "component.changed": _component,
    "party.changed": lambda *_: {"what": "A party in it was renamed, or moved under another"},
    "speaker.changed": lambda data, _: {"what": f"A speaker’s name was corrected: {data['name']}"},
}
