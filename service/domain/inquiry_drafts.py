"""Drafts what happens to requests for comment.  Functions here are pure, like those of
`lifecycle`."""

from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict

from service.domain import inquiries as domain_inquiries
from service.domain.claims import ClaimState
from service.domain.errors import Conflict, Invalid, NotFound
from service.domain.history import Draft
from service.domain.inquiries import Inquiry, InquiryOutcome
from service.domain.plain_data import make_plain
from service.domain.proposals import require_open_claim

MOST_INQUIRIES = 100
"""Requests on one claim, at most: they are part of its state."""
RULE = "deadline"
"""The rule by which a deadline passes."""
DERIVED = ("id", "lapsed", "outcome")
"""What the event of a new request does not say of it in these words."""


class InquiryChange(TypedDict, total=False):
    """What of a request for comment is changed; what is left out stays."""

    whom: str | None
    way: str
    asked_at: datetime
    until: datetime
    outcome: InquiryOutcome | None
    note: str | None


def draft_inquiry(state: ClaimState, new: Inquiry, *, now: datetime) -> list[Draft]:
    """Draft that somebody was asked for comment and, if the deadline has passed, that too.

    Raises Invalid, Conflict, and what `require_open_claim` does.
    """
    require_open_claim(state)
    if len(state.inquiries) >= MOST_INQUIRIES:
        raise Conflict(f"A claim takes at most {MOST_INQUIRIES} requests for comment.")
    _require_order(new, now=now)
    data = {name: value for name, value in make_plain(new).items() if name not in DERIVED}
    after = (*state.inquiries, new)
    creation = {"inquiry": new.id} | data | _mark_print(state.inquiries, after)
    return [Draft("inquiry.created", creation), *_draft_due(after, now=now)]


def draft_inquiry_change(
    state: ClaimState, inquiry_id: str, changes: InquiryChange, *, now: datetime
) -> list[Draft]:
    """Draft what came of a request, or what was wrong in it; only what differs is recorded.

    Allowed on closed claims too: an answer may come late.  Raises NotFound, Invalid.
    """
    inquiry = require_inquiry(state, inquiry_id)
    differing: dict[str, Any] = {
        name: value for name, value in changes.items() if value != getattr(inquiry, name)
    }
    if not differing:
        return []
    changed_inquiry: Inquiry = replace(inquiry, lapsed=False, **differing)
    _require_order(changed_inquiry, now=now)
    after = _replace(state.inquiries, changed_inquiry)
    data = {"inquiry": inquiry_id, **make_plain(differing), **_mark_print(state.inquiries, after)}
    return [Draft("inquiry.changed", data), *_draft_due(after, now=now)]


def draft_passed_deadlines(state: ClaimState, *, now: datetime) -> list[Draft]:
    """Draft that deadlines have passed: one event for each request that nobody has answered."""
    return _draft_due(state.inquiries, now=now)


def require_inquiry(state: ClaimState, inquiry_id: str) -> Inquiry:
    """Return a request of the claim.  Raises NotFound."""
    for inquiry in state.inquiries:
        if inquiry.id == inquiry_id:
            return inquiry
    raise NotFound("There is no request for comment with this id.")


def _draft_due(inquiries: tuple[Inquiry, ...], *, now: datetime) -> list[Draft]:
    drafts = []
    for inquiry in inquiries:
        due_at = inquiry.due_at
        if due_at is None or due_at > now:
            continue
        after = _replace(inquiries, replace(inquiry, lapsed=True))
        data = {"inquiry": inquiry.id} | _mark_print(inquiries, after)
        drafts.append(Draft("inquiry.lapsed", data, RULE))
        inquiries = after
    return drafts


def _replace(inquiries: tuple[Inquiry, ...], changed_inquiry: Inquiry) -> tuple[Inquiry, ...]:
    return tuple(
        changed_inquiry if inquiry.id == changed_inquiry.id else inquiry for inquiry in inquiries
    )


def _mark_print(before: tuple[Inquiry, ...], after: tuple[Inquiry, ...]) -> dict[str, bool]:
    """Return the field of an event that says that the print line is another from then on."""
    return {} if domain_inquiries.print_alike(before, after) else {"prints": True}


def _require_order(inquiry: Inquiry, *, now: datetime) -> None:
    """Raise Invalid unless somebody was named and asked, and had time to answer."""
    if inquiry.voice is None and inquiry.whom is None:
        raise Invalid("say who was asked: a party, or in words", loc=("body", "whom"))
    if inquiry.asked_at > now:
        raise Invalid("nobody was asked yet: the instant lies ahead", loc=("body", "asked_at"))
    if inquiry.until <= inquiry.asked_at:
        raise Invalid("the deadline comes after the request", loc=("body", "until"))
    if inquiry.outcome is InquiryOutcome.NO_ANSWER and inquiry.until > now:
        raise Invalid(
            "they have until then to answer: it can be said once the deadline has passed",
            loc=("body", "outcome"),
        )
