"""Reads requests for comment."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from service.claims import history_queries, inquiry_views
from service.claims.inquiry_views import InquiryView
from service.domain import inquiry_drafts
from service.domain.errors import NotFound
from service.store.paging import Window
from service.store.tables import inquiries


def list_inquiries(
    connection: Connection, claim_id: str, window: Window, *, moment: datetime | None
) -> list[InquiryView]:
    """List the requests for comment on a claim, now or as of an instant, in the order in which they
    were recorded; one more than the limit.  Raises NotFound, NotYetRecorded."""
    state = history_queries.require_state(connection, claim_id, moment)
    views = inquiry_views.build_inquiries(claim_id, state.inquiries)
    places = {view["id"]: place for place, view in enumerate(views)}
    begin = places.get(window.after[0], -1) + 1 if window.after else 0
    return views[begin : begin + window.limit + 1]


def list_merged_inquiries(connection: Connection, merged_ids: Iterable[str]) -> list[InquiryView]:
    """List the requests for comment on claims that were merged into another, the newest first."""
    states = [
        history_queries.require_state(connection, merged_id, None) for merged_id in merged_ids
    ]
    views = [
        view
        for state in states
        for view in inquiry_views.build_inquiries(state.id, state.inquiries)
    ]
    return sorted(views, key=lambda view: view["asked_at"], reverse=True)


def read_inquiry(connection: Connection, inquiry_id: str) -> InquiryView:
    """Read a request for comment.  Raises NotFound."""
    claim_id = find_claim(connection, inquiry_id)
    state = history_queries.require_state(connection, claim_id, None)
    return inquiry_views.build_inquiry(claim_id, inquiry_drafts.require_inquiry(state, inquiry_id))


def find_claim(connection: Connection, inquiry_id: str) -> str:
    """Return the id of the claim that a request is on.  Raises NotFound."""
    claim_id: str | None = connection.scalar(
        select(inquiries.c.claim).where(inquiries.c.id == inquiry_id)
    )
    if claim_id is None:
        raise NotFound("There is no request for comment with this id.")
    return claim_id
