"""The pages of a statement: its renderings side by side, the claims that it bears on, and forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import orjson
from fastapi import APIRouter, Response

from service.claims import correction_queries, statement_commands, statement_queries
from service.claims.claim_views import ClaimView
from service.claims.statement_views import StatementLinkView, StatementView
from service.desk.corrections import correction_words
from service.desk.corrections.correction_words import Correction
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.statements import statement_fields
from service.desk.statements.statement_fields import WITHDRAWAL
from service.directory import directory_queries
from service.domain import access
from service.domain.access import Action
from service.domain.errors import ClaimdeskError, Conflict, Invalid
from service.store.engine import Connection
from service.store.paging import MAX_LIMIT, Window
from service.web.bodies import statement_inputs
from service.web.calls import Call, allow, require_found
from service.web.fields import StatementId

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.READ_RECORDS, page=True)]
MayRecord = Annotated[Call, allow(Action.RECORD, page=True)]
Recording = Annotated[Form, accept_form(Action.RECORD)]

SOURCE = ("url", "publisher", "title", "published_on", "archive_url")
QUOTE = ("quote", "language", "rendering", *SOURCE)
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
"""The fields of a form, by their places in a body."""


@dataclass(frozen=True, slots=True)
class ConcernedClaim:
    """A claim that a statement bears on, by a link or as the claim's own words."""

    claim: ClaimView
    link: StatementLinkView | None


@router.get("/statements/{statement_id}")
async def show_statement(statement_id: StatementId, call: Reading) -> Response:
    statement = await _read(call, statement_id)
    # Another rendering is most often in the language of the first.
    language = statement["quotes"][0]["language"]
    return await _render(call, statement, dict.fromkeys(QUOTE, "") | {"language": language})


async def _read(call: Call, statement_id: str) -> StatementView:
    """Read a statement. Raises NotFound."""
    statement = await call.read(statement_queries.read_statement, statement_id)
    return require_found(statement, "There is no statement with this id.")


async def _render(
    call: Call,
    statement: StatementView,
    typed: Mapping[str, str],
    error: ClaimdeskError | None = None,
    template: str = "statement.html",
) -> Response:
    source = statement["withdrawal_source"]
    claims_shown = await call.read(statement_queries.list_claims, statement["id"])
    withheld = None
    if access.is_allowed(call.actor, Action.READ_WITHHELD):
        withheld = await call.read(statement_queries.read_withheld_reason, statement["id"])
    return render_page(
        call,
        template,
        error=error,
        statement=statement,
        corrections=await call.read(_read_corrections, call, statement),
        withheld=withheld,
        withdrawal_source=await call.read(directory_queries.read_source, source)
        if source
        else None,
        concerned=[
            ConcernedClaim(orjson.loads(row["document"]), row["link"]) for row in claims_shown
        ],
        typed=typed,
        faults=forms.describe_faults(error, NAMES),
    )


def _read_corrections(
    connection: Connection, call: Call, statement: StatementView
) -> list[Correction]:
    corrections = correction_queries.list_of_statement(
        connection,
        statement["id"],
        audience=call.audience,
        sees_withheld=access.is_allowed(call.actor, Action.READ_WITHHELD),
        window=Window(MAX_LIMIT, None),
    )
    return correction_words.describe_corrections(
        connection, corrections, {None: statement["precision"]}
    )


@router.post("/statements/{statement_id}/quotes")
async def add_quote(statement_id: StatementId, form: Recording) -> Response:
    """Record another outlet's words for the same utterance; both are kept."""
    statement = await _read(form.call, statement_id)
    try:
        quote = forms.parse_body(
            statement_inputs.QuoteIn,
            {
                "text": form.get_verbatim("quote") or "",
                "language": form.get_text("language") or "",
                "rendering": form.get_text("rendering") or "",
                "source": await statement_fields.find_source(form),
            },
        )
        return await form.carry_out(
            statement_commands.add_quote,
            statement_id,
            quote.to_command(),
            redirect_to=f"/statements/{statement_id}?done=recorded",
        )
    except Invalid as error:
        return await _render(form.call, statement, form.keep(QUOTE), error)


@router.get("/statements/{statement_id}/withdraw")
async def show_withdrawal(statement_id: StatementId, call: MayRecord) -> Response:
    statement = await _read(call, statement_id)
    typed = dict.fromkeys(WITHDRAWAL, "")
    return await _render(call, statement, typed, template="statement_withdraw.html")


@router.post("/statements/{statement_id}/withdraw")
async def withdraw(statement_id: StatementId, form: Recording) -> Response:
    """Record that the speaker withdrew the statement: the evidence of its claims is counted
    again."""
    statement = await _read(form.call, statement_id)
    try:
        return await form.carry_out(
            statement_commands.withdraw_statement,
            statement_id,
            **statement_fields.read_withdrawal(form).to_command(),
            four_eyes=form.call.services.four_eyes,
            redirect_to=f"/statements/{statement_id}?done=statement-withdrawn",
        )
    except (Invalid, Conflict) as error:
        typed = form.keep(WITHDRAWAL)
        return await _render(form.call, statement, typed, error, "statement_withdraw.html")
