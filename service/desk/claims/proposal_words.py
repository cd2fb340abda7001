"""Waiting decisions in words: what they change, what was printed when they were proposed, and what
is printed now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
from service.domain.print_phrases import join_names
from service.web import time_zones

PrintedFields = Mapping[str, Any]
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
    "partly": "Backed in part by",
    "unnamed": "Sources that are not named",
    "finding": "Finding",
    "withdrawn": "Withdrawn by the claimant",
}
"""The names of printed fields, by `printed.FIELDS`."""


def describe_change(kind: str | None, to: str, change: Mapping[str, Any] | None) -> str:
    """Say what a proposal is for: a status, a finding, another wording …"""
    decision = DecisionKind(kind or DecisionKind.STATUS)
    if decision is DecisionKind.STATUS or change is None:
        return labels.STATUSES[Status(to)].lower()
    if decision is DecisionKind.FINDING:
        finding = change["finding"]
        if not finding:
            return "to take the finding back"
        return f"finding: {labels.FINDINGS[Finding(finding)]}"
    return labels.DECISIONS[decision]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A printed field, before and after, in words."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ProposalWords:
    """A waiting decision in words."""

    title: str
    changes: list[FieldChange]
    """What an approval would change of what is printed."""
    outdated: list[FieldChange]
    """What of it has changed since the proposer saw it."""


def describe_proposal(state: ClaimState, pending: Pending) -> ProposalWords:
    """Compare what is printed now with what a proposal would print, and with what its proposer
    saw."""
    now = printed.read_printed(state)
    return ProposalWords(
        title=describe_change(pending.kind, pending.to, pending.change),
        changes=_compare(
            now, pending.prints or {}, printed.list_differences(pending.prints or {}, now)
        ),
        outdated=_compare(
            pending.seen or {}, now, printed.list_differences(pending.seen or {}, now)
        ),
    )


def _compare(
    before: PrintedFields, after: PrintedFields, names: Iterable[str]
) -> list[FieldChange]:
    return [
        FieldChange(
            NAMES[name], _describe(name, before.get(name)), _describe(name, after.get(name))
        )
        for name in names
    ]


def _describe(name: str, value: Any) -> str:
    """Put a printed field into words."""
    if value is None or value == []:
        return "nobody" if name in ("supports", "contradicts", "requests") else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "unnamed":
        return join_names(
            [f"{source['description']} {labels.STANCES[source['stance']]}" for source in value]
        )
    if isinstance(value, list):
        return join_names([party["name"] for party in value])
    if name == "status":
        return labels.STATUSES[Status(value)]
    if name == "claimant":
        speaker = value["speaker"]
        return f"{value['name']} ({speaker['name']})" if speaker else str(value["name"])
    if name == "claimed":
        return time_zones.format_local(parse_instant(value["at"]), Precision(value["precision"]))
    if name == "finding":
        return labels.FINDINGS[Finding(value["finding"])]
    if name == "imported":
        return f"{value['by']} ({value['label']})"
    return str(value)
