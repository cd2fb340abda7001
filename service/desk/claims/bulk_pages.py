"""Changes several claims that were ticked on the board or in the review queue."""

from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

import orjson
from fastapi import APIRouter, Response

from service.accounts import account_queries
from service.claims import board_queries, bulk_commands, claim_queries
from service.claims.bulk_commands import BulkOutcome
from service.claims.claim_views import ClaimView
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.domain import ids
from service.domain.access import Action
from service.domain.errors import Invalid
from service.record.idempotency import Answer
from service.web.bodies.bulk_inputs import CHANGES, MOST_CLAIMS, BulkChangeIn

router = APIRouter(include_in_schema=False)


class ChosenClaim(TypedDict):
    """A claim that was ticked, at the version of its list."""

    id: str
    version: int


Amending = Annotated[Form, accept_form(Action.AMEND)]


@router.post("/bulk/confirmation")
async def confirm_change(form: Amending) -> Response:
    """Show the claims that were ticked, and ask what to change of them."""
    return await _render_choice(form, None)


@router.post("/bulk")
async def change_claims(form: Amending) -> Response:
    """Make the change of each claim, and show what came of it."""
    try:
        body = forms.parse_body(BulkChangeIn, _read_change(form))
    except Invalid as error:
        faults = forms.describe_faults(error, {})
        return await _render_choice(form, "; ".join(faults.values()) or error.detail)
    outcomes: list[BulkOutcome] = []

    def keep(_connection: Any, changed_claims: Sequence[BulkOutcome]) -> Answer:
        outcomes[:] = changed_claims
        return Answer(200, b"", {})

    call = form.call
    await call.write(
        bulk_commands.change_claims,
        body.list_chosen(),
        body.to_command(),
        four_eyes=call.services.four_eyes,
        answer=keep,
    )
    texts = {claim["id"]: claim["text"] for claim in await _read_claims(form)}
    return render_page(
        call,
        "bulk.html",
        outcomes=outcomes,
        texts={outcome.claim: texts.get(outcome.claim, outcome.claim) for outcome in outcomes},
    )


async def _render_choice(form: Form, fault: str | None) -> Response:
    call = form.call
    stories = await call.reader.look_up(board_queries.RECENT_STORIES, {})
    return render_page(
        call,
        "bulk.html",
        status=200 if fault is None else 422,
        rows=await _read_claims(form),
        people=await call.read(account_queries.read_assignee_names),
        stories=[(row[0], row[1]) for row in stories],
        change=form.get_text("change"),
        fault=fault,
        outcomes=None,
    )


def _list_chosen(form: Form) -> list[ChosenClaim]:
    """List the claims that were ticked, each with the version of its list."""
    claims: list[ChosenClaim] = []
    for text in dict.fromkeys(form.get_texts("chosen")):
        claim, _, version = text.partition(":")
        claim_id = ids.parse_id(claim)
        if claim_id is not None and version.isdecimal() and version.isascii():
            claims.append({"id": claim_id, "version": int(version[:9])})
    return claims[:MOST_CLAIMS]


async def _read_claims(form: Form) -> list[ClaimView]:
    """Read the claims that were ticked, at the versions of their list."""
    claims: list[ClaimView] = []
    for choice in _list_chosen(form):
        rows = await form.call.reader.look_up(claim_queries.CURRENT_CLAIM, {"claim": choice["id"]})
        claims += [orjson.loads(row[1]) | {"version": choice["version"]} for row in rows]
    return claims


def _read_change(form: Form) -> dict[str, object]:
    """Read the one change that was asked for, as the API takes it."""
    change = form.get_text("change")
    body: dict[str, object] = {"claims": _list_chosen(form)}
    if change == "tags":
        body["tags"] = {name: _split_tags(form.get_text(name)) for name in ("add", "remove")}
    elif change == "due_at":
        body["due_at"] = forms.complete_instant(form.get_text("due_at"))
    elif change in CHANGES:
        body[change] = form.get_text(change)
    if change == "story":
        body["reason"] = form.get_text("reason")
    return body


def _split_tags(text: str | None) -> list[str]:
    return [tag.strip() for tag in (text or "").split(",") if tag.strip()]
