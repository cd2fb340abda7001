"""A waiting decision in words: what it changes, what printed when it was proposed, and what prints
now."""

from collections.abc import Mapping
from typing import Any

from service.domain import labels, printed
from service.domain.claims import (
    ClaimState,
    DecisionKind,
    Finding,
    Pending,
    Precision,
    Status,
    parse_instant,
)
from service.domain.print_line import format_date, join_names

Data = dict[str, Any]
NAMES = {
    "text": "The claim",
    "claimant": "Claimed by",
    "claimed": "Claimed on",
    "status": "Status",
    "override": "Against the usual rules",
    "imported": "Imported from",
    "supports": "Confirmed by",
    "contradicts": "Denied by",
    "requests": "Asks for confirmation",
    "finding": "Finding",
    "withdrawn": "Withdrawn by the claimant",
}
"""What is printed, by the fields of `printed.FIELDS`."""


def describe(kind: str | None, to: str, change: Mapping[str, Any] | None) -> str:
    """What a proposal is for: a status, a finding, another wording …"""
    known = DecisionKind(kind or DecisionKind.STATUS)
    if known is DecisionKind.STATUS or change is None:
        return labels.STATUSES[Status(to)].lower()
    if known is DecisionKind.FINDING:
        found = change["finding"]
        return (
            f"finding: {labels.FINDINGS[Finding(found)]}" if found else "to take the finding back"
        )
    return labels.DECISIONS[known]


def compare(state: ClaimState, waiting: Pending) -> Data:
    """What an approval would change of what is printed, and what has changed since the proposal.

    `rows` are the fields that differ, each as it is `now` and as it would be `then`; `outdated` are
    the fields that are otherwise than the proposer saw.
    """
    title = describe(waiting.kind, waiting.to, waiting.change)
    now = printed.read_printed(state)
    seen, prints = waiting.seen or {}, waiting.prints or {}
    return {
        "title": title,
        "rows": [
            {"name": NAMES[name], "now": _say(name, now[name]), "then": _say(name, prints[name])}
            for name in printed.list_differences(prints, now)
        ],
        "outdated": [
            {"name": NAMES[name], "seen": _say(name, seen[name]), "now": _say(name, now[name])}
            for name in printed.list_differences(seen, now)
        ],
    }


def _say(name: str, value: Any) -> str:
    """A printed field in words."""
    if value is None or value == []:
        return "nobody" if name in ("supports", "contradicts", "requests") else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return join_names([one["name"] for one in value])
    if name == "status":
        return labels.STATUSES[Status(value)]
    if name == "claimant":
        speaker = value["speaker"]
        return f"{value['name']} ({speaker['name']})" if speaker else str(value["name"])
    if name == "claimed":
        return format_date(parse_instant(value["at"]), Precision(value["precision"]))
    if name == "finding":
        return labels.FINDINGS[Finding(value["finding"])]
    if name == "imported":
        return f"{value['by']} ({value['label']})"
    return str(value)
