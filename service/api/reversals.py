"""Voids and ways back: what was recorded by mistake, and what was done by mistake."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Response

from service.api import claims, decisions, statements
from service.claims import (
    claim_views,
    reversal_commands,
    separation_commands,
    statement_queries,
    statement_reversals,
)
from service.claims.claim_writer import Versions
from service.claims.proposal_commands import Outcome
from service.claims.reversal_commands import PlanClaim
from service.domain.access import Action
from service.domain.reversals import Undone
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.web.bodies.decision_inputs import ReversalIn
from service.web.calls import Call, allow_writing, build_answer
from service.web.conditions import OptionalIfMatch
from service.web.fields import ClaimId, LinkId, StatementId
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/claims", tags=["claims"], route_class=JsonRoute)
statement_router = APIRouter(prefix="/v1/statements", tags=["statements"], route_class=JsonRoute)
link_router = APIRouter(prefix="/v1/links", tags=["claims"], route_class=JsonRoute)

Reversing = Annotated[Call, allow_writing(Action.REVERSE)]


@router.post(
    "/{claim_id}/void",
    operation_id="void_claim",
    summary="Say that a claim was recorded by mistake",
    responses={200: {"model": claim_views.ClaimView, "description": "Void: not to be used"}},
)
async def void_claim(
    claim_id: ClaimId, body: ReversalIn, call: Reversing, versions: OptionalIfMatch
) -> Response:
    """It leaves lists, feeds, the search and its story, and its print line says not to use it. Its
    record stays; `lifecycle=void` lists it. What waits for a second person on it ends."""
    return await _change_claim(call, claim_id, reversal_commands.plan_void, body, versions)


@router.post(
    "/{claim_id}/restoration",
    operation_id="restore_claim",
    summary="Take back that a claim is void",
    responses={
        200: {"model": claim_views.ClaimView, "description": "The claim as it was before"},
        202: decisions.WAITS,
    },
)
async def restore_claim(
    claim_id: ClaimId, body: ReversalIn, call: Reversing, versions: OptionalIfMatch
) -> Response:
    """It is what it was before, as far as its evidence still holds. What two people agreed to of it
    prints again only once two people agree: that is a decision."""
    return await _change_claim(call, claim_id, reversal_commands.plan_restoration, body, versions)


@router.post(
    "/{claim_id}/reinstatement",
    operation_id="reinstate_claim",
    summary="Take back that a claim was withdrawn",
    responses={
        200: {"model": claim_views.ClaimView, "description": "The claim, in force again"},
        202: decisions.WAITS,
    },
)
async def reinstate_claim(
    claim_id: ClaimId, body: ReversalIn, call: Reversing, versions: OptionalIfMatch
) -> Response:
    """The claimant did not take it back after all. Where two people agreed to what prints of it
    again, that is a decision."""
    return await _change_claim(call, claim_id, reversal_commands.plan_reinstatement, body, versions)


@router.post(
    "/{claim_id}/separation",
    operation_id="separate_claim",
    summary="Take back a merge",
    responses={
        200: {"model": claim_views.ClaimView, "description": "The claim, on its own again"},
        202: decisions.WAITS,
    },
)
async def separate_claim(
    claim_id: ClaimId, body: ReversalIn, call: Reversing, versions: OptionalIfMatch
) -> Response:
    """The duplicate was none. Links that came with it leave the other claim and its components come
    back, but not those that somebody has decided on since. Where two people agreed to what would
    print again, it is a decision on the other claim."""
    return await call.write(
        separation_commands.separate_claim,
        claim_id,
        reason=body.reason,
        four_eyes=call.services.four_eyes,
        versions=versions,
        answer=_answer_outcome,
    )


@statement_router.post(
    "/{statement_id}/void",
    operation_id="void_statement",
    summary="Say that a statement was recorded by mistake",
    responses={200: statements.StatementAnswer},
)
async def void_statement(statement_id: StatementId, body: ReversalIn, call: Reversing) -> Response:
    """Its links count for nothing any more, and it leaves lists and the search. What rested on it
    falls by itself; a claim that is confirmed in spite of it is printed with it until a second
    person agrees: `decisions` are what waits. The origin of a claim in force is not void without
    the claim."""
    return await call.write(
        statement_reversals.void_statement,
        statement_id,
        reason=body.reason,
        four_eyes=call.services.four_eyes,
        answer=_answer_statement(statement_id),
    )


@statement_router.post(
    "/{statement_id}/restoration",
    operation_id="restore_statement",
    summary="Take back that a statement is void",
    responses={200: statements.StatementAnswer},
)
async def restore_statement(
    statement_id: StatementId, body: ReversalIn, call: Reversing
) -> Response:
    """Its links count again. `decisions` are what waits for a second person."""
    return await _restore_statement(call, statement_id, body, "void")


@statement_router.post(
    "/{statement_id}/reinstatement",
    operation_id="reinstate_statement",
    summary="Take back that a statement was withdrawn",
    responses={200: statements.StatementAnswer},
)
async def reinstate_statement(
    statement_id: StatementId, body: ReversalIn, call: Reversing
) -> Response:
    """Nobody took it back after all: its links count again, and a claim that was withdrawn with it
    is in force. `decisions` are what waits for a second person."""
    return await _restore_statement(call, statement_id, body, "withdrawal")


@link_router.post(
    "/{link_id}/void",
    operation_id="void_link",
    summary="Say that a link was recorded by mistake",
    responses={200: statements.ClaimAnswer, 202: decisions.WAITS},
)
async def void_link(link_id: LinkId, body: ReversalIn, call: Reversing) -> Response:
    """It counts for nothing, and the claim is not found by it. On a confirmed claim, taking a
    denial off is a decision."""
    return await call.write(
        reversal_commands.void_link,
        link_id,
        reason=body.reason,
        four_eyes=call.services.four_eyes,
        answer=_answer_outcome,
    )


@link_router.post(
    "/{link_id}/restoration",
    operation_id="restore_link",
    summary="Take back that a link is void, or was retracted",
    responses={200: statements.ClaimAnswer, 202: decisions.WAITS},
)
async def restore_link(link_id: LinkId, body: ReversalIn, call: Reversing) -> Response:
    """Of a link that is both, the void is taken back. On a confirmed claim, giving it back a
    supporter is a decision."""
    return await call.write(
        reversal_commands.restore_link,
        link_id,
        reason=body.reason,
        four_eyes=call.services.four_eyes,
        answer=_answer_outcome,
    )


def _answer_outcome(connection: Connection, outcome: Outcome) -> Answer:
    return claims.answer_outcome(connection, outcome, claims.answer_claim)


async def _restore_statement(
    call: Call, statement_id: str, body: ReversalIn, undoes: Undone
) -> Response:
    return await call.write(
        statement_reversals.restore_statement,
        statement_id,
        undoes=undoes,
        reason=body.reason,
        four_eyes=call.services.four_eyes,
        answer=_answer_statement(statement_id),
    )


def _answer_statement(statement_id: str) -> Callable[[Connection, list[str]], Answer]:
    """Answer with a statement, and with the decisions that wait on its claims."""
    return lambda connection, waiting: build_answer(
        (statement_queries.read_statement(connection, statement_id) or {}) | {"decisions": waiting}
    )


async def _change_claim(
    call: Call, claim_id: str, plan: PlanClaim, body: ReversalIn, versions: Versions
) -> Response:
    return await call.write(
        reversal_commands.change_claim,
        claim_id,
        plan,
        reason=body.reason,
        four_eyes=call.services.four_eyes,
        versions=versions,
        answer=_answer_outcome,
    )
