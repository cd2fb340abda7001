"""Changing a claim beyond its status: linking statements, amending, merging, withdrawing."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Response

from service.claims import claim_commands, statement_commands, statement_queries
from service.claims.proposal_commands import Outcome
from service.desk.claims.claim_pages import changed_since
from service.desk.layout import forms
from service.desk.layout.forms import Form, posted
from service.desk.layout.rendering import render
from service.desk.statements import statement_fields
from service.desk.statements.statement_fields import WITHDRAWAL
from service.domain import ids
from service.domain.access import Action
from service.domain.errors import (
    ClaimdeskError,
    Conflict,
    Invalid,
    NotFound,
    PreconditionFailed,
)
from service.search.similar import similar_claims
from service.web import claim_requests
from service.web.bodies import claim_inputs
from service.web.calls import Call, allow
from service.web.fields import ClaimId, LinkId

router = APIRouter(include_in_schema=False)

MayRecord = Annotated[Call, allow(Action.RECORD, page=True)]
MayAmend = Annotated[Call, allow(Action.AMEND, page=True)]
Recording = Annotated[Form, posted(Action.RECORD)]
Amending = Annotated[Form, posted(Action.AMEND)]


async def _claim(call: Call, claim_id: str) -> dict[str, Any]:
    _, document, assignee, _ = await claim_requests.look_up_claim(call, claim_id, None)
    claim: dict[str, Any] = orjson.loads(document)
    return claim | {"assignee": assignee}


async def _show(
    call: Call,
    template: str,
    claim_id: str,
    *,
    typed: Mapping[str, Any],
    error: ClaimdeskError | None = None,
    names: Mapping[str, str] | None = None,
    version: int | None = None,
    **more: Any,
) -> Response:
    """A form about a claim, with what was typed and what is wrong with it."""
    faults: dict[str, str] = {}
    since = None
    if isinstance(error, Invalid):
        faults = forms.faults(error, names or {})
    elif error is not None:
        faults = {forms.TOP: error.detail}
    if isinstance(error, PreconditionFailed) and version is not None:
        since = (await changed_since(call, claim_id, version))["since"]
    return render(
        call.request,
        template,
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        claim=await _claim(call, claim_id),
        typed=typed,
        faults=faults,
        since=since,
        **more,
    )


# Linking.


@router.get("/claims/{claim_id}/link")
async def show_link(claim_id: ClaimId, call: MayRecord) -> Response:
    typed = statement_fields.typed(None) | {
        "stance": "",
        "scope": "full",
        "conditional": False,
        "note": "",
        "statement": call.request.query_params.get("statement", ""),
    }
    return await _link_form(call, claim_id, typed)


async def _link_form(
    call: Call, claim_id: str, typed: Mapping[str, Any], error: ClaimdeskError | None = None
) -> Response:
    known = await call.read(statement_fields.known)
    existing = None
    if typed["statement"] and (statement_id := ids.parse_id(typed["statement"])) is not None:
        existing = await call.read(statement_queries.read_statement, statement_id)
    return await _show(
        call,
        "link.html",
        claim_id,
        typed=typed,
        error=error,
        names={f"statement.{where}": name for where, name in statement_fields.NAMES.items()}
        | dict(statement_fields.NAMES)
        | {"stance": "stance", "note": "note"},
        existing=existing,
        **known,
    )


@router.post("/claims/{claim_id}/link")
async def link_statement(claim_id: ClaimId, form: Recording) -> Response:
    """Say what a statement, new or recorded before, does to the claim."""
    try:
        recorded = form.text("statement")
        statement: Any = recorded
        if recorded is None:
            read_at = await statement_fields.find_source(form)
            statement = statement_fields.statement(form, read_at).model_dump()
        body = forms.body(
            claim_inputs.LinkIn,
            {
                "statement": statement,
                "stance": form.text("stance") or "",
                "scope": form.text("scope") or "full",
                "conditional": form.ticked("conditional"),
                "note": form.text("note"),
            },
        )
        return await form.carry_out(
            statement_fields.with_new_party(form, statement_commands.link_statement),
            claim_id,
            body.to_command(),
            four_eyes=form.call.services.four_eyes,
            then=lambda made: (
                f"/claims/{claim_id}?done=proposed#pending"
                if made.decision
                else f"/claims/{claim_id}?done=linked#l-{made.link_id}"
            ),
        )
    except (Invalid, Conflict) as error:
        typed = statement_fields.typed(form) | {
            "stance": form.text("stance") or "",
            "scope": form.text("scope") or "full",
            "conditional": form.ticked("conditional"),
            "note": form.text("note") or "",
            "statement": form.text("statement") or "",
        }
        return await _link_form(form.call, claim_id, typed, error)


@router.get("/links/{link_id}/retract")
async def show_retraction(link_id: LinkId, call: MayRecord) -> Response:
    return await _retraction(call, link_id, reason="")


async def _retraction(
    call: Call, link_id: str, *, reason: str, error: ClaimdeskError | None = None
) -> Response:
    link = await call.read(statement_queries.read_link, link_id)
    if link is None:
        raise NotFound("There is no link with this id.")
    return await _show(
        call, "retract.html", link["claim"], typed={"reason": reason}, error=error, link=link
    )


@router.post("/links/{link_id}/retraction")
async def retract_link(link_id: LinkId, form: Recording) -> Response:
    try:
        body = forms.body(claim_inputs.RetractionIn, {"reason": form.text("reason") or ""})
        return await form.carry_out(
            statement_commands.retract_link,
            link_id,
            reason=body.reason,
            four_eyes=form.call.services.four_eyes,
            then=_then("retracted"),
        )
    except (Invalid, Conflict) as error:
        return await _retraction(form.call, link_id, reason=form.text("reason") or "", error=error)


@router.post("/links/{link_id}/affirmation")
async def affirm_link(link_id: LinkId, form: Recording) -> Response:
    return await form.carry_out(
        statement_commands.affirm_link,
        link_id,
        four_eyes=form.call.services.four_eyes,
        then=_then("affirmed"),
    )


def _then(word: str) -> Callable[[Outcome], str]:
    """The claim's page after an act, which says that it was carried out, or proposed."""
    return lambda done: (
        f"/claims/{done.state.id}?done={'proposed#pending' if done.decision else word}"
    )


# Amending.


@router.get("/claims/{claim_id}/amend")
async def show_amendment(claim_id: ClaimId, call: MayAmend) -> Response:
    claim = await _claim(call, claim_id)
    typed = {
        "text": claim["text"],
        "material": "",
        "tags": ", ".join(claim["tags"]),
        "version": claim["version"],
    }
    return await _show(call, "amend.html", claim_id, typed=typed)


@router.post("/claims/{claim_id}/amend")
async def amend(claim_id: ClaimId, form: Amending) -> Response:
    """Only what differs from the claim is changed; a new wording says whether it is another."""
    text, material = form.text("text") or "", form.text("material")
    tags = [one.strip() for one in (form.text("tags") or "").split(",") if one.strip()]
    try:
        claim = await _claim(form.call, claim_id)
        values: dict[str, Any] = {"tags": tags}
        if text != claim["text"]:
            if material is None:
                raise Invalid(
                    "say whether the new wording is another claim, or the same better written",
                    loc=("body", "material"),
                )
            values |= {"text": text, "material": material == "yes"}
        body = forms.body(claim_inputs.ClaimChange, values)
        changes = {name: getattr(body, name) for name in body.model_fields_set}
        substance = bool(changes.pop("material", False))
        return await form.carry_out(
            claim_commands.amend_claim,
            claim_id,
            changes,
            material=substance,
            four_eyes=form.call.services.four_eyes,
            versions=form.versions,
            then=_then("amended"),
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        current = await _claim(form.call, claim_id)
        typed = {
            "text": text,
            "material": material or "",
            "tags": form.text("tags") or "",
            "version": current["version"],
        }
        return await _show(
            form.call,
            "amend.html",
            claim_id,
            typed=typed,
            error=error,
            version=_version(form),
        )


# Merging and withdrawing.


@router.get("/claims/{claim_id}/merge")
async def show_merge(claim_id: ClaimId, call: MayAmend) -> Response:
    return await _merge_form(call, claim_id, into="")


async def _merge_form(
    call: Call,
    claim_id: str,
    *,
    into: str,
    error: ClaimdeskError | None = None,
    version: int | None = None,
) -> Response:
    near = await similar_claims.find_similar_to_claim(call.services.database, claim_id)
    return await _show(
        call,
        "merge.html",
        claim_id,
        typed={"into": into},
        error=error,
        version=version,
        names={"into": "into"},
        similar=near or [],
    )


@router.post("/claims/{claim_id}/merge")
async def merge(claim_id: ClaimId, form: Amending) -> Response:
    """Merge this claim, the duplicate, into another, given by its id or its address."""
    into = form.text("other") or form.text("into") or ""
    try:
        # An address ends with the id; a query or a fragment may follow.
        last = into.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]
        body = forms.body(claim_inputs.MergeIn, {"into": last})
        return await form.carry_out(
            claim_commands.merge_claims,
            claim_id,
            into=body.into,
            four_eyes=form.call.services.four_eyes,
            versions=form.versions,
            then=_then("merged"),
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await _merge_form(
            form.call, claim_id, into=into, error=error, version=_version(form)
        )


@router.get("/claims/{claim_id}/withdraw")
async def show_withdrawal(claim_id: ClaimId, call: MayAmend) -> Response:
    return await _show(call, "withdraw.html", claim_id, typed=dict.fromkeys(WITHDRAWAL, ""))


@router.post("/claims/{claim_id}/withdraw")
async def withdraw(claim_id: ClaimId, form: Amending) -> Response:
    """The claimant takes the claim back: its last status is kept."""
    try:
        return await form.carry_out(
            claim_commands.withdraw_claim,
            claim_id,
            **statement_fields.withdrawal(form).to_command(),
            versions=form.versions,
            then=f"/claims/{claim_id}?done=claim-withdrawn",
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        typed = {name: form.text(name) or "" for name in WITHDRAWAL}
        return await _show(
            form.call,
            "withdraw.html",
            claim_id,
            typed=typed,
            error=error,
            names=statement_fields.WITHDRAWAL_NAMES,
            version=_version(form),
        )


def _version(form: Form) -> int:
    return min(form.versions)
