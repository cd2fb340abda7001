"""Forms that merge parties, speakers and sources that are one, and separate them again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

from service.claims import directory_merges
from service.desk.layout import confirmations, forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.reversals import reversal_words
from service.desk.reversals.reversal_pages import REFUSALS, read_reason, render_reversal
from service.desk.reversals.reversal_words import FormWords
from service.desk.search import candidates
from service.directory import directory_queries, merge_candidates, source_merges
from service.directory.merge_candidates import MergeCandidate, RecordCounts, Search
from service.domain.access import Action
from service.domain.errors import ClaimdeskError
from service.field_types import In
from service.store.engine import Connection
from service.web.bodies import directory_inputs
from service.web.calls import Call, allow
from service.web.fields import RecordId, SlugPath

router = APIRouter(include_in_schema=False)

MayMerge = Annotated[Call, allow(Action.MERGE_DIRECTORY, page=True)]
Merging = Annotated[Form, accept_form(Action.MERGE_DIRECTORY)]
TYPED = ("into", "reason")
SHOWN = 20
"""Candidates on one page."""
MOST_SKIPPED = 1_000_000


@dataclass(frozen=True, slots=True)
class Duplicate:
    """What may be merged into another of its kind, or was."""

    name: str
    """Its own, whatever it is shown by."""
    page: str
    """Where it is shown."""
    merged_into: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """What the page of a merge is asked for: a search, or the one that was chosen."""

    words: str = ""
    into: str = ""
    skip: int = 0


def read_question(
    q: Annotated[str, Query(max_length=2048)] = "",
    into: Annotated[str, Query(max_length=64)] = "",
    skip: Annotated[int, Query(ge=0, le=MOST_SKIPPED)] = 0,
) -> Question:
    return Question(q.strip(), into.strip(), skip)


Choosing = Annotated[Question, Depends(read_question)]


@dataclass(frozen=True, slots=True)
class Kind:
    """Parties, speakers or sources: how they are found and merged, and in which words."""

    noun: str
    pages: str
    read: Callable[[Connection, str], Duplicate]
    find: Callable[[Connection, str, Search], list[MergeCandidate]]
    count: Callable[[Connection, str], RecordCounts]
    body: type[In]
    merge: Callable[..., str | None]
    separate: Callable[..., str | None]
    explanation: str
    hint: str
    done: str
    separation: FormWords


def _read_party(connection: Connection, slug: str) -> Duplicate:
    party = directory_queries.read_party(connection, slug)
    return Duplicate(
        party.get("merged_name") or party["name"], f"/parties/{slug}", party.get("merged_into")
    )


def _read_speaker(connection: Connection, speaker_id: str) -> Duplicate:
    speaker = directory_queries.read_speaker(connection, speaker_id)
    return Duplicate(
        speaker.get("merged_name") or speaker["name"],
        f"/parties/{speaker['party']}",
        speaker.get("merged_into"),
    )


def _read_source(connection: Connection, source_id: str) -> Duplicate:
    source = directory_queries.read_source(connection, source_id)
    return Duplicate(
        source["title"] or source["publisher"] or source["url"],
        f"/sources/{source_id}",
        source.get("merged_into"),
    )


def _merge_source(connection: Connection, source_id: str, *, four_eyes: bool, **by: Any) -> None:
    """Merge a source, which one person may: it changes nothing that prints."""
    source_merges.merge_source(connection, source_id, **by)


def _separate_source(connection: Connection, source_id: str, *, four_eyes: bool, **by: Any) -> None:
    source_merges.separate_source(connection, source_id, **by)


PARTIES = Kind(
    "party",
    "/parties",
    _read_party,
    merge_candidates.find_parties,
    merge_candidates.count_party_records,
    directory_inputs.PartyMergeIn,
    directory_merges.merge_party,
    directory_merges.separate_party,
    "Two records of one party: what this one says counts as the other’s word from now on, by the "
    "other’s name, and claims that rested on both may fall. Its own name stays known. They can be "
    "separated again.",
    "its name, its address or a part of them",
    "parties-merged",
    reversal_words.PARTY_SEPARATION,
)
SPEAKERS = Kind(
    "speaker",
    "/speakers",
    _read_speaker,
    merge_candidates.find_speakers,
    merge_candidates.count_speaker_records,
    directory_inputs.SpeakerMergeIn,
    directory_merges.merge_speaker,
    directory_merges.separate_speaker,
    "Two records of one person: what this one said is shown with the other’s name and role from "
    "now on. Their own name stays known. The two can be separated again.",
    "a part of the name or role; only who speaks for the same side",
    "people-merged",
    reversal_words.SPEAKER_SEPARATION,
)
SOURCES = Kind(
    "source",
    "/sources",
    _read_source,
    merge_candidates.find_sources,
    merge_candidates.count_source_records,
    directory_inputs.SourceMergeIn,
    _merge_source,
    _separate_source,
    "Two records of one text: words from this one are shown with the other as their source from "
    "now on. They can be separated again.",
    "words of the headline or outlet, where it was read, or its page’s address",
    "sources-merged",
    reversal_words.SOURCE_SEPARATION,
)


async def _render_merge(
    call: Call,
    kind: Kind,
    thing: str,
    question: Question,
    *,
    error: ClaimdeskError | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    """Render the step that a merge has come to: to choose, or to confirm what was chosen."""
    duplicate = await call.read(kind.read, thing)
    survivor = choice = counts = None
    matches: list[MergeCandidate] = []
    if duplicate.merged_into is not None:
        survivor = await _read_chosen(call, kind, thing, duplicate.merged_into)
    elif question.into:
        choice = await _read_chosen(call, kind, thing, question.into)
    confirms = choice is not None and choice.merged_into is None and not choice.is_below
    if confirms:
        counts = await call.read(kind.count, thing)
    elif duplicate.merged_into is None:
        search = Search(_read_words(kind, question.words), None, question.skip, SHOWN)
        matches = await call.read(kind.find, thing, search)
    address = f"{kind.pages}/{thing}/merge"
    return render_page(
        call,
        "directory_merge.html",
        error=error,
        kind=kind,
        duplicate=duplicate,
        survivor=survivor,
        chosen=choice,
        confirms=confirms,
        counts=counts,
        is_itself=question.into == thing,
        candidates=matches[:SHOWN],
        question=question,
        action=address,
        more=_build_more(address, question) if len(matches) > SHOWN else None,
        may_wait=kind is not SOURCES and call.services.four_eyes,
        typed=typed or dict.fromkeys(TYPED, ""),
        faults=forms.describe_faults(error, forms.NO_NAMES),
    )


async def _read_chosen(call: Call, kind: Kind, thing: str, into: str) -> MergeCandidate | None:
    """Read what is chosen, whatever has become of it; None where there is no such thing."""
    matches = await call.read(kind.find, thing, Search(chosen=into))
    return matches[0] if matches else None


def _read_words(kind: Kind, text: str) -> str:
    """Read the words of a search; of the address of a page of this kind, what it ends with."""
    return candidates.read_id(text) if f"{kind.pages}/" in text else text


def _build_more(address: str, question: Question) -> str:
    following = {"q": question.words, "skip": question.skip + SHOWN}
    return f"{address}?{urlencode(following)}"


async def _merge(form: Form, kind: Kind, thing: str) -> Response:
    """Merge one of `kind` into another, or propose it."""
    duplicate = await form.call.read(kind.read, thing)
    into = form.get_text("into") or ""
    try:
        body: Any = forms.parse_body(kind.body, {"into": into, "reason": form.get_text("reason")})
        return await _carry_out(
            form,
            kind.merge,
            thing,
            duplicate.page,
            f"{kind.done}&{confirmations.UNDONE}={thing}",
            into=body.into,
            reason=body.reason,
        )
    except REFUSALS as error:
        return await _render_merge(
            form.call, kind, thing, Question(into=into), error=error, typed=form.keep(TYPED)
        )


async def _render_separation(
    call: Call, kind: Kind, thing: str, *, error: ClaimdeskError | None = None, reason: str = ""
) -> Response:
    duplicate = await call.read(kind.read, thing)
    return render_reversal(
        call,
        kind.separation,
        action=f"{kind.pages}/{thing}/separation",
        back=duplicate.page,
        about=duplicate.name,
        error=error,
        reason=reason,
    )


async def _separate(form: Form, kind: Kind, thing: str) -> Response:
    """Separate what was merged, or propose it."""
    duplicate = await form.call.read(kind.read, thing)
    try:
        return await _carry_out(
            form,
            kind.separate,
            thing,
            duplicate.page,
            kind.separation.done,
            reason=read_reason(form),
        )
    except REFUSALS as error:
        typed = form.get_text("reason") or ""
        return await _render_separation(form.call, kind, thing, error=error, reason=typed)


async def _carry_out(
    form: Form, command: Callable[..., str | None], thing: str, page: str, word: str, **fields: Any
) -> Response:
    """Run a command that may wait for a second person, and have claims follow it."""
    response = await form.carry_out(
        command,
        thing,
        **fields,
        four_eyes=form.call.services.four_eyes,
        redirect_to=lambda waiting: f"{page}?done={'proposed' if waiting else word}",
    )
    form.call.services.renamer.wake()
    return response


@router.get("/parties/{slug}/merge")
async def show_party_merge(slug: SlugPath, call: MayMerge, question: Choosing) -> Response:
    return await _render_merge(call, PARTIES, slug, question)


@router.post("/parties/{slug}/merge")
async def merge_party(slug: SlugPath, form: Merging) -> Response:
    return await _merge(form, PARTIES, slug)


@router.get("/parties/{slug}/separation")
async def show_party_separation(slug: SlugPath, call: MayMerge) -> Response:
    return await _render_separation(call, PARTIES, slug)


@router.post("/parties/{slug}/separation")
async def separate_party(slug: SlugPath, form: Merging) -> Response:
    return await _separate(form, PARTIES, slug)


@router.get("/speakers/{speaker_id}/merge")
async def show_speaker_merge(speaker_id: RecordId, call: MayMerge, question: Choosing) -> Response:
    return await _render_merge(call, SPEAKERS, speaker_id, question)


@router.post("/speakers/{speaker_id}/merge")
async def merge_speaker(speaker_id: RecordId, form: Merging) -> Response:
    return await _merge(form, SPEAKERS, speaker_id)


@router.get("/speakers/{speaker_id}/separation")
async def show_speaker_separation(speaker_id: RecordId, call: MayMerge) -> Response:
    return await _render_separation(call, SPEAKERS, speaker_id)


@router.post("/speakers/{speaker_id}/separation")
async def separate_speaker(speaker_id: RecordId, form: Merging) -> Response:
    return await _separate(form, SPEAKERS, speaker_id)


@router.get("/sources/{source_id}/merge")
async def show_source_merge(source_id: RecordId, call: MayMerge, question: Choosing) -> Response:
    return await _render_merge(call, SOURCES, source_id, question)


@router.post("/sources/{source_id}/merge")
async def merge_source(source_id: RecordId, form: Merging) -> Response:
    return await _merge(form, SOURCES, source_id)


@router.get("/sources/{source_id}/separation")
async def show_source_separation(source_id: RecordId, call: MayMerge) -> Response:
    return await _render_separation(call, SOURCES, source_id)


@router.post("/sources/{source_id}/separation")
async def separate_source(source_id: RecordId, form: Merging) -> Response:
    return await _separate(form, SOURCES, source_id)
