"""The page of help: what statuses, stances and bases mean, and the keys."""

from typing import Annotated

from fastapi import APIRouter, Response

from service.desk.layout.rendering import render_page
from service.domain.access import Action
from service.web.calls import Call, allow

router = APIRouter(include_in_schema=False)


@router.get("/help")
async def show_help(call: Annotated[Call, allow(Action.READ_CLAIMS, page=True)]) -> Response:
    return render_page(call, "help.html")
