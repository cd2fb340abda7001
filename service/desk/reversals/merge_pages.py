"""Forms that merge parties, speakers and sources that are one, and separate them again."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Response

from service.claims import directory_merges
from service.desk.layout import confirmations, forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page, shorten
from service.desk.reversals import reversal_words
from service.desk.reversals.reversal_pages import REFUSALS, read_reason, render_reversal
from service.desk.reversals.reversal_words import FormWords
from service.directory import directory_queries, source_merges
from service.directory.directory_views import SourceView
from service.domain.access import Action
from service.domain.errors import ClaimdeskError
from service.field_types import In
from service.store.engine import Connection
from service.store.paging import MAX_LIMIT, Window
from service.web.bodies import directory_inputs
from service.web.calls import Call, allow
from service.web.fields import RecordId, SlugPath

router = APIRouter(include_in_schema=False)

MayMerge = Annotated[Call, allow(Action.MERGE_DIRECTORY, page=True)]
Merging = Annotated[Form, accept_form(Action.MERGE_DIRECTORY)]
TYPED = ("into", "other", "reason")
FIRST_PAGE = Window(MAX_LIMIT, None)
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Duplicate:
    """What may be merged into another of its kind, or was."""

    name: str
    """Its own, whatever it is shown by."""
    page: str
    """Where it is shown."""
    candidates: Iterable[tuple[str, str]]
    """What it may be merged into: ids and names."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Parties, speakers or sources: how they are merged, and in which words."""

    pages: str
    read: Callable[[Connection, str], Duplicate]
    body: type[In]
    merge: Callable[..., str | None]
    separate: Callable[..., str | None]
    explanation: str
    done: str
    separation: FormWords


def _read_party(connection: Connection, slug: str) -> Duplicate:
    party = directory_queries.read_party(connection, slug)
    every = directory_queries.list_parties(connection, parent=None, window=FIRST_PAGE)
    return Duplicate(
        name=party.get("merged_name") or party["name"],
        page=f"/parties/{slug}",
        candidates=[
            (other["slug"], other["name"])
            for other in every
            if other["slug"] != slug and "merged_into" not in other
        ],
    )


def _read_speaker(connection: Connection, speaker_id: str) -> Duplicate:
    speaker = directory_queries.read_speaker(connection, speaker_id)
    root = directory_queries.read_party(connection, speaker["party"])["root"]
    every = directory_queries.list_speakers(connection, name=None, party=root, window=FIRST_PAGE)
    return Duplicate(
        name=speaker.get("merged_name") or speaker["name"],
        page=f"/parties/{speaker['party']}",
        candidates=[
            (other["id"], ", ".join(filter(None, (other["name"], other["role"]))))
            for other in every
            if other["id"] != speaker_id and "merged_into" not in other
        ],
    )


def _read_source(connection: Connection, source_id: str) -> Duplicate:
    source = directory_queries.read_source(connection, source_id)
    every = directory_queries.list_sources(connection, url=None, window=FIRST_PAGE)
    return Duplicate(
        name=source["title"] or source["publisher"] or source["url"],
        page=f"/sources/{source_id}",
        candidates=[
            (other["id"], _describe_source(other))
            for other in every
            if other["id"] != source_id and "merged_into" not in other
        ],
    )


def _describe_source(source: SourceView) -> str:
    words = filter(None, (source["publisher"], source["title"], source["url"]))
    return shorten(" · ".join(words), LONGEST_NAME)


def _merge_source(connection: Connection, source_id: str, *, four_eyes: bool, **by: Any) -> None:
    """Merge a source, which one person may: it changes nothing that prints."""
    source_merges.merge_source(connection, source_id, **by)


def _separate_source(connection: Connection, source_id: str, *, four_eyes: bool, **by: Any) -> None:
    source_merges.separate_source(connection, source_id, **by)


PARTIES = Kind(
    "/parties",
    _read_party,
    directory_inputs.PartyMergeIn,
    directory_merges.merge_party,
    directory_merges.separate_party,
    "Two records of one party: what this one says counts as the other’s word from now on, by the "
    "other’s name, and claims that rested on both may fall. Its own name stays known. They can be "
    "separated again.",
    "parties-merged",
    reversal_words.PARTY_SEPARATION,
)
SPEAKERS = Kind(
    "/speakers",
    _read_speaker,
    directory_inputs.SpeakerMergeIn,
    directory_merges.merge_speaker,
    directory_merges.separate_speaker,
    "Two records of one person: what this one said is shown with the other’s name and role from "
    "now on. The own name stays known. They can be separated again.",
    "people-merged",
    reversal_words.SPEAKER_SEPARATION,
)
SOURCES = Kind(
    "/sources",
    _read_source,
    directory_inputs.SourceMergeIn,
    _merge_source,
    _separate_source,
    "Two records of one text: words from this one are shown with the other as their source from "
    "now on. They can be separated again.",
    "sources-merged",
    reversal_words.SOURCE_SEPARATION,
)


async def _render_merge(
    call: Call,
    kind: Kind,
    thing: str,
    *,
    error: ClaimdeskError | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    duplicate = await call.read(kind.read, thing)
    return render_page(
        call,
        "directory_merge.html",
        error=error,
        name=duplicate.name,
        explanation=kind.explanation,
        action=f"{kind.pages}/{thing}/merge",
        back=duplicate.page,
        candidates=sorted(duplicate.candidates, key=lambda choice: choice[1].casefold()),
        by_address=kind is SOURCES,
        typed=typed or dict.fromkeys(TYPED, ""),
        faults=forms.describe_faults(error, forms.NO_NAMES),
    )


async def _merge(form: Form, kind: Kind, thing: str) -> Response:
    """Merge one of `kind` into another, or propose it."""
    duplicate = await form.call.read(kind.read, thing)
    try:
        other = (form.get_text("other") or "").rstrip("/").rpartition("/")[2]
        body: Any = forms.parse_body(
            kind.body,
            {"into": other or form.get_text("into") or "", "reason": form.get_text("reason")},
        )
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
        return await _render_merge(form.call, kind, thing, error=error, typed=form.keep(TYPED))


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
async def show_party_merge(slug: SlugPath, call: MayMerge) -> Response:
    return await _render_merge(call, PARTIES, slug)


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
async def show_speaker_merge(speaker_id: RecordId, call: MayMerge) -> Response:
    return await _render_merge(call, SPEAKERS, speaker_id)


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
async def show_source_merge(source_id: RecordId, call: MayMerge) -> Response:
    return await _render_merge(call, SOURCES, source_id)


@router.post("/sources/{source_id}/merge")
async def merge_source(source_id: RecordId, form: Merging) -> Response:
    return await _merge(form, SOURCES, source_id)


@router.get("/sources/{source_id}/separation")
async def show_source_separation(source_id: RecordId, call: MayMerge) -> Response:
    return await _render_separation(call, SOURCES, source_id)


@router.post("/sources/{source_id}/separation")
async def separate_source(source_id: RecordId, form: Merging) -> Response:
    return await _separate(form, SOURCES, source_id)
