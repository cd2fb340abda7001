"""The print line: a sentence a journalist may paste, built from data alone."""

from datetime import datetime

from service.domain import evidence
from service.domain.claims import ClaimState, Finding, Lifecycle, Precision, Status, Voice

FINDINGS = {
    Finding.REFUTED: "The desk found it refuted.",
    Finding.CONFLICTING: "The desk found the evidence conflicting.",
    Finding.UNPROVABLE: "The desk found that it cannot be proved.",
}


def print_line(state: ClaimState) -> str:
    """What may be printed about the claim now, with who stands where."""
    sentences = [f"{_claimed(state)}."]
    names = {link.voice.root: link.voice.root_name for link in state.links}
    asked = [names[root] for root in evidence.roots(evidence.requests(state))]
    contradicting = [names[root] for root in evidence.roots(evidence.open_contradictions(state))]
    supporting = [names[root] for root in evidence.roots(evidence.qualifying(state))]
    if state.status is Status.CONFIRMED:
        if supporting:
            sentences.append(f"Independently confirmed by {listed(supporting)}.")
        if contradicting:
            sentences.append(f"{_denied(contradicting)}.")
        if state.override:
            sentences.append("Confirmed by an editor's override of the usual rules.")
    else:
        if state.status is Status.DISPUTED:
            disputing = listed(contradicting) if contradicting else None
            sentences.append(f"Disputed by {disputing}." if disputing else "Disputed.")
        elif contradicting:
            # Not decided yet, but nobody may print the claim without the denial.
            sentences.append(f"{_denied(contradicting)}.")
        if asked:
            sentences.append(
                f"{listed(asked)} {_verb(asked, 'has', 'have')} asked for confirmation."
            )
        if state.status is Status.AWAITING_CONFIRMATION and not asked:
            sentences.append("Awaiting confirmation.")
        if supporting:
            sentences.append(f"Supported by {listed(supporting)}; the desk has not confirmed it.")
        else:
            sentences.append("No independent party has confirmed it.")
        if state.override:
            sentences.append("This status was set by an editor's override of the usual rules.")
    if state.finding is not None:
        sentences.append(FINDINGS[state.finding])
    if state.lifecycle is Lifecycle.WITHDRAWN:
        sentences.append("The claimant has withdrawn it.")
    return " ".join(sentences)


def spoken_date(moment: datetime, precision: Precision) -> str:
    """`2 October 2023`, and the hour in UTC where it is known."""
    day = f"{moment.day} {moment:%B %Y}"
    if precision is Precision.DAY:
        return day
    if precision is Precision.SECOND:
        return f"{day}, {moment:%H:%M:%S} UTC"
    return f"{day}, {moment:%H:%M} UTC"


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _claimed(state: ClaimState) -> str:
    when = spoken_date(state.claimed_at, state.precision)
    if state.claimant is None:
        return f"Unattributed claim ({when})"
    return f"Claimed by {state.claimant.name} ({_speaker(state.claimant)}{when})"


def _speaker(voice: Voice) -> str:
    return f"{voice.speaker.name}, " if voice.speaker else ""


def _denied(names: list[str]) -> str:
    return f"{listed(names)} {_verb(names, 'denies', 'deny')} it"


def _verb(names: list[str], one: str, many: str) -> str:
    return one if len(names) == 1 else many
