"""The part of a page that lists what a picker found, as one types."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from service.desk.layout.rendering import render_page
from service.desk.search import candidates
from service.desk.search.candidates import CandidateKind, Picker
from service.domain import ids
from service.domain.access import Action
from service.search.index import query_parser
from service.web.calls import Call, allow

router = APIRouter(include_in_schema=False)


@router.get("/candidates")
async def show_candidates(
    call: Annotated[Call, allow(Action.RECORD, page=True)],
    name: Annotated[str, Query(pattern="^[a-z_-]{1,40}$")],
    kind: CandidateKind,
    about: Annotated[str, Query(max_length=36)] = "",
    q: Annotated[str, Query(max_length=query_parser.MAX_CHARACTERS)] = "",
) -> Response:
    """List the claims or statements that a field may be given."""
    picker = Picker(name, kind, ids.parse_id(about) or "", words=q)
    picker = await candidates.build_picker(call, picker, searches=True)
    return render_page(call, "candidates.html", picker=picker)
