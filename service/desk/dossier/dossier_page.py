"""Dossiers to print: a claim, or a story, as one page with all that bears on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Response
from starlette.responses import RedirectResponse

from service.desk.claims import claim_sheet
from service.desk.claims.claim_columns import Column
from service.desk.claims.claim_sheet import Sheet
from service.desk.claims.record_lines import RecordLine
from service.desk.dossier.dossier_document import PUT_RIGHT
from service.desk.layout.rendering import render_page
from service.directory.directory_views import SourceView
from service.domain.access import Action
from service.store.paging import Window
from service.stories import matrix_queries, story_queries
from service.web import time_zones
from service.web.calls import Call, allow
from service.web.fields import ClaimId, SlugPath
from service.web.shared import PAGE_COST

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.READ_CLAIMS, page=True)]
CLAIMS = 40
"""Of a story, on a page; a link leads to those that follow."""
MOST_PAGES = 10
"""Of statements, of one claim."""
DECIDED = ("claim.status_changed", "finding.changed")


@dataclass(frozen=True, slots=True)
class ClaimDossier:
    """A claim with what is printed about it."""

    sheet: Sheet
    columns: Sequence[Column]
    decided: Sequence[RecordLine]
    put_right: Sequence[RecordLine]


@router.get("/claims/{claim_id}/dossier")
async def show_claim_dossier(claim_id: ClaimId, call: Reading) -> Response:
    """Show a claim as one page to print: every statement with its sources, and every decision."""
    return await call.share(lambda: _render_claim(call, claim_id), cost=PAGE_COST)


async def _render_claim(call: Call, claim_id: str) -> Response:
    sheet = await _read_sheet(call, claim_id, entire=True)
    if sheet.state.merged_into is not None:
        address = f"/claims/{sheet.state.merged_into}/dossier"
        return RedirectResponse(address, 308, headers={"Cache-Control": "no-cache"})
    columns = {column.place: column for column in sheet.columns}
    following = sheet.next_statements
    for _ in range(MOST_PAGES):
        if following is None:
            break
        page = await _read_sheet(call, claim_id, entire=True, after=following)
        following = page.next_statements
        for column in page.columns:
            column_before = columns.get(column.place)
            new_cards = [card for card in column.cards if card.link]
            if column_before is None:
                columns[column.place] = column
            else:
                columns[column.place] = replace(
                    column_before, cards=[*column_before.cards, *new_cards]
                )
    return render_page(
        call,
        "claim_dossier.html",
        dossier=_build_dossier(sheet, list(columns.values())),
        incomplete=following is not None or sheet.left_out > 0,
    )


@router.get("/stories/{slug}/dossier")
async def show_story_dossier(slug: SlugPath, call: Reading) -> Response:
    """Show the claims of a story as one page to print, in the order of its table."""
    return await call.share(lambda: _render_story(call, slug), cost=PAGE_COST)


async def _render_story(call: Call, slug: str) -> Response:
    scope = f"dossier {slug}"
    cursor = call.request.query_params.get("cursor")
    after = call.cursors.read(cursor, scope, now=call.now) if cursor else None
    story = await call.read(story_queries.read_story, slug)
    matrix, last = await call.read(
        matrix_queries.read_matrix, slug, moment=None, window=Window(CLAIMS, after)
    )
    dossiers = []
    for claim in matrix["claims"]:
        sheet = await _read_sheet(call, claim["id"], entire=False)
        dossiers.append(_build_dossier(sheet, sheet.columns))
    next_url = None
    if last is not None:
        next_url = f"/stories/{slug}/dossier?cursor={call.cursors.write(scope, last, now=call.now)}"
    sources = _list_sources(dossiers)
    return render_page(
        call,
        "story_dossier.html",
        story=story,
        dossiers=dossiers,
        sources=list(sources.values()),
        numbers={source: number for number, source in enumerate(sources, 1)},
        next=next_url,
    )


def _list_sources(dossiers: Iterable[ClaimDossier]) -> dict[str, SourceView]:
    """List what the words are from by id, each source once, in the order of the page."""
    return {
        quote["source"]["id"]: quote["source"]
        for dossier in dossiers
        for column in dossier.columns
        for card in column.cards
        for quote in card.statement["quotes"]
    }


async def _read_sheet(call: Call, claim_id: str, **choice: Any) -> Sheet:
    settings = call.services.settings
    return await call.read(
        claim_sheet.read_sheet,
        claim_id,
        caller=call.caller,
        moment=None,
        now=call.now,
        four_eyes=call.services.four_eyes,
        publisher=settings.publisher,
        base_url=settings.base_url,
        zone=time_zones.read_shown_zone(),
        **choice,
    )


def _build_dossier(sheet: Sheet, columns: Sequence[Column]) -> ClaimDossier:
    return ClaimDossier(
        sheet,
        columns,
        [line for line in sheet.events if line.type in DECIDED],
        [line for line in sheet.events if line.type.partition(".")[2] in PUT_RIGHT],
    )
