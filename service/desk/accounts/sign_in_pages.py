"""Pages for signing in, by a one-time link or a password, and for signing out."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import RedirectResponse

from service.accounts import credentials, session_commands, sign_in_commands
from service.desk.accounts.account_forms import NO_STORE, explain_limit
from service.desk.layout.forms import Form, accept_form, read_fields
from service.desk.layout.rendering import render
from service.domain.account_bounds import LONGEST_EMAIL
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
LONGEST_NEXT = 3000
LinkToken = Annotated[str, Path(max_length=100)]


@router.get("/sign-in")
async def show_sign_in(
    request: Request, next: Annotated[str, Query(max_length=LONGEST_NEXT)] = "/"
) -> Response:
    return _render_form(request, next_page=next)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Sign in by a password.

    An account can be tried ten times a minute from one address; a browser that has signed in to the
    account before has ten attempts of its own.
    """
    services = service_container.get_services(request)
    data = await _read_fields(request)
    sessions.require_visitors_form(request, data.get("csrf", ""))
    email, password = data.get("email", "").strip(), data.get("password", "")
    render_form = partial(_render_form, request, next_page=data.get("next", "/"), email=email)
    if not email or not password or len(email) > LONGEST_EMAIL or "\x00" in email + password:
        return render_form(status=422, fault="Give your address and your password.")
    try:
        token = await password_checks.sign_in(services, request, email, password)
    except NotAuthenticated as error:
        return render_form(status=401, fault=error.detail)
    except RateLimited as error:
        fault, headers = explain_limit(error)
        return render_form(status=429, fault=fault, headers=headers)
    except SignInBusy as error:
        headers = list_required_headers(error)
        return render_form(status=503, fault=error.detail, headers=headers)
    return _begin_session(
        request, token, email, redirect_to=_keep_within_desk(data.get("next", "/"))
    )


async def _read_fields(request: Request) -> dict[str, str]:
    fields = await read_fields(request)
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _begin_session(request: Request, token: str, email: str, *, redirect_to: str) -> Response:
    """Go to the page `then` with the session `token`; the browser is known from now on."""
    response = RedirectResponse(redirect_to, 303, headers=NO_STORE)
    sessions.set_session_cookie(response, request, token)
    services = service_container.get_services(request)
    password_checks.remember_device(services, request, response, email)
    return response


@router.get("/sign-in/{token}")
async def show_link(token: LinkToken, request: Request) -> Response:
    """Ask whether to sign in by a one-time link.  Nothing is used up: programs that preview or
    scan links may load this page."""
    services = service_container.get_services(request)
    now = services.clock()
    try:
        link = await services.database.read(sign_in_commands.find_sign_in_link, token, now=now)
    except LinkSpent as error:
        return await _render_spent(request, error)
    makers = credentials.split_ids(link["made_by"])
    return await _render_link_page(
        request, "sign_in_link.html", link=link, token=token, makers=makers
    )


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
            sign_in_commands.use_sign_in_link,
            token,
            agent=sessions.read_agent(request),
            now=services.clock(),
        )
    except LinkSpent as error:
        return await _render_spent(request, error)
    services.callers.forget_credentials()
    return _begin_session(request, session, email, redirect_to="/")


async def _render_spent(request: Request, error: LinkSpent) -> Response:
    """Show what became of a link that signs nobody in.  Raises `error` for a program."""
    if "text/html" not in request.headers.get("accept", ""):
        raise error
    return await _render_link_page(request, "sign_in_spent.html", status=error.status, error=error)


async def _render_link_page(
    request: Request, template: str, *, status: int = 200, **context: Any
) -> Response:
    """Render a page about a sign-in link; it names who is signed in already."""
    services = service_container.get_services(request)
    now = services.clock()
    try:
        caller = await services.callers.identify(request, now=now)
    except (NotAuthenticated, CrossSite):
        caller = None
    visit = sessions.read_or_make_visit(request)
    response = render(
        request,
        template,
        caller=caller,
        now=now,
        status=status,
        headers=NO_STORE,
        visit_csrf=sessions.derive_form_token(visit),
        former_makers=caller.made_by if caller else (),
        **context,
    )
    sessions.set_visit_cookie(response, request, visit)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, form: Annotated[Form, accept_form(None)]) -> Response:
    token = sessions.read_session_token(request)
    assert token is not None, "a form belongs to a session"
    await form.call.services.database.write(session_commands.end_session, token)
    form.call.services.callers.forget_credentials()
    response = RedirectResponse("/sign-in?done=signed-out", 303, headers=NO_STORE)
    sessions.delete_session_cookie(response, request)
    return response


def _render_form(
    request: Request,
    *,
    next_page: str,
    email: str = "",
    fault: str | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    visit = sessions.read_or_make_visit(request)
    response = render(
        request,
        "sign_in.html",
        caller=None,
        now=service_container.get_services(request).clock(),
        status=status,
        headers=NO_STORE | (headers or {}),
        csrf=sessions.derive_form_token(visit),
        wanted=_keep_within_desk(next_page),
        email=email,
        fault=fault,
    )
    sessions.set_visit_cookie(response, request, visit)
    return response


def _keep_within_desk(next_page: str) -> str:
    """Return where to go once signed in: a page of the desk, never another site's."""
    if len(next_page) > LONGEST_NEXT:
        return "/"
    is_ours = next_page.startswith("/") and not next_page.startswith(("//", "/\\", "/sign-in"))
    return next_page if is_ours and next_page.isprintable() else "/"
