"""A claim's page, and what is decided on it: status, approval, who works on it, notes."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from service.claims import (
    claim_commands,
    decision_commands,
    decision_queries,
    history_queries,
    statement_queries,
)
from service.claims.proposal_commands import Outcome
from service.desk.claims import board_pages, claim_sheet, proposal_words, record_lines
from service.desk.layout import forms, instants
from service.desk.layout.forms import Form, posted
from service.desk.layout.rendering import render
from service.domain import ids, labels, second_person
from service.domain.access import Action
from service.domain.claims import ClaimState
from service.domain.errors import (
    ClaimdeskError,
    Conflict,
    Invalid,
    NotFound,
    PreconditionFailed,
    SecondPersonNeeded,
    TransitionRefused,
)
from service.store.engine import Connection
from service.web.bodies import claim_inputs
from service.web.calls import Call, allow
from service.web.fields import ClaimId, DecisionId
from service.web.shared import PAGE_COST

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.READ_CLAIMS, page=True)]
Deciding = Annotated[Form, posted(Action.CHANGE_STATUS)]
Approving = Annotated[Form, posted(Action.APPROVE)]
Recording = Annotated[Form, posted(Action.RECORD)]
Amending = Annotated[Form, posted(Action.AMEND)]

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

TYPED: dict[str, Any] = {
    "form": None,
    "to": None,
    "reason": None,
    "cites": [],
    "set_aside": [],
    "asides": {},
    "code": None,
    "override_note": None,
    "override_url": None,
    "comment": None,
    "note": None,
    "assignee": None,
    "finding": None,
    "finding_reason": None,
    "finding_cites": [],
}
"""What the forms of the page held: nothing yet."""
REFUSED: dict[str, Any] = {"form": None, "detail": None, "missing": []}


@router.get("/claims/{claim_id}")
async def show_claim(claim_id: ClaimId, request: Request, call: Reading) -> Response:
    """The claim as it is, or with `as_of` (or `at`, an hour of UTC) as the desk knew it then."""
    moment = instants.asked(request)
    return await call.share(lambda: page(call, claim_id, moment=moment), cost=PAGE_COST)


def _read_number(text: str | None) -> int | None:
    """The number of an event in a page's address; None for anything else."""
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdigit() else None


async def page(
    call: Call,
    claim_id: str,
    *,
    moment: Any = None,
    typed: Mapping[str, Any] | None = None,
    refused: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    """The page of a claim; `typed` is what a refused form held, and `refused` why."""
    request, settings = call.request, call.services.settings
    shown = await call.read(
        claim_sheet.read,
        claim_id,
        caller=call.caller,
        moment=moment,
        entire=request.query_params.get("record") == "all",
        after=ids.parse_id(request.query_params.get("after", "")),
        ahead_of=_read_number(request.query_params.get("ahead_of")),
        keep=[
            link
            for name in ("cites", "set_aside", "finding_cites")
            for link in (typed or TYPED)[name]
        ],
        four_eyes=call.services.four_eyes,
        publisher=settings.publisher,
        base_url=settings.base_url,
    )
    if shown.state.merged_into is not None:
        return RedirectResponse(
            f"/claims/{shown.state.merged_into}?done=led-here",
            308,
            headers={"Cache-Control": "no-cache"},
        )
    pending = shown.state.pending if call.sees_internals else None
    return render(
        request,
        "claim.html",
        caller=call.caller,
        now=call.now,
        status=status,
        live=None if moment else board_pages.live(shown.newest, claim=claim_id),
        as_of=moment,
        sheet=shown,
        claim=shown.claim,
        pending=pending,
        proposal=proposal_words.compare(shown.state, pending) if pending else None,
        barred=second_person.explain_refusal(pending, call.actor) if pending else None,
        typed=TYPED | dict(typed or {}),
        refused=REFUSED | dict(refused or {}),
        overrides=labels.OVERRIDES,
        at=moment.strftime("%Y-%m-%dT%H:%M") if moment else "",
        entire=request.query_params.get("record") == "all",
    )


@router.post("/claims/{claim_id}/status")
async def decide(claim_id: ClaimId, form: Deciding) -> Response:
    """Decide, or propose where a second person has to agree."""
    chosen = form.text("to")
    try:
        body = forms.body(
            claim_inputs.StatusChangeIn,
            ({} if chosen is None else {"to": chosen})
            | {
                "reason": form.text("reason") or "",
                "cites": form.texts("cites"),
                "set_aside": [
                    {"link": link, "reason": form.text(f"aside-{link}") or ""}
                    for link in form.texts("set_aside")
                ],
                "override": _override(form) if form.text("code") else None,
            },
        )

        def then(outcome: Outcome) -> str:
            word = "moved" if outcome.change is not None else "proposed"
            return f"/claims/{claim_id}?done={word}"

        return await form.carry_out(
            claim_commands.change_status,
            claim_id,
            body.to_command(),
            four_eyes=form.call.services.four_eyes,
            source=body.read_source(),
            versions=form.versions,
            then=then,
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await refuse(form, claim_id, error, "decide")


def _override(form: Form) -> dict[str, Any]:
    """Why it goes against the rules, and the source that it rests on where it cites no link."""
    url = form.text("override_url")
    return {
        "code": form.text("code"),
        "note": form.text("override_note") or "",
        "source": {"url": url} if url else None,
    }


@router.post("/claims/{claim_id}/finding")
async def find(claim_id: ClaimId, form: Deciding) -> Response:
    """Say what the desk concludes beyond the status: a second person has to agree."""
    try:
        ask = forms.body(
            claim_inputs.FindingIn,
            {
                "finding": form.text("finding"),
                "reason": form.text("finding_reason") or "",
                "cites": form.texts("finding_cites"),
            },
        ).to_command()
        return await form.carry_out(
            claim_commands.change_finding,
            claim_id,
            ask,
            four_eyes=form.call.services.four_eyes,
            versions=form.versions,
            then=lambda done: (
                f"/claims/{claim_id}?done={'proposed#pending' if done.decision else 'found'}"
            ),
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await refuse(form, claim_id, error, "find")


@router.post("/claims/{claim_id}/decisions/{decision_id}/{verdict}")
async def settle(
    claim_id: ClaimId, decision_id: DecisionId, verdict: str, form: Approving
) -> Response:
    """Approve or reject what somebody else proposed, or take one's own proposal back.

    Raises NotFound for a proposal on another claim than the page is of.
    """
    waiting = await form.call.read(decision_queries.read_decision, decision_id)
    if verdict not in VERDICTS or waiting is None or waiting["claim"] != claim_id:
        raise NotFound("There is no such proposal on this claim.")
    text, back = form.text("comment"), f"/claims/{claim_id}?done="
    try:
        if verdict == "approval":
            body = forms.body(claim_inputs.ApprovalIn, {"note": text})
            approved = await form.carry_out(
                decision_commands.approve_decision,
                decision_id,
                note=body.note,
                then=f"{back}approved",
            )
            form.call.services.renamer.wake()
            return approved
        if verdict == "rejection":
            comment = forms.body(claim_inputs.RejectionIn, {"comment": text or ""}).comment
            return await form.carry_out(
                decision_commands.reject_decision,
                decision_id,
                comment=comment,
                then=f"{back}rejected",
            )
        reason = forms.body(claim_inputs.DecisionWithdrawalIn, {"reason": text}).reason
        return await form.carry_out(
            decision_commands.withdraw_decision,
            decision_id,
            reason=reason,
            then=f"{back}proposal-withdrawn",
        )
    except (Invalid, Conflict, SecondPersonNeeded) as error:
        return await refuse(form, claim_id, error, "settle")


@router.post("/claims/{claim_id}/assignee")
async def assign(claim_id: ClaimId, form: Amending) -> Response:
    """Give the claim to somebody, or to nobody."""
    back = form.text("back") or ""
    # As the review queue wrote it; a header takes nothing else.
    ours = back.startswith("/review") and back.isascii() and back.isprintable()
    target = back if ours else f"/claims/{claim_id}"
    try:
        change = forms.body(claim_inputs.ClaimChange, {"assignee": form.text("assignee")})
        return await form.carry_out(
            claim_commands.amend_claim,
            claim_id,
            {"assignee": change.assignee},
            material=False,
            four_eyes=form.call.services.four_eyes,
            versions=form.versions,
            then=f"{target}{'&' if '?' in target else '?'}done=assigned",
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await refuse(form, claim_id, error, "assign")


@router.post("/claims/{claim_id}/notes")
async def add_note(claim_id: ClaimId, form: Recording) -> Response:
    try:
        text = forms.body(claim_inputs.NoteIn, {"text": form.text("note") or ""}).text
        return await form.carry_out(
            claim_commands.add_note,
            claim_id,
            text=text,
            then=f"/claims/{claim_id}?done=noted#notes",
        )
    except Invalid as error:
        return await refuse(form, claim_id, error, "note")


async def refuse(form: Form, claim_id: str, error: ClaimdeskError, which: str) -> Response:
    """The page again with what was typed, and why it was not done."""
    refused: dict[str, Any] = {"form": which, "detail": error.detail}
    if isinstance(error, TransitionRefused):
        refused["missing"] = [one["detail"] for one in error.extras["missing"]]
    if isinstance(error, PreconditionFailed):
        refused |= await changed_since(form.call, claim_id, min(form.versions))
    if isinstance(error, Invalid):
        faults = forms.faults(error, NAMES)
        refused["faults"] = faults
        refused["detail"] = "; ".join(
            f"{name.replace('_', ' ')}: {message}" if name else message
            for name, message in faults.items()
        )
    typed = {
        "to": form.text("to"),
        "reason": form.text("reason"),
        "cites": form.texts("cites"),
        "set_aside": form.texts("set_aside"),
        "asides": {one: form.text(f"aside-{one}") for one in form.texts("set_aside")},
        "code": form.text("code"),
        "override_note": form.text("override_note"),
        "override_url": form.text("override_url"),
        "comment": form.text("comment"),
        "note": form.text("note"),
        "assignee": form.text("assignee"),
        "finding": form.text("finding"),
        "finding_reason": form.text("finding_reason"),
        "finding_cites": form.texts("finding_cites"),
        "form": which,
    }
    return await page(form.call, claim_id, typed=typed, refused=refused, status=error.status)


async def changed_since(call: Call, claim_id: str, version: int) -> dict[str, Any]:
    """What happened to a claim since the version that somebody read, in words."""

    def read(connection: Connection) -> list[dict[str, Any]]:
        state: ClaimState = history_queries.require_state(connection, claim_id, None)
        links = {one["id"]: one for one in statement_queries.list_links(connection, state)}
        return [
            record_lines.told(one, links, {})
            for one in history_queries.list_events_since(connection, claim_id, version)
        ]

    return {"since": await call.read(read)}
