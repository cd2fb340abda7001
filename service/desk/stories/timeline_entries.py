"""Describes the events of a story's timeline in words: who did what, and why."""

from collections.abc import Callable
from dataclasses import dataclass

from service.domain import labels
from service.domain.claims import Cause, Finding, Stance, Status
from service.domain.print_phrases import join_names
from service.stories.timeline_views import EntryView


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """An event of a story, as the page shows it."""

    event: EntryView
    what: str
    words: str | None
    """What was said in it."""
    stance: Stance | None


def describe_entry(entry: EntryView) -> TimelineLine:
    """Put an event of a story into words."""
    link = entry["link"] if entry["type"] == "link.created" else None
    return TimelineLine(
        event=entry,
        what=_WORDINGS[entry["type"]](entry),
        words=link["quote"] if link else None,
        stance=link["stance"] if link else None,
    )


def _name_voices(entry: EntryView) -> str:
    link = entry["link"]
    names = join_names([party["name"] for party in entry["parties"]]) or "nobody named"
    if link and link["description"]:
        description = link["description"]
        return f"{description[:1].upper()}{description[1:]}, not named,"
    if link and link["speaker"]:
        return f"{link['speaker']['name']} ({names})"
    return names


def _name_statement(entry: EntryView) -> str:
    """Name a statement by whose it is, where the entry says so: a claim's own words are in none
    of its links."""
    return f"A statement by {_name_voices(entry)}" if entry["parties"] else "A statement"


def _describe_creation(entry: EntryView) -> str:
    return f"Claimed by {_name_voices(entry)}" if entry["parties"] else "Recorded, unattributed"


def _describe_link(entry: EntryView) -> str:
    link = entry["link"]
    assert link is not None, "an event of a link has it"
    limits = ["conditionally"] if link["conditional"] else []
    limits += ["in part"] if link["scope"] == "partial" else []
    what = f"{_name_voices(entry)} {labels.STANCES[Stance(link['stance'])]}"
    return f"{what} ({', '.join(limits)})" if limits else what


def _describe_status_change(entry: EntryView) -> str:
    previous, status, cause = entry["previous_status"], entry["status"], entry["cause"]
    assert previous is not None, "a status is changed from one"
    assert status is not None, "a status is changed to one"
    before, after = labels.STATUSES[Status(previous)], labels.STATUSES[Status(status)]
    what = f"From {before.lower()} to {after.lower()}"
    if cause is not None and cause != Cause.DECISION:
        what += f": {labels.CAUSES[Cause(cause)]}"
    if entry["override"]:
        what += ", by an editor’s override of the usual rules"
    return f"{what}. Rests on {_name_voices(entry)}" if entry["parties"] else what


def _describe_amendment(entry: EntryView) -> str:
    names = join_names([labels.AMENDED[name] for name in entry["changes"]])
    if not names:
        return "Amended"
    return f"Amended {'in substance' if entry['material'] else ''}: {names}".replace(" :", ":")


_WORDINGS: dict[str, Callable[[EntryView], str]] = {
    "claim.created": _describe_creation,
    "claim.status_changed": _describe_status_change,
    "claim.amended": _describe_amendment,
    "finding.changed": lambda entry: (
        f"Found: {labels.FINDINGS[Finding(entry['finding'])]}"
        if entry["finding"]
        else "The finding was taken back"
    ),
    "claim.merged": lambda _: "Merged into another claim",
    "claim.absorbed": lambda _: "A duplicate was merged into this claim",
    "claim.withdrawn": lambda _: "The claimant took the claim back",
    "claim.corrected": lambda _: "Corrected: it was recorded wrongly",
    "claim.voided": lambda _: "Void: recorded by mistake",
    "claim.restored": lambda _: "In force again",
    "claim.separated": lambda _: "Separated again: a claim of its own",
    "claim.released": lambda _: "A claim that was merged into this one was separated from it",
    "link.created": _describe_link,
    "link.affirmed": lambda entry: f"Affirmed for the present wording: {_describe_link(entry)}",
    "link.retracted": lambda entry: f"Link retracted: {_describe_link(entry)}",
    "link.voided": lambda entry: f"Link void, recorded by mistake: {_describe_link(entry)}",
    "link.restored": lambda entry: f"Link restored: {_describe_link(entry)}",
    "statement.corrected": lambda entry: f"{_name_statement(entry)} was corrected",
    "statement.voided": lambda entry: f"{_name_statement(entry)} is void",
    "statement.restored": lambda entry: f"{_name_statement(entry)} counts again",
    "statement.withdrawn": lambda entry: f"{_name_voices(entry)} took a statement on it back",
}
