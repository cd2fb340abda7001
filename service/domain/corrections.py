"""Drafts corrections: what was recorded wrongly, and what is right.

Functions here are pure, like those of `amendments`.  A correction says from now on what is right;
an answer as of an instant before shows what was believed then.  No correction confirms.  Where two
people agreed to what a claim prints, or to the words that it rests on, a correction that changes
them takes that agreement away, so that one person may make it (docs/rules.md).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NotRequired, TypedDict, cast

from service.domain import amendments, history, lifecycle, printed
from service.domain.claims import (
    UNLISTED,
    Basis,
    Cause,
    ClaimState,
    Lifecycle,
    Precision,
    Stance,
    Status,
    Unnamed,
    Voice,
)
from service.domain.errors import ClaimMerged, ClaimVoid, Invalid
from service.domain.history import Draft
from service.domain.plain_data import make_plain
from service.domain.wordings import is_same_wording

WEIGHED = (Stance.SUPPORTS, Stance.CONTRADICTS)
"""The stances for the words of which people decide."""
Values = Mapping[str, object]
"""Fields by name, as plain data."""


class Spoken(TypedDict):
    """What a claim's record says of a statement: whose it is, when, and on what basis."""

    voice: Voice | Unnamed | None
    basis: Basis
    said_at: datetime
    precision: Precision
    quote: str


class QuoteWords(TypedDict):
    """What a correction says of a quote's words."""

    id: str
    text: NotRequired[str]
    rendering: NotRequired[str]


class Difference(TypedDict):
    """The fields that differ, before and after; `material` asks for links to be affirmed anew."""

    before: Values
    after: Values
    reason: str
    material: NotRequired[bool]


def list_changes(before: Values, after: Values) -> tuple[Values, Values]:
    """Return the fields of `after` that differ, as they were and as they are.

    Raises Invalid if none does.
    """
    names = [name for name, value in after.items() if before.get(name) != value]
    if not names:
        raise Invalid(
            "this is what is recorded already: send the fields that are wrong, as they should be"
        )
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def correct_claim(state: ClaimState, changes: Mapping[str, Any], *, reason: str) -> list[Draft]:
    """Draft a correction of fields that are `CORRECTABLE`; only what differs is recorded.

    Raises Invalid if nothing does, ClaimMerged or ClaimVoid.
    """
    if state.lifecycle is Lifecycle.MERGED:
        raise ClaimMerged(
            f"This claim was merged into {state.merged_into}: correct that one, or separate this "
            "one from it first.",
            merged_into=state.merged_into,
        )
    if state.lifecycle is Lifecycle.VOID:
        raise ClaimVoid("This claim is void: restore it first.")
    former_values = {name: make_plain(getattr(state, name)) for name in changes}
    before, after = list_changes(
        former_values, {name: make_plain(changes[name]) for name in changes}
    )
    data = {"before": before, "after": after, "reason": reason}
    return _complete(state, Draft("claim.corrected", data))


def correct_statement(
    state: ClaimState, statement: str, difference: Difference, speech: Spoken
) -> list[Draft]:
    """Draft what the correction of a statement changes on a claim that shows it."""
    data = {"statement": statement, **difference, "spoken": make_plain(speech)}
    is_reworded = _changes_words(difference) and _rests_on(state, statement)
    return _complete(state, Draft("statement.corrected", data), is_reworded=is_reworded)


def _changes_words(difference: Difference) -> bool:
    """Say whether a quote has other words now, or gives them in another way (verbatim, say)."""
    before, after = (_read_quotes(difference[name]) for name in ("before", "after"))
    return any(
        quote.get("rendering") != after[key].get("rendering")
        or not is_same_wording(quote.get("text", ""), after[key].get("text", ""))
        for key, quote in before.items()
    )


def _read_quotes(values: Values) -> dict[str, QuoteWords]:
    return {quote["id"]: quote for quote in cast(list[QuoteWords], values.get("quotes", ()))}


def _rests_on(state: ClaimState, statement: str) -> bool:
    """Say whether the claim is made of the statement, or weighed by it."""
    return statement == state.origin_statement or any(
        link.statement == statement and link.is_active and link.stance in WEIGHED
        for link in state.links
    )


def correct_source(source: str, difference: Difference) -> list[Draft]:
    """Draft that a source, from which a claim shows words, was corrected."""
    return [Draft("source.corrected", {"source": source, **difference})]


def _complete(state: ClaimState, draft: Draft, *, is_reworded: bool = False) -> list[Draft]:
    """Return the draft, and the end of what two people agreed to if it prints otherwise, or if the
    words that it rests on are others."""
    drafts = [draft]
    after = history.apply_drafts(state, drafts)
    # Of a claim that is void or merged nothing prints until two people agree to it again.
    is_unprinted = state.lifecycle in UNLISTED
    needs_agreement = is_reworded or printed.list_fields_to_agree_on(
        state, after, is_correction=True
    )
    if is_unprinted or not needs_agreement:
        return drafts
    reason = "what was agreed on was corrected"
    if after.finding is not None:
        drafts.append(amendments.draft_end_of_finding(after.finding, reason, rule="correction"))
    if after.status is Status.CONFIRMED:
        drafts.append(lifecycle.draft_reopening(after, reason, Cause.CORRECTION))
    return drafts
