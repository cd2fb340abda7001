"""The review queue: what wants somebody's attention, the longest unchanged first."""

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request, Response

from service.accounts import account_queries
from service.claims import decision_queries
from service.desk.claims import board_pages, claim_rows, proposal_words
from service.desk.layout.rendering import render
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


@router.get("/review")
async def show_queue(
    request: Request, call: Annotated[Call, allow(Action.READ_INTERNALS, page=True)]
) -> Response:
    query = request.query_params
    reason, assignee = query.get("reason") or None, query.get("assignee") or None
    if reason is not None and reason not in REASONS:
        raise Invalid(f"reasons are {', '.join(REASONS)}", loc=("query", "reason"))
    after_event = await call.read(newest)
    scope = build_list_scope("review", request)
    after = None
    if query.get("cursor"):
        after = call.services.cursors.read(query["cursor"], scope, now=call.now)
    found = await call.read(
        decision_queries.list_review_queue,
        reason=reason,
        assignee=call.actor.id if assignee == "me" else assignee,
        stale_before=call.now - timedelta(hours=call.services.settings.stale_after_hours),
        window=Window(LIMIT, after),
    )
    following = None
    if len(found) > LIMIT:
        found = found[:LIMIT]
        keys = [format_instant(found[-1].since), found[-1].id]
        cursor = call.services.cursors.write(scope, keys, now=call.now)
        kept: dict[str, Any] = {"reason": reason, "assignee": assignee, "cursor": cursor}
        following = "/review?" + urlencode({name: one for name, one in kept.items() if one})
    rows = await claim_rows.rows(call, [(one.claim, None) for one in found])
    people = await call.read(account_queries.read_assignee_names)
    waiting = await call.read(decision_queries.list_pending, [one.id for one in found])
    for claim, one in zip(rows, found, strict=True):
        claim["assigned"] = orjson.loads(one.claim)["assignee"]
        claim["reasons"] = [REASONS[name] for name in one.reasons]
        proposal = waiting.get(one.id)
        if proposal is not None:
            change = orjson.loads(proposal.proposal).get("change")
            claim["proposed"] = proposal_words.describe(proposal.kind, proposal.to, change)
        claim["since"] = format_instant(one.since)
    return render(
        request,
        "review.html",
        caller=call.caller,
        now=call.now,
        live=board_pages.live(after_event),
        rows=rows,
        people=people,
        reasons=REASONS,
        reason=reason,
        mine=assignee == "me",
        next=following,
        back=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
    )
