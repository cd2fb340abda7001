"""The review page: claims that want somebody's attention, by who has to act.

What waits for whoever looks comes first. With a filter it is one list, the longest unchanged first.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Response

from service.accounts import account_queries
from service.claims import correction_requests, decision_queries
from service.claims.decision_queries import Review
from service.desk.claims import board_pages, claim_rows, proposal_words
from service.desk.claims.claim_rows import ClaimRow
from service.desk.layout import address_faults
from service.desk.layout.rendering import render_page
from service.domain import access, second_person
from service.domain.access import Action
from service.domain.claims import Pending, format_instant
from service.record.tail import newest
from service.store.paging import Window
from service.web.calls import Call, allow, build_list_scope

router = APIRouter(include_in_schema=False)

LIMIT = 50
GROUP_LIMIT = 12
"""Claims of one reason on the page of all; a link leads to all of them."""
REASONS = {
    "waiting_approval": "a proposal waits for a second person",
    "challenged": "challenged",
    "drift": "evidence and status disagree",
    "stale": "awaiting confirmation for long",
}


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A claim in the queue."""

    claim: ClaimRow
    assignee: str | None
    """The id of whoever works on it."""
    reasons: list[str]
    proposal: str | None
    proposer: str | None
    since: str


@dataclass(frozen=True, slots=True)
class ReviewGroup:
    """Claims on which the same people have to act."""

    name: str
    title: str
    why: str
    rows: list[ReviewRow]
    url: str | None
    """The list of all of them, where these are not all."""


@router.get("/review")
async def show_queue(
    call: Annotated[Call, allow(Action.READ_INTERNALS, page=True)],
) -> Response:
    query = call.request.query_params
    reason, assignee = query.get("reason") or None, query.get("assignee") or None
    if reason is not None and reason not in REASONS:
        raise address_faults.build_refusal("reason", REASONS)
    after_event = await call.read(newest)
    requests, waiting = await call.read(correction_requests.list_waiting_requests)
    is_filtered = bool(reason or assignee or query.get("cursor"))
    rows: list[ReviewRow] = []
    groups: list[ReviewGroup] = []
    next_url = None
    if is_filtered:
        rows, next_url = await _read_list(call, reason, assignee)
    else:
        groups = await _read_groups(call)
    request = call.request
    return render_page(
        call,
        "review.html",
        live=board_pages.build_stream_url(after_event),
        rows=rows,
        groups=groups,
        requests=requests,
        waiting=waiting,
        people=await call.read(account_queries.read_assignee_names),
        reasons=REASONS,
        reason=reason,
        mine=assignee == "me",
        filtered=is_filtered,
        next=next_url,
        back=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
    )


async def _read_reviews(
    call: Call, reason: str | None, assignee: str | None, window: Window
) -> list[Review]:
    return await call.read(
        decision_queries.list_review_queue,
        reason=reason,
        assignee=call.actor.id if assignee == "me" else assignee,
        stale_before=call.now - timedelta(hours=call.services.settings.stale_after_hours),
        window=window,
    )


async def _read_list(
    call: Call, reason: str | None, assignee: str | None
) -> tuple[list[ReviewRow], str | None]:
    """Read a page of the list of what a filter lets through, and the address of the next."""
    scope = build_list_scope("review", call.request)
    cursor = call.request.query_params.get("cursor")
    after = call.cursors.read(cursor, scope, now=call.now) if cursor else None
    reviews = await _read_reviews(call, reason, assignee, Window(LIMIT, after))
    next_url = None
    if len(reviews) > LIMIT:
        reviews = reviews[:LIMIT]
        keys = [format_instant(reviews[-1].since), reviews[-1].id]
        parameters = {
            "reason": reason,
            "assignee": assignee,
            "cursor": call.cursors.write(scope, keys, now=call.now),
        }
        link_parameters = {name: value for name, value in parameters.items() if value}
        next_url = f"/review?{urlencode(link_parameters)}"
    return await _build_rows(call, reviews), next_url


async def _read_groups(call: Call) -> list[ReviewGroup]:
    """Read the claims that want attention, each in the first group that it is of."""
    window = Window(GROUP_LIMIT, None)
    reviews_by_reason = {name: await _read_reviews(call, name, None, window) for name in REASONS}
    reviews = {
        review.id: review for name in REASONS for review in reviews_by_reason[name][:GROUP_LIMIT]
    }
    waiting = await call.read(decision_queries.read_waiting, list(reviews))
    rows = dict(zip(reviews, await _build_rows(call, list(reviews.values())), strict=True))
    remaining = list(reviews)

    def take_rows(ids: Collection[str]) -> list[ReviewRow]:
        claim_ids = [claim for claim in remaining if claim in ids]
        remaining[:] = [claim for claim in remaining if claim not in ids]
        return [rows[claim] for claim in claim_ids]

    def find_url(name: str) -> str | None:
        return f"/review?reason={name}" if len(reviews_by_reason[name]) > GROUP_LIMIT else None

    ids = {name: {review.id for review in reviews_by_reason[name]} for name in REASONS}
    for_me = {claim for claim in ids["waiting_approval"] if _may_settle(call, waiting.get(claim))}
    own_reviews, other_reviews = take_rows(for_me), take_rows(ids["waiting_approval"])
    groups = [
        ReviewGroup(
            "mine",
            "Waiting for you",
            "Somebody proposes, and you can approve or reject.",
            own_reviews,
            find_url("waiting_approval"),
        ),
        ReviewGroup(
            "challenged",
            "Challenged",
            "A denial without a basis stands against what is confirmed: ask what it rests on.",
            take_rows(ids["challenged"]),
            find_url("challenged"),
        ),
        ReviewGroup(
            "ready",
            "Ready to be marked",
            "The evidence suggests another status: whoever looks at it can propose that.",
            take_rows(ids["drift"]),
            find_url("drift"),
        ),
        ReviewGroup(
            "stale",
            "Awaiting confirmation for long",
            "Ask again, or somebody else.",
            take_rows(ids["stale"]),
            find_url("stale"),
        ),
        ReviewGroup(
            "others",
            "Waiting for somebody else",
            "Proposals that you made, or that another person or role has to approve.",
            other_reviews,
            find_url("waiting_approval") if not own_reviews else None,
        ),
    ]
    return [group for group in groups if group.rows]


def _may_settle(call: Call, waiting: Pending | None) -> bool:
    """Tell whether whoever looks may approve what waits, by their role and as a second person."""
    if waiting is None or second_person.explain_refusal(waiting, call.actor) is not None:
        return False
    action = Action.APPROVE if waiting.override is None else Action.OVERRIDE
    return access.is_allowed(call.caller, action)


async def _build_rows(call: Call, reviews: Sequence[Review]) -> list[ReviewRow]:
    claims = await claim_rows.build_rows(call, [review.claim for review in reviews])
    proposals: Mapping[str, Any] = await call.read(
        decision_queries.list_pending, [review.id for review in reviews]
    )
    rows = []
    for claim, review in zip(claims, reviews, strict=True):
        proposal = proposals.get(review.id)
        words = None
        if proposal is not None:
            change = orjson.loads(proposal.proposal).get("change")
            words = proposal_words.describe_change(proposal.kind, proposal.to, change)
        rows.append(
            ReviewRow(
                claim=claim,
                assignee=review.claim.assignee,
                reasons=[REASONS[name] for name in review.reasons],
                proposal=words,
                proposer=proposal.proposed_by_name if proposal is not None else None,
                since=format_instant(review.since),
            )
        )
    return rows
