"""An entry of a story's timeline in words: whose doing, what, and why."""

from collections.abc import Callable
from typing import Any

from service.domain import labels
from service.domain.claims import Cause, Finding, Stance, Status
from service.domain.print_line import join_names

Data = dict[str, Any]
AMENDED = {"text": "the wording", "tags": "the tags", "finding": "the finding"}


def entry(one: Data) -> Data:
    """The entry with `what` happened, the `words` that were said, and `why`, where a reason was
    given."""
    link = one["link"]
    return one | {
        "what": _WHAT[one["type"]](one),
        "words": link["quote"] if link and one["type"] == "link.created" else None,
        "why": one["reason"],
        "stance": link["stance"] if link and one["type"] == "link.created" else None,
    }


def _who(one: Data) -> str:
    link = one["link"]
    names = join_names([party["name"] for party in one["parties"]]) or "nobody named"
    if link and link["speaker"]:
        return f"{link['speaker']['name']} ({names})"
    return names


def _created(one: Data) -> str:
    return f"Claimed by {_who(one)}" if one["parties"] else "Recorded, unattributed"


def _linked(one: Data) -> str:
    link = one["link"]
    how = [
        word
        for word, holds in (
            ("conditionally", link["conditional"]),
            ("in part", link["scope"] == "partial"),
        )
        if holds
    ]
    said = f"{_who(one)} {labels.STANCES[Stance(link['stance'])]}"
    return f"{said} ({', '.join(how)})" if how else said


def _moved(one: Data) -> str:
    before, after = (labels.STATUSES[Status(one[name])] for name in ("previous_status", "status"))
    what = f"From {before.lower()} to {after.lower()}"
    cause = Cause(one["cause"])
    if cause is not Cause.DECISION:
        what += f": {labels.CAUSES[cause]}"
    if one["override"]:
        what += ", by an editor’s override of the usual rules"
    return f"{what}. Rests on {_who(one)}" if one["parties"] else what


def _amended(one: Data) -> str:
    changed = join_names([AMENDED[name] for name in one["changes"]])
    if not changed:
        return "Amended"
    return f"Amended {'in substance' if one['material'] else ''}: {changed}".replace(" :", ":")


_WHAT: dict[str, Callable[[Data], str]] = {
    "claim.created": _created,
    "claim.status_changed": _moved,
    "claim.amended": _amended,
    "finding.changed": lambda one: (
        f"Found: {labels.FINDINGS[Finding(one['finding'])]}"
        if one["finding"]
        else "The finding was taken back"
    ),
    "claim.merged": lambda _: "Merged into another claim",
    "claim.absorbed": lambda _: "A duplicate was merged into this claim",
    "claim.withdrawn": lambda _: "The claimant took the claim back",
    "link.created": _linked,
    "link.affirmed": lambda one: f"Affirmed for the present wording: {_linked(one)}",
    "link.retracted": lambda one: f"Link retracted: {_linked(one)}",
    "statement.withdrawn": lambda one: f"{_who(one)} took a statement on it back",
}
