"""Uses: where claims were printed, and what became of that."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from service.domain.access import Action
from service.domain.uses import UseClass, UseState
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import Window
from service.uses import use_commands, use_queries
from service.uses.use_queries import UseFilters
from service.uses.use_views import UseView
from service.views import Page
from service.web.bodies.use_inputs import AcknowledgementIn, UseIn
from service.web.calls import (
    Call,
    Paged,
    allow,
    allow_writing,
    answer_json,
    build_answer,
    require_found,
)
from service.web.fields import ClaimId, Id, UseId
from service.web.json_bodies import JsonRoute

claim_router = APIRouter(prefix="/v1/claims", tags=["uses"], route_class=JsonRoute)
router = APIRouter(prefix="/v1/uses", tags=["uses"], route_class=JsonRoute)

Using = Annotated[Call, allow_writing(Action.RECORD_USE)]
Deleting = Annotated[Call, allow(Action.RECORD_USE)]
Reading = Annotated[Call, allow(Action.READ_RECORDS)]
State = Annotated[UseState | None, Query(description="Only in this state")]
Grade = Annotated[UseClass | None, Query(alias="class", description="Only of this class")]


@claim_router.post(
    "/{claim_id}/uses",
    operation_id="record_use",
    status_code=201,
    summary="Record where a claim was printed",
    responses={201: {"model": UseView, "description": "With what may be printed of it now"}},
)
async def record_use(claim_id: ClaimId, body: UseIn, call: Using) -> Response:
    """It keeps the claim's version, status and print line of this moment. Once what may be printed
    of the claim is another, the use is `outdated`, with a class that says what to do, and webhook
    `use.outdated` tells of it. A use of a claim that is void is outdated at once.

    A `contact` that is an address of mail is asked there, once, whether mail is wanted; after
    whoever reads it has confirmed that, a mail says so when the use is outdated."""
    return await call.write(
        use_commands.record_use,
        claim_id,
        body.to_command(),
        asks_contact=call.services.settings.smtp_url is not None,
        answer=_answer_use(call, status=201),
    )


@claim_router.get(
    "/{claim_id}/uses",
    operation_id="list_uses_of_claim",
    summary="List where a claim was printed",
    responses={200: {"model": Page[UseView], "description": "Oldest first"}},
)
async def list_uses_of_claim(
    claim_id: ClaimId,
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("claim-uses"))],
    state: State = None,
    grade: Grade = None,
) -> Response:
    """With `state=outdated`, what has been open longest stands first."""
    return await _list_uses(call, UseFilters(state, grade, claim_id), paging)


@router.get(
    "",
    operation_id="list_uses",
    summary="List uses of claims",
    responses={200: {"model": Page[UseView], "description": "Oldest first"}},
)
async def list_uses(
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("uses"))],
    state: State = None,
    grade: Grade = None,
    story: Annotated[
        str | None, Query(max_length=64, description="Only of this story's claims")
    ] = None,
    claim: Annotated[Id | None, Query(description="Only of this claim")] = None,
) -> Response:
    """With `state=outdated`, what has been open longest stands first."""
    return await _list_uses(call, UseFilters(state, grade, claim, story), paging)


@router.get(
    "/{use_id}",
    operation_id="read_use",
    summary="Read a use",
    responses={200: {"model": UseView, "description": "The use"}},
)
async def read_use(use_id: UseId, call: Reading) -> Response:
    use = await call.read(use_queries.read_use, use_id, caller=call.caller)
    return answer_json(require_found(use, "There is no use with this id."))


@router.post(
    "/{use_id}/acknowledgement",
    operation_id="acknowledge_use",
    summary="Say what was done about an outdated use",
    responses={200: {"model": UseView, "description": "Acknowledged"}},
)
async def acknowledge_use(use_id: UseId, body: AcknowledgementIn, call: Using) -> Response:
    """For whoever recorded it, and checkers. A later change of the claim makes it outdated
    again. If the claim was merged, the use is recorded anew, of the claim in its place, whose
    changes outdate it from then on."""
    return await call.write(
        use_commands.acknowledge_use,
        use_id,
        note=body.note,
        corrected_url=body.corrected_url,
        answer=_answer_use(call),
    )


@router.post(
    "/{use_id}/retirement",
    operation_id="retire_use",
    summary="Say that a use is no longer anywhere to be read",
    responses={200: {"model": UseView, "description": "Retired: nothing outdates it any more"}},
)
async def retire_use(use_id: UseId, call: Using) -> Response:
    """For whoever recorded it, and checkers."""
    return await call.write(use_commands.retire_use, use_id, answer=_answer_use(call))


@router.delete(
    "/{use_id}/contact",
    operation_id="delete_contact_of_use",
    summary="Delete the address of a use's contact",
    responses={200: {"model": UseView, "description": "The use, without it"}},
)
async def delete_contact_of_use(use_id: UseId, call: Deleting) -> Response:
    """For whoever recorded it, and checkers. Once no use has the address any more, it is nowhere at
    the desk; nobody is asked at it again."""
    return await call.write(use_commands.delete_contact, use_id, answer=_answer_use(call))


async def _list_uses(call: Call, filters: UseFilters, paging: tuple[Window, str]) -> Response:
    window, scope = paging
    uses = await call.read(use_queries.list_uses, filters, caller=call.caller, window=window)
    return call.page(uses, window, scope, keys=lambda use: use_queries.list_sort_keys(filters, use))


def _answer_use(call: Call, *, status: int = 200) -> Callable[[Connection, str], Answer]:
    def answer(connection: Connection, use: str) -> Answer:
        view = use_queries.read_use(connection, use, caller=call.caller)
        if status != 201:
            return build_answer(view)
        return build_answer(view, status=201, Location=f"/v1/uses/{use}")

    return answer
