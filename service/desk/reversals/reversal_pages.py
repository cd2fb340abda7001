"""Forms of voids and ways back: of claims, links and statements."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Response

from service.claims import (
    link_queries,
    reversal_commands,
    separation_commands,
    statement_queries,
    statement_reversals,
)
from service.claims.claim_views import ClaimView
from service.claims.proposal_commands import Outcome
from service.claims.statement_views import StatementView
from service.desk.claims import claim_pages
from service.desk.intake import article_page
from service.desk.layout import confirmations, forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.reversals import reversal_words
from service.desk.reversals.reversal_words import FormWords
from service.domain.access import Action
from service.domain.errors import ClaimdeskError, Conflict, Invalid, PreconditionFailed
from service.web import claim_requests
from service.web.bodies.decision_inputs import ReversalIn
from service.web.calls import Call, allow, require_found
from service.web.fields import ClaimId, LinkId, StatementId

router = APIRouter(include_in_schema=False)

MayReverse = Annotated[Call, allow(Action.REVERSE, page=True)]
Reversing = Annotated[Form, accept_form(Action.REVERSE)]
Command = Callable[..., Any]
REFUSALS = (Invalid, Conflict, PreconditionFailed)


def bind_plan(plan: reversal_commands.PlanClaim) -> Command:
    """Make a command of what is planned for a claim."""

    def change_claim(connection: Any, claim_id: str, **by: Any) -> Outcome:
        return reversal_commands.change_claim(connection, claim_id, plan, **by)

    return change_claim


CLAIM_COMMANDS: Mapping[str, Command] = {
    "void": bind_plan(reversal_commands.plan_void),
    "restoration": bind_plan(reversal_commands.plan_restoration),
    "reinstatement": bind_plan(reversal_commands.plan_reinstatement),
    "separation": separation_commands.separate_claim,
}
LINK_COMMANDS: Mapping[str, Command] = {
    "void": reversal_commands.void_link,
    "restoration": reversal_commands.restore_link,
}
STATEMENT_COMMANDS: Mapping[str, tuple[Command, dict[str, str]]] = {
    "void": (statement_reversals.void_statement, {}),
    "restoration": (statement_reversals.restore_statement, {"undoes": "void"}),
    "reinstatement": (statement_reversals.restore_statement, {"undoes": "withdrawal"}),
}


def render_reversal(
    call: Call,
    words: FormWords,
    *,
    action: str,
    back: str,
    about: str,
    error: ClaimdeskError | None = None,
    reason: str = "",
    **more: Any,
) -> Response:
    """Render the form of a void or a way back; `action` is where it is sent, `about` what it is
    about, in words, and `back` where that is shown."""
    return render_page(
        call,
        "reversal.html",
        error=error,
        words=words,
        action=action,
        back=back,
        about=about,
        typed={"reason": reason},
        faults=forms.describe_faults(error, forms.NO_NAMES),
        **{"changes": None, "version": None, "quoted": None, "article": None, **more},
    )


def read_reason(form: Form) -> str:
    """Read the reason that was given.  Raises Invalid."""
    return forms.parse_body(ReversalIn, {"reason": form.get_text("reason") or ""}).reason


# Claims.


async def _render_claim_form(
    call: Call,
    claim_id: str,
    way: str,
    *,
    error: ClaimdeskError | None = None,
    form: Form | None = None,
) -> Response:
    row = await claim_requests.look_up_claim(call, claim_id, None)
    claim: ClaimView = orjson.loads(row.document)
    changes = None
    if isinstance(error, PreconditionFailed) and form is not None:
        changes = await claim_pages.list_changes_since(call, claim_id, form.version)
    return render_reversal(
        call,
        reversal_words.CLAIM[way],
        action=f"/claims/{claim_id}/{way}",
        back=f"/claims/{claim['merged_into'] or claim_id}",
        about=claim["text"],
        error=error,
        reason=(form.get_text("reason") if form else None) or "",
        changes=changes,
        version=claim["version"],
    )


def _add_claim_form(way: str) -> None:
    path, words = f"/claims/{{claim_id}}/{way}", reversal_words.CLAIM[way]

    @router.get(path)
    async def show_form(claim_id: ClaimId, call: MayReverse) -> Response:
        return await _render_claim_form(call, claim_id, way)

    @router.post(path)
    async def carry_out(claim_id: ClaimId, form: Reversing) -> Response:
        try:
            return await form.carry_out(
                CLAIM_COMMANDS[way],
                claim_id,
                reason=read_reason(form),
                four_eyes=form.call.services.four_eyes,
                versions=form.versions,
                redirect_to=forms.redirect_to_claim(words.done),
            )
        except REFUSALS as error:
            return await _render_claim_form(form.call, claim_id, way, error=error, form=form)


# Links.


async def _render_link_form(
    call: Call, link_id: str, way: str, *, error: ClaimdeskError | None = None, reason: str = ""
) -> Response:
    link = require_found(
        await call.read(link_queries.read_link, link_id), "There is no link with this id."
    )
    row = await claim_requests.look_up_claim(call, link["claim"], None)
    claim: ClaimView = orjson.loads(row.document)
    return render_reversal(
        call,
        reversal_words.LINK[way],
        action=f"/links/{link_id}/{way}",
        back=f"/claims/{link['claim']}",
        about=claim["text"],
        quoted=link["statement"]["quotes"][0],
        error=error,
        reason=reason,
    )


def _add_link_form(way: str) -> None:
    path, words = f"/links/{{link_id}}/{way}", reversal_words.LINK[way]

    @router.get(path)
    async def show_form(link_id: LinkId, call: MayReverse) -> Response:
        return await _render_link_form(call, link_id, way)

    @router.post(path)
    async def carry_out(link_id: LinkId, form: Reversing) -> Response:
        try:
            return await form.carry_out(
                LINK_COMMANDS[way],
                link_id,
                reason=read_reason(form),
                four_eyes=form.call.services.four_eyes,
                redirect_to=forms.redirect_to_claim(
                    words.done, undo=link_id if way == "void" else None
                ),
            )
        except REFUSALS as error:
            typed = form.get_text("reason") or ""
            return await _render_link_form(form.call, link_id, way, error=error, reason=typed)


# Statements.


async def _render_statement_form(
    call: Call,
    statement_id: str,
    way: str,
    *,
    intake: str | None,
    error: ClaimdeskError | None = None,
    reason: str = "",
) -> Response:
    statement: StatementView = require_found(
        await call.read(statement_queries.read_statement, statement_id),
        "There is no statement with this id.",
    )
    return render_reversal(
        call,
        reversal_words.STATEMENT[way],
        action=f"/statements/{statement_id}/{way}",
        back=f"/statements/{statement_id}",
        about=statement["party_name"] or "A statement",
        quoted=statement["quotes"][0],
        article=await article_page.find_article(call, intake),
        error=error,
        reason=reason,
    )


def _add_statement_form(way: str) -> None:
    path, words = f"/statements/{{statement_id}}/{way}", reversal_words.STATEMENT[way]
    command, more = STATEMENT_COMMANDS[way]

    @router.get(path)
    async def show_form(
        statement_id: StatementId, call: MayReverse, intake: str | None = None
    ) -> Response:
        """Show the form; `intake` is the article that one came from, and goes back to."""
        return await _render_statement_form(call, statement_id, way, intake=intake)

    @router.post(path)
    async def carry_out(statement_id: StatementId, form: Reversing) -> Response:
        intake = form.get_text("intake")
        article = await article_page.find_article(form.call, intake)
        page, undo = f"/statements/{statement_id}", ""
        if article:
            page, undo = f"/intake/{article['id']}", f"&{confirmations.UNDONE}={statement_id}"
        try:
            return await form.carry_out(
                command,
                statement_id,
                **more,
                reason=read_reason(form),
                four_eyes=form.call.services.four_eyes,
                redirect_to=lambda waiting: (
                    f"{page}?done={'proposed' if waiting else words.done}{undo}"
                ),
            )
        except REFUSALS as error:
            typed = form.get_text("reason") or ""
            return await _render_statement_form(
                form.call, statement_id, way, intake=intake, error=error, reason=typed
            )


for _way in reversal_words.CLAIM:
    _add_claim_form(_way)
for _way in reversal_words.LINK:
    _add_link_form(_way)
for _way in reversal_words.STATEMENT:
    _add_statement_form(_way)
