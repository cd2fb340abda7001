"""The session cookie, the forms that belong to it, and how often one may try a password."""

import hmac
import secrets
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from service.commands.accounts import SESSION_LIFETIME
from service.web.callers import COOKIE
from service.web.services import Services

VISIT = "claimdesk_visit"
"""Before anybody is signed in."""
LONGEST_AGENT = 200
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def spend_try(services: Services, request: Request, email: str) -> None:
    """Count one try at a password.  Raises RateLimited."""
    address = request.client.host if request.client else "unknown"
    services.tries.spend(f"address:{address}")
    services.tries.spend(f"account:{email.strip().lower()}")


def token(request: Request) -> str | None:
    return request.cookies.get(COOKIE)


def agent(request: Request) -> str | None:
    """The browser as it names itself, as far as it can be shown."""
    named = request.headers.get("user-agent", "")[:LONGEST_AGENT]
    return named if named and named.isprintable() else None


def give(response: Response, request: Request, token: str) -> None:
    """Set the session's cookie: for no script, for no other site, and for TLS only except on this
    very machine, where there is none."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.hostname not in LOOPBACK,
        path="/",
    )


def take(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/")


def form_token(request: Request) -> str:
    """What a form of a signed-in person carries and another site cannot know; it ends with the
    session.  Empty where there is none."""
    held = request.cookies.get(COOKIE)
    return "" if held is None else token_of(held)


def is_own_form(request: Request, sent: str) -> bool:
    """Whether a form was filled in on a page of the present session."""
    return _same(form_token(request), sent)


def token_of(held: str) -> str:
    return sha256(f"form {held}".encode()).hexdigest()


def visit(request: Request) -> str:
    """What the form of somebody who is not signed in belongs to."""
    return request.cookies.get(VISIT) or secrets.token_urlsafe(32)


def keep_visit(response: Response, request: Request, held: str) -> None:
    response.set_cookie(
        VISIT,
        held,
        httponly=True,
        samesite="lax",
        secure=request.url.hostname not in LOOPBACK,
        path="/sign-in",
    )


def is_visitors_form(request: Request, sent: str) -> bool:
    """Whether a form was filled in on a page of this visit."""
    held = request.cookies.get(VISIT)
    return _same("" if held is None else token_of(held), sent)


def _same(expected: str, sent: str) -> bool:
    return expected != "" and hmac.compare_digest(expected.encode(), sent.encode())
