"""What happens to all claims, in one sequence: polled."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from service.api import shapes, visibility
from service.api.fields import Id, Slug
from service.domain.access import Action
from service.domain.history import EVENT_TYPES
from service.queries import events
from service.queries.events import Wanted
from service.web.calls import Call, json, reading

router = APIRouter(prefix="/v1/events", tags=["events"])

Reading = Annotated[Call, reading(Action.READ_CLAIMS)]
EventType = Literal[EVENT_TYPES]  # type: ignore[valid-type]


def _wanted(
    types: Annotated[
        list[EventType] | None, Query(max_length=20, description="Repeat for several")
    ] = None,
    story: Annotated[Slug | None, Query(description="Only claims of this story")] = None,
    claim: Annotated[Id | None, Query(description="Only this claim")] = None,
) -> Wanted:
    return Wanted(frozenset(types or ()), story, claim)


@router.get(
    "",
    summary="Events of all claims, in order",
    responses={200: {"model": shapes.Events, "description": "Go on with after=next_after"}},
)
async def list_events(
    call: Reading,
    wanted: Annotated[Wanted, Depends(_wanted)],
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Numbered above this")] = 0,
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most")] = 50,
) -> Response:
    """The polling twin of webhooks and of the stream. Nothing is missed by whoever asks on from
    `next_after`: an event is shown only once nothing can come before it."""
    lines, next_after = await call.read(events.tail, after=after, limit=limit, wanted=wanted)
    items = [visibility.event(line.shape(), call.caller) for line in lines]
    return json({"items": items, "next_after": next_after})
