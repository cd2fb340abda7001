"""The review queue: claims that want somebody's attention, the longest unchanged first."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Response

from service.accounts import account_queries
from service.claims import correction_requests, decision_queries
from service.desk.claims import board_pages, claim_rows, proposal_words
from service.desk.claims.claim_rows import ClaimRow
from service.desk.layout.rendering import render_page
from service.domain.access import Action
from service.domain.claims import format_instant
from service.domain.errors import Invalid
from service.record.tail import newest
from service.store.paging import Window
from service.web.calls import Call, allow, build_list_scope

router = APIRouter(include_in_schema=False)

LIMIT = 50
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
    since: str


@router.get("/review")
async def show_queue(
    call: Annotated[Call, allow(Action.READ_INTERNALS, page=True)],
) -> Response:
    request = call.request
    query = request.query_params
    reason, assignee = query.get("reason") or None, query.get("assignee") or None
    if reason is not None and reason not in REASONS:
        raise Invalid(f"reasons are {', '.join(REASONS)}", loc=("query", "reason"))
    after_event = await call.read(newest)
    scope = build_list_scope("review", request)
    after = None
    if query.get("cursor"):
        after = call.cursors.read(query["cursor"], scope, now=call.now)
    reviews = await call.read(
        decision_queries.list_review_queue,
        reason=reason,
        assignee=call.actor.id if assignee == "me" else assignee,
        stale_before=call.now - timedelta(hours=call.services.settings.stale_after_hours),
        window=Window(LIMIT, after),
    )
    next_url = None
    if len(reviews) > LIMIT:
        reviews = reviews[:LIMIT]
        keys = [format_instant(reviews[-1].since), reviews[-1].id]
        cursor = call.cursors.write(scope, keys, now=call.now)
        parameters = {"reason": reason, "assignee": assignee, "cursor": cursor}
        kept = {name: value for name, value in parameters.items() if value}
        next_url = f"/review?{urlencode(kept)}"
    claims = await claim_rows.build_rows(call, [review.claim for review in reviews])
    proposals = await call.read(decision_queries.list_pending, [review.id for review in reviews])
    requests, waiting = await call.read(correction_requests.list_waiting_requests)
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
                since=format_instant(review.since),
            )
        )
    return render_page(
        call,
        "review.html",
        live=board_pages.build_stream_url(after_event),
        rows=rows,
        requests=requests,
        waiting=waiting,
        people=await call.read(account_queries.read_assignee_names),
        reasons=REASONS,
        reason=reason,
        mine=assignee == "me",
        next=next_url,
        back=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
    )
