"""Trying a password: by whom, from where, how often, and what a browser is then known by."""

import hmac
import secrets
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from service.accounts import account_commands, account_queries, sign_in_tries
from service.accounts.sign_in_tries import Limit
from service.domain.errors import NotAuthenticated
from service.web import passwords, sessions
from service.web.service_container import Services

TRIES_A_MINUTE = 10
"""For one account from one address, from one known browser, or of one signed-in person."""
TRIES_AN_ADDRESS = 30
"""For all accounts from one address."""
TRIES_AN_ACCOUNT = 100
"""For one account from everywhere, but for browsers that its owner has signed in with: so nobody
locks anybody out, and a thousand addresses guess no faster than this."""
LONGEST_PASSWORD = 1000


async def sign_in(services: Services, request: Request, email: str, password: str) -> str:
    """Start a session by a password and give its token.

    Raises NotAuthenticated (the same for an unknown account, and as late), RateLimited, SignInBusy.
    """
    known = is_known_device(services, request, email)
    with passwords.admit(known=known):
        await spend_try(services, list_limits(request, email, known=known))
        user = await services.database.read(account_queries.by_email, email)
        hashed = user.password_hash if user and len(password) <= LONGEST_PASSWORD else None
        if not await passwords.matches(password[:LONGEST_PASSWORD], hashed):
            raise NotAuthenticated("No account has this address and password.")
        assert user is not None
        return await services.database.write(
            account_commands.sign_in_by_password,
            user.id,
            user.password_hash,
            agent=sessions.agent(request),
            now=services.clock(),
        )


async def is_own_password(services: Services, user: Any, password: str) -> bool:
    """Whether somebody who is signed in knows their password.  Raises RateLimited, SignInBusy."""
    with passwords.admit(known=True):
        await spend_try(services, limits_of_person(user.id))
        return await passwords.matches(password[:LONGEST_PASSWORD], user.password_hash)


async def spend_try(services: Services, limits: list[Limit]) -> None:
    """Count one try.  Raises RateLimited; whoever has none left does not take the writer's time."""
    now = services.clock()
    await services.database.read(sign_in_tries.check, limits, now=now)
    await services.database.write(sign_in_tries.spend, limits, now=now)


def list_limits(request: Request, email: str, *, known: bool) -> list[Limit]:
    """What a try at an account's password counts on; `known` is a browser of its owner's."""
    account = _fold(email)
    if known:
        return [Limit(f"device {sessions.read_device(request)} {account}", TRIES_A_MINUTE)]
    address = _network(request.client.host if request.client else "unknown")
    return [
        Limit(f"account {account} from {address}", TRIES_A_MINUTE),
        Limit(f"address {address}", TRIES_AN_ADDRESS),
        Limit(f"account {account}", TRIES_AN_ACCOUNT),
    ]


def limits_of_person(user_id: str) -> list[Limit]:
    """What a signed-in person's try at their own password counts on."""
    return [Limit(f"person {user_id}", TRIES_A_MINUTE)]


def _network(host: str) -> str:
    """An address as it is counted: who has one of IPv6 has the 64 bits of it that vary, too."""
    try:
        address: Any = ip_address(host)
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ip_network(f"{address}/{64 if address.version == 6 else 32}", strict=False))


def _fold(email: str) -> str:
    return email.strip().lower()


# The cookie by which a browser is known: a number, and the proof that this desk gave it to whoever
# had just signed in to that account.


def remember_device(services: Services, request: Request, response: Response, email: str) -> None:
    """Let this browser skip the limits that strangers share, for this account."""
    if is_known_device(services, request, email):
        return
    number = secrets.token_urlsafe(16)
    proof = _prove(services, number, email)
    sessions.keep_device(response, request, f"{number}.{proof}")


def is_known_device(services: Services, request: Request, email: str) -> bool:
    """Whether somebody has signed in to this account with this browser."""
    number, _, proof = (sessions.read_device(request) or "").partition(".")
    expected = _prove(services, number, email)
    return bool(number) and hmac.compare_digest(expected.encode(), proof.encode())


def _prove(services: Services, number: str, email: str) -> str:
    message = f"device {number} {_fold(email)}".encode()
    return hmac.new(services.device_key, message, sha256).hexdigest()
