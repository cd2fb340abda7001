"""The cookies of the desk: a session's, a visit's before signing in, a known browser's; and the
forms that belong to them."""

import hmac
import secrets
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from service.accounts.account_commands import SESSION_LIFETIME
from service.domain.errors import CrossSite
from service.web import service_container
from service.web.callers import COOKIE, LOOPBACK, is_secure, name_cookie

VISIT = "claimdesk_visit"
"""Before anybody is signed in."""
DEVICE = "claimdesk_device"
"""Of a browser that somebody has signed in with."""
DEVICE_SECONDS = 365 * 24 * 3600
LONGEST_AGENT = 200


def token(request: Request) -> str | None:
    return _read(request, COOKIE)


def agent(request: Request) -> str | None:
    """The browser as it names itself, as far as it can be shown."""
    named = request.headers.get("user-agent", "")[:LONGEST_AGENT]
    return named if named and named.isprintable() else None


def give(response: Response, request: Request, token: str) -> None:
    """Set the session's cookie: for no script, for no other site, and for TLS only except on this
    very machine, where there is none."""
    _set(response, request, COOKIE, token, int(SESSION_LIFETIME.total_seconds()))


def take(response: Response, request: Request) -> None:
    settings = service_container.get_services(request).settings
    response.delete_cookie(name_cookie(settings, COOKIE), path="/", secure=is_secure(settings))


def form_token(request: Request) -> str:
    """What a form of a signed-in person carries and another site cannot know; it ends with the
    session.  Empty where there is none."""
    held = token(request)
    return "" if held is None else token_of(held)


def is_own_form(request: Request, sent: str) -> bool:
    """Whether a form was filled in on a page of the present session."""
    return _same(form_token(request), sent)


def token_of(held: str) -> str:
    return sha256(f"form {held}".encode()).hexdigest()


def visit(request: Request) -> str:
    """What the form of somebody who is not signed in belongs to."""
    return _read(request, VISIT) or secrets.token_urlsafe(32)


def keep_visit(response: Response, request: Request, held: str) -> None:
    _set(response, request, VISIT, held, None)


def is_visitors_form(request: Request, sent: str) -> bool:
    """Whether a form was filled in on a page of this visit."""
    held = _read(request, VISIT)
    return _same("" if held is None else token_of(held), sent)


def require_visitors_form(request: Request, sent: str) -> None:
    """Raise CrossSite unless the form was filled in on a page of ours, in this visit.

    Another site's form would sign a browser in as whom that site chose.  Every browser says from
    where a form comes; a program that keeps cookies sends the field that the page has.
    """
    if "origin" in request.headers:
        service_container.get_services(request).callers.require_same_site(request)
    if not is_visitors_form(request, sent):
        raise CrossSite(_explain_lost_visit(request))


def _explain_lost_visit(request: Request) -> str:
    settings = service_container.get_services(request).settings
    if is_secure(settings) and settings.base_url.startswith("http://"):
        return (
            f"This desk says that it is at {settings.base_url}, and browsers keep its cookies over "
            "https only. Put TLS in front of it, and set CLAIMDESK_BASE_URL to its https address."
        )
    return "This form is too old, or your browser refuses cookies. Load the page again."


def keep_device(response: Response, request: Request, signed: str) -> None:
    """Remember that somebody has signed in with this browser."""
    _set(response, request, DEVICE, signed, DEVICE_SECONDS)


def read_device(request: Request) -> str | None:
    return _read(request, DEVICE)


def _read(request: Request, name: str) -> str | None:
    return request.cookies.get(name_cookie(service_container.get_services(request).settings, name))


def _set(response: Response, request: Request, name: str, value: str, lasts: int | None) -> None:
    settings = service_container.get_services(request).settings
    response.set_cookie(
        name_cookie(settings, name),
        value,
        max_age=lasts,
        httponly=True,
        samesite="lax",
        secure=is_secure(settings) or request.url.hostname not in LOOPBACK,
        path="/",
    )


def _same(expected: str, sent: str) -> bool:
    return expected != "" and hmac.compare_digest(expected.encode(), sent.encode())
