"""Checks passwords at sign-in: limits tries by account, address and browser, and makes browsers
known that somebody has signed in with."""

import hmac
import secrets
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from service.accounts import (
    account_names,
    credentials,
    sign_in_commands,
    sign_in_tries,
)
from service.accounts.credentials import StoredPassword
from service.accounts.sign_in_tries import Limit
from service.domain import account_bounds
from service.domain.errors import NotAuthenticated
from service.web import passwords, sessions
from service.web.service_container import Services

TRIES_A_MINUTE = 10
"""For one account from one address, from one known browser, or by one signed-in person."""
TRIES_AN_ADDRESS = 30
"""For all accounts from one address."""
TRIES_AN_ACCOUNT = 100
"""For one account from everywhere, but for browsers that its owner has signed in with: so nobody
locks anybody out, and a thousand addresses guess no faster than this."""


async def sign_in(services: Services, request: Request, email: str, password: str) -> str:
    """Start a session by a password and return its token.

    Raises NotAuthenticated (the same for an unknown account, and after as long a time),
    RateLimited, SignInBusy.
    """
    is_known = is_known_device(services, request, email)
    with passwords.admit_try(is_known_browser=is_known):
        await spend_try(services, list_limits(request, email, is_known_browser=is_known))
        stored_password = await services.database.read(credentials.find_password_by_email, email)
        password_hash = (
            stored_password.hash
            if stored_password and len(password) <= account_bounds.LONGEST_PASSWORD
            else None
        )
        is_right = await passwords.verify_password(
            password[: account_bounds.LONGEST_PASSWORD], password_hash
        )
        if stored_password is None or password_hash is None or not is_right:
            raise NotAuthenticated("No account has this address and password.")
        return await services.database.write(
            sign_in_commands.sign_in_by_password,
            stored_password.user,
            password_hash,
            agent=sessions.read_agent(request),
            now=services.clock(),
        )


async def is_own_password(
    services: Services, stored_password: StoredPassword, password: str
) -> bool:
    """Whether somebody who is signed in knows their password.  Raises RateLimited, SignInBusy."""
    with passwords.admit_try(is_known_browser=True):
        await spend_try(services, [Limit(f"person {stored_password.user}", TRIES_A_MINUTE)])
        return await passwords.verify_password(
            password[: account_bounds.LONGEST_PASSWORD], stored_password.hash
        )


async def spend_try(services: Services, limits: list[Limit]) -> None:
    """Count one try.  Raises RateLimited, without a change where no try is left."""
    now = services.clock()
    await services.database.read(sign_in_tries.require_tries_left, limits, now=now)
    await services.database.write(sign_in_tries.count_try, limits, now=now)


def list_limits(request: Request, email: str, *, is_known_browser: bool) -> list[Limit]:
    """Return the limits on which a try at an account's password counts; `known`: it comes from a
    browser that has signed in to the account before."""
    account = account_names.normalize_email(email)
    if is_known_browser:
        return [Limit(f"device {sessions.read_device(request)} {account}", TRIES_A_MINUTE)]
    address = _name_network(request.client.host if request.client else "unknown")
    return [
        Limit(f"account {account} from {address}", TRIES_A_MINUTE),
        Limit(f"address {address}", TRIES_AN_ADDRESS),
        Limit(f"account {account}", TRIES_AN_ACCOUNT),
    ]


def _name_network(host: str) -> str:
    """Return the network by which an address is counted: of IPv6 the 64 bits that one customer
    has."""
    try:
        address: Any = ip_address(host)
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ip_network(f"{address}/{64 if address.version == 6 else 32}", strict=False))


# A browser is known by a cookie: a number, and the proof that this desk set it when somebody had
# signed in to that account.


def remember_device(services: Services, request: Request, response: Response, email: str) -> None:
    """Make this browser known, so that it skips the limits that strangers share."""
    if is_known_device(services, request, email):
        return
    number = secrets.token_urlsafe(16)
    proof = _sign_device(services, number, email)
    sessions.set_device_cookie(response, request, f"{number}.{proof}")


def is_known_device(services: Services, request: Request, email: str) -> bool:
    """Whether somebody has signed in to this account with this browser."""
    number, _, proof = (sessions.read_device(request) or "").partition(".")
    expected_signature = _sign_device(services, number, email)
    return bool(number) and hmac.compare_digest(expected_signature.encode(), proof.encode())


def _sign_device(services: Services, number: str, email: str) -> str:
    message = f"device {number} {account_names.normalize_email(email)}".encode()
    return hmac.new(services.device_key, message, sha256).hexdigest()
