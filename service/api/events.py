"""Routes of the events of all claims in one sequence: polled, and streamed."""

from dataclasses import replace
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Depends, Header, Query, Response

from service.domain.access import Action, Audience
from service.domain.errors import NotAcceptable
from service.domain.history import EVENT_TYPES
from service.domain.positions import PATTERN, read_position, write_position
from service.field_types import Slug
from service.live import sse_format
from service.live.listeners import Listener
from service.notices import people
from service.record import event_queries, event_views
from service.record.event_queries import EventFilter, RecordedEvent
from service.web import redaction
from service.web.calls import Call, allow, answer_json
from service.web.conditions import accepts
from service.web.event_stream import EventStream
from service.web.fields import Id
from service.web.request_context import context_of

router = APIRouter(prefix="/v1/events", tags=["events"])

Reading = Annotated[Call, allow(Action.READ_CLAIMS)]
EventType = Literal[EVENT_TYPES]  # type: ignore[valid-type]
SAMPLE = """retry: 2000
id: 41

id: 42
event: claim.status_changed
data: {"seq":42,"number":3,"claim":"018b0…","story":null,"type":"claim.status_changed", …}

:
"""


def _parse_filters(
    types: Annotated[
        list[EventType] | None, Query(max_length=20, description="Repeat for several")
    ] = None,
    story: Annotated[Slug | None, Query(description="Only claims of this story")] = None,
    claim: Annotated[Id | None, Query(description="Only this claim")] = None,
) -> EventFilter:
    return EventFilter(frozenset(types or ()), story, claim)


@router.get(
    "",
    operation_id="list_events",
    summary="Events of all claims, in order",
    responses={
        200: {"model": event_views.EventPageView, "description": "Go on with after=next_after"}
    },
)
async def list_events(
    call: Reading,
    event_filter: Annotated[EventFilter, Depends(_parse_filters)],
    after: Annotated[
        str,
        Query(pattern=PATTERN, description="Beyond this place: next_after as it came; 0: all"),
    ] = "0",
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most")] = 50,
) -> Response:
    """The polling twin of the stream and of webhooks, but for `use.outdated`, which follows from
    these events and is none itself: `GET /v1/uses?state=outdated` has what it tells of. Nothing is
    missed by whoever asks on from `next_after`: an event is shown only once nothing can come before
    it. What is the desk's own is left out for others, so a page may be shorter than `limit`, or
    empty, and the record go on.

    A place is a number until the desk is first restored from a backup, and text after that: keep it
    as it comes. One from before the restore is answered 410."""
    event_filter = replace(event_filter, internal=call.sees_internals)
    epoch = call.services.epoch
    start = read_position(after, epoch=epoch, loc=("query", "after"))
    lines, end = await call.services.database.read(
        event_queries.list_events_after, after=start, limit=limit, event_filter=event_filter
    )
    items = redaction.redact_events([line.to_data() for line in lines], call.audience)
    return answer_json({"items": items, "next_after": write_position(epoch, end)})


@router.get(
    "/stream",
    operation_id="stream_events",
    summary="Events of all claims, as they happen",
    response_class=Response,
    responses={
        200: {
            "description": "Server-Sent Events: `data` is an item of GET /v1/events, `event` its "
            "type, `id` its number. A block that has only an `id` says how far what was asked for "
            "has been looked through; a comment comes after 15 silent seconds.",
            "content": {sse_format.MEDIA_TYPE: {"schema": {"type": "string"}, "example": SAMPLE}},
        }
    },
)
async def stream_events(
    call: Reading,
    event_filter: Annotated[EventFilter, Depends(_parse_filters)],
    after: Annotated[
        str | None,
        Query(pattern=PATTERN, description="Begin beyond this place; without it, with what is new"),
    ] = None,
    last_event_id: Annotated[
        str | None,
        Header(pattern=PATTERN, description="Go on beyond this place, whatever `after` says"),
    ] = None,
    inbox: Annotated[
        bool,
        Query(
            description="Send `event: inbox` too when your inbox has something new, or you "
            "read what was"
        ),
    ] = False,
) -> Response:
    """Nothing is missed and nothing comes twice, however often a client comes back with the last
    `id` that it got (browsers' EventSource does). A key that is revoked, a session that ends and a
    role that changes end the stream within a second or so."""
    if not accepts(call.request, sse_format.MEDIA_TYPE):
        raise NotAcceptable("This is a stream of events: send Accept: text/event-stream.")
    live, context = call.services.live, context_of(call.request.scope)
    place, loc = after, ("query", "after")
    if last_event_id is not None:
        place, loc = last_event_id, ("header", "last-event-id")
    number = None if place is None else read_position(place, epoch=live.epoch, loc=loc)
    position = await live.find_start(number)
    listener = Listener(
        position,
        replace(event_filter, internal=call.sees_internals),
        call.audience,
        context.limited_as,
        context.credential,
        people.require_person(call.actor) if inbox else None,
    )
    answer = EventStream(live, listener)
    return Response(headers=answer.headers) if context.is_head else answer


def render_event(line: RecordedEvent, audience: Audience, epoch: str = "") -> bytes:
    """Return an event as a block of a stream of this audience; empty where it is withheld."""
    id = write_position(epoch, line.seq)
    blocks = [
        sse_format.write_event(id=id, type=line.type, data=orjson.dumps(event))
        for event in redaction.redact_events([line.to_data()], audience)
    ]
    return b"".join(blocks)
