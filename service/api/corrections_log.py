"""The corrections log: what the desk has taken back or put right."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from service.domain.access import Action
from service.domain.print_phrases import Language
from service.publishing import correction_queries
from service.publishing.correction_queries import LogFilters
from service.publishing.corrections import CorrectionType, CorrectionView
from service.store.paging import Window
from service.views import Page
from service.web import fields
from service.web.calls import Call, Paged, allow
from service.web.fields import Id, Instant
from service.web.json_bodies import JsonRoute
from service.web.shared import LIST_COST

router = APIRouter(prefix="/v1/corrections", tags=["publication"], route_class=JsonRoute)


@router.get(
    "",
    operation_id="list_corrections",
    summary="What the desk took back or put right",
    responses={200: {"model": Page[CorrectionView], "description": "Newest first"}},
)
async def list_corrections(
    call: Annotated[Call, allow(Action.READ_CLAIMS)],
    paging: Annotated[tuple[Window, str], Depends(Paged("corrections"))],
    type: Annotated[
        CorrectionType | None, Query(description="Only corrections by events of this type")
    ] = None,
    claim: Annotated[Id | None, Query(description="Only corrections of this claim")] = None,
    since: Annotated[Instant | None, Query(description="Recorded then or later")] = None,
    until: Annotated[Instant | None, Query(description="Recorded then or earlier")] = None,
    lang: fields.Lang = Language.EN,
) -> Response:
    """Every claim that was void, or confirmed no longer, every finding that changed and every
    wording that changed materially: as it was printed before and after, with the reason, in a
    sentence that may be printed. Its class is that of a use that was printed before."""
    window, scope = paging
    filters = LogFilters(type, claim, since, until)

    async def build() -> Response:
        rows = await call.read(
            correction_queries.list_corrections, filters, language=lang, window=window
        )
        return call.page(rows, window, scope, keys=lambda row: [row[0]], shape=lambda row: row[1])

    return await call.share(build, cost=LIST_COST)
