"""Printed: who printed which claim, and who must be told of what changed since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Response
from markupsafe import Markup

from service.claims import board_queries
from service.desk.claims import board_pages
from service.desk.layout import address_faults, differences, page_links
from service.desk.layout.rendering import render_page
from service.domain import ids, labels
from service.domain.access import Action
from service.domain.errors import Invalid
from service.domain.uses import UseClass, UseState
from service.record.tail import newest
from service.store.paging import Window, cut_page
from service.uses import printed_queries, use_queries
from service.uses.printed_queries import PrintedUse
from service.uses.use_queries import UseFilters
from service.web.calls import Call, allow, build_list_scope

router = APIRouter(include_in_schema=False)

LIMIT = 25
NEWEST = 10
"""Current uses beneath those that are outdated."""
FILTERS = ("state", "class", "story", "claim")


@dataclass(frozen=True, slots=True)
class UseRow:
    """A use as pages show it: what might be printed then and now, the differing words marked."""

    printed: PrintedUse
    before: Markup
    after: Markup


@router.get("/printed")
async def show_printed(
    call: Annotated[Call, allow(Action.READ_RECORDS, page=True)],
) -> Response:
    """Show what must be told to whom, open longest first, then what is current; or one state."""
    parameters = {name: call.request.query_params.get(name, "").strip() for name in FILTERS}
    filters = _read_filters(parameters)
    after_event = await call.read(newest)
    scope = build_list_scope("printed", call.request)
    window = page_links.read_window(call, scope, LIMIT)
    uses = await call.read(
        printed_queries.list_printed, filters, caller=call.caller, window=window, now=call.now
    )

    def list_keys(row: PrintedUse) -> Sequence[Any]:
        return use_queries.list_sort_keys(filters, row.use)

    page, last = cut_page(uses, window, list_keys)
    given_filters = {name: value for name, value in parameters.items() if value}
    is_overview = not parameters["state"]
    current: list[PrintedUse] = []
    if is_overview and not parameters["class"] and window.after is None:
        current = await call.read(
            printed_queries.list_printed,
            _read_filters(parameters | {"state": UseState.CURRENT.value}),
            caller=call.caller,
            window=Window(NEWEST, None),
            now=call.now,
        )
    return render_page(
        call,
        "printed.html",
        live=board_pages.build_stream_url(after_event),
        rows=[build_row(row) for row in page],
        current=[build_row(row) for row in current[:NEWEST]],
        has_more_current=len(current) > NEWEST,
        counts=await call.read(printed_queries.count_open),
        most_counted=printed_queries.MOST_COUNTED,
        chosen=parameters,
        narrowed=bool(given_filters),
        overview=is_overview,
        states={state.value: word for state, word in labels.USE_STATES.items()},
        stories=await call.reader.look_up(board_queries.RECENT_STORIES, {}),
        next=page_links.build_next_link(call, scope, last, given_filters),
        back=call.request.url.path
        + (f"?{call.request.url.query}" if call.request.url.query else ""),
        typed={},
        faults={},
    )


def build_row(printed_use: PrintedUse) -> UseRow:
    """Build what pages show of a use."""
    before, after = printed_use.use["print_line"], printed_use.claim["print_line"]
    if printed_use.text != printed_use.claim["text"]:
        before, after = f"“{printed_use.text}”. {before}", f"“{printed_use.claim['text']}”. {after}"
    return UseRow(printed_use, *differences.mark_differences(before, after))


def _read_filters(parameters: Mapping[str, str]) -> UseFilters:
    """Read the filters in the page's address: unless a state is asked for, what is outdated.
    Raises Invalid."""
    state, grade, story, claim = (parameters[name] for name in FILTERS)
    for name, choices in (("state", labels.USE_STATES), ("class", labels.USE_CLASSES)):
        if parameters[name] and parameters[name] not in choices:
            raise address_faults.build_refusal(name, choices)
    claim_id = ids.parse_id(claim) if claim else None
    if claim and claim_id is None:
        raise Invalid("an id is a UUID", loc=("query", "claim"))
    return UseFilters(
        state=UseState(state) if state else UseState.OUTDATED,
        grade=UseClass(grade) if grade else None,
        claim=claim_id,
        story=story or None,
        takes_merged=True,
    )
