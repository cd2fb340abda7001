"""One change of many claims at once."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field
from typing_extensions import TypedDict

from service.claims import bulk_commands
from service.claims.bulk_commands import BulkOutcome
from service.domain.access import Action
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.views import Uuid, view
from service.web import problems
from service.web.bodies.bulk_inputs import BulkChangeIn
from service.web.calls import Call, allow_writing, build_answer
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/claims", tags=["claims"], route_class=JsonRoute)


@view
class BulkOutcomeView(TypedDict):
    """What came of one claim."""

    claim: Uuid
    status: Annotated[int, Field(description="As if it had been changed alone: 200, 404, 412 …")]
    version: Annotated[int | None, Field(description="Its version now; null where it was refused")]
    problem: Annotated[
        dict[str, Any] | None, Field(description="Why it was refused, as a problem says it")
    ]


@view
class BulkChangeView(TypedDict):
    """What came of each claim, in the order in which they were sent."""

    items: list[BulkOutcomeView]


@router.post(
    "/bulk",
    operation_id="change_claims",
    summary="Make one change of many claims",
    responses={200: {"model": BulkChangeView, "description": "What came of each claim"}},
)
async def change_claims(
    body: BulkChangeIn, call: Annotated[Call, allow_writing(Action.AMEND)]
) -> Response:
    """Assign up to 200 claims, tag them, say when they are due, or put them into a story. Each
    has an outcome of its own, in the order sent, and the answer is 200 whatever they are: a claim
    that somebody else has changed meanwhile keeps nobody from assigning the others. Each that
    changes gets one line in its record; one that is so already keeps its version."""

    def answer(_connection: Connection, outcomes: Sequence[BulkOutcome]) -> Answer:
        return build_answer({"items": [build_outcome(outcome) for outcome in outcomes]})

    return await call.write(
        bulk_commands.change_claims,
        body.list_chosen(),
        body.to_command(),
        four_eyes=call.services.four_eyes,
        answer=answer,
    )


def build_outcome(outcome: BulkOutcome) -> BulkOutcomeView:
    """Build the view of what came of a claim."""
    error = outcome.error
    return {
        "claim": outcome.claim,
        "status": 200 if error is None else error.status,
        "version": outcome.version,
        "problem": None if error is None else problems.describe_problem(error),
    }
