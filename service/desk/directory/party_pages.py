"""Parties, from their roots down, and who speaks for them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from service.claims import rename_commands
from service.desk.layout import forms
from service.desk.layout.forms import Form, posted
from service.desk.layout.rendering import render
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
from service.store.paging import MAX_LIMIT, Window, cut
from service.web.bodies import directory_inputs
from service.web.calls import Call, allow, build_list_scope
from service.web.fields import RecordId, SlugPath, read_sent_fields

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.READ_RECORDS, page=True)]
MayChange = Annotated[Call, allow(Action.CHANGE_PARTIES, page=True)]
Recording = Annotated[Form, posted(Action.RECORD)]
Changing = Annotated[Form, posted(Action.CHANGE_PARTIES)]

FAMILIES, SPEAKERS, SOME = 50, 100, 4
FIELDS = ("name", "slug", "full_name", "kind", "country", "parent")
PERSON = ("name", "role")


class PartyNode(PartyView):
    """A party and those right below it, each likewise."""

    children: list["PartyNode"]


@router.get("/parties")
async def show_parties(call: Reading) -> Response:
    return await _list(call)


async def _list(
    call: Call, form: Form | None = None, error: ClaimdeskError | None = None
) -> Response:
    request = call.request
    scope, after = build_list_scope("desk parties", request), None
    if form is None and (cursor := request.query_params.get("cursor")):
        after = call.services.cursors.read(cursor, scope, now=call.now)
    window = Window(FAMILIES, after)
    found = await call.read(directory_queries.list_root_parties, window=window)
    rows, last = cut(found, window, lambda row: [row["slug"]])
    slugs = [one["slug"] for root in rows for one in (root, *root["below"])]
    following = None
    if last is not None:
        following = call.services.cursors.write(scope, last, now=call.now)
    return render(
        request,
        "parties.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        roots=[_nest_children(root) for root in rows],
        speakers=await call.read(directory_queries.list_first_speakers, slugs, limit=SOME + 1),
        some=SOME,
        next=None if following is None else f"/parties?{urlencode({'cursor': following})}",
        typed=_typed(form, FIELDS),
        parents=await _parents(call, form.text("parent") if form else None),
        faults=_faults(error),
    )


def _nest_children(root: RootPartyView) -> PartyNode:
    tree: tuple[PartyView, ...] = (root, *root["below"])
    nodes: list[PartyNode] = [{**party, "children": []} for party in tree]
    by_slug = {node["slug"]: node for node in nodes}
    for node in nodes[1:]:
        by_slug[str(node["parent"])]["children"].append(node)
    return nodes[0]


async def _parents(call: Call, chosen: str | None) -> list[tuple[str, str]]:
    """The parties that a form offers to belong to: as many as a choice can hold, and always the
    one that is chosen."""
    every = await call.read(
        directory_queries.list_parties, parent=None, window=Window(MAX_LIMIT, None)
    )
    offered = {one["slug"]: one["name"] for one in every}
    if chosen is not None and chosen not in offered:
        offered |= await call.read(directory_queries.read_names, [chosen])
    return sorted(offered.items(), key=lambda one: one[1].casefold())


@router.post("/parties")
async def record_party(form: Recording) -> Response:
    name = form.text("name") or ""
    try:
        slug = form.text("slug") or make_slug(name)[:64].strip("-")
        if name and not slug:
            raise Invalid("give one: none can be made of this name", loc=("body", "slug"))
        party = forms.body(
            directory_inputs.PartyIn,
            _sent(form) | {"name": name, "slug": slug if name else "party"},
        )
        return await form.carry_out(
            party_commands.create_party, **party.model_dump(), then=f"/parties/{slug}?done=recorded"
        )
    except (Invalid, AlreadyExists) as error:
        return await _list(form.call, form, error)


def _sent(form: Form) -> dict[str, Any]:
    """What a party may be without."""
    country = form.text("country")
    return {
        "full_name": form.text("full_name"),
        "kind": form.text("kind"),
        "country": country.upper() if country else None,
        "parent": form.text("parent"),
    }


@router.get("/parties/{slug}")
async def show_party(slug: SlugPath, call: Reading) -> Response:
    return await _party(call, slug)


async def _party(
    call: Call, slug: str, form: Form | None = None, error: ClaimdeskError | None = None
) -> Response:
    request = call.request
    party = await call.read(directory_queries.read_party, slug)
    above, under = await call.read(directory_queries.read_lineage, slug)
    scope, after = build_list_scope("desk speakers", request), None
    if form is None and (cursor := request.query_params.get("cursor")):
        after = call.services.cursors.read(cursor, scope, now=call.now)
    window = Window(SPEAKERS, after)
    found = await call.read(directory_queries.list_speakers, name=None, party=slug, window=window)
    rows, last = cut(found, window, lambda row: [row["folded_name"], row["id"]])
    following = None
    if last is not None:
        following = call.services.cursors.write(scope, last, now=call.now)
    names = await call.read(directory_queries.read_names, {one["party"] for one in rows})
    return render(
        request,
        "party.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        party=party,
        renamed=await call.read(directory_queries.read_rename_progress, slug),
        above=above,
        under=under,
        speakers=rows,
        names=names,
        next=None if following is None else f"/parties/{slug}?{urlencode({'cursor': following})}",
        typed=_typed(form, PERSON),
        faults=_faults(error),
    )


@router.get("/parties/{slug}/edit")
async def show_party_edit(slug: SlugPath, call: MayChange) -> Response:
    party = await call.read(directory_queries.read_party, slug)
    return await _edit(call, party, _fill_fields(party, FIELDS))


@router.post("/parties/{slug}/edit")
async def change_party(slug: SlugPath, form: Changing) -> Response:
    """A new parent may make voices independent of each other, or no longer: claims are weighed
    anew."""
    party = await form.call.read(directory_queries.read_party, slug)
    try:
        changes = forms.body(
            directory_inputs.PartyChange, _sent(form) | {"name": form.text("name") or ""}
        )
        changed = await form.carry_out(
            rename_commands.change_party,
            slug,
            read_sent_fields(changes),
            four_eyes=form.call.services.four_eyes,
            then=lambda waiting: f"/parties/{slug}?done={'proposed' if waiting else 'saved'}",
        )
        form.call.services.renamer.wake()
        return changed
    except (Invalid, DecisionPending) as error:
        return await _edit(form.call, party, _typed(form, FIELDS), error)


async def _edit(
    call: Call,
    party: PartyView,
    typed: Mapping[str, str],
    error: ClaimdeskError | None = None,
) -> Response:
    parents = await _parents(call, typed["parent"] or None)
    return render(
        call.request,
        "party_edit.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        party=party,
        parents=[one for one in parents if one[0] != party["slug"]],
        typed=typed,
        faults=_faults(error),
    )


@router.post("/parties/{slug}/speakers")
async def record_speaker(slug: SlugPath, form: Recording) -> Response:
    """Somebody in a new role is a new speaker: what was said before keeps the role of then."""
    await form.call.read(directory_queries.read_party, slug)
    try:
        person = forms.body(
            directory_inputs.SpeakerIn, {"name": form.text("name") or "", "role": form.text("role")}
        )
        return await form.carry_out(
            party_commands.create_speaker,
            party=slug,
            person=person.to_command(),
            then=f"/parties/{slug}?done=recorded",
        )
    except Invalid as error:
        return await _party(form.call, slug, form, error)


@router.get("/speakers/{speaker_id}/edit")
async def show_speaker_edit(speaker_id: RecordId, call: MayChange) -> Response:
    speaker = await call.read(directory_queries.read_speaker, speaker_id)
    return await _correct(call, speaker, _fill_fields(speaker, PERSON))


@router.post("/speakers/{speaker_id}/edit")
async def change_speaker(speaker_id: RecordId, form: Changing) -> Response:
    """Correct how a name or a role is written, in every claim that shows it."""
    speaker = await form.call.read(directory_queries.read_speaker, speaker_id)
    try:
        changes = forms.body(
            directory_inputs.SpeakerChange,
            {"name": form.text("name") or "", "role": form.text("role")},
        )
        changed = await form.carry_out(
            rename_commands.change_speaker,
            speaker_id,
            read_sent_fields(changes),
            four_eyes=form.call.services.four_eyes,
            then=lambda waiting: (
                f"/parties/{speaker['party']}?done={'proposed' if waiting else 'saved'}"
            ),
        )
        form.call.services.renamer.wake()
        return changed
    except (Invalid, AlreadyExists, DecisionPending) as error:
        return await _correct(form.call, speaker, _typed(form, PERSON), error)


async def _correct(
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
        faults=_faults(error, "name"),
    )


def _fill_fields(view: Mapping[str, object], names: Sequence[str]) -> dict[str, str]:
    return {name: str(view[name] or "") for name in names}


def _typed(form: Form | None, names: Sequence[str]) -> dict[str, str]:
    return {name: (form.verbatim(name) or "") if form else "" for name in names}


def _faults(error: ClaimdeskError | None, taken: str = "slug") -> dict[str, str]:
    """What is wrong, by field; `taken` is the one at fault where the thing is recorded already."""
    if error is None:
        return {}
    return forms.faults(error, {}) if isinstance(error, Invalid) else {taken: error.detail}
