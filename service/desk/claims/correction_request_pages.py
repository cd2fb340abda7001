"""Requests to correct: the form that anybody may send, and where the desk answers it."""

from collections.abc import Mapping
from typing import Annotated

import orjson
from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from service.claims import correction_requests
from service.claims.claim_views import ClaimView
from service.desk.accounts.account_forms import NO_STORE
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form, read_fields
from service.desk.layout.rendering import render, render_page
from service.domain.access import Action, Actor
from service.domain.errors import (
    ClaimdeskError,
    Conflict,
    Invalid,
    NotAuthenticated,
    NotFound,
    RateLimited,
)
from service.web import claim_requests, service_container, sessions
from service.web.bodies.correction_request_inputs import CorrectionRequestIn, RequestAnswerIn
from service.web.calls import Call, allow
from service.web.fields import ClaimId, RecordId
from service.web.problems import list_required_headers

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.READ_CLAIMS, page=True)]
MayRead = Annotated[Call, allow(Action.READ_INTERNALS, page=True)]
Amending = Annotated[Form, accept_form(Action.AMEND)]
FIELDS = ("text", "url", "contact", "wants_publication")
ANSWER_FIELDS = ("outcome", "answer", "publish")


@router.get("/claims/{claim_id}/correction-request")
async def show_form(claim_id: ClaimId, call: Reading) -> Response:
    """Show the form, with public reading on; of a merged claim that of the one in its place."""
    _require_public_reading(call.request)
    row = await claim_requests.look_up_claim(call, claim_id, None)
    if row.merged_into is not None:
        return RedirectResponse(f"/claims/{row.merged_into}/correction-request", 303)
    claim: ClaimView = orjson.loads(row.document)
    typed = dict.fromkeys(FIELDS, "")
    return _render_form(call.request, claim, caller=call.caller, typed=typed)


@router.post("/claims/{claim_id}/correction-request")
async def receive_request(claim_id: ClaimId, request: Request) -> Response:
    """Keep what somebody asks, for a person at the desk to read.  Nobody has to be known for it.

    Raises NotFound, and CrossSite for a form of another site.
    """
    _require_public_reading(request)
    services = service_container.get_services(request)
    now = services.clock()
    caller = await _identify(request)
    data = await read_fields(request)
    texts = {name: value for name, value in data.items() if isinstance(value, str)}
    sessions.require_visitors_form(request, texts.get("csrf", ""))
    # The reader of a stranger is the primary: the claim may have been recorded just now.
    call = Call(request, services, caller, now, services.database)
    row = await claim_requests.look_up_claim(call, claim_id, None)
    typed = {name: texts.get(name, "").replace("\r\n", "\n") for name in FIELDS}
    headers: Mapping[str, str] = {}
    try:
        body = forms.parse_body(
            CorrectionRequestIn,
            {
                "text": typed["text"],
                "url": typed["url"].strip() or None,
                "contact": typed["contact"].strip() or None,
                "wants_publication": bool(typed["wants_publication"]),
            },
        )
        services.correction_limiter.spend(services.callers.name_peer(request))
        await services.database.write(
            correction_requests.receive_request, claim_id, body.to_command(), now=now
        )
    except (Invalid, RateLimited) as error:
        if isinstance(error, RateLimited):
            headers = list_required_headers(error)
        return _render_form(
            request,
            orjson.loads(row.document),
            caller=caller,
            typed=typed,
            error=error,
            headers=headers,
        )
    return RedirectResponse(f"/claims/{claim_id}?done=request-sent", 303, headers=NO_STORE)


async def _identify(request: Request) -> Actor | None:
    """Return who is signed in; a stranger is nobody, and so is the holder of an ended session."""
    services = service_container.get_services(request)
    try:
        return await services.callers.identify(request, now=services.clock())
    except NotAuthenticated:
        return None


def _require_public_reading(request: Request) -> None:
    if not service_container.get_services(request).settings.public_read:
        raise NotFound("This desk takes no requests from the public.")


def _render_form(
    request: Request,
    claim: ClaimView,
    *,
    caller: Actor | None,
    typed: Mapping[str, str],
    error: ClaimdeskError | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    visit = sessions.read_or_make_visit(request)
    response = render(
        request,
        "correction_request.html",
        caller=caller,
        now=service_container.get_services(request).clock(),
        status=error.status if error else 200,
        headers=NO_STORE | dict(headers or {}),
        visit_token=sessions.derive_form_token(visit),
        claim=claim,
        typed=typed,
        faults=forms.describe_faults(error),
    )
    sessions.set_visit_cookie(response, request, visit)
    return response


@router.get("/correction-requests/{request_id}")
async def show_request(request_id: RecordId, call: MayRead) -> Response:
    """Show a request with the form for its answer."""
    return await _render_request(call, request_id, typed=dict.fromkeys(ANSWER_FIELDS, ""))


@router.post("/correction-requests/{request_id}")
async def answer_request(request_id: RecordId, form: Amending) -> Response:
    """Answer a request with a decision and a sentence."""
    try:
        body = forms.parse_body(
            RequestAnswerIn,
            {
                "outcome": form.get_text("outcome") or "",
                "answer": form.get_text("answer") or "",
                "publish": form.is_ticked("publish"),
            },
        )
        return await form.carry_out(
            correction_requests.answer_request,
            request_id,
            outcome=body.outcome,
            sentence=body.answer,
            publish=body.publish,
            redirect_to=f"/correction-requests/{request_id}?done=request-answered",
        )
    except (Invalid, Conflict) as error:
        return await _render_request(
            form.call, request_id, typed=form.keep(ANSWER_FIELDS), error=error
        )


async def _render_request(
    call: Call, request_id: str, *, typed: Mapping[str, str], error: ClaimdeskError | None = None
) -> Response:
    message = await call.read(correction_requests.read_request, request_id)
    return render_page(
        call,
        "correction_answer.html",
        error=error,
        message=message,
        typed=typed,
        faults=forms.describe_faults(error),
    )
