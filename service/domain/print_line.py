"""Builds the print line: sentences about a claim that a journalist may paste.

It is plain text without direction marks; pages isolate it themselves.  Names go through
`texts.print_name`, so that none can end a sentence of ours or begin one.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from service.domain import evidence, texts
from service.domain.claims import (
    ClaimState,
    Finding,
    Imported,
    Lifecycle,
    Precision,
    Stance,
    Status,
    Unnamed,
    Voice,
)
from service.domain.evidence import Suggestion

FINDINGS = {
    Finding.REFUTED: "found it refuted",
    Finding.CONFLICTING: "found the evidence conflicting",
    Finding.UNPROVABLE: "found that it cannot be proved",
}

VOID_LINE = "Do not use: the desk recorded this claim by mistake."
HOLD_LINE = "HOLD: do not use while the desk checks."
"""What the print line of a claim on hold begins with."""


def build_print_line(state: ClaimState, suggestion: Suggestion | None = None) -> str:
    """Return what may be printed about the claim: its status, and which parties take which stance.

    `suggestion` is what its links suggest, if that is known already.
    """
    if state.lifecycle is Lifecycle.VOID:
        return VOID_LINE
    if state.hold is not None:
        return f"{HOLD_LINE} {build_print_line(replace(state, hold=None), suggestion)}"
    sentences = [f"{_describe_claim(state)}."]
    suggestion = suggestion or evidence.suggest_status(state, explain=False)
    requesting_roots = evidence.list_roots(suggestion.confirmation_requests)
    contradicting_roots = evidence.list_roots(suggestion.contradictions)
    names = _name_roots(state, {*requesting_roots, *contradicting_roots, *suggestion.support})
    requesting = [names[root] for root in requesting_roots]
    contradicting = [names[root] for root in contradicting_roots]
    supporting = [names[root] for root in suggestion.support]
    if state.status is Status.CONFIRMED:
        if state.imported is not None:
            sentences.append(_describe_import(state, state.imported))
            subject = f"Supported by {join_names(supporting)}; this" if supporting else "This"
            sentences.append(f"{subject} desk has not confirmed it itself.")
        elif supporting:
            sentences.append(f"Independently confirmed by {join_names(supporting)}.")
        if contradicting:
            sentences.append(f"{_describe_denial(contradicting)}.")
        if state.override:
            sentences.append("Confirmed by an editor's override of the usual rules.")
    else:
        if state.imported is not None:
            sentences.append(_describe_import(state, state.imported))
        if state.status is Status.DISPUTED and (contradicting or state.imported is None):
            disputing = join_names(contradicting) if contradicting else None
            sentences.append(f"Disputed by {disputing}." if disputing else "Disputed.")
        elif contradicting:
            # It is not decided yet, but nobody may print the claim without the denial.
            sentences.append(f"{_describe_denial(contradicting)}.")
        if requesting:
            verb = _choose_verb(requesting, "has", "have")
            sentences.append(f"{join_names(requesting)} {verb} asked for confirmation.")
        if state.status is Status.AWAITING_CONFIRMATION and not (requesting or state.imported):
            sentences.append("Awaiting confirmation.")
        if supporting:
            sentences.append(
                f"Supported by {join_names(supporting)}; the desk has not confirmed it."
            )
        else:
            sentences.append("No independent party has confirmed it.")
        if state.override:
            sentences.append("This status was set by an editor's override of the usual rules.")
    sentences += _describe_unnamed(state)
    if state.finding is not None:
        is_imported = state.imported is not None and state.imported.finding is state.finding
        author = (
            texts.print_name(state.imported.by) if state.imported and is_imported else "The desk"
        )
        sentences.append(f"{author} {FINDINGS[state.finding]}.")
    if state.lifecycle is Lifecycle.WITHDRAWN:
        sentences.append("The claimant has withdrawn it.")
    return " ".join(sentences)


def _name_roots(state: ClaimState, roots: Collection[str]) -> dict[str, str]:
    """Return the names of these root parties, as the last link of each has them."""
    names: dict[str, str] = {}
    for link in reversed(state.links):
        if len(names) == len(roots):
            break
        voice = link.voice
        if isinstance(voice, Voice) and voice.root in roots and voice.root not in names:
            names[voice.root] = texts.print_name(voice.root_name)
    return names


def format_date(moment: datetime, precision: Precision) -> str:
    """Return `2 October 2023`, with the time in UTC if it is known; `October 2023` or `2023` where
    the day is not."""
    if precision is Precision.YEAR:
        return f"{moment.year}"
    if precision is Precision.MONTH:
        return f"{moment:%B} {moment.year}"
    day = f"{moment.day} {moment:%B %Y}"
    if precision is Precision.DAY:
        return day
    if precision is Precision.SECOND:
        return f"{day}, {moment:%H:%M:%S} UTC"
    return f"{day}, {moment:%H:%M} UTC"


def join_names(names: list[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _describe_import(state: ClaimState, source: Imported) -> str:
    status = state.status.replace("_", " ")
    by, label = texts.print_name(source.by), texts.print_label(source.label)
    return f"Imported as {status} from {by} (label “{label}”)."


def _describe_claim(state: ClaimState) -> str:
    when = format_date(state.claimed_at, state.precision)
    if state.claimant is None:
        return f"Unattributed claim ({when})"
    name, speaker = texts.print_name(state.claimant.name), _name_speaker(state.claimant)
    return f"Claimed by {name} ({speaker}{when})"


def _name_speaker(voice: Voice) -> str:
    return f"{texts.print_name(voice.speaker.name)}, " if voice.speaker else ""


UNNAMED_STANCES = {
    Stance.SUPPORTS: "supports it",
    Stance.CONTRADICTS: "denies it",
    Stance.REQUESTS_CONFIRMATION: "has asked for confirmation",
}


def _describe_unnamed(state: ClaimState) -> list[str]:
    """Return a sentence about each source that is not named and takes a stance, as described."""
    sentences = []
    for link in evidence.list_unnamed(state, *UNNAMED_STANCES):
        assert isinstance(link.voice, Unnamed), "only these are listed"
        description = texts.print_name(link.voice.description)
        party = link.voice.party
        of_party = f" of {texts.print_name(party.name)}" if party else ""
        who = f"{description[:1].upper()}{description[1:]}{of_party}, not named"
        sentences.append(f"{who}, {UNNAMED_STANCES[link.stance]}.")
    return list(dict.fromkeys(sentences))


def _describe_denial(names: list[str]) -> str:
    return f"{join_names(names)} {_choose_verb(names, 'denies', 'deny')} it"


def _choose_verb(names: list[str], singular: str, plural: str) -> str:
    return singular if len(names) == 1 else plural
