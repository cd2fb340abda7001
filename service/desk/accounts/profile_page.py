"""One's profile: who one is and may do, where one is signed in, one's password."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from service.accounts import account_commands, account_queries
from service.accounts.account_views import SessionView
from service.desk.accounts import administration_pages
from service.desk.layout import forms
from service.desk.layout.forms import Form, posted
from service.desk.layout.rendering import render
from service.domain import access, ids
from service.domain.access import Action
from service.domain.errors import Invalid, NotFound, RateLimited
from service.record import audit_queries
from service.web import password_checks, passwords, sessions
from service.web.bodies import account_inputs
from service.web.calls import Allow, Call
from service.web.problems import list_required_headers
from service.web.request_context import context_of

router = APIRouter(include_in_schema=False)

Myself = Annotated[Form, posted(None)]
SessionName = Annotated[str, Path(max_length=64)]
SHOWN_OF_OTHERS = 20
"""How many of what others did to one's account are shown."""
SHOWN = 50
"""Sessions shown; the rest are counted, and can be ended all at once."""
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox|FxiOS", "Firefox"),
    ("Chrome|CriOS|Chromium", "Chrome"),
    ("Safari", "Safari"),
    ("curl|python|Go-http", "A program"),
)
SYSTEMS = (
    ("iPhone|iPad", "iOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux|X11", "Linux"),
)
"""By what a browser says of itself; the first that fits, as each names those it is made of."""


class ShownSession(SessionView):
    """A session as the profile shows it."""

    here: bool
    """Whether it is the one of the request."""
    browser: str


def name_browser(agent: str | None) -> str:
    """`Firefox on Linux`, of how a browser names itself."""
    if agent is None:
        return "An unnamed browser"
    name = next((word for mark, word in BROWSERS if re.search(mark, agent)), None)
    system = next((word for mark, word in SYSTEMS if re.search(mark, agent)), None)
    if name is None:
        return agent if system is None else f"A browser on {system}"
    return name if system is None else f"{name} on {system}"


@router.get("/profile")
async def show_profile(
    call: Annotated[Call, Depends(Allow(None, page=True), scope="function")],
) -> Response:
    return await _page(call)


async def _page(
    call: Call,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
) -> Response:
    actor = call.actor
    credential = context_of(call.request.scope).credential
    assert credential is not None, "whoever is signed in proved it by something"
    signed_in = credential.key is None
    person = None
    if ids.parse_id(actor.id) is not None:
        person = await call.read(account_queries.read_user, actor.id)
    others: list[dict[str, Any]] = []
    if person is not None:
        others = await call.read(audit_queries.list_by_others, actor.id, limit=SHOWN_OF_OTHERS)
        others = await administration_pages.describe_events(call, others)
    held: list[SessionView] = []
    if signed_in:
        held = await call.read(account_queries.list_sessions, actor.id, now=call.now)
    shown: list[ShownSession] = [
        {
            **session,
            "here": credential.secret_hash.startswith(session["name"]),
            "browser": name_browser(session["agent"]),
        }
        for session in held
    ]
    # The present one first: it is the one that nobody wonders about.
    shown.sort(key=lambda session: not session["here"])
    return render(
        call.request,
        "profile.html",
        caller=call.caller,
        now=call.now,
        status=status,
        headers=headers,
        person=person,
        signed_in=signed_in,
        others=others,
        sessions=shown[:SHOWN],
        more=max(0, len(shown) - SHOWN),
        actions=[str(action) for action in Action if access.is_allowed(actor, action)],
        faults={"sessions": ""} | (faults or {}),
    )


@router.post("/profile/sessions/{name}/end")
async def end_session(name: SessionName, form: Myself) -> Response:
    """What has ended by itself meanwhile is ended too: nobody need be told."""
    then = "/profile?done=ended"
    try:
        response = await form.carry_out(account_commands.end_own_session, name, then=then)
    except NotFound:
        return await _page(form.call, status=404, faults={"sessions": "It has ended already."})
    form.call.services.callers.forget()
    return response


@router.post("/profile/link-notice")
async def confirm_link_seen(form: Myself) -> Response:
    """Take the notice of a sign-in link off every page; what it tells stays in the profile."""
    number = form.text("number") or ""
    if not number.isascii() or not number.isdecimal() or len(number) > 9:
        raise Invalid("say which link was seen: use the button on the page", loc=("body", "number"))
    response = await form.carry_out(
        account_commands.confirm_link_seen, int(number), then="/profile?done=link-seen"
    )
    form.call.services.callers.forget()
    return response


@router.post("/profile/sessions/end-others")
async def end_others(form: Myself) -> Response:
    response = await form.carry_out(
        account_commands.end_other_sessions,
        keep=_token(form),
        then="/profile?done=others-ended",
    )
    form.call.services.callers.forget()
    return response


@router.post("/profile/password")
async def set_password(form: Myself) -> Response:
    """Whoever has a password gives it to set another: a browser left alone is not enough.  That
    is a try at a password, and counted like one at signing in."""
    call = form.call
    row = await call.read(account_queries.by_id, call.actor.id)
    if row is None:
        raise NotFound("You have no account here; it may be disabled.")
    # Verbatim: a password may begin with a space.
    present, new, again = (
        str(form.data.get(name) or "") for name in ("present", "password", "again")
    )
    try:
        known = row.password_hash is None
        if not known and not await password_checks.is_own_password(call.services, row, present):
            raise Invalid("this is not your present password", loc=("body", "present"))
        body = forms.body(account_inputs.UserChange, {"password": new})
        if new != again:
            raise Invalid("this is not the same as above", loc=("body", "again"))
    except RateLimited as error:
        headers = list_required_headers(error)
        wait = headers.get("Retry-After", "60")
        told = {"present": f"Too many tries. Wait {wait} seconds, then try again."}
        return await _page(call, status=429, headers=headers, faults=told)
    except Invalid as error:
        return await _page(call, status=422, faults=forms.faults(error, {}))
    hashed = await passwords.hash_in_thread(body.password)
    response = await form.carry_out(
        account_commands.change_own_password,
        hashed,
        keep=_token(form),
        then="/profile?done=password",
    )
    call.services.callers.forget()
    return response


def _token(form: Form) -> str:
    token = sessions.token(form.call.request)
    assert token is not None, "a form belongs to a session"
    return token
