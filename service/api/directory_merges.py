"""Merges of parties, speakers and sources that are one, and the ways back."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Response

from service.api import decisions
from service.api.directory import answer_decision
from service.claims import directory_merges
from service.directory import directory_queries, source_merges
from service.directory.directory_views import PartyView, SourceView, SpeakerView
from service.domain.access import Action
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.web.bodies import directory_inputs
from service.web.bodies.decision_inputs import ReversalIn
from service.web.calls import Call, allow_writing, build_answer
from service.web.fields import RecordId, SlugPath
from service.web.json_bodies import JsonRoute

party_router = APIRouter(prefix="/v1/parties", tags=["parties"], route_class=JsonRoute)
speaker_router = APIRouter(prefix="/v1/speakers", tags=["speakers"], route_class=JsonRoute)
source_router = APIRouter(prefix="/v1/sources", tags=["sources"], route_class=JsonRoute)

Merging = Annotated[Call, allow_writing(Action.MERGE_DIRECTORY)]


async def _change(
    call: Call,
    command: Callable[..., str | None],
    thing: str,
    read: Callable[[Connection, str], PartyView | SpeakerView],
    **fields: str | None,
) -> Response:
    """Merge or separate a thing, and answer with it, or with the decision that it waits for."""

    def answer(connection: Connection, decision: str | None) -> Answer:
        if decision is not None:
            return answer_decision(connection, decision)
        return build_answer(read(connection, thing))

    change = await call.write(
        command, thing, **fields, four_eyes=call.services.four_eyes, answer=answer
    )
    call.services.renamer.wake()
    return change


@party_router.post(
    "/{slug}/merge",
    operation_id="merge_party",
    summary="Merge a party into another",
    responses={
        200: {"model": PartyView, "description": "The party, with `merged_into`"},
        202: decisions.WAITS,
    },
)
async def merge_party(
    slug: SlugPath, body: directory_inputs.PartyMergeIn, call: Merging
) -> Response:
    """It is shown by the other's name and counts as one voice with it: claims that rested on both
    are weighed anew and may fall. Its own name and address stay known. What a confirmed claim would
    print is a decision, which stands on one of those claims."""
    return await _change(
        call,
        directory_merges.merge_party,
        slug,
        directory_queries.read_party,
        into=body.into,
        reason=body.reason,
    )


@party_router.post(
    "/{slug}/separation",
    operation_id="separate_party",
    summary="Take back a merge of parties",
    responses={200: {"model": PartyView, "description": "The party"}, 202: decisions.WAITS},
)
async def separate_party(slug: SlugPath, body: ReversalIn, call: Merging) -> Response:
    """It has its own name and place again, and is a voice of its own. A claim that fell stays
    fallen."""
    return await _change(
        call,
        directory_merges.separate_party,
        slug,
        directory_queries.read_party,
        reason=body.reason,
    )


@speaker_router.post(
    "/{speaker_id}/merge",
    operation_id="merge_speaker",
    summary="Merge a speaker into another",
    responses={
        200: {"model": SpeakerView, "description": "The speaker, with `merged_into`"},
        202: decisions.WAITS,
    },
)
async def merge_speaker(
    speaker_id: RecordId, body: directory_inputs.SpeakerMergeIn, call: Merging
) -> Response:
    """Whatever the one said is shown with the other's name and role. Both speak for one root
    party."""
    return await _change(
        call,
        directory_merges.merge_speaker,
        speaker_id,
        directory_queries.read_speaker,
        into=body.into,
        reason=body.reason,
    )


@speaker_router.post(
    "/{speaker_id}/separation",
    operation_id="separate_speaker",
    summary="Take back a merge of speakers",
    responses={200: {"model": SpeakerView, "description": "The speaker"}, 202: decisions.WAITS},
)
async def separate_speaker(speaker_id: RecordId, body: ReversalIn, call: Merging) -> Response:
    return await _change(
        call,
        directory_merges.separate_speaker,
        speaker_id,
        directory_queries.read_speaker,
        reason=body.reason,
    )


@source_router.post(
    "/{source_id}/merge",
    operation_id="merge_source",
    summary="Merge a source into another",
    responses={200: {"model": SourceView, "description": "The source, with `merged_into`"}},
)
async def merge_source(
    source_id: RecordId, body: directory_inputs.SourceMergeIn, call: Merging
) -> Response:
    """Quotes of the one show the other as their source."""
    return await call.write(
        source_merges.merge_source,
        source_id,
        into=body.into,
        reason=body.reason,
        answer=lambda connection, _: build_answer(
            directory_queries.read_source(connection, source_id)
        ),
    )


@source_router.post(
    "/{source_id}/separation",
    operation_id="separate_source",
    summary="Take back a merge of sources",
    responses={200: {"model": SourceView, "description": "The source"}},
)
async def separate_source(source_id: RecordId, body: ReversalIn, call: Merging) -> Response:
    return await call.write(
        source_merges.separate_source,
        source_id,
        reason=body.reason,
        answer=lambda connection, _: build_answer(
            directory_queries.read_source(connection, source_id)
        ),
    )
