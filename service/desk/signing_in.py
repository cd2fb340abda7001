"""Signing in, by a one-time link or a password, and out."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import RedirectResponse

from service.commands import accounts
from service.desk.forms import Form, posted, sent_with
from service.desk.rendering import render
from service.domain.errors import CrossSite, MethodNotAllowed, RateLimited
from service.queries import accounts as account_queries
from service.web import passwords, sessions
from service.web import services as services_module
from service.web.problems import required_headers

router = APIRouter(include_in_schema=False)
NO_STORE = {"Cache-Control": "no-store"}
LONGEST_ADDRESS, LONGEST_PASSWORD, LONGEST_NEXT = 254, 1000, 3000


@router.get("/sign-in")
async def show_sign_in(
    request: Request, next: Annotated[str, Query(max_length=LONGEST_NEXT)] = "/"
) -> Response:
    return _page(request, wanted=next)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Ten tries a minute for each address and account."""
    services = services_module.of(request)
    data = {
        name: value for name, value in (await sent_with(request)).items() if isinstance(value, str)
    }
    services.callers.require_same_site(request)
    if not sessions.is_visitors_form(request, data.get("csrf", "")):
        raise CrossSite("This form is too old, or your browser refuses cookies. Load it again.")
    email, password = data.get("email", "").strip(), data.get("password", "")
    again: dict[str, Any] = {"wanted": data.get("next", "/"), "email": email}
    if not email or not password or len(email) > LONGEST_ADDRESS or "\x00" in email + password:
        return _page(request, status=422, fault="Give your address and your password.", **again)
    try:
        sessions.spend_try(services, request, email)
    except RateLimited as error:
        headers = required_headers(error)
        wait = headers.get("Retry-After", "60")
        fault = f"Too many tries. Wait {wait} seconds, then try again."
        return _page(request, status=429, fault=fault, headers=headers, **again)
    user = await services.database.read(account_queries.by_email, email)
    hashed = user.password_hash if user and len(password) <= LONGEST_PASSWORD else None
    if not await passwords.matches(password[:LONGEST_PASSWORD], hashed):
        fault = "No account has this address and password."
        return _page(request, status=401, fault=fault, **again)
    assert user is not None
    session = await services.database.write(
        accounts.start_session, user.id, agent=sessions.agent(request), now=services.clock()
    )
    response = RedirectResponse(_within(data.get("next", "/")), 303, headers=NO_STORE)
    sessions.give(response, request, session)
    return response


@router.get("/sign-in/{token}")
async def use_link(token: Annotated[str, Path(max_length=100)], request: Request) -> Response:
    """Sign in by a one-time link.  Raises NotAuthenticated where it was used or has expired,
    MethodNotAllowed for HEAD: whatever scans links must not use them up."""
    if "claimdesk.head" in request.scope:
        raise MethodNotAllowed("A sign-in link takes GET.", headers={"Allow": "GET"})
    services = services_module.of(request)
    session = await services.database.write(
        accounts.use_sign_in_link, token, agent=sessions.agent(request), now=services.clock()
    )
    response = RedirectResponse("/", 303, headers=NO_STORE)
    sessions.give(response, request, session)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, form: Annotated[Form, posted(None)]) -> Response:
    token = sessions.token(request)
    assert token is not None, "a form belongs to a session"
    await form.call.services.database.write(accounts.end_session, token)
    form.call.services.callers.forget()
    response = RedirectResponse("/sign-in?done=signed-out", 303, headers=NO_STORE)
    sessions.take(response)
    return response


def _page(
    request: Request,
    *,
    wanted: str,
    email: str = "",
    fault: str | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    held = sessions.visit(request)
    response = render(
        request,
        "sign_in.html",
        caller=None,
        now=services_module.of(request).clock(),
        status=status,
        headers=NO_STORE | (headers or {}),
        csrf=sessions.token_of(held),
        wanted=_within(wanted),
        email=email,
        fault=fault,
    )
    sessions.keep_visit(response, request, held)
    return response


def _within(wanted: str) -> str:
    """Where to go once signed in: a page of ours, never somebody else's."""
    if len(wanted) > LONGEST_NEXT:
        return "/"
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/sign-in"))
    return wanted if ours and wanted.isprintable() else "/"
