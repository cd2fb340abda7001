"""Signing in, by a one-time link or a password, and out."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import RedirectResponse

from service.accounts import account_commands
from service.desk.layout.forms import Form, posted, sent_with
from service.desk.layout.rendering import render
from service.domain.errors import (
    CrossSite,
    LinkSpent,
    NotAuthenticated,
    RateLimited,
    SignInBusy,
)
from service.web import password_checks, service_container, sessions
from service.web.problems import list_required_headers

router = APIRouter(include_in_schema=False)
NO_STORE = {"Cache-Control": "no-store"}
LONGEST_ADDRESS, LONGEST_NEXT = 254, 3000
LinkToken = Annotated[str, Path(max_length=100)]


@router.get("/sign-in")
async def show_sign_in(
    request: Request, next: Annotated[str, Query(max_length=LONGEST_NEXT)] = "/"
) -> Response:
    return _page(request, wanted=next)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Ten tries a minute for an account from one address; a browser that has signed in to the
    account before has ten of its own."""
    services = service_container.get_services(request)
    data = await _read_fields(request)
    sessions.require_visitors_form(request, data.get("csrf", ""))
    email, password = data.get("email", "").strip(), data.get("password", "")
    again: dict[str, Any] = {"wanted": data.get("next", "/"), "email": email}
    if not email or not password or len(email) > LONGEST_ADDRESS or "\x00" in email + password:
        return _page(request, status=422, fault="Give your address and your password.", **again)
    try:
        token = await password_checks.sign_in(services, request, email, password)
    except NotAuthenticated as error:
        return _page(request, status=401, fault=error.detail, **again)
    except RateLimited as error:
        headers = list_required_headers(error)
        wait = headers.get("Retry-After", "60")
        fault = f"Too many tries. Wait {wait} seconds, then try again."
        return _page(request, status=429, fault=fault, headers=headers, **again)
    except SignInBusy as error:
        headers = list_required_headers(error)
        return _page(request, status=503, fault=error.detail, headers=headers, **again)
    return _let_in(request, token, email, then=_within(data.get("next", "/")))


async def _read_fields(request: Request) -> dict[str, str]:
    fields = await sent_with(request)
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _let_in(request: Request, token: str, email: str, *, then: str) -> Response:
    """Go on to the page `then` with the session `token`, in a browser that is known from now on."""
    response = RedirectResponse(then, 303, headers=NO_STORE)
    sessions.give(response, request, token)
    services = service_container.get_services(request)
    password_checks.remember_device(services, request, response, email)
    return response


@router.get("/sign-in/{token}")
async def show_link(token: LinkToken, request: Request) -> Response:
    """Ask whether to sign in by a one-time link.  Nothing is used up: whatever previews or scans
    links may look at this."""
    services = service_container.get_services(request)
    now = services.clock()
    try:
        link = await services.database.read(account_commands.find_link, token, now=now)
    except LinkSpent as error:
        return await _spent_page(request, error)
    return await _link_page(request, "sign_in_link.html", link=link, token=token)


@router.post("/sign-in/{token}")
async def use_link(token: LinkToken, request: Request) -> Response:
    """Sign in by a one-time link.

    Raises CrossSite for a form of another site: it would sign a browser in as somebody else.
    """
    services = service_container.get_services(request)
    data = await _read_fields(request)
    sessions.require_visitors_form(request, data.get("csrf", ""))
    try:
        session, email = await services.database.write(
            account_commands.use_sign_in_link,
            token,
            agent=sessions.agent(request),
            now=services.clock(),
        )
    except LinkSpent as error:
        return await _spent_page(request, error)
    services.callers.forget()
    return _let_in(request, session, email, then="/")


async def _spent_page(request: Request, error: LinkSpent) -> Response:
    """Say what became of a link that signs nobody in.  Raises `error` for who reads no pages."""
    if "text/html" not in request.headers.get("accept", ""):
        raise error
    return await _link_page(request, "sign_in_spent.html", status=error.status, error=error)


async def _link_page(
    request: Request, template: str, *, status: int = 200, **context: Any
) -> Response:
    """A page about a sign-in link, which says who is signed in already."""
    services = service_container.get_services(request)
    now = services.clock()
    try:
        caller = await services.callers.identify(request, now=now)
    except (NotAuthenticated, CrossSite):
        caller = None
    held = sessions.visit(request)
    response = render(
        request,
        template,
        caller=caller,
        now=now,
        status=status,
        headers=NO_STORE,
        visit_csrf=sessions.token_of(held),
        **context,
    )
    sessions.keep_visit(response, request, held)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, form: Annotated[Form, posted(None)]) -> Response:
    token = sessions.token(request)
    assert token is not None, "a form belongs to a session"
    await form.call.services.database.write(account_commands.end_session, token)
    form.call.services.callers.forget()
    response = RedirectResponse("/sign-in?done=signed-out", 303, headers=NO_STORE)
    sessions.take(response, request)
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
        now=service_container.get_services(request).clock(),
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
