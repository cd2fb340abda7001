"""Stories: the list, and a page for each: its matrix, the chart of its statuses, its timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from service.claims import claim_queries, documents
from service.claims.claim_queries import Filters
from service.claims.claim_views import ClaimView
from service.desk.claims import board_pages
from service.desk.layout import address_faults, forms, instants, page_links
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.stories import figure_chart, lane_chart, timeline_entries
from service.desk.work import follow_forms
from service.domain.access import Action
from service.domain.claims import Kind, format_instant
from service.domain.errors import AlreadyExists, ClaimdeskError, Invalid
from service.domain.names import make_slug
from service.domain.notices import FollowKind
from service.record.tail import newest
from service.store.paging import BY_END, MAX_LIMIT, Window, cut_page
from service.stories import matrix_queries, story_commands, story_queries, timeline_queries
from service.stories.matrix_views import CellView, MatrixClaimView
from service.stories.story_views import StoryView
from service.stories.timeline_views import Clock
from service.web.bodies import directory_inputs
from service.web.calls import Call, allow, build_list_scope
from service.web.fields import SlugPath, read_sent_fields
from service.web.shared import LIST_COST, PAGE_COST

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.READ_CLAIMS, page=True)]
MayChange = Annotated[Call, allow(Action.CHANGE_PARTIES, page=True)]
Recording = Annotated[Form, accept_form(Action.RECORD)]
Changing = Annotated[Form, accept_form(Action.CHANGE_PARTIES)]

LISTED = 50
CLAIMS = 10
"""Rows of the matrix and lanes of the chart on a page."""
HAPPENED = 10
CLOCKS: tuple[Clock, ...] = get_args(Clock)
CLOCK_WORDS: dict[Clock, str] = {
    "recorded": "When the desk recorded it",
    "said": "When it was said",
}
FIELDS = ("title", "slug", "description")
NOTHING_TYPED = dict.fromkeys(FIELDS, "")


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A claim of the matrix, with how deep it stands below others on the page."""

    claim: MatrixClaimView
    depth: int
    cells: Mapping[str | None, CellView]
    """By party: where it stands; by None, where the sources that are not named do."""


@router.get("/stories")
async def show_stories(call: Reading) -> Response:
    return await call.share(lambda: _render_stories(call, typed=NOTHING_TYPED), cost=LIST_COST)


async def _render_stories(
    call: Call, *, typed: Mapping[str, str], error: ClaimdeskError | None = None
) -> Response:
    scope = build_list_scope("desk stories", call.request)
    window = page_links.read_window(call, scope, LISTED)
    page = await call.read(story_queries.list_stories, window=window)
    stories, last = cut_page(page, window, lambda story: [story["slug"]])
    return render_page(
        call,
        "stories.html",
        error=error,
        stories=stories,
        counts=await call.read(story_queries.count_claims, [story["slug"] for story in stories]),
        next=page_links.build_next_link(call, scope, last, {}),
        typed=typed,
        faults=_describe_faults(error),
    )


@router.post("/stories")
async def record_story(form: Recording) -> Response:
    """Record a story; without an address, one is made from its title."""
    title = form.get_text("title") or ""
    try:
        slug = form.get_text("slug") or make_slug(title)
        if title and not slug:
            raise Invalid("give one: none can be made of this title", loc=("body", "slug"))
        values = {
            "title": title,
            "slug": slug or "story",
            "description": form.get_text("description"),
        }
        story = forms.parse_body(directory_inputs.StoryIn, values)
        return await form.carry_out(
            story_commands.create_story,
            **story.model_dump(),
            redirect_to=f"/stories/{slug}?done=recorded",
        )
    except (Invalid, AlreadyExists) as error:
        return await _render_stories(form.call, typed=form.keep(FIELDS), error=error)


@router.get("/stories/{slug}/edit")
async def show_edit(slug: SlugPath, call: MayChange) -> Response:
    story = await call.read(story_queries.read_story, slug)
    typed = {
        "title": story["title"],
        "slug": story["slug"],
        "description": story["description"] or "",
    }
    return _render_edit(call, story, typed)


@router.post("/stories/{slug}/edit")
async def change_story(slug: SlugPath, form: Changing) -> Response:
    """Change title and description; the address stays, for others link to it."""
    story = await form.call.read(story_queries.read_story, slug)
    try:
        changes = forms.parse_body(
            directory_inputs.StoryChange,
            {"title": form.get_text("title") or "", "description": form.get_text("description")},
        )
        return await form.carry_out(
            story_commands.change_story,
            slug,
            read_sent_fields(changes),
            redirect_to=f"/stories/{slug}?done=saved",
        )
    except Invalid as error:
        return _render_edit(form.call, story, form.keep(FIELDS), error)


def _render_edit(
    call: Call, story: StoryView, typed: Mapping[str, str], error: ClaimdeskError | None = None
) -> Response:
    faults = _describe_faults(error)
    return render_page(
        call, "story_edit.html", error=error, story=story, typed=typed, faults=faults
    )


def _describe_faults(error: ClaimdeskError | None) -> dict[str, str]:
    if isinstance(error, AlreadyExists):
        return {"slug": error.detail}
    return forms.describe_faults(error)


@router.get("/stories/{slug}")
async def show_story(slug: SlugPath, call: Reading) -> Response:
    """Show a story as it is, or with `as_of` (or `at`, an hour of UTC) as the desk knew it."""
    return await call.share(lambda: _render_story(call, slug), cost=PAGE_COST)


async def _render_story(call: Call, slug: str) -> Response:
    query = call.request.query_params
    moment = instants.read_as_of(call.request)
    name = query.get("clock") or CLOCKS[0]
    clock = next((clock for clock in CLOCKS if clock == name), None)
    if clock is None:
        raise address_faults.build_refusal("clock", CLOCK_WORDS)
    as_of = "" if moment is None else format_instant(moment)
    scopes = {"claims": f"matrix {slug} {as_of}", "events": f"timeline {slug} {as_of} {clock}"}
    if clock == "said":
        scopes["events"] += BY_END
    after = {
        name: call.cursors.read(query[name], scope, now=call.now) if query.get(name) else None
        for name, scope in scopes.items()
    }
    # What happens while the page is read is sent again by the stream, not missed.
    after_event = await call.read(newest)
    story = await call.read(story_queries.read_story, slug, moment=moment)
    matrix, last_claim = await call.read(
        matrix_queries.read_matrix, slug, moment=moment, window=Window(CLAIMS, after["claims"])
    )
    timeline, last_event = await call.read(
        timeline_queries.read_timeline,
        slug,
        clock=clock,
        moment=moment,
        window=Window(HAPPENED, after["events"]),
        newest_first=True,
    )
    lanes = await call.read(
        timeline_queries.read_lanes, [claim["id"] for claim in matrix["claims"]], moment
    )
    rows = _build_matrix_rows(matrix["claims"])
    speaking = {party for row in rows for party in row.cells}
    base_parameters = {"as_of": as_of, "clock": "" if clock == CLOCKS[0] else clock}

    def build_url(**changes: str | None) -> str:
        parameters = {name: value for name, value in (base_parameters | changes).items() if value}
        return f"/stories/{slug}" + (f"?{urlencode(parameters)}" if parameters else "")

    def build_next_url(name: str, last: list[Any] | None) -> str | None:
        if last is None:
            return None
        return build_url(**{name: call.cursors.write(scopes[name], last, now=call.now)})

    return render_page(
        call,
        "story.html",
        live=None if moment else board_pages.build_stream_url(after_event, story=slug),
        as_of=moment,
        at=instants.format_field(moment),
        story=story,
        button=await follow_forms.read_button(call, FollowKind.STORY, slug),
        columns=[party for party in matrix["parties"] if party["slug"] in speaking],
        idle=[party for party in matrix["parties"] if party["slug"] not in speaking],
        rows=rows,
        unnamed=any(None in row.cells for row in rows),
        figures=figure_chart.draw_charts(await _list_figures(call, slug, moment)),
        chart=lane_chart.draw_chart(lanes, until=moment or call.now),
        lines=[timeline_entries.describe_entry(entry) for entry in timeline["items"]],
        clock=clock,
        clock_words=CLOCK_WORDS,
        clocks={name: build_url(clock=None if name == CLOCKS[0] else name) for name in CLOCKS},
        more_claims=build_next_url("claims", last_claim),
        more_events=build_next_url("events", last_event),
        begun={name: cursor is not None for name, cursor in after.items()},
        first=build_url(),
    )


async def _list_figures(call: Call, slug: str, moment: datetime | None) -> list[ClaimView]:
    """List the figures of a story, those that newer ones supersede among them."""
    query = claim_queries.build_list_query(
        Filters(story=slug, kind=Kind.FIGURE.value, as_of=moment, sort="claimed"),
        limit=MAX_LIMIT,
        after=None,
        claimant=None,
        party=None,
    )
    rows = await call.reader.look_up(query.statement, query.parameters)
    return [documents.parse_document(row[0], moment or call.now) for row in rows]


def _build_matrix_rows(claims: Sequence[MatrixClaimView]) -> list[MatrixRow]:
    depths: dict[str | None, int] = {}
    for claim in claims:
        depths[claim["id"]] = depths.get(claim["part_of"], -1) + 1
    return [
        MatrixRow(claim, depths[claim["id"]], {cell["party"]: cell for cell in claim["cells"]})
        for claim in claims
    ]
