"""The print line: a sentence a journalist may paste, built from data alone.

It is plain text without direction marks, so that it stays clean where it is pasted: whoever shows
it isolates it.  Names go through `texts.print_name`: none can end our sentence or begin one.
"""

from collections.abc import Collection
from datetime import datetime

from service.domain import evidence, texts
from service.domain.claims import ClaimState, Finding, Imported, Lifecycle, Precision, Status, Voice
from service.domain.evidence import Suggestion

FINDINGS = {
    Finding.REFUTED: "found it refuted",
    Finding.CONFLICTING: "found the evidence conflicting",
    Finding.UNPROVABLE: "found that it cannot be proved",
}


def build_print_line(state: ClaimState, suggestion: Suggestion | None = None) -> str:
    """What may be printed about the claim now, with who stands where; `suggestion` is what its
    links suggest, where that is known."""
    sentences = [f"{_claimed(state)}."]
    suggestion = suggestion or evidence.suggest_status(state, explain=False)
    asking = evidence.list_roots(suggestion.confirmation_requests)
    denying = evidence.list_roots(suggestion.contradictions)
    names = _name_roots(state, {*asking, *denying, *suggestion.support})
    asked = [names[root] for root in asking]
    contradicting = [names[root] for root in denying]
    supporting = [names[root] for root in suggestion.support]
    if state.status is Status.CONFIRMED:
        if state.imported is not None:
            sentences.append(_imported(state, state.imported))
            standing = f"Supported by {join_names(supporting)}; this" if supporting else "This"
            sentences.append(f"{standing} desk has not confirmed it itself.")
        elif supporting:
            sentences.append(f"Independently confirmed by {join_names(supporting)}.")
        if contradicting:
            sentences.append(f"{_denied(contradicting)}.")
        if state.override:
            sentences.append("Confirmed by an editor's override of the usual rules.")
    else:
        if state.imported is not None:
            sentences.append(_imported(state, state.imported))
        if state.status is Status.DISPUTED and (contradicting or state.imported is None):
            disputing = join_names(contradicting) if contradicting else None
            sentences.append(f"Disputed by {disputing}." if disputing else "Disputed.")
        elif contradicting:
            # Not decided yet, but nobody may print the claim without the denial.
            sentences.append(f"{_denied(contradicting)}.")
        if asked:
            sentences.append(
                f"{join_names(asked)} {_verb(asked, 'has', 'have')} asked for confirmation."
            )
        if state.status is Status.AWAITING_CONFIRMATION and not (asked or state.imported):
            sentences.append("Awaiting confirmation.")
        if supporting:
            sentences.append(
                f"Supported by {join_names(supporting)}; the desk has not confirmed it."
            )
        else:
            sentences.append("No independent party has confirmed it.")
        if state.override:
            sentences.append("This status was set by an editor's override of the usual rules.")
    if state.finding is not None:
        theirs = state.imported is not None and state.imported.finding is state.finding
        who = texts.print_name(state.imported.by) if state.imported and theirs else "The desk"
        sentences.append(f"{who} {FINDINGS[state.finding]}.")
    if state.lifecycle is Lifecycle.WITHDRAWN:
        sentences.append("The claimant has withdrawn it.")
    return " ".join(sentences)


def _name_roots(state: ClaimState, roots: Collection[str]) -> dict[str, str]:
    """The names of these root parties, as the last link of each has it."""
    names: dict[str, str] = {}
    for link in reversed(state.links):
        if len(names) == len(roots):
            break
        root = link.voice.root
        if root in roots and root not in names:
            names[root] = texts.print_name(link.voice.root_name)
    return names


def format_date(moment: datetime, precision: Precision) -> str:
    """`2 October 2023`, and the hour in UTC where it is known."""
    day = f"{moment.day} {moment:%B %Y}"
    if precision is Precision.DAY:
        return day
    if precision is Precision.SECOND:
        return f"{day}, {moment:%H:%M:%S} UTC"
    return f"{day}, {moment:%H:%M} UTC"


def join_names(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _imported(state: ClaimState, source: Imported) -> str:
    status = state.status.replace("_", " ")
    by, label = texts.print_name(source.by), texts.print_label(source.label)
    return f"Imported as {status} from {by} (label “{label}”)."


def _claimed(state: ClaimState) -> str:
    when = format_date(state.claimed_at, state.precision)
    if state.claimant is None:
        return f"Unattributed claim ({when})"
    return f"Claimed by {texts.print_name(state.claimant.name)} ({_speaker(state.claimant)}{when})"


def _speaker(voice: Voice) -> str:
    return f"{texts.print_name(voice.speaker.name)}, " if voice.speaker else ""


def _denied(names: list[str]) -> str:
    return f"{join_names(names)} {_verb(names, 'denies', 'deny')} it"


def _verb(names: list[str], one: str, many: str) -> str:
    return one if len(names) == 1 else many
