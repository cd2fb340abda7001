"""The session cookie, and how often one may try a password."""

from starlette.requests import Request
from starlette.responses import Response

from service.commands.accounts import SESSION_LIFETIME
from service.web.callers import COOKIE
from service.web.services import Services

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def spend_try(services: Services, request: Request, email: str) -> None:
    """Count one try at a password.  Raises RateLimited."""
    address = request.client.host if request.client else "unknown"
    services.tries.spend(f"address:{address}")
    services.tries.spend(f"account:{email.strip().lower()}")


def token(request: Request) -> str | None:
    return request.cookies.get(COOKIE)


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
