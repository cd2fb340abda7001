"""One statement: its renderings side by side, the claims it bears on, and what may be done with
it."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Response

from service.claims import statement_commands, statement_queries
from service.desk.layout import forms
from service.desk.layout.forms import Form, posted
from service.desk.layout.rendering import render
from service.desk.statements import statement_fields
from service.desk.statements.statement_fields import WITHDRAWAL
from service.directory import directory_queries
from service.domain.access import Action
from service.domain.errors import ClaimdeskError, Conflict, Invalid
from service.web.bodies import claim_inputs
from service.web.calls import Call, allow, require_found
from service.web.fields import StatementId

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.READ_RECORDS, page=True)]
MayRecord = Annotated[Call, allow(Action.RECORD, page=True)]
Recording = Annotated[Form, posted(Action.RECORD)]

WHERE = ("url", "publisher", "title", "published_on", "archive_url")
QUOTE = ("quote", "language", "rendering", *WHERE)
NAMES = {
    "text": "quote",
    "source.url": "url",
    "source.publisher": "publisher",
    "source.title": "title",
    "source.published_at": "published_on",
    "source.archive_url": "archive_url",
    "source.language": "language",
    "said_at": "said_on",
    "precision": "said_on",
}
"""Which field is at fault, by where a body has it."""


@router.get("/statements/{statement_id}")
async def show_statement(statement_id: StatementId, call: Reading) -> Response:
    statement = await _known(call, statement_id)
    return await _page(call, statement, _blank(statement))


def _blank(statement: Mapping[str, Any]) -> dict[str, str]:
    """Another rendering is most often in the language of the first."""
    return dict.fromkeys(QUOTE, "") | {"language": statement["quotes"][0]["language"]}


async def _known(call: Call, statement_id: str) -> dict[str, Any]:
    """Raises NotFound."""
    statement = await call.read(statement_queries.read_statement, statement_id)
    return require_found(statement, "There is no statement with this id.")


async def _page(
    call: Call,
    statement: Mapping[str, Any],
    typed: Mapping[str, str],
    error: ClaimdeskError | None = None,
    template: str = "statement.html",
) -> Response:
    source = statement["withdrawal_source"]
    concerned = await call.read(statement_queries.list_claims, statement["id"])
    return render(
        call.request,
        template,
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        statement=statement,
        withdrawn_at_source=await call.read(directory_queries.read_source, source)
        if source
        else None,
        concerned=[
            {"claim": orjson.loads(one["document"]), "link": one["link"]} for one in concerned
        ],
        typed=typed,
        faults=_faults(error),
    )


def _faults(error: ClaimdeskError | None) -> dict[str, str]:
    if error is None:
        return {}
    return forms.faults(error, NAMES) if isinstance(error, Invalid) else {forms.TOP: error.detail}


@router.post("/statements/{statement_id}/quotes")
async def add_quote(statement_id: StatementId, form: Recording) -> Response:
    """Another outlet's words for the same utterance; both are kept."""
    statement = await _known(form.call, statement_id)
    try:
        quote = forms.body(
            claim_inputs.QuoteIn,
            {
                "text": form.verbatim("quote") or "",
                "language": form.text("language") or "",
                "rendering": form.text("rendering") or "",
                "source": await statement_fields.find_source(form),
            },
        )
        return await form.carry_out(
            statement_commands.add_quote,
            statement_id,
            quote.to_command(),
            then=f"/statements/{statement_id}?done=recorded",
        )
    except Invalid as error:
        return await _page(form.call, statement, _typed(form, QUOTE), error)


@router.get("/statements/{statement_id}/withdraw")
async def show_withdrawal(statement_id: StatementId, call: MayRecord) -> Response:
    statement = await _known(call, statement_id)
    typed = dict.fromkeys(WITHDRAWAL, "")
    return await _page(call, statement, typed, template="statement_withdraw.html")


@router.post("/statements/{statement_id}/withdraw")
async def withdraw(statement_id: StatementId, form: Recording) -> Response:
    """The speaker took it back: every claim it is linked to is weighed anew."""
    statement = await _known(form.call, statement_id)
    try:
        return await form.carry_out(
            statement_commands.withdraw_statement,
            statement_id,
            **statement_fields.withdrawal(form).to_command(),
            four_eyes=form.call.services.four_eyes,
            then=f"/statements/{statement_id}?done=statement-withdrawn",
        )
    except (Invalid, Conflict) as error:
        typed = _typed(form, WITHDRAWAL)
        return await _page(form.call, statement, typed, error, "statement_withdraw.html")


def _typed(form: Form, names: tuple[str, ...]) -> dict[str, str]:
    return {name: form.verbatim(name) or "" for name in names}
