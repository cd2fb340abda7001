"""The desk's cookies (of a session, of a visit before signing in, of a known browser), and the
tokens by which its forms are known to be its own."""

import hmac
import secrets
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from service.accounts.session_commands import SESSION_LIFETIME
from service.domain.errors import CrossSite
from service.web import service_container
from service.web.callers import COOKIE, LOOPBACK, is_secure, name_cookie

VISIT = "claimdesk_visit"
"""The cookie of a browser in which nobody is signed in yet."""
DEVICE = "claimdesk_device"
"""The cookie of a browser that somebody has signed in with."""
DEVICE_SECONDS = 365 * 24 * 3600
LONGEST_AGENT = 200


def read_session_token(request: Request) -> str | None:
    return _read(request, COOKIE)


def read_agent(request: Request) -> str | None:
    """Return the browser as it names itself, if that can be shown."""
    agent = request.headers.get("user-agent", "")[:LONGEST_AGENT]
    return agent if agent and agent.isprintable() else None


def set_session_cookie(response: Response, request: Request, token: str) -> None:
    """Set the session's cookie: unreadable for scripts, unsent by other sites, and for TLS only
    except on this very machine."""
    _set(response, request, COOKIE, token, int(SESSION_LIFETIME.total_seconds()))


def delete_session_cookie(response: Response, request: Request) -> None:
    settings = service_container.get_services(request).settings
    response.delete_cookie(name_cookie(settings, COOKIE), path="/", secure=is_secure(settings))


def make_form_token(request: Request) -> str:
    """Return what a form of a signed-in person carries and another site cannot know; it ends with
    the session.  Empty where there is no session."""
    return derive_form_token(read_session_token(request))


def is_own_form(request: Request, sent_token: str) -> bool:
    """Whether a form was filled in on a page of the present session."""
    return _is_equal(make_form_token(request), sent_token)


def derive_form_token(cookie: str | None) -> str:
    """Return the token of forms that belong to a cookie; empty where there is none."""
    return "" if cookie is None else sha256(f"form {cookie}".encode()).hexdigest()


def read_or_make_visit(request: Request) -> str:
    """Return what the forms of somebody who is not signed in belong to."""
    return _read(request, VISIT) or secrets.token_urlsafe(32)


def set_visit_cookie(response: Response, request: Request, visit: str) -> None:
    _set(response, request, VISIT, visit, None)


def is_visitors_form(request: Request, sent_token: str) -> bool:
    """Whether a form was filled in on a page of this visit."""
    return _is_equal(derive_form_token(_read(request, VISIT)), sent_token)


def require_visitors_form(request: Request, sent_token: str) -> None:
    """Raise CrossSite unless the form was filled in on a page of the desk, in this visit.

    Another site's form would sign a browser in as whom that site chose.  Every browser sends the
    origin of a form; a program that keeps cookies sends the field that the page has.
    """
    if "origin" in request.headers:
        service_container.get_services(request).callers.require_same_site(request)
    if not is_visitors_form(request, sent_token):
        raise CrossSite(_explain_lost_visit(request))


def _explain_lost_visit(request: Request) -> str:
    settings = service_container.get_services(request).settings
    if is_secure(settings) and settings.base_url.startswith("http://"):
        return (
            f"This desk says that it is at {settings.base_url}, and browsers keep its cookies over "
            "https only. Put TLS in front of it, and set CLAIMDESK_BASE_URL to its https address."
        )
    return "This form is too old, or your browser refuses cookies. Load the page again."


def set_device_cookie(response: Response, request: Request, signature: str) -> None:
    """Let this browser be known as one that somebody has signed in with."""
    _set(response, request, DEVICE, signature, DEVICE_SECONDS)


def read_device(request: Request) -> str | None:
    return _read(request, DEVICE)


def _read(request: Request, name: str) -> str | None:
    return request.cookies.get(name_cookie(service_container.get_services(request).settings, name))


def _set(response: Response, request: Request, name: str, value: str, max_age: int | None) -> None:
    settings = service_container.get_services(request).settings
    response.set_cookie(
        name_cookie(settings, name),
        value,
        max_age=max_age,
        httponly=True,
        samesite="lax",
        secure=is_secure(settings) or request.url.hostname not in LOOPBACK,
        path="/",
    )


def _is_equal(expected_token: str, sent_token: str) -> bool:
    return expected_token != "" and hmac.compare_digest(
        expected_token.encode(), sent_token.encode()
    )
