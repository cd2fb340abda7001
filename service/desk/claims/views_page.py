"""The page of saved views: all of one's own and of the desk, with what each of them shows."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Response

from service.desk.layout.rendering import render_page
from service.domain import labels
from service.domain.claims import Kind, Lifecycle, Stance, Status
from service.notices.saved_views import SavedView
from service.web.calls import Call, allow
from service.web.request_context import context_of

router = APIRouter(include_in_schema=False)

WORDS = {
    "q": "words",
    "assignee": "assigned to",
    "drift": "ready to be marked",
    "lifecycle": "in force",
    "part_of": "part of",
    "hold": "on hold",
    "claimed_since": "claimed since",
    "claimed_until": "claimed until",
    "changed_since": "changed since",
    "changed_until": "changed until",
    "sort": "sorted by",
}
VALUES: dict[str, dict[str, str]] = {
    "status": {str(status): labels.STATUSES[status] for status in Status},
    "kind": {str(kind): labels.KINDS[kind] for kind in Kind},
    "stance": {str(stance): labels.STANCES[stance] for stance in Stance},
    "lifecycle": {
        Lifecycle.ACTIVE: "yes",
        Lifecycle.WITHDRAWN: "taken back",
        Lifecycle.VOID: "recorded by mistake",
    },
    "assignee": {"none": "nobody", "me": "me"},
}


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A view, and its filters in words."""

    view: SavedView
    filters: list[str]


@router.get("/views")
async def show_views(call: Annotated[Call, allow(None, page=True)]) -> Response:
    """Show the views that the person may open, and delete those that are theirs to delete."""
    head = context_of(call.request.scope).page_head
    rows = [ViewRow(view, describe_filters(view["query"])) for view in (head.views if head else ())]
    return render_page(
        call,
        "views.html",
        groups=[
            ("My views", [row for row in rows if not row.view["shared"]]),
            ("The desk’s views", [row for row in rows if row.view["shared"]]),
        ],
    )


def describe_filters(query: str) -> list[str]:
    """Describe the filters of a view in words, one each."""
    filters = []
    for name, value in parse_qsl(query):
        word = WORDS.get(name, name.replace("_", " "))
        if value == "true":
            filters.append(word)
        elif value == "false":
            filters.append(f"not {word}")
        else:
            filters.append(f"{word}: {VALUES.get(name, {}).get(value, value)}")
    return filters
