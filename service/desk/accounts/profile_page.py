"""The profile of whoever is signed in: their role, sessions and password."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from service.accounts import (
    account_queries,
    credentials,
    session_commands,
    sign_in_commands,
    user_commands,
)
from service.accounts.account_views import SessionView
from service.desk.accounts import administration_pages
from service.desk.accounts.account_forms import change_accounts, explain_limit
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render
from service.domain import access, ids
from service.domain.access import Action
from service.domain.errors import Invalid, NotFound, RateLimited
from service.domain.zones import find_zone
from service.record import audit_queries
from service.web import password_checks, passwords, sessions
from service.web.bodies import account_inputs
from service.web.calls import Allow, Call
from service.web.request_context import context_of

router = APIRouter(include_in_schema=False)

Own = Annotated[Form, accept_form(None)]
SessionName = Annotated[str, Path(max_length=64)]
EVENTS = 20
"""How many events of what others did to the account are shown."""
SESSIONS = 50
"""How many sessions are shown; the rest are counted, and can be ended all at once."""
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
"""Marks in how a browser names itself; the first that fits, as each names its ancestors too."""


class ShownSession(SessionView):
    """A session as the profile shows it."""

    here: bool
    """Whether it is the one of the request."""
    browser: str


def name_browser(agent: str | None) -> str:
    """Return `Firefox on Linux` for the browser that names itself so."""
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
    return await _render_profile(call)


async def _render_profile(
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
    other_events: list[administration_pages.DescribedEvent] = []
    if person is not None:
        events = await call.read(audit_queries.list_by_others, actor.id, limit=EVENTS)
        other_events = await administration_pages.describe_events(call, events)
    own_sessions: list[SessionView] = []
    if signed_in:
        own_sessions = await call.read(account_queries.list_sessions, actor.id, now=call.now)
    session_rows: list[ShownSession] = [
        {
            **session,
            "here": credential.secret_hash.startswith(session["name"]),
            "browser": name_browser(session["agent"]),
        }
        for session in own_sessions
    ]
    # The present one first: nobody wonders about that one.
    session_rows.sort(key=lambda session: not session["here"])
    return render(
        call.request,
        "profile.html",
        caller=call.caller,
        now=call.now,
        status=status,
        headers=headers,
        person=person,
        signed_in=signed_in,
        others=other_events,
        sessions=session_rows[:SESSIONS],
        more=max(0, len(session_rows) - SESSIONS),
        actions=[str(action) for action in Action if access.is_allowed(actor, action)],
        time_zone=credential.time_zone,
        desk_zone=call.services.settings.timezone,
        faults={"sessions": ""} | (faults or {}),
    )


@router.post("/profile/sessions/{name}/end")
async def end_session(name: SessionName, form: Own) -> Response:
    target = "/profile?done=ended"
    try:
        return await change_accounts(
            form, session_commands.end_own_session, name, redirect_to=target
        )
    except NotFound:
        return await _render_profile(
            form.call, status=404, faults={"sessions": "It has ended already."}
        )


@router.post("/profile/link-notice")
async def confirm_link_seen(form: Own) -> Response:
    """Remove the notice of a sign-in link from every page; its event stays in the profile."""
    number = form.get_text("number") or ""
    if not number.isascii() or not number.isdecimal() or len(number) > 9:
        raise Invalid("say which link was seen: use the button on the page", loc=("body", "number"))
    return await change_accounts(
        form, sign_in_commands.confirm_link_seen, int(number), redirect_to="/profile?done=link-seen"
    )


@router.post("/profile/sessions/end-others")
async def end_other_sessions(form: Own) -> Response:
    return await change_accounts(
        form,
        session_commands.end_other_sessions,
        keep=_read_token(form),
        redirect_to="/profile?done=others-ended",
    )


@router.post("/profile/time-zone")
async def choose_time_zone(form: Own) -> Response:
    """Set the zone in which pages show whoever is signed in times, and take them."""
    name = form.get_text("time_zone")
    if name is not None and (len(name) > 64 or find_zone(name) is None):
        fault = "there is no such time zone; write it as in Europe/Belgrade"
        return await _render_profile(form.call, status=422, faults={"time_zone": fault})
    return await change_accounts(
        form, user_commands.choose_time_zone, name, redirect_to="/profile?done=zone"
    )


@router.post("/profile/password")
async def set_password(form: Own) -> Response:
    """Set the password; whoever has one must give it, as a browser may be left open.

    That counts as an attempt at the password, as at sign-in.
    """
    call = form.call
    stored_password = await call.read(credentials.find_password, call.actor.id)
    if stored_password is None:
        raise NotFound("You have no account here; it may be disabled.")
    # Verbatim: a password may begin with a space.
    present, new, repetition = (
        str(form.data.get(name) or "") for name in ("present", "password", "again")
    )
    try:
        if stored_password.hash is not None and not await password_checks.is_own_password(
            call.services, stored_password, present
        ):
            raise Invalid("this is not your present password", loc=("body", "present"))
        body = forms.parse_body(account_inputs.UserChange, {"password": new})
        if new != repetition:
            raise Invalid("this is not the same as above", loc=("body", "again"))
    except RateLimited as error:
        fault, headers = explain_limit(error)
        faults = {"present": fault}
        return await _render_profile(call, status=429, headers=headers, faults=faults)
    except Invalid as error:
        return await _render_profile(call, status=422, faults=forms.describe_faults(error, {}))
    password_hash = await passwords.hash_in_thread(body.password)
    return await change_accounts(
        form,
        user_commands.change_own_password,
        password_hash,
        keep=_read_token(form),
        redirect_to="/profile?done=password",
    )


def _read_token(form: Form) -> str:
    token = sessions.read_session_token(form.call.request)
    assert token is not None, "a form belongs to a session"
    return token
