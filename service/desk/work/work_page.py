"""My work: what waits for whoever looks, and what became of what they did."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Response
from starlette.responses import PlainTextResponse

from service.desk.claims import board_pages, claim_rows, proposal_words
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.domain.access import Action
from service.notices import inbox, work_queries
from service.notices.work_queries import DecisionLine
from service.record.tail import newest
from service.web.bodies.notice_inputs import ReadIn
from service.web.calls import PRIVATE, Call, allow
from service.web.request_context import context_of

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.READ_RECORDS, page=True)]


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision as the page shows it: what it is for, in words."""

    line: DecisionLine
    words: str


@router.get("/work")
async def show_work(call: Reading) -> Response:
    """Show what waits for the person who looks, each group as far as a page takes it."""
    after_event = await call.read(newest)
    work = await call.read(work_queries.read_work, caller=call.actor)
    return render_page(
        call,
        "work.html",
        live=board_pages.build_stream_url(after_event),
        approvals=[_describe(line) for line in work.approvals],
        proposals=[_describe(line) for line in work.proposals],
        assigned=await claim_rows.build_rows(call, work.assigned),
        mentions=work.mentions,
        changes=work.changes,
        uses=work.uses,
        unread=work.unread,
    )


@router.get("/work-count")
async def count_work(call: Reading) -> Response:
    """Answer with how much waits, for the menu of an open page."""
    head = context_of(call.request.scope).page_head
    return PlainTextResponse(str(head.work_count if head else 0), headers=PRIVATE)


@router.post("/inbox/read")
async def mark_read(form: Annotated[Form, accept_form(Action.READ_RECORDS)]) -> Response:
    """Mark as read what the person was told up to the instant at which the page was made."""
    body = forms.parse_body(ReadIn, {"until": form.get_text("until")})
    return await form.carry_out(
        inbox.mark_read, ids=None, until=body.until, redirect_to="/work?done=read"
    )


def _describe(line: DecisionLine) -> DecisionRow:
    return DecisionRow(line, proposal_words.describe_change(line.kind, line.to, line.change))
