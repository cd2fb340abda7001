"""Pages of parties, from their roots down, and of who speaks for them."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from service.claims import rename_commands
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render
from service.desk.work import follow_forms
from service.directory import directory_queries, party_commands
from service.directory.directory_views import PartyView, RootPartyView, SpeakerView
from service.domain.access import Action
from service.domain.errors import (
    AlreadyExists,
    ClaimdeskError,
    DecisionPending,
    Invalid,
)
from service.domain.names import make_slug
from service.domain.notices import FollowKind
from service.store.paging import MAX_LIMIT, Window, cut_page
from service.web.bodies import directory_inputs
from service.web.calls import Call, allow, build_list_scope
from service.web.fields import RecordId, SlugPath, read_sent_fields

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.READ_RECORDS, page=True)]
MayChange = Annotated[Call, allow(Action.CHANGE_PARTIES, page=True)]
Recording = Annotated[Form, accept_form(Action.RECORD)]
Changing = Annotated[Form, accept_form(Action.CHANGE_PARTIES)]

ROOTS, SPEAKERS, FIRST_SPEAKERS = 50, 100, 4
PARTY_FIELDS = ("name", "slug", "full_name", "in_sentence", "kind", "country", "parent")
SPEAKER_FIELDS = ("name", "role")


class PartyNode(PartyView):
    """A party and those right below it, each likewise."""

    children: list["PartyNode"]


@router.get("/parties")
async def show_parties(call: Reading) -> Response:
    return await _render_parties(call)


async def _render_parties(
    call: Call, form: Form | None = None, error: ClaimdeskError | None = None
) -> Response:
    request = call.request
    scope, after = build_list_scope("desk parties", request), None
    if form is None and (cursor := request.query_params.get("cursor")):
        after = call.cursors.read(cursor, scope, now=call.now)
    window = Window(ROOTS, after)
    root_rows = await call.read(directory_queries.list_root_parties, window=window)
    rows, last = cut_page(root_rows, window, lambda root: [root["slug"]])
    slugs = [party["slug"] for root in rows for party in (root, *root["below"])]
    following = None
    if last is not None:
        following = call.cursors.write(scope, last, now=call.now)
    return render(
        request,
        "parties.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        roots=[_nest_children(root) for root in rows],
        speakers=await call.read(
            directory_queries.list_first_speakers, slugs, limit=FIRST_SPEAKERS + 1
        ),
        some=FIRST_SPEAKERS,
        next=None if following is None else f"/parties?{urlencode({'cursor': following})}",
        typed=_read_typed(form, PARTY_FIELDS),
        parents=await _list_parents(call, form.get_text("parent") if form else None),
        faults=_list_faults(error),
    )


def _nest_children(root: RootPartyView) -> PartyNode:
    tree: tuple[PartyView, ...] = (root, *root["below"])
    nodes: list[PartyNode] = [{**party, "children": []} for party in tree]
    by_slug = {node["slug"]: node for node in nodes}
    for node in nodes[1:]:
        by_slug[str(node["parent"])]["children"].append(node)
    return nodes[0]


async def _list_parents(call: Call, parent: str | None) -> list[tuple[str, str]]:
    """Return the parties that a form offers as parent: as many as a choice can hold, and always
    the one that is chosen."""
    parties = await call.read(
        directory_queries.list_parties, parent=None, window=Window(MAX_LIMIT, None)
    )
    names_by_slug = {
        party["slug"]: party["name"] for party in parties if "merged_into" not in party
    }
    if parent is not None and parent not in names_by_slug:
        names_by_slug |= await call.read(directory_queries.read_names, [parent])
    return sorted(names_by_slug.items(), key=lambda choice: choice[1].casefold())


@router.post("/parties")
async def record_party(form: Recording) -> Response:
    name = form.get_text("name") or ""
    try:
        slug = form.get_text("slug") or make_slug(name)
        if name and not slug:
            raise Invalid("give one: none can be made of this name", loc=("body", "slug"))
        party = forms.parse_body(
            directory_inputs.PartyIn,
            _read_optional_fields(form) | {"name": name, "slug": slug if name else "party"},
        )
        return await form.carry_out(
            party_commands.create_party,
            **party.model_dump(),
            redirect_to=f"/parties/{slug}?done=recorded",
        )
    except (Invalid, AlreadyExists) as error:
        return await _render_parties(form.call, form, error)


def _read_optional_fields(form: Form) -> dict[str, str | None]:
    country = form.get_text("country")
    return {
        "full_name": form.get_text("full_name"),
        "in_sentence": form.get_text("in_sentence"),
        "kind": form.get_text("kind"),
        "country": country.upper() if country else None,
        "parent": form.get_text("parent"),
    }


@router.get("/parties/{slug}")
async def show_party(slug: SlugPath, call: Reading) -> Response:
    return await _render_party(call, slug)


async def _render_party(
    call: Call, slug: str, form: Form | None = None, error: ClaimdeskError | None = None
) -> Response:
    request = call.request
    party = await call.read(directory_queries.read_party, slug)
    above, under = await call.read(directory_queries.read_lineage, slug)
    scope, after = build_list_scope("desk speakers", request), None
    if form is None and (cursor := request.query_params.get("cursor")):
        after = call.cursors.read(cursor, scope, now=call.now)
    window = Window(SPEAKERS, after)
    speaker_rows = await call.read(
        directory_queries.list_speakers, name=None, party=slug, window=window
    )
    rows, last = cut_page(
        speaker_rows, window, lambda speaker: [speaker["folded_name"], speaker["id"]]
    )
    following = None
    if last is not None:
        following = call.cursors.write(scope, last, now=call.now)
    names = await call.read(directory_queries.read_names, {speaker["party"] for speaker in rows})
    return render(
        request,
        "party.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        party=party,
        button=await follow_forms.read_button(call, FollowKind.PARTY, slug),
        renamed=await call.read(directory_queries.read_rename_progress, slug),
        above=above,
        under=under,
        speakers=rows,
        names=names,
        next=None if following is None else f"/parties/{slug}?{urlencode({'cursor': following})}",
        typed=_read_typed(form, SPEAKER_FIELDS),
        faults=_list_faults(error),
    )


@router.get("/parties/{slug}/edit")
async def show_party_edit(slug: SlugPath, call: MayChange) -> Response:
    party = await call.read(directory_queries.read_party, slug)
    return await _render_edit(call, party, _fill_fields(party, PARTY_FIELDS))


@router.post("/parties/{slug}/edit")
async def change_party(slug: SlugPath, form: Changing) -> Response:
    """Change a party.  A new parent may make voices independent of each other, or dependent: the
    evidence of the claims is counted again."""
    party = await form.call.read(directory_queries.read_party, slug)
    try:
        changes = forms.parse_body(
            directory_inputs.PartyChange,
            _read_optional_fields(form) | {"name": form.get_text("name") or ""},
        )
        response = await form.carry_out(
            rename_commands.change_party,
            slug,
            read_sent_fields(changes),
            four_eyes=form.call.services.four_eyes,
            redirect_to=lambda waiting: (
                f"/parties/{slug}?done={'proposed' if waiting else 'saved'}"
            ),
        )
        form.call.services.renamer.wake()
        return response
    except (Invalid, DecisionPending) as error:
        return await _render_edit(form.call, party, _read_typed(form, PARTY_FIELDS), error)


async def _render_edit(
    call: Call,
    party: PartyView,
    typed: Mapping[str, str],
    error: ClaimdeskError | None = None,
) -> Response:
    parents = await _list_parents(call, typed["parent"] or None)
    return render(
        call.request,
        "party_edit.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        party=party,
        parents=[(slug, name) for slug, name in parents if slug != party["slug"]],
        typed=typed,
        faults=_list_faults(error),
    )


@router.post("/parties/{slug}/speakers")
async def record_speaker(slug: SlugPath, form: Recording) -> Response:
    """Record a speaker.  A new role makes a new speaker: what was said before keeps its role."""
    await form.call.read(directory_queries.read_party, slug)
    try:
        person = forms.parse_body(
            directory_inputs.SpeakerIn,
            {"name": form.get_text("name") or "", "role": form.get_text("role")},
        )
        return await form.carry_out(
            party_commands.create_speaker,
            party=slug,
            person=person.to_command(),
            redirect_to=f"/parties/{slug}?done=recorded",
        )
    except Invalid as error:
        return await _render_party(form.call, slug, form, error)


@router.get("/speakers/{speaker_id}/edit")
async def show_speaker_edit(speaker_id: RecordId, call: MayChange) -> Response:
    speaker = await call.read(directory_queries.read_speaker, speaker_id)
    return await _render_correction(call, speaker, _fill_fields(speaker, SPEAKER_FIELDS))


@router.post("/speakers/{speaker_id}/edit")
async def change_speaker(speaker_id: RecordId, form: Changing) -> Response:
    """Correct a name or role, on every claim that shows it."""
    speaker = await form.call.read(directory_queries.read_speaker, speaker_id)
    try:
        changes = forms.parse_body(
            directory_inputs.SpeakerChange,
            {"name": form.get_text("name") or "", "role": form.get_text("role")},
        )
        response = await form.carry_out(
            rename_commands.change_speaker,
            speaker_id,
            read_sent_fields(changes),
            four_eyes=form.call.services.four_eyes,
            redirect_to=lambda waiting: (
                f"/parties/{speaker['party']}?done={'proposed' if waiting else 'saved'}"
            ),
        )
        form.call.services.renamer.wake()
        return response
    except (Invalid, AlreadyExists, DecisionPending) as error:
        return await _render_correction(
            form.call, speaker, _read_typed(form, SPEAKER_FIELDS), error
        )


async def _render_correction(
    call: Call,
    speaker: SpeakerView,
    typed: Mapping[str, str],
    error: ClaimdeskError | None = None,
) -> Response:
    return render(
        call.request,
        "speaker_edit.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        speaker=speaker,
        party=await call.read(directory_queries.read_party, speaker["party"]),
        typed=typed,
        faults=_list_faults(error, "name"),
    )


def _fill_fields(view: Mapping[str, object], names: Sequence[str]) -> dict[str, str]:
    return {name: str(view.get(name) or "") for name in names}


def _read_typed(form: Form | None, names: Sequence[str]) -> dict[str, str]:
    return {name: (form.get_verbatim(name) or "") if form else "" for name in names}


def _list_faults(error: ClaimdeskError | None, taken_field: str = "slug") -> dict[str, str]:
    """Return what is wrong by field; `taken` is the field at fault where it is recorded already."""
    if error is None:
        return {}
    return (
        forms.describe_faults(error, {})
        if isinstance(error, Invalid)
        else {taken_field: error.detail}
    )
