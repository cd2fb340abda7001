"""Stories: the list, and one with who stands where in it, when its claims had which status, and
what happened."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from service.desk.claims import board_pages
from service.desk.layout import forms, instants
from service.desk.layout.forms import Form, posted
from service.desk.layout.rendering import render
from service.desk.stories import lane_chart, timeline_entries
from service.domain.access import Action
from service.domain.claims import format_instant
from service.domain.errors import AlreadyExists, ClaimdeskError, Invalid
from service.domain.names import make_slug
from service.record.tail import newest
from service.store.paging import BY_END, Window, cut
from service.stories import matrix_queries, story_commands, story_queries, timeline_queries
from service.web.bodies import directory_inputs
from service.web.calls import Call, allow, build_list_scope
from service.web.fields import SlugPath, read_sent_fields
from service.web.shared import LIST_COST, PAGE_COST

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.READ_CLAIMS, page=True)]
MayChange = Annotated[Call, allow(Action.CHANGE_PARTIES, page=True)]
Recording = Annotated[Form, posted(Action.RECORD)]
Changing = Annotated[Form, posted(Action.CHANGE_PARTIES)]

LISTED = 50
CLAIMS = 12
"""Of the matrix and the lanes, on one page."""
HAPPENED = 20
QUOTED = 1
"""Of what a party said with one stance; the claim's page has all of it."""
CLOCKS = ("recorded", "said")
FIELDS = ("title", "slug", "description")


@router.get("/stories")
async def show_stories(call: Reading) -> Response:
    return await call.share(lambda: _list(call), cost=LIST_COST)


async def _list(
    call: Call,
    *,
    typed: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    request = call.request
    scope, after = build_list_scope("desk stories", request), None
    if cursor := request.query_params.get("cursor"):
        after = call.services.cursors.read(cursor, scope, now=call.now)
    window = Window(LISTED, after)
    found = await call.read(story_queries.list_stories, window=window)
    rows, last = cut(found, window, lambda row: [row["slug"]])
    counts = await call.read(story_queries.count_claims, [one["slug"] for one in rows])
    following = None
    if last is not None:
        following = call.services.cursors.write(scope, last, now=call.now)
    return render(
        request,
        "stories.html",
        caller=call.caller,
        now=call.now,
        status=status,
        stories=[one | {"counts": counts[one["slug"]]} for one in rows],
        next=None if following is None else f"/stories?{urlencode({'cursor': following})}",
        typed=typed or dict.fromkeys(FIELDS, ""),
        faults=faults or {},
    )


@router.post("/stories")
async def record_story(form: Recording) -> Response:
    """Record a story; its address is made of its title where none is given."""
    title = form.text("title") or ""
    try:
        slug = form.text("slug") or make_slug(title)[:64].strip("-")
        if title and not slug:
            raise Invalid("give one: none can be made of this title", loc=("body", "slug"))
        wanted = {"title": title, "slug": slug or "story", "description": form.text("description")}
        story = forms.body(directory_inputs.StoryIn, wanted)
        return await form.carry_out(
            story_commands.create_story, **story.model_dump(), then=f"/stories/{slug}?done=recorded"
        )
    except (Invalid, AlreadyExists) as error:
        return await _list(
            form.call, typed=_typed(form), faults=_faults(error), status=error.status
        )


@router.get("/stories/{slug}/edit")
async def show_edit(slug: SlugPath, call: MayChange) -> Response:
    story = await call.read(story_queries.read_story, slug)
    typed = {name: story[name] or "" for name in FIELDS}
    return _edit(call, story, typed, {})


@router.post("/stories/{slug}/edit")
async def change_story(slug: SlugPath, form: Changing) -> Response:
    """Change its title and description; its address stays, for others link to it."""
    story = await form.call.read(story_queries.read_story, slug)
    try:
        changes = forms.body(
            directory_inputs.StoryChange,
            {"title": form.text("title") or "", "description": form.text("description")},
        )
        return await form.carry_out(
            story_commands.change_story,
            slug,
            read_sent_fields(changes),
            then=f"/stories/{slug}?done=saved",
        )
    except Invalid as error:
        return _edit(form.call, story, _typed(form), _faults(error), error.status)


def _edit(
    call: Call,
    story: Mapping[str, Any],
    typed: Mapping[str, str],
    faults: Mapping[str, str],
    status: int = 200,
) -> Response:
    return render(
        call.request,
        "story_edit.html",
        caller=call.caller,
        now=call.now,
        status=status,
        story=story,
        typed=typed,
        faults=faults,
    )


def _typed(form: Form) -> dict[str, str]:
    return {name: form.verbatim(name) or "" for name in FIELDS}


def _faults(error: ClaimdeskError) -> dict[str, str]:
    if isinstance(error, Invalid):
        return forms.faults(error, {})
    return {"slug": error.detail}


@router.get("/stories/{slug}")
async def show_story(slug: SlugPath, call: Reading) -> Response:
    """A story as it is, or with `as_of` (or `at`, an hour of UTC) as the desk knew it then."""
    return await call.share(lambda: _page(call, slug), cost=PAGE_COST)


async def _page(call: Call, slug: str) -> Response:
    request, cursors = call.request, call.services.cursors
    moment = instants.asked(request)
    clock = request.query_params.get("clock") or CLOCKS[0]
    if clock not in CLOCKS:
        raise Invalid(f"clocks are {' and '.join(CLOCKS)}", loc=("query", "clock"))
    then = "" if moment is None else format_instant(moment)
    scopes = {"claims": f"matrix {slug} {then}", "events": f"timeline {slug} {then} {clock}"}
    if clock == "said":
        scopes["events"] += BY_END
    after: dict[str, list[Any] | None] = {
        name: cursors.read(request.query_params[name], scope, now=call.now)
        if request.query_params.get(name)
        else None
        for name, scope in scopes.items()
    }
    # What happens while the page is read is told again by the stream, not missed.
    after_event = await call.read(newest)
    story = await call.read(story_queries.read_story, slug, moment=moment)
    shape, last_claim = await call.read(
        matrix_queries.read_matrix, slug, moment=moment, window=Window(CLAIMS, after["claims"])
    )
    happened, last_event = await call.read(
        timeline_queries.read_timeline,
        slug,
        clock=clock,
        moment=moment,
        window=Window(HAPPENED, after["events"]),
        newest_first=True,
    )
    drawn = await call.read(
        timeline_queries.read_lanes, [one["id"] for one in shape["claims"]], moment
    )
    _indent(shape["claims"])
    kept = {"as_of": then, "clock": "" if clock == CLOCKS[0] else clock}

    def address(**changes: str | None) -> str:
        query = {name: one for name, one in (kept | changes).items() if one}
        return f"/stories/{slug}" + (f"?{urlencode(query)}" if query else "")

    def following(name: str, last: list[Any] | None) -> str | None:
        if last is None:
            return None
        return address(**{name: cursors.write(scopes[name], last, now=call.now)})

    return render(
        request,
        "story.html",
        caller=call.caller,
        now=call.now,
        live=None if moment else board_pages.live(after_event, story=slug),
        as_of=moment,
        at=instants.field(moment),
        story=story,
        columns=shape["parties"],
        claims=shape["claims"],
        quoted=QUOTED,
        chart=lane_chart.chart(drawn, until=moment or call.now),
        entries=[timeline_entries.entry(one) for one in happened["items"]],
        clock=clock,
        clocks={one: address(clock=None if one == CLOCKS[0] else one) for one in CLOCKS},
        more_claims=following("claims", last_claim),
        more_events=following("events", last_event),
        begun={name: bool(one) for name, one in after.items()},
        first=address(),
    )


def _indent(rows: list[dict[str, Any]]) -> None:
    """Say of each claim how deep it stands below others on the page, and where each party stands
    on it."""
    depths: dict[str, int] = {}
    for row in rows:
        depths[row["id"]] = row["depth"] = depths.get(row["part_of"], -1) + 1
        row["by_party"] = {cell["party"]: cell for cell in row["cells"]}
