"""A claim's page, and what is decided on it: status, finding, approval, assignee, notes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from service.claims import (
    claim_commands,
    decision_commands,
    decision_queries,
    history_queries,
    inquiry_queries,
    link_queries,
)
from service.claims.claim_views import ClaimView
from service.claims.proposal_commands import Outcome
from service.desk.claims import board_pages, claim_sheet, proposal_words, record_lines
from service.desk.claims.record_lines import RecordLine
from service.desk.layout import forms, instants
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.work import follow_forms
from service.domain import access, ids, labels, second_person
from service.domain.access import Action
from service.domain.errors import (
    ClaimdeskError,
    Conflict,
    Invalid,
    NotFound,
    PreconditionFailed,
    SecondPersonNeeded,
    TransitionRefused,
)
from service.domain.notices import FollowKind
from service.store.engine import Connection
from service.stories import story_queries
from service.uses import printed_queries
from service.web import time_zones
from service.web.bodies import claim_inputs, decision_inputs
from service.web.calls import Call, allow
from service.web.fields import ClaimId, DecisionId
from service.web.shared import PAGE_COST

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.READ_CLAIMS, page=True)]
Deciding = Annotated[Form, accept_form(Action.CHANGE_STATUS)]
Approving = Annotated[Form, accept_form(Action.APPROVE)]
Recording = Annotated[Form, accept_form(Action.RECORD)]
Amending = Annotated[Form, accept_form(Action.AMEND)]

NAMES = {
    "to": "status",
    "reason": "reason",
    "set_aside": "reason for setting aside",
    "override.note": "explanation",
    "override.code": "ground",
    "override.source.url": "source",
    "note": "note",
    "text": "note",
    "comment": "note",
    "finding": "finding",
    "cites": "what it rests on",
}
VERDICTS = ("approval", "rejection", "withdrawal")


@dataclass(frozen=True, slots=True)
class Typed:
    """What the forms of the page held: nothing, unless one was refused."""

    form: str | None = None
    to: str | None = None
    reason: str | None = None
    cites: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    asides: Mapping[str, str | None] = field(default_factory=dict)
    """By link: why it is set aside."""
    code: str | None = None
    override_note: str | None = None
    override_url: str | None = None
    comment: str | None = None
    note: str | None = None
    note_id: str | None = None
    """The note that `note` replies to."""
    finding: str | None = None
    finding_reason: str | None = None
    finding_cites: list[str] = field(default_factory=list)
    hold_reason: str | None = None
    until: str | None = None
    due_at: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one of the page's forms was refused."""

    form: str | None = None
    detail: str | None = None
    missing: list[str] = field(default_factory=list)
    faults: Mapping[str, str] = field(default_factory=dict)
    changes: list[RecordLine] | None = None
    """What others changed since the page was opened."""


@router.get("/claims/{claim_id}")
async def show_claim(claim_id: ClaimId, request: Request, call: Reading) -> Response:
    """Show the claim as it is, or with `as_of` (or `at`, an hour of UTC) as the desk knew it."""
    moment = instants.read_as_of(request)
    return await call.share(lambda: render_claim(call, claim_id, moment=moment), cost=PAGE_COST)


def _read_number(text: str | None) -> int | None:
    """Read the number of an event in a page's address; None for anything else."""
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else None


async def render_claim(
    call: Call,
    claim_id: str,
    *,
    moment: datetime | None = None,
    typed: Typed | None = None,
    refusal: Refusal | None = None,
    error: ClaimdeskError | None = None,
) -> Response:
    """Render the page of a claim; `typed` is what a refused form held, and `refusal` why."""
    query, settings = call.request.query_params, call.services.settings
    typed = typed or Typed()
    entire = query.get("record") == "all"
    sheet = await call.read(
        claim_sheet.read_sheet,
        claim_id,
        caller=call.caller,
        moment=moment,
        now=call.now,
        entire=entire,
        after=ids.parse_id(query.get("after", "")),
        ahead_of=_read_number(query.get("ahead_of")),
        keep=[*typed.cites, *typed.set_aside, *typed.finding_cites],
        four_eyes=call.services.four_eyes,
        publisher=settings.publisher,
        base_url=settings.base_url,
        zone=time_zones.read_shown_zone(),
    )
    if sheet.state.merged_into is not None:
        return RedirectResponse(
            f"/claims/{sheet.state.merged_into}?done=led-here",
            308,
            headers={"Cache-Control": "no-cache"},
        )
    pending = sheet.state.pending if call.sees_internals else None
    merged_claims: list[ClaimView] = []
    if moment is None and call.sees_internals:
        documents = await call.read(history_queries.list_merged_claims, claim_id)
        merged_claims = [orjson.loads(document) for document in documents]
    asked_before = []
    if merged_claims:
        asked_before = await call.read(
            inquiry_queries.list_merged_inquiries, [claim["id"] for claim in merged_claims]
        )
    claim_uses = None
    if moment is None and access.is_allowed(call.caller, Action.READ_RECORDS):
        claim_uses = await call.read(printed_queries.read_claim_uses, claim_id, caller=call.caller)
    story = sheet.claim["story"]
    titles = await call.read(story_queries.read_titles, {story} if story else set())
    stream_url = board_pages.build_stream_url(sheet.newest, claim=claim_id)
    return render_page(
        call,
        "claim.html",
        error=error,
        live=None if moment else stream_url,
        as_of=moment,
        at=instants.format_field(moment),
        entire=entire,
        sheet=sheet,
        claim=sheet.claim,
        story_title=titles.get(story or ""),
        pending=pending,
        button=None if moment else await follow_forms.read_button(call, FollowKind.CLAIM, claim_id),
        merged=merged_claims,
        inquiries=[*sheet.inquiries, *asked_before],
        uses=claim_uses,
        proposal=proposal_words.describe_proposal(sheet.state, pending) if pending else None,
        barred=second_person.explain_refusal(pending, call.actor) if pending else None,
        typed=typed,
        refused=refusal or Refusal(),
        overrides=labels.OVERRIDES,
    )


@router.post("/claims/{claim_id}/status")
async def decide(claim_id: ClaimId, form: Deciding) -> Response:
    """Change the status, or propose the change if a second person has to agree."""
    to = form.get_text("to")
    try:
        body = forms.parse_body(
            decision_inputs.StatusChangeIn,
            ({} if to is None else {"to": to})
            | {
                "reason": form.get_text("reason") or "",
                "cites": form.get_texts("cites"),
                "set_aside": [
                    {"link": link, "reason": form.get_text(f"aside-{link}") or ""}
                    for link in form.get_texts("set_aside")
                ],
                "override": _read_override(form),
            },
        )

        def redirect_to(outcome: Outcome) -> str:
            word = "moved" if outcome.change is not None else "proposed"
            return f"/claims/{claim_id}?done={word}"

        return await form.carry_out(
            claim_commands.change_status,
            claim_id,
            body.to_command(),
            four_eyes=form.call.services.four_eyes,
            source=body.read_source(),
            versions=form.versions,
            redirect_to=redirect_to,
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await render_refusal(form, claim_id, error, "decide")


def _read_override(form: Form) -> Mapping[str, Any] | None:
    """Read the grounds of an override, and its own source if it cites no link."""
    code, url = form.get_text("code"), form.get_text("override_url")
    if code is None:
        return None
    note = form.get_text("override_note") or ""
    return {"code": code, "note": note, "source": {"url": url} if url else None}


@router.post("/claims/{claim_id}/finding")
async def change_finding(claim_id: ClaimId, form: Deciding) -> Response:
    """Propose a finding: a second person has to agree."""
    try:
        body = forms.parse_body(
            decision_inputs.FindingIn,
            {
                "finding": form.get_text("finding"),
                "reason": form.get_text("finding_reason") or "",
                "cites": form.get_texts("finding_cites"),
            },
        )
        return await form.carry_out(
            claim_commands.change_finding,
            claim_id,
            body.to_command(),
            four_eyes=form.call.services.four_eyes,
            versions=form.versions,
            redirect_to=forms.redirect_to_claim("found"),
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await render_refusal(form, claim_id, error, "find")


@router.post("/claims/{claim_id}/decisions/{decision_id}/{verdict}")
async def settle(
    claim_id: ClaimId, decision_id: DecisionId, verdict: str, form: Approving
) -> Response:
    """Approve or reject another person's proposal, or withdraw one's own.

    Raises NotFound for a proposal on another claim than the page's.
    """
    decision = await form.call.read(decision_queries.read_decision, decision_id)
    if verdict not in VERDICTS or decision is None or decision["claim"] != claim_id:
        raise NotFound("There is no such proposal on this claim.")
    text, page = form.get_text("comment"), f"/claims/{claim_id}?done="
    try:
        if verdict == "approval":
            note = forms.parse_body(decision_inputs.ApprovalIn, {"note": text}).note
            response = await form.carry_out(
                decision_commands.approve_decision,
                decision_id,
                note=note,
                redirect_to=f"{page}approved",
            )
            form.call.services.renamer.wake()
            return response
        if verdict == "rejection":
            comment = forms.parse_body(decision_inputs.RejectionIn, {"comment": text or ""}).comment
            return await form.carry_out(
                decision_commands.reject_decision,
                decision_id,
                comment=comment,
                redirect_to=f"{page}rejected",
            )
        reason = forms.parse_body(decision_inputs.DecisionWithdrawalIn, {"reason": text}).reason
        return await form.carry_out(
            decision_commands.withdraw_decision,
            decision_id,
            reason=reason,
            redirect_to=f"{page}proposal-withdrawn",
        )
    except (Invalid, Conflict, SecondPersonNeeded) as error:
        return await render_refusal(form, claim_id, error, "settle")


@router.post("/claims/{claim_id}/assignee")
async def assign(claim_id: ClaimId, form: Amending) -> Response:
    """Assign the claim to a person, or to nobody."""
    back = form.get_text("back") or ""
    # As the review queue wrote it; a header takes nothing else.
    is_ours = back.startswith("/review") and back.isascii() and back.isprintable()
    page = back if is_ours else f"/claims/{claim_id}"
    try:
        change = forms.parse_body(claim_inputs.ClaimChange, {"assignee": form.get_text("assignee")})
        return await form.carry_out(
            claim_commands.amend_claim,
            claim_id,
            {"assignee": change.assignee},
            material=False,
            four_eyes=form.call.services.four_eyes,
            versions=form.versions,
            redirect_to=f"{page}{'&' if '?' in page else '?'}done=assigned",
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await render_refusal(form, claim_id, error, "assign")


async def render_refusal(
    form: Form, claim_id: str, error: ClaimdeskError, form_name: str
) -> Response:
    """Render the page again, with what was typed and why it was refused."""
    detail, faults, changes = error.detail, dict[str, str](), None
    if isinstance(error, PreconditionFailed):
        changes = await list_changes_since(form.call, claim_id, form.version)
    if isinstance(error, Invalid):
        faults = forms.describe_faults(error, NAMES)
        detail = "; ".join(
            f"{name.replace('_', ' ')}: {message}" if name else message
            for name, message in faults.items()
        )
    missing = []
    if isinstance(error, TransitionRefused):
        missing = [requirement["detail"] for requirement in error.extras["missing"]]
    set_aside = form.get_texts("set_aside")
    typed = Typed(
        form=form_name,
        to=form.get_text("to"),
        reason=form.get_text("reason"),
        cites=form.get_texts("cites"),
        set_aside=set_aside,
        asides={link: form.get_text(f"aside-{link}") for link in set_aside},
        code=form.get_text("code"),
        override_note=form.get_text("override_note"),
        override_url=form.get_text("override_url"),
        comment=form.get_text("comment"),
        note=form.get_text("note"),
        note_id=form.call.request.path_params.get("note_id"),
        finding=form.get_text("finding"),
        finding_reason=form.get_text("finding_reason"),
        finding_cites=form.get_texts("finding_cites"),
        hold_reason=form.get_text("hold_reason"),
        until=form.get_text("until"),
        due_at=form.get_text("due_at"),
    )
    refusal = Refusal(form_name, detail, missing, faults, changes)
    return await render_claim(form.call, claim_id, typed=typed, refusal=refusal, error=error)


async def list_changes_since(call: Call, claim_id: str, version: int) -> list[RecordLine]:
    """List in words what happened to a claim since the version that the sender read."""

    zone = time_zones.read_shown_zone()

    def read(connection: Connection) -> list[RecordLine]:
        state = history_queries.require_state(connection, claim_id, None)
        links = link_queries.list_links(connection, state)
        names = record_lines.Names(
            {link["id"]: record_lines.name_voice(link["statement"]) for link in links}, {}
        )
        events = history_queries.list_events_since(connection, claim_id, version)
        with time_zones.use_zone(zone):
            return [record_lines.describe_event(event, names) for event in events]

    return await call.read(read)
