"""The links of a claim: which statements bear on it, and how."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, TypedDict

from fastapi import APIRouter, Depends, Response

from service.api import claims, decisions
from service.claims import (
    history_queries,
    link_commands,
    link_queries,
    statement_views,
)
from service.domain.access import Action
from service.domain.claims import ClaimState
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import MAX_LIMIT, Window, cut_page
from service.views import Page
from service.web import fields, redaction
from service.web.bodies import statement_inputs
from service.web.calls import (
    Call,
    Paged,
    allow,
    allow_writing,
    build_answer,
    format_list_scope,
)
from service.web.conditions import OptionalIfMatch, format_etag
from service.web.fields import ClaimId
from service.web.json_bodies import JsonRoute
from service.web.shared import LIST_COST

router = APIRouter(prefix="/v1/claims", tags=["claims"], route_class=JsonRoute)

Recording = Annotated[Call, allow_writing(Action.RECORD)]
Reading = Annotated[Call, allow(Action.READ_CLAIMS)]


@router.get(
    "/{claim_id}/links",
    operation_id="list_links",
    summary="List a claim's links",
    responses={200: {"model": Page[statement_views.LinkView], "description": "Oldest first"}},
)
async def list_links(
    claim_id: ClaimId,
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("links"))],
    as_of: fields.AsOf = None,
) -> Response:
    """Every link with its statement, the retracted ones too."""
    window, scope = paging

    async def build() -> Response:
        rows = await read_links(call, claim_id, window, as_of)
        return call.page(rows, window, scope, keys=lambda row: [row["id"]])

    return await call.share(build, cost=LIST_COST)


async def read_links(
    call: Call, claim_id: str, window: Window, as_of: datetime | None
) -> list[statement_views.LinkView]:
    """A claim's links, now or as of an instant, as the caller may see them; one more than the
    limit."""

    def read(connection: Connection) -> list[statement_views.LinkView]:
        state = history_queries.require_state(connection, claim_id, as_of)
        return link_queries.list_link_page(connection, state, window, moment=as_of)

    return redaction.redact_links(await call.read(read), call.audience)


class ExpandedLinks(TypedDict):
    """The first links of a claim, beside it."""

    links: Sequence[statement_views.LinkView]
    links_next_cursor: str | None


async def expand_links(
    call: Call, claim_id: str, as_of: datetime | None, stored_state: str | None = None
) -> ExpandedLinks:
    """The first links of a claim, and the cursor with which `/links` goes on from there.

    `stored_state` is what the claim's row says, where that was read.
    """
    state_links = None if stored_state is None else link_queries.parse_links(stored_state)
    if state_links is not None and len(state_links) <= MAX_LIMIT:
        database = call.reader
        evidence = await database.look_up_rows(link_queries.ALL_EVIDENCE, {"claim": claim_id})
        links = link_queries.build_links(claim_id, state_links, evidence)
        return {"links": redaction.redact_links(links, call.audience), "links_next_cursor": None}
    window = Window(MAX_LIMIT, None)
    rows = await read_links(call, claim_id, window, as_of)
    page, last = cut_page(rows, window, lambda row: [row["id"]])
    as_of_text = call.request.query_params.get("as_of")
    filters = [("as_of", as_of_text)] if as_of_text else []
    cursor = None
    if last is not None:
        scope = format_list_scope("links", f"/v1/claims/{claim_id}/links", filters)
        cursor = call.cursors.write(scope, last, now=call.now)
    return {"links": page, "links_next_cursor": cursor}


@router.post(
    "/{claim_id}/links",
    operation_id="link_statement",
    status_code=201,
    summary="Link a statement to a claim",
    responses={
        201: {"model": statement_views.LinkView, "description": "The link; ETag is the claim's"},
        202: decisions.WAITS,
    },
)
async def link_statement(
    claim_id: ClaimId, body: statement_inputs.LinkIn, call: Recording, versions: OptionalIfMatch
) -> Response:
    """Say what a statement does to the claim. A request for confirmation by another party moves an
    asserted claim to awaiting_confirmation by itself. On a confirmed claim, a link that changes who
    is printed as supporting it is a decision; what makes the line more cautious is linked at
    once."""

    def answer(connection: Connection, outcome: link_commands.LinkOutcome) -> Answer:
        def show(state: ClaimState) -> Answer:
            links = link_queries.list_links(connection, state)
            return build_answer(
                next(link for link in links if link["id"] == outcome.link_id),
                status=201,
                ETag=format_etag(state.version),
                Location=f"/v1/claims/{claim_id}/links",
            )

        return claims.answer_outcome(connection, outcome, show)

    return await call.write(
        link_commands.link_statement,
        claim_id,
        body.to_command(),
        four_eyes=call.services.four_eyes,
        versions=versions,
        answer=answer,
    )
