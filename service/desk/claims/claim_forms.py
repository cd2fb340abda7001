"""Forms on pages of their own that change a claim: link, retract, amend, merge, withdraw."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Response

from service.claims import (
    claim_commands,
    documents,
    link_commands,
    link_queries,
    statement_queries,
)
from service.claims.claim_views import ClaimView
from service.desk.claims import claim_pages
from service.desk.layout import forms
from service.desk.layout.forms import NO_NAMES, Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.search import candidates
from service.desk.search.candidates import CandidateKind, Picker
from service.desk.statements import statement_fields
from service.desk.statements.statement_fields import WITHDRAWAL
from service.domain import ids
from service.domain.access import Action
from service.domain.errors import ClaimdeskError, Conflict, Invalid, NotFound, PreconditionFailed
from service.search.index import query_parser
from service.search.similar import similar_claims
from service.web import claim_requests
from service.web.bodies import claim_inputs, decision_inputs, statement_inputs
from service.web.calls import Call, allow
from service.web.fields import ClaimId, LinkId

router = APIRouter(include_in_schema=False)

MayRecord = Annotated[Call, allow(Action.RECORD, page=True)]
MayAmend = Annotated[Call, allow(Action.AMEND, page=True)]
Recording = Annotated[Form, accept_form(Action.RECORD)]
Amending = Annotated[Form, accept_form(Action.AMEND)]
LINK_NAMES = (
    {f"statement.{place}": name for place, name in statement_fields.NAMES.items()}
    | dict(statement_fields.NAMES)
    | {"stance": "stance", "note": "note"}
)


async def _read_claim(call: Call, claim_id: str) -> ClaimView:
    row = await claim_requests.look_up_claim(call, claim_id, None)
    claim: ClaimView = orjson.loads(row.document)
    return documents.set_internals(claim, row.internals)


async def _render_form(
    call: Call,
    template: str,
    claim_id: str,
    *,
    typed: Mapping[str, Any],
    error: ClaimdeskError | None = None,
    form: Form | None = None,
    names: Mapping[str, str] = NO_NAMES,
    **more: Any,
) -> Response:
    """Render a form about a claim, with what was typed, what is wrong, and what has changed since
    the page was opened."""
    changes = None
    if isinstance(error, PreconditionFailed) and form is not None:
        changes = await claim_pages.list_changes_since(call, claim_id, form.version)
    return render_page(
        call,
        template,
        error=error,
        claim=await _read_claim(call, claim_id),
        typed=typed,
        faults=forms.describe_faults(error, names),
        changes=changes,
        **more,
    )


# Linking.


@router.get("/claims/{claim_id}/link")
async def show_link(claim_id: ClaimId, call: MayRecord) -> Response:
    typed = statement_fields.keep_typed(None) | {
        "stance": "",
        "scope": "full",
        "conditional": False,
        "note": "",
        "statement": call.request.query_params.get("statement", ""),
    }
    query = call.request.query_params
    words = query.get("statement_words", "")[: query_parser.MAX_CHARACTERS]
    searches = "find" in query or words != query.get("statement_sought", "")
    if searches and "statement_words" in query:
        picker = Picker("statement", CandidateKind.STATEMENT, claim_id, words=words)
        picker = await candidates.build_picker(call, picker, searches=True)
        return await _render_link_form(call, claim_id, typed | {"statement": ""}, picker=picker)
    return await _render_link_form(call, claim_id, typed)


async def _render_link_form(
    call: Call,
    claim_id: str,
    typed: Mapping[str, Any],
    error: ClaimdeskError | None = None,
    *,
    picker: Picker | None = None,
) -> Response:
    statement = None
    if statement_id := ids.parse_id(typed["statement"]):
        statement = await call.read(statement_queries.read_statement, statement_id)
    return await _render_form(
        call,
        "link.html",
        claim_id,
        typed=typed,
        error=error,
        names=LINK_NAMES,
        statement=statement,
        picker=picker or Picker("statement", CandidateKind.STATEMENT, claim_id),
        voices=await call.read(statement_fields.list_known_voices),
    )


@router.post("/claims/{claim_id}/link")
async def link_statement(claim_id: ClaimId, form: Recording) -> Response:
    """Link a statement, new or recorded before, to the claim."""
    fields = {
        "stance": form.get_text("stance") or "",
        "scope": form.get_text("scope") or "full",
        "conditional": form.is_ticked("conditional"),
        "note": form.get_text("note"),
    }
    try:
        statement: Any = form.get_text("statement")
        if statement is None:
            source = await statement_fields.find_source(form)
            statement = statement_fields.read_statement(form, source).model_dump()
        body = forms.parse_body(statement_inputs.LinkIn, fields | {"statement": statement})
        return await form.carry_out(
            statement_fields.with_new_party(form, link_commands.link_statement),
            claim_id,
            body.to_command(),
            four_eyes=form.call.services.four_eyes,
            redirect_to=lambda outcome: (
                f"/claims/{claim_id}?done=proposed#pending"
                if outcome.decision
                else f"/claims/{claim_id}?done=linked#l-{outcome.link_id}"
            ),
        )
    except (Invalid, Conflict) as error:
        typed = statement_fields.keep_typed(form) | fields
        typed |= {"note": fields["note"] or "", "statement": form.get_text("statement") or ""}
        return await _render_link_form(form.call, claim_id, typed, error)


@router.get("/links/{link_id}/retract")
async def show_retraction(link_id: LinkId, call: MayRecord) -> Response:
    return await _render_retraction(call, link_id, reason="")


async def _render_retraction(
    call: Call, link_id: str, *, reason: str, error: ClaimdeskError | None = None
) -> Response:
    link = await call.read(link_queries.read_link, link_id)
    if link is None:
        raise NotFound("There is no link with this id.")
    return await _render_form(
        call, "retract.html", link["claim"], typed={"reason": reason}, error=error, link=link
    )


@router.post("/links/{link_id}/retraction")
async def retract_link(link_id: LinkId, form: Recording) -> Response:
    reason = form.get_text("reason") or ""
    try:
        body = forms.parse_body(statement_inputs.RetractionIn, {"reason": reason})
        return await form.carry_out(
            link_commands.retract_link,
            link_id,
            reason=body.reason,
            four_eyes=form.call.services.four_eyes,
            redirect_to=forms.redirect_to_claim("retracted", undo=link_id),
        )
    except (Invalid, Conflict) as error:
        return await _render_retraction(form.call, link_id, reason=reason, error=error)


@router.post("/links/{link_id}/affirmation")
async def affirm_link(link_id: LinkId, form: Recording) -> Response:
    return await form.carry_out(
        link_commands.affirm_link,
        link_id,
        four_eyes=form.call.services.four_eyes,
        redirect_to=forms.redirect_to_claim("affirmed"),
    )


# Amending.


@router.get("/claims/{claim_id}/amend")
async def show_amendment(claim_id: ClaimId, call: MayAmend) -> Response:
    claim = await _read_claim(call, claim_id)
    typed = {
        "text": claim["text"],
        "material": "",
        "tags": ", ".join(claim["tags"]),
        "version": claim["version"],
    }
    return await _render_form(call, "amend.html", claim_id, typed=typed)


@router.post("/claims/{claim_id}/amend")
async def amend(claim_id: ClaimId, form: Amending) -> Response:
    """Change only what differs from the claim; a new wording says whether it is another claim."""
    text, material = form.get_text("text") or "", form.get_text("material")
    tags = form.get_text("tags") or ""
    try:
        claim = await _read_claim(form.call, claim_id)
        values: dict[str, object] = {"tags": forms.split_tags(tags)}
        if text != claim["text"]:
            if material is None:
                raise Invalid(
                    "say whether the new wording is another claim, or the same better written",
                    loc=("body", "material"),
                )
            values |= {"text": text, "material": material == "yes"}
        body = forms.parse_body(claim_inputs.ClaimChange, values)
        changes = {name: getattr(body, name) for name in body.model_fields_set}
        is_material = bool(changes.pop("material", False))
        return await form.carry_out(
            claim_commands.amend_claim,
            claim_id,
            changes,
            material=is_material,
            four_eyes=form.call.services.four_eyes,
            versions=form.versions,
            redirect_to=forms.redirect_to_claim("amended"),
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        claim = await _read_claim(form.call, claim_id)
        typed = {
            "text": text,
            "material": material or "",
            "tags": tags,
            "version": claim["version"],
        }
        return await _render_form(
            form.call, "amend.html", claim_id, typed=typed, error=error, form=form
        )


# Merging and withdrawing.


@router.get("/claims/{claim_id}/merge")
async def show_merge(claim_id: ClaimId, call: MayAmend) -> Response:
    return await _render_merge_form(call, claim_id, into="")


async def _render_merge_form(
    call: Call,
    claim_id: str,
    *,
    into: str,
    error: ClaimdeskError | None = None,
    form: Form | None = None,
) -> Response:
    similar = await similar_claims.find_similar_to_claim(call.reader, claim_id) or []
    picker = await candidates.build_picker(
        call,
        Picker(
            "into",
            CandidateKind.CLAIM,
            claim_id,
            chosen=candidates.read_id(into),
            candidates=candidates.build_similar(similar),
            words=candidates.read_words(form, "into"),
        ),
    )
    return await _render_form(
        call, "merge.html", claim_id, typed={}, error=error, form=form, picker=picker
    )


@router.post("/claims/{claim_id}/merge")
async def merge(claim_id: ClaimId, form: Amending) -> Response:
    """Merge this claim, the duplicate, into another, given by its id or its address."""
    into = form.get_text("into") or ""
    if candidates.read_search_field(form, ("into",)) is not None:
        return await _render_merge_form(form.call, claim_id, into=into, form=form)
    try:
        body = forms.parse_body(decision_inputs.MergeIn, {"into": candidates.read_id(into)})
        return await form.carry_out(
            claim_commands.merge_claims,
            claim_id,
            into=body.into,
            four_eyes=form.call.services.four_eyes,
            versions=form.versions,
            redirect_to=forms.redirect_to_claim("merged", undo=claim_id),
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await _render_merge_form(form.call, claim_id, into=into, error=error, form=form)


@router.get("/claims/{claim_id}/withdraw")
async def show_withdrawal(claim_id: ClaimId, call: MayAmend) -> Response:
    return await _render_form(call, "withdraw.html", claim_id, typed=dict.fromkeys(WITHDRAWAL, ""))


@router.post("/claims/{claim_id}/withdraw")
async def withdraw(claim_id: ClaimId, form: Amending) -> Response:
    """Withdraw a claim for its claimant; it keeps its last status."""
    try:
        return await form.carry_out(
            claim_commands.withdraw_claim,
            claim_id,
            **statement_fields.read_withdrawal(form).to_command(),
            versions=form.versions,
            redirect_to=f"/claims/{claim_id}?done=claim-withdrawn",
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await _render_form(
            form.call,
            "withdraw.html",
            claim_id,
            typed={name: form.get_text(name) or "" for name in WITHDRAWAL},
            error=error,
            form=form,
            names=statement_fields.WITHDRAWAL_NAMES,
        )
