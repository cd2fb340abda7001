"""Routes of parties, speakers and sources."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Response

from service.api import decisions
from service.claims import decision_queries, rename_commands
from service.directory import directory_queries, party_commands, source_commands
from service.directory.directory_views import ListedSpeaker, PartyView, SourceView, SpeakerView
from service.domain.access import Action
from service.field_types import Slug
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import Window
from service.views import Page
from service.web.bodies import directory_inputs
from service.web.calls import Call, Paged, allow, allow_writing, answer_json, build_answer
from service.web.fields import RecordId, SlugPath, read_sent_fields
from service.web.json_bodies import JsonRoute

party_router = APIRouter(prefix="/v1/parties", tags=["parties"], route_class=JsonRoute)
speaker_router = APIRouter(prefix="/v1/speakers", tags=["speakers"], route_class=JsonRoute)
source_router = APIRouter(prefix="/v1/sources", tags=["sources"], route_class=JsonRoute)

Recording = Annotated[Call, allow_writing(Action.RECORD)]
Changing = Annotated[Call, allow(Action.CHANGE_PARTIES)]
Reading = Annotated[Call, allow(Action.READ_RECORDS)]


@party_router.get(
    "",
    operation_id="list_parties",
    summary="List parties",
    responses={200: {"model": Page[PartyView], "description": "By slug"}},
)
async def list_parties(
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("parties"))],
    parent: Annotated[Slug | None, Query(description="This party and those below it")] = None,
) -> Response:
    window, scope = paging
    parties = await call.read(directory_queries.list_parties, parent=parent, window=window)
    return call.page(parties, window, scope, keys=lambda party: [party["slug"]])


@party_router.post(
    "",
    operation_id="create_party",
    status_code=201,
    summary="Record a party",
    responses={201: {"model": PartyView, "description": "The party"}},
)
async def create_party(body: directory_inputs.PartyIn, call: Recording) -> Response:
    return await call.write(
        party_commands.create_party,
        **body.model_dump(),
        answer=lambda connection, _: build_answer(
            directory_queries.read_party(connection, body.slug),
            status=201,
            Location=f"/v1/parties/{body.slug}",
        ),
    )


@party_router.get(
    "/{slug}",
    operation_id="read_party",
    summary="Read a party",
    responses={200: {"model": PartyView, "description": "The party"}},
)
async def read_party(slug: SlugPath, call: Reading) -> Response:
    return answer_json(await call.read(directory_queries.read_party, slug))


@party_router.patch(
    "/{slug}",
    operation_id="change_party",
    summary="Change a party",
    responses={
        200: {"model": PartyView, "description": "The party"},
        202: decisions.WAITS,
    },
)
async def change_party(
    slug: SlugPath, body: directory_inputs.PartyChange, call: Changing
) -> Response:
    """A new parent may make voices independent of each other, or no longer: the claims concerned
    are weighed anew, and may fall back to awaiting_confirmation. A change that a confirmed claim
    would print is a decision, which stands on one of those claims."""
    change = await call.write(
        rename_commands.change_party,
        slug,
        read_sent_fields(body),
        four_eyes=call.services.four_eyes,
        answer=lambda connection, decision: (
            build_answer(directory_queries.read_party(connection, slug))
            if decision is None
            else answer_decision(connection, decision)
        ),
    )
    call.services.renamer.wake()
    return change


def answer_decision(connection: Connection, decision: str) -> Answer:
    """Answer with the decision that the change waits for."""
    return build_answer(
        decision_queries.read_decision(connection, decision),
        status=202,
        Location=f"/v1/decisions/{decision}",
    )


@speaker_router.get(
    "",
    operation_id="list_speakers",
    summary="List or find speakers",
    responses={200: {"model": Page[SpeakerView], "description": "By name"}},
)
async def list_speakers(
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("speakers"))],
    name: Annotated[
        str | None, Query(max_length=200, description="Part of a name; diacritics ignored")
    ] = None,
    party: Annotated[Slug | None, Query(description="This party and those below it")] = None,
) -> Response:
    window, scope = paging
    rows = await call.read(directory_queries.list_speakers, name=name, party=party, window=window)
    return call.page(
        rows,
        window,
        scope,
        keys=lambda speaker: [speaker["folded_name"], speaker["id"]],
        shape=_drop_folded_name,
    )


def _drop_folded_name(speaker: ListedSpeaker) -> SpeakerView:
    return cast(SpeakerView, {k: value for k, value in speaker.items() if k != "folded_name"})


@speaker_router.post(
    "",
    operation_id="create_speaker",
    status_code=201,
    summary="Record a speaker",
    responses={
        200: {"model": SpeakerView, "description": "Known already"},
        201: {"model": SpeakerView, "description": "The speaker"},
    },
)
async def create_speaker(body: directory_inputs.PartySpeakerIn, call: Recording) -> Response:
    """The same name and role of the same party is the same speaker, diacritics or not."""

    def answer(connection: Connection, outcome: tuple[str, bool]) -> Answer:
        speaker_id, is_new = outcome
        return build_answer(
            directory_queries.read_speaker(connection, speaker_id),
            status=201 if is_new else 200,
            Location=f"/v1/speakers/{speaker_id}",
        )

    return await call.write(
        party_commands.create_speaker, party=body.party, person=body.to_command(), answer=answer
    )


@speaker_router.get(
    "/{speaker_id}",
    operation_id="read_speaker",
    summary="Read a speaker",
    responses={200: {"model": SpeakerView, "description": "The speaker"}},
)
async def read_speaker(speaker_id: RecordId, call: Reading) -> Response:
    return answer_json(await call.read(directory_queries.read_speaker, speaker_id))


@speaker_router.patch(
    "/{speaker_id}",
    operation_id="change_speaker",
    summary="Correct a speaker",
    responses={
        200: {"model": SpeakerView, "description": "The speaker"},
        202: decisions.WAITS,
    },
)
async def change_speaker(
    speaker_id: RecordId, body: directory_inputs.SpeakerChange, call: Changing
) -> Response:
    """For corrections: somebody in a new role is recorded as a new speaker, so that what was said
    before keeps the role it was said in. A claimant's name on a confirmed claim is a decision."""
    change = await call.write(
        rename_commands.change_speaker,
        speaker_id,
        read_sent_fields(body),
        four_eyes=call.services.four_eyes,
        answer=lambda connection, decision: (
            build_answer(directory_queries.read_speaker(connection, speaker_id))
            if decision is None
            else answer_decision(connection, decision)
        ),
    )
    call.services.renamer.wake()
    return change


@source_router.get(
    "",
    operation_id="list_sources",
    summary="List sources",
    responses={200: {"model": Page[SourceView], "description": "Newest first"}},
)
async def list_sources(
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("sources"))],
    url: Annotated[str | None, Query(max_length=2048, description="Exactly this URL")] = None,
) -> Response:
    window, scope = paging
    sources = await call.read(directory_queries.list_sources, url=url, window=window)
    return call.page(sources, window, scope, keys=lambda source: [source["id"]])


@source_router.post(
    "",
    operation_id="create_source",
    status_code=201,
    summary="Record a source",
    responses={
        200: {"model": SourceView, "description": "Known already"},
        201: {"model": SourceView, "description": "The source"},
    },
)
async def create_source(body: directory_inputs.SourceIn, call: Recording) -> Response:
    """The same URL and text hash is the same source."""

    def answer(connection: Connection, outcome: tuple[str, bool]) -> Answer:
        source_id, is_new = outcome
        return build_answer(
            directory_queries.read_source(connection, source_id),
            status=201 if is_new else 200,
            Location=f"/v1/sources/{source_id}",
        )

    return await call.write(source_commands.record_source, body.to_command(), answer=answer)


@source_router.get(
    "/{source_id}",
    operation_id="read_source",
    summary="Read a source",
    responses={200: {"model": SourceView, "description": "The source"}},
)
async def read_source(source_id: RecordId, call: Reading) -> Response:
    return answer_json(await call.read(directory_queries.read_source, source_id))
