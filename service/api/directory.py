"""Parties, speakers and sources."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from service.api import decisions, shapes
from service.claims import decision_queries, rename_commands
from service.directory import directory_queries, party_commands, source_commands
from service.domain.access import Action
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import Window
from service.web.bodies import directory_inputs
from service.web.calls import Call, Paged, answered, found, json, reading, writing
from service.web.fields import RecordId, Slug, SlugPath, given
from service.web.json_bodies import JsonRoute

party_router = APIRouter(prefix="/v1/parties", tags=["parties"], route_class=JsonRoute)
speaker_router = APIRouter(prefix="/v1/speakers", tags=["speakers"], route_class=JsonRoute)
source_router = APIRouter(prefix="/v1/sources", tags=["sources"], route_class=JsonRoute)

Recording = Annotated[Call, writing(Action.RECORD)]
Changing = Annotated[Call, reading(Action.CHANGE_PARTIES)]
Reading = Annotated[Call, reading(Action.READ_RECORDS)]


@party_router.get(
    "",
    summary="List parties",
    responses={200: {"model": shapes.Parties, "description": "By slug"}},
)
async def list_parties(
    call: Reading,
    paged: Annotated[tuple[Window, str], Depends(Paged("parties"))],
    parent: Annotated[Slug | None, Query(description="This party and those below it")] = None,
) -> Response:
    window, scope = paged
    rows = await call.read(directory_queries.party_page, parent=parent, window=window)
    return call.page(rows, window, scope, keys=lambda row: [row["slug"]])


@party_router.post(
    "",
    status_code=201,
    summary="Record a party",
    responses={201: {"model": shapes.PartyOut, "description": "The party"}},
)
async def create_party(body: directory_inputs.PartyIn, call: Recording) -> Response:
    return await call.write(
        party_commands.create_party,
        **body.model_dump(),
        answer=lambda connection, _: answered(
            directory_queries.party(connection, body.slug),
            status=201,
            Location=f"/v1/parties/{body.slug}",
        ),
    )


@party_router.get(
    "/{slug}",
    summary="Read a party",
    responses={200: {"model": shapes.PartyOut, "description": "The party"}},
)
async def read_party(slug: SlugPath, call: Reading) -> Response:
    return json(
        found(await call.read(directory_queries.party, slug), f"There is no party '{slug}'.")
    )


@party_router.patch(
    "/{slug}",
    summary="Change a party",
    responses={
        200: {"model": shapes.PartyOut, "description": "The party"},
        202: decisions.WAITS,
    },
)
async def change_party(
    slug: SlugPath, body: directory_inputs.PartyChange, call: Changing
) -> Response:
    """A new parent may make voices independent of each other, or no longer: the claims concerned
    are weighed anew, and may fall back to awaiting_confirmation. A change that a confirmed claim
    would print is a decision, which stands on one of those claims."""
    changed = await call.write(
        rename_commands.change_party,
        slug,
        given(body),
        four_eyes=call.services.four_eyes,
        answer=lambda connection, waiting: _answer_rename(
            connection, waiting, directory_queries.party(connection, slug)
        ),
    )
    call.services.renamer.wake()
    return changed


def _answer_rename(connection: Connection, waiting: str | None, shape: Any) -> Answer:
    """The party or speaker as changed, or the decision that waits."""
    if waiting is None:
        return answered(shape)
    location = f"/v1/decisions/{waiting}"
    return answered(decision_queries.decision(connection, waiting), status=202, Location=location)


@speaker_router.get(
    "",
    summary="List or find speakers",
    responses={200: {"model": shapes.Speakers, "description": "By name"}},
)
async def list_speakers(
    call: Reading,
    paged: Annotated[tuple[Window, str], Depends(Paged("speakers"))],
    name: Annotated[
        str | None, Query(max_length=200, description="Part of a name; diacritics ignored")
    ] = None,
    party: Annotated[Slug | None, Query(description="This party and those below it")] = None,
) -> Response:
    window, scope = paged
    rows = await call.read(directory_queries.speaker_page, name=name, party=party, window=window)
    return call.page(
        rows,
        window,
        scope,
        keys=lambda row: [row["folded_name"], row["id"]],
        shape=speaker_shape,
    )


@speaker_router.post(
    "",
    status_code=201,
    summary="Record a speaker",
    responses={
        200: {"model": shapes.SpeakerOut, "description": "Known already"},
        201: {"model": shapes.SpeakerOut, "description": "The speaker"},
    },
)
async def create_speaker(body: directory_inputs.PartySpeakerIn, call: Recording) -> Response:
    """The same name and role of the same party is the same speaker, diacritics or not."""

    def answer(connection: Connection, made: tuple[str, bool]) -> Answer:
        speaker_id, new = made
        shape = speaker_shape(directory_queries.speaker(connection, speaker_id))
        return answered(shape, status=201 if new else 200, Location=f"/v1/speakers/{speaker_id}")

    person = directory_inputs.SpeakerIn(name=body.name, role=body.role)
    return await call.write(
        party_commands.create_speaker, party=body.party, person=person.to_command(), answer=answer
    )


@speaker_router.get(
    "/{speaker_id}",
    summary="Read a speaker",
    responses={200: {"model": shapes.SpeakerOut, "description": "The speaker"}},
)
async def read_speaker(speaker_id: RecordId, call: Reading) -> Response:
    row = await call.read(directory_queries.speaker, speaker_id)
    return json(speaker_shape(found(row, "There is no speaker with this id.")))


@speaker_router.patch(
    "/{speaker_id}",
    summary="Correct a speaker",
    responses={
        200: {"model": shapes.SpeakerOut, "description": "The speaker"},
        202: decisions.WAITS,
    },
)
async def change_speaker(
    speaker_id: RecordId, body: directory_inputs.SpeakerChange, call: Changing
) -> Response:
    """For corrections: somebody in a new role is recorded as a new speaker, so that what was said
    before keeps the role it was said in. A claimant's name on a confirmed claim is a decision."""
    changed = await call.write(
        rename_commands.change_speaker,
        speaker_id,
        given(body),
        four_eyes=call.services.four_eyes,
        answer=lambda connection, waiting: _answer_rename(
            connection, waiting, speaker_shape(directory_queries.speaker(connection, speaker_id))
        ),
    )
    call.services.renamer.wake()
    return changed


@source_router.get(
    "",
    summary="List sources",
    responses={200: {"model": shapes.Sources, "description": "Newest first"}},
)
async def list_sources(
    call: Reading,
    paged: Annotated[tuple[Window, str], Depends(Paged("sources"))],
    url: Annotated[str | None, Query(max_length=2048, description="Exactly this URL")] = None,
) -> Response:
    window, scope = paged
    rows = await call.read(directory_queries.source_page, url=url, window=window)
    return call.page(rows, window, scope, keys=lambda row: [row["id"]])


@source_router.post(
    "",
    status_code=201,
    summary="Record a source",
    responses={
        200: {"model": shapes.SourceOut, "description": "Known already"},
        201: {"model": shapes.SourceOut, "description": "The source"},
    },
)
async def create_source(body: directory_inputs.SourceIn, call: Recording) -> Response:
    """The same URL and text hash is the same source."""

    def answer(connection: Connection, made: tuple[str, bool]) -> Answer:
        source_id, new = made
        return answered(
            directory_queries.source(connection, source_id),
            status=201 if new else 200,
            Location=f"/v1/sources/{source_id}",
        )

    return await call.write(source_commands.record, body.to_command(), answer=answer)


@source_router.get(
    "/{source_id}",
    summary="Read a source",
    responses={200: {"model": shapes.SourceOut, "description": "The source"}},
)
async def read_source(source_id: RecordId, call: Reading) -> Response:
    row = await call.read(directory_queries.source, source_id)
    return json(found(row, "There is no source with this id."))


def speaker_shape(row: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (row or {}).items() if name != "folded_name"}
