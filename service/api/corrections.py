"""Corrections of claims, statements and sources that were recorded wrongly."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from service.api import statements
from service.api.claims import answer_claim
from service.claims import (
    claim_corrections,
    claim_views,
    correction_queries,
    source_corrections,
    statement_corrections,
    statement_queries,
)
from service.claims.correction_views import FieldCorrectionView
from service.directory import directory_queries
from service.directory.directory_views import SourceView
from service.domain import access
from service.domain.access import Action
from service.domain.claims import ClaimState
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import Window
from service.views import Page
from service.web.bodies import correction_inputs
from service.web.calls import Call, Paged, allow, allow_writing, build_answer
from service.web.conditions import OptionalIfMatch
from service.web.fields import ClaimId, RecordId, StatementId
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/claims", tags=["claims"], route_class=JsonRoute)
statement_router = APIRouter(prefix="/v1/statements", tags=["statements"], route_class=JsonRoute)
source_router = APIRouter(prefix="/v1/sources", tags=["sources"], route_class=JsonRoute)

Correcting = Annotated[Call, allow_writing(Action.REVERSE)]
Reading = Annotated[Call, allow(Action.READ_RECORDS)]
ReadingClaims = Annotated[Call, allow(Action.READ_CLAIMS)]
Paging = Annotated[tuple[Window, str], Depends(Paged("corrections"))]
OldestFirst = {"model": Page[FieldCorrectionView], "description": "Oldest first"}


@router.post(
    "/{claim_id}/corrections",
    operation_id="correct_claim",
    status_code=201,
    summary="Correct a claim that was recorded wrongly",
    responses={201: {"model": claim_views.ClaimView, "description": "The claim as it is now"}},
)
async def correct_claim(
    claim_id: ClaimId,
    body: correction_inputs.ClaimCorrectionIn,
    call: Correcting,
    versions: OptionalIfMatch,
) -> Response:
    """Only what differs is recorded; answers as of an instant before show what was believed then.
    Independence is judged anew. Where two people agreed to what is printed, and it prints otherwise
    from now on, their agreement ends; no correction confirms."""

    def answer(_: Connection, state: ClaimState) -> Answer:
        return answer_claim(state, status=201)

    return await call.write(
        claim_corrections.correct_claim,
        claim_id,
        body.to_command(),
        reason=body.reason,
        versions=versions,
        answer=answer,
    )


@router.get(
    "/{claim_id}/corrections",
    operation_id="list_claim_corrections",
    summary="What was corrected of a claim, and of what it shows",
    responses={200: OldestFirst},
)
async def list_claim_corrections(
    claim_id: ClaimId, call: ReadingClaims, paging: Paging
) -> Response:
    window, scope = paging
    items = await call.read(
        correction_queries.list_of_claim, claim_id, audience=call.audience, window=window
    )
    return call.page(items, window, scope, keys=lambda item: [item["number"]])


@statement_router.post(
    "/{statement_id}/corrections",
    operation_id="correct_statement",
    status_code=201,
    summary="Correct a statement that was recorded wrongly",
    responses={201: statements.StatementAnswer},
)
async def correct_statement(
    statement_id: StatementId,
    body: correction_inputs.StatementCorrectionIn,
    call: Correcting,
) -> Response:
    """It is right on every claim that shows it from then on, and each is weighed anew: one that
    rested on it falls by itself. `material` asks for its links to be affirmed anew. Of an unnamed
    source, `withheld_reason` is what `reason` is on recording."""

    def answer(connection: Connection, _: None) -> Answer:
        view = statement_queries.read_statement(connection, statement_id)
        assert view is not None, "it has just been corrected"
        return build_answer(statements.add_reason(connection, view, caller=call.actor), status=201)

    return await call.write(
        statement_corrections.correct_statement,
        statement_id,
        body.to_command(),
        reason=body.reason,
        material=body.material,
        answer=answer,
    )


@statement_router.get(
    "/{statement_id}/corrections",
    operation_id="list_statement_corrections",
    summary="What was corrected of a statement",
    responses={200: OldestFirst},
)
async def list_statement_corrections(
    statement_id: StatementId, call: Reading, paging: Paging
) -> Response:
    window, scope = paging
    items = await call.read(
        correction_queries.list_of_statement,
        statement_id,
        audience=call.audience,
        sees_withheld=call.caller is not None
        and access.is_allowed(call.caller, Action.READ_WITHHELD),
        window=window,
    )
    return call.page(items, window, scope, keys=lambda item: [item["number"]])


@source_router.post(
    "/{source_id}/corrections",
    operation_id="correct_source",
    status_code=201,
    summary="Correct a source that was recorded wrongly",
    responses={201: {"model": SourceView, "description": "The source as it is now"}},
)
async def correct_source(
    source_id: RecordId, body: correction_inputs.SourceCorrectionIn, call: Correcting
) -> Response:
    """It is recorded on every claim that shows words from it. An address that another source has is
    refused: merge the two."""

    def answer(connection: Connection, _: None) -> Answer:
        return build_answer(directory_queries.read_source(connection, source_id), status=201)

    return await call.write(
        source_corrections.correct_source,
        source_id,
        body.to_command(),
        reason=body.reason,
        answer=answer,
    )


@source_router.get(
    "/{source_id}/corrections",
    operation_id="list_source_corrections",
    summary="What was corrected of a source",
    responses={200: OldestFirst},
)
async def list_source_corrections(source_id: RecordId, call: Reading, paging: Paging) -> Response:
    window, scope = paging
    items = await call.read(
        correction_queries.list_of_source, source_id, audience=call.audience, window=window
    )
    return call.page(items, window, scope, keys=lambda item: [item["number"]])
