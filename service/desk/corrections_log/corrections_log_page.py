"""The corrections log as a page: public where reading is public."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Response
from markupsafe import Markup

from service.desk.layout import address_faults, differences, page_links
from service.desk.layout.rendering import render_page
from service.domain import ids
from service.domain.access import Action
from service.domain.errors import Invalid
from service.publishing import correction_queries, corrections
from service.publishing.correction_queries import LogFilters
from service.publishing.corrections import CorrectionType, CorrectionView
from service.store.paging import cut_page
from service.web.calls import Call, allow, build_list_scope
from service.web.shared import PAGE_COST

router = APIRouter(include_in_schema=False)

LIMIT = 25
FILTERS = ("type", "claim", "since", "until")
TYPES = {
    CorrectionType.VOIDED: "recorded by mistake",
    CorrectionType.RESTORED: "not a mistake after all",
    CorrectionType.STATUS_CHANGED: "confirmed no longer",
    CorrectionType.FINDING_CHANGED: "another finding",
    CorrectionType.CLAIM_CORRECTED: "a claim corrected",
    CorrectionType.STATEMENT_CORRECTED: "a statement corrected",
    CorrectionType.SOURCE_CORRECTED: "a source corrected",
    CorrectionType.AMENDED: "another wording",
}
"""What the filter calls the types of corrections."""
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A correction, with what could be printed before and after: the differing words are marked."""

    correction: CorrectionView
    before: Markup
    after: Markup


@router.get("/corrections")
async def show_log(call: Annotated[Call, allow(Action.READ_CLAIMS, page=True)]) -> Response:
    """Show what the desk took back or put right, the newest first."""
    return await call.share(lambda: _render_log(call), cost=PAGE_COST)


async def _render_log(call: Call) -> Response:
    parameters = {name: call.request.query_params.get(name, "").strip() for name in FILTERS}
    scope = build_list_scope("corrections page", call.request)
    window = page_links.read_window(call, scope, LIMIT)
    rows = await call.read(
        correction_queries.list_corrections, _read_filters(parameters), window=window
    )
    page, last = cut_page(rows, window, _list_sort_keys)
    return render_page(
        call,
        "corrections_log.html",
        lines=[_build_line(correction) for _, correction in page],
        chosen=parameters,
        narrowed=any(parameters.values()),
        types=TYPES,
        next=page_links.build_next_link(
            call, scope, last, {name: value for name, value in parameters.items() if value}
        ),
    )


def _list_sort_keys(row: tuple[int, CorrectionView]) -> Sequence[Any]:
    return [row[0]]


def _build_line(correction: CorrectionView) -> LogLine:
    before, after = corrections.list_printable(correction)
    return LogLine(correction, *differences.mark_differences(before, after))


def _read_filters(parameters: dict[str, str]) -> LogFilters:
    """Read the filters in the page's address.  Raises Invalid."""
    type, claim, since, until = (parameters[name] for name in FILTERS)
    if type and type not in TYPES:
        raise address_faults.build_refusal("type", TYPES)
    claim_id = ids.parse_id(claim) if claim else None
    if claim and claim_id is None:
        raise Invalid("an id is a UUID", loc=("query", "claim"))
    end = _read_day(until, "until")
    return LogFilters(
        type=CorrectionType(type) if type else None,
        claim=claim_id,
        since=_read_day(since, "since"),
        until=None if end is None else end + A_DAY - timedelta(microseconds=1),
    )


def _read_day(text: str, name: str) -> datetime | None:
    """Read a day as its beginning in UTC; None for an empty field.  Raises Invalid."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid("a day is written as 2023-10-02", loc=("query", name)) from None
    if not 1900 <= day.year < 2200:
        raise Invalid("a day lies between the years 1900 and 2200", loc=("query", name))
    return datetime.combine(day, time.min, UTC)
