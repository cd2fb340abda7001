"""The button that follows what a page shows, and the views that are saved of the board."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Response

from service.claims.claim_queries import Filters
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.domain.access import Action
from service.domain.errors import Invalid
from service.domain.notices import FollowKind
from service.notices import follow_commands, follow_queries, followed_searches, saved_views
from service.notices.follow_commands import Target
from service.web import claim_requests, view_queries
from service.web.bodies.view_inputs import ViewIn
from service.web.calls import Call
from service.web.fields import FollowId, ViewId

router = APIRouter(include_in_schema=False)

Following = Annotated[Form, accept_form(Action.READ_CLAIMS)]


class FollowButton(NamedTuple):
    """What may be followed, and the follow where it is."""

    kind: str
    target: str
    follow: str | None


async def read_button(call: Call, kind: FollowKind, target: str) -> FollowButton | None:
    """Read whether the person who looks follows this; None for the public and mere keys."""
    if call.caller is None or not call.caller.is_person:
        return None
    follow = await call.read(follow_queries.find_follow, kind, target, caller=call.caller)
    return FollowButton(kind.value, target, follow)


async def read_search_button(
    call: Call, query: claim_requests.ListQuery, filters: Filters
) -> FollowButton | None:
    """Read whether a search is followed; None for one that nobody can follow."""
    search = followed_searches.format_search(query.q, filters)
    is_momentary = filters.overdue or filters.as_of is not None
    if not search or is_momentary or filters.without_superseded:
        return None
    if search == f"tag={query.tag}":
        return await read_button(call, FollowKind.TAG, query.tag or "")
    return await read_button(call, FollowKind.SEARCH, search)


@router.post("/follows")
async def follow(form: Following) -> Response:
    """Follow what the page shows."""
    try:
        kind = FollowKind(form.get_text("kind") or "")
    except ValueError:
        raise Invalid("say what to follow", loc=("body", "kind")) from None
    text = form.get_text("target") or ""
    if kind is FollowKind.SEARCH:
        text = await view_queries.parse_followed_search(form.call, text)
    return await form.carry_out(
        follow_commands.follow_target, Target(kind, text), redirect_to=_read_back(form)
    )


@router.post("/follows/{follow_id}/end")
async def stop_following(follow_id: FollowId, form: Following) -> Response:
    """Follow it no longer."""
    return await form.carry_out(
        follow_commands.stop_following, follow_id, redirect_to=_read_back(form)
    )


@router.post("/views")
async def save_view(form: Following) -> Response:
    """Save the filters of the board under a name."""
    body = forms.parse_body(
        ViewIn,
        {
            "name": form.get_text("name") or "",
            "query": form.get_text("query") or "",
            "shared": form.get_text("shared") is not None,
        },
    )
    query = await view_queries.normalize_query(form.call, body.query)
    return await form.carry_out(
        saved_views.save_view,
        name=body.name,
        query=query,
        is_shared=body.shared,
        redirect_to=f"/?{query}",
    )


@router.post("/views/{view_id}/delete")
async def delete_view(view_id: ViewId, form: Following) -> Response:
    return await form.carry_out(saved_views.delete_view, view_id, redirect_to=_read_back(form))


def _read_back(form: Form) -> str:
    """Read the page that the form was on; another site's is the board."""
    back = form.get_text("back") or ""
    is_ours = back.startswith("/") and not back.startswith(("//", "/\\"))
    return back if is_ours and back.isascii() and back.isprintable() else "/"
