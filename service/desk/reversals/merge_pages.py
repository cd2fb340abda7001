"""Forms that merge parties and speakers who are one, and separate them again."""

from typing import Annotated

from fastapi import APIRouter, Response

from service.claims import directory_merges
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.reversals import reversal_words
from service.desk.reversals.reversal_pages import REFUSALS, read_reason, render_reversal
from service.directory import directory_queries
from service.domain.access import Action
from service.domain.errors import ClaimdeskError
from service.store.paging import MAX_LIMIT, Window
from service.web.bodies import directory_inputs
from service.web.calls import Call, allow
from service.web.fields import RecordId, SlugPath

router = APIRouter(include_in_schema=False)

MayMerge = Annotated[Call, allow(Action.MERGE_DIRECTORY, page=True)]
Merging = Annotated[Form, accept_form(Action.MERGE_DIRECTORY)]
TYPED = ("into", "reason")


async def _render_merge(
    call: Call,
    *,
    name: str,
    explanation: str,
    path: str,
    back: str,
    candidates: list[tuple[str, str]],
    error: ClaimdeskError | None = None,
    form: Form | None = None,
) -> Response:
    return render_page(
        call,
        "directory_merge.html",
        error=error,
        name=name,
        explanation=explanation,
        action=path,
        back=back,
        candidates=sorted(candidates, key=lambda choice: choice[1].casefold()),
        typed=form.keep(TYPED) if form else dict.fromkeys(TYPED, ""),
        faults=forms.describe_faults(error, forms.NO_NAMES),
    )


async def _render_party_merge(
    call: Call, slug: str, *, error: ClaimdeskError | None = None, form: Form | None = None
) -> Response:
    party = await call.read(directory_queries.read_party, slug)
    every = await call.read(
        directory_queries.list_parties, parent=None, window=Window(MAX_LIMIT, None)
    )
    return await _render_merge(
        call,
        name=party["name"],
        explanation="Two records of one party: what this one says counts as the other’s word from "
        "now on, by the other’s name, and claims that rested on both may fall. Its own name stays "
        "known. They can be separated again.",
        path=f"/parties/{slug}/merge",
        back=f"/parties/{slug}",
        candidates=[
            (other["slug"], other["name"])
            for other in every
            if other["slug"] != slug and "merged_into" not in other
        ],
        error=error,
        form=form,
    )


@router.get("/parties/{slug}/merge")
async def show_party_merge(slug: SlugPath, call: MayMerge) -> Response:
    return await _render_party_merge(call, slug)


@router.post("/parties/{slug}/merge")
async def merge_party(slug: SlugPath, form: Merging) -> Response:
    """Merge a party into another, or propose it."""
    try:
        body = forms.parse_body(
            directory_inputs.PartyMergeIn,
            {"into": form.get_text("into") or "", "reason": form.get_text("reason")},
        )
        merged = await form.carry_out(
            directory_merges.merge_party,
            slug,
            into=body.into,
            reason=body.reason,
            four_eyes=form.call.services.four_eyes,
            redirect_to=lambda waiting: (
                f"/parties/{slug}?done={'proposed' if waiting else 'parties-merged'}"
            ),
        )
        form.call.services.renamer.wake()
        return merged
    except REFUSALS as error:
        return await _render_party_merge(form.call, slug, error=error, form=form)


async def _render_party_separation(
    call: Call, slug: str, *, error: ClaimdeskError | None = None, reason: str = ""
) -> Response:
    party = await call.read(directory_queries.read_party, slug)
    return render_reversal(
        call,
        reversal_words.PARTY_SEPARATION,
        action=f"/parties/{slug}/separation",
        back=f"/parties/{slug}",
        about=party.get("merged_name") or party["name"],
        error=error,
        reason=reason,
    )


@router.get("/parties/{slug}/separation")
async def show_party_separation(slug: SlugPath, call: MayMerge) -> Response:
    return await _render_party_separation(call, slug)


@router.post("/parties/{slug}/separation")
async def separate_party(slug: SlugPath, form: Merging) -> Response:
    """Separate a merged party, or propose it."""
    try:
        separated = await form.carry_out(
            directory_merges.separate_party,
            slug,
            reason=read_reason(form),
            four_eyes=form.call.services.four_eyes,
            redirect_to=lambda waiting: (
                f"/parties/{slug}?done={'proposed' if waiting else 'parted'}"
            ),
        )
        form.call.services.renamer.wake()
        return separated
    except REFUSALS as error:
        typed = form.get_text("reason") or ""
        return await _render_party_separation(form.call, slug, error=error, reason=typed)


async def _render_speaker_merge(
    call: Call, speaker_id: str, *, error: ClaimdeskError | None = None, form: Form | None = None
) -> Response:
    speaker = await call.read(directory_queries.read_speaker, speaker_id)
    party = await call.read(directory_queries.read_party, speaker["party"])
    every = await call.read(
        directory_queries.list_speakers,
        name=None,
        party=party["root"],
        window=Window(MAX_LIMIT, None),
    )
    return await _render_merge(
        call,
        name=speaker["name"],
        explanation="Two records of one person: what this one said is shown with the other’s name "
        "and role from now on. The own name stays known. They can be separated again.",
        path=f"/speakers/{speaker_id}/merge",
        back=f"/parties/{speaker['party']}",
        candidates=[
            (other["id"], ", ".join(filter(None, (other["name"], other["role"]))))
            for other in every
            if other["id"] != speaker_id and "merged_into" not in other
        ],
        error=error,
        form=form,
    )


@router.get("/speakers/{speaker_id}/merge")
async def show_speaker_merge(speaker_id: RecordId, call: MayMerge) -> Response:
    return await _render_speaker_merge(call, speaker_id)


@router.post("/speakers/{speaker_id}/merge")
async def merge_speaker(speaker_id: RecordId, form: Merging) -> Response:
    """Merge a speaker into another, or propose it."""
    speaker = await form.call.read(directory_queries.read_speaker, speaker_id)
    page = f"/parties/{speaker['party']}"
    try:
        body = forms.parse_body(
            directory_inputs.SpeakerMergeIn,
            {"into": form.get_text("into") or "", "reason": form.get_text("reason")},
        )
        merged = await form.carry_out(
            directory_merges.merge_speaker,
            speaker_id,
            into=body.into,
            reason=body.reason,
            four_eyes=form.call.services.four_eyes,
            redirect_to=lambda waiting: f"{page}?done={'proposed' if waiting else 'people-merged'}",
        )
        form.call.services.renamer.wake()
        return merged
    except REFUSALS as error:
        return await _render_speaker_merge(form.call, speaker_id, error=error, form=form)


async def _render_speaker_separation(
    call: Call, speaker_id: str, *, error: ClaimdeskError | None = None, reason: str = ""
) -> Response:
    speaker = await call.read(directory_queries.read_speaker, speaker_id)
    return render_reversal(
        call,
        reversal_words.SPEAKER_SEPARATION,
        action=f"/speakers/{speaker_id}/separation",
        back=f"/parties/{speaker['party']}",
        about=speaker.get("merged_name") or speaker["name"],
        error=error,
        reason=reason,
    )


@router.get("/speakers/{speaker_id}/separation")
async def show_speaker_separation(speaker_id: RecordId, call: MayMerge) -> Response:
    return await _render_speaker_separation(call, speaker_id)


@router.post("/speakers/{speaker_id}/separation")
async def separate_speaker(speaker_id: RecordId, form: Merging) -> Response:
    """Separate a merged speaker, or propose it."""
    speaker = await form.call.read(directory_queries.read_speaker, speaker_id)
    page = f"/parties/{speaker['party']}"
    try:
        separated = await form.carry_out(
            directory_merges.separate_speaker,
            speaker_id,
            reason=read_reason(form),
            four_eyes=form.call.services.four_eyes,
            redirect_to=lambda waiting: f"{page}?done={'proposed' if waiting else 'parted'}",
        )
        form.call.services.renamer.wake()
        return separated
    except REFUSALS as error:
        typed = form.get_text("reason") or ""
        return await _render_speaker_separation(form.call, speaker_id, error=error, reason=typed)
