"""Statements, and acts on links."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from service.api import decisions
from service.api.claims import answer_claim, answer_outcome
from service.claims import (
    claim_views,
    link_commands,
    statement_commands,
    statement_queries,
    statement_views,
)
from service.claims.pending_statements import RecordedStatement
from service.domain import access
from service.domain.access import Action, Actor
from service.domain.claims import Attribution
from service.field_types import Slug
from service.record.idempotency import Answer
from service.search.finding import statement_hits
from service.search.index import query_parser
from service.store.engine import Connection
from service.store.paging import Window
from service.views import Page
from service.web.bodies import statement_inputs
from service.web.calls import (
    Call,
    Paged,
    allow,
    allow_writing,
    answer_json,
    build_answer,
    require_found,
)
from service.web.fields import Id, Instant, LinkId, StatementId
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/statements", tags=["statements"], route_class=JsonRoute)
link_router = APIRouter(prefix="/v1/links", tags=["links"], route_class=JsonRoute)

Recording = Annotated[Call, allow_writing(Action.RECORD)]
Reading = Annotated[Call, allow(Action.READ_RECORDS)]
StatementAnswer = {"model": statement_views.StatementView, "description": "The statement"}
ClaimAnswer = {"model": claim_views.ClaimView, "description": "The claim, weighed anew"}


@router.get(
    "",
    operation_id="list_statements",
    summary="List statements",
    responses={
        200: {"model": Page[statement_views.StatementView], "description": "Latest said first"}
    },
)
async def list_statements(
    call: Reading,
    paging: Annotated[
        tuple[Window, str], Depends(Paged("statements", by_end=lambda query: not query.get("q")))
    ],
    party: Annotated[Slug | None, Query(description="This party and those below it")] = None,
    speaker: Annotated[Id | None, Query(description="A speaker's id")] = None,
    since: Annotated[Instant | None, Query(description="Said at this instant or later")] = None,
    until: Annotated[Instant | None, Query(description="Said by this instant")] = None,
    q: Annotated[
        str | None,
        Query(
            description='Words in any order and form, "phrases", -exclusions, prefix*: in the '
            "quotes first, then with who says them. Each statement then has `snippets`",
            json_schema_extra={"maxLength": query_parser.MAX_CHARACTERS},
        ),
    ] = None,
) -> Response:
    """Statements, latest said first; with `q` those that it finds, best and then newest first."""
    window, scope = paging
    if q is not None:
        items, after = await statement_hits.find_statements(
            call.reader,
            query_parser.parse_query(q),
            statement_hits.Filters(party, speaker, since, until),
            limit=window.limit,
            after=window.after,
        )
        return call.answer_items(items, after, scope)
    rows = await call.read(
        statement_queries.list_statements,
        party=party,
        speaker=speaker,
        since=since,
        until=until,
        window=window,
    )
    return call.page(rows, window, scope, keys=statement_queries.get_sort_keys)


@router.post(
    "",
    operation_id="create_statement",
    status_code=201,
    summary="Record a statement",
    responses={201: StatementAnswer},
)
async def create_statement(body: statement_inputs.StatementIn, call: Recording) -> Response:
    """One utterance of one party, with at least one rendering and its source."""

    def answer(connection: Connection, recorded_statement: RecordedStatement) -> Answer:
        statement = statement_queries.read_statement(connection, recorded_statement.id)
        assert statement is not None, "it has just been recorded"
        return build_answer(
            add_reason(connection, statement, caller=call.actor),
            status=201,
            Location=f"/v1/statements/{recorded_statement.id}",
        )

    return await call.write(statement_commands.record_statement, body.to_command(), answer=answer)


@router.get(
    "/{statement_id}",
    operation_id="read_statement",
    summary="Read a statement",
    responses={200: StatementAnswer},
)
async def read_statement(statement_id: StatementId, call: Reading) -> Response:
    row = await call.read(statement_queries.read_statement, statement_id)
    statement = require_found(row, "There is no statement with this id.")
    return answer_json(await call.read(add_reason, statement, caller=call.actor))


def add_reason(
    connection: Connection, statement: statement_views.StatementView, *, caller: Actor | None
) -> statement_views.StatementView:
    """Add why the source is not named, for those who may know."""
    if statement["attribution"] is not Attribution.UNNAMED:
        return statement
    if caller is None or not access.is_allowed(caller, Action.READ_WITHHELD):
        return statement
    reason = statement_queries.read_withheld_reason(connection, statement["id"])
    return {**statement, "reason": reason}


@router.post(
    "/{statement_id}/quotes",
    operation_id="add_quote",
    status_code=201,
    summary="Add a rendering",
    responses={201: StatementAnswer},
)
async def add_quote(
    statement_id: StatementId, body: statement_inputs.QuoteIn, call: Recording
) -> Response:
    """Another outlet's words for the same utterance; both are kept."""
    return await call.write(
        statement_commands.add_quote,
        statement_id,
        body.to_command(),
        answer=lambda connection, _: build_answer(
            statement_queries.read_statement(connection, statement_id), status=201
        ),
    )


@router.post(
    "/{statement_id}/withdrawal",
    operation_id="withdraw_statement",
    summary="Record that a statement was taken back",
    responses={200: StatementAnswer},
)
async def withdraw_statement(
    statement_id: StatementId, body: statement_inputs.WithdrawalIn, call: Recording
) -> Response:
    """Every claim it is linked to is weighed anew; one that rested on it falls back to
    awaiting_confirmation by itself. A claim that is confirmed in spite of it is printed with it
    until a second person agrees: `decisions` are what waits."""
    return await call.write(
        statement_commands.withdraw_statement,
        statement_id,
        **body.to_command(),
        four_eyes=call.services.four_eyes,
        answer=lambda connection, waiting: build_answer(
            (statement_queries.read_statement(connection, statement_id) or {})
            | {"decisions": waiting}
        ),
    )


@link_router.post(
    "/{link_id}/retraction",
    operation_id="retract_link",
    summary="Retract a link",
    responses={200: ClaimAnswer, 202: decisions.WAITS},
)
async def retract_link(
    link_id: LinkId, body: statement_inputs.RetractionIn, call: Recording
) -> Response:
    """Say that the link should not have been made; it stays in the record. On a confirmed claim,
    taking a denial off is a decision."""
    return await call.write(
        link_commands.retract_link,
        link_id,
        reason=body.reason,
        four_eyes=call.services.four_eyes,
        answer=lambda connection, outcome: answer_outcome(connection, outcome, answer_claim),
    )


@link_router.post(
    "/{link_id}/affirmation",
    operation_id="affirm_link",
    summary="Affirm a link",
    responses={200: ClaimAnswer, 202: decisions.WAITS},
)
async def affirm_link(link_id: LinkId, call: Recording) -> Response:
    """Say that the link holds for the claim's present wording too, or in spite of a merged claim's
    other reading of the statement. On a confirmed claim, where it adds a supporter, it is a
    decision."""
    return await call.write(
        link_commands.affirm_link,
        link_id,
        four_eyes=call.services.four_eyes,
        answer=lambda connection, outcome: answer_outcome(connection, outcome, answer_claim),
    )
