"""Identifies callers by API key or session, and limits how much each asks.

A credential is looked up at most once a second.
"""

import contextlib
import hmac
import time
from datetime import datetime
from ipaddress import IPv6Address, IPv6Network
from urllib.parse import urlsplit

from starlette.requests import Request

from service.accounts import credentials
from service.accounts.credentials import Credential, hash_secret
from service.config import Settings
from service.domain.access import Actor
from service.domain.errors import CrossSite, NotAuthenticated
from service.store.engine import Database
from service.web.limits import Limiter
from service.web.request_context import context_of

COOKIE = "claimdesk_session"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
TRUSTED_SECONDS = 1.0
"""How long a credential is trusted without asking the database again: a revocation by another
process takes effect within this time, one by this process at once."""
MOST_CREDENTIALS = 10_000
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_secure(settings: Settings) -> bool:
    """Whether this desk's cookies are for TLS only: everywhere but on this very machine.

    The address that the operator has set decides, not a request: a proxy in front may pass any.
    """
    base = urlsplit(settings.base_url)
    return base.scheme == "https" or base.hostname not in LOOPBACK


def name_cookie(settings: Settings, name: str) -> str:
    """Return the cookie's name: where it is for TLS only, one that browsers accept from this very
    host alone (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{name}" if is_secure(settings) else name


class Callers:
    """Identifies who sends a request, and counts the request on their limit."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.cookie = name_cookie(settings, COOKIE)
        self.limiter = Limiter(settings.rate_limit)
        self.used: dict[str, datetime] = {}
        """When keys were used since that was last written to the database, by their ids."""
        self.used_sessions: dict[str, datetime] = {}
        """When sessions were used, likewise, by the hashes of their tokens."""
        self.used_feeds: dict[str, datetime] = {}
        """When private addresses of feeds were used, likewise, by their ids."""
        self._known: dict[str, tuple[float, Credential]] = {}

    async def identify(self, request: Request, *, now: datetime) -> Actor | None:
        """Return the caller; None for the public.

        Raises NotAuthenticated for a credential that does not hold, CrossSite for a change that a
        browser was made to send, RateLimited.
        """
        header = request.headers.get("authorization")
        token = header or request.cookies.get(self.cookie)
        if token is None:
            self._spend(request, self.name_peer(request))
            return None
        known_credentials = self._known
        # A key and a session are different things even where their texts are equal.
        credential_text = f"{'key' if header else 'session'} {token}"
        entry = known_credentials.get(credential_text)
        if entry is not None and entry[0] > time.monotonic():
            credential = entry[1]
        else:
            known_credentials.pop(credential_text, None)
            try:
                credential = await (self._find_key(header) if header else self._find_session(token))
            except NotAuthenticated:
                self._spend(request, self.name_peer(request))
                raise
            if len(known_credentials) >= MOST_CREDENTIALS:
                known_credentials.clear()
            known_credentials[credential_text] = (time.monotonic() + TRUSTED_SECONDS, credential)
        if credential.expires_at is not None and credential.expires_at <= now:
            raise NotAuthenticated("This key or session has expired.")
        if credential.key is not None:
            self.used[credential.key] = now
        else:
            self.used_sessions[credential.secret_hash] = now
            if request.method not in SAFE:
                self.require_same_site(request)
        self._spend(request, credential.key or credential.actor.id)
        context_of(request.scope).credential = credential
        return credential.actor

    def forget_credentials(self) -> None:
        """Look every credential up again: a key, session or user has changed."""
        # A new dictionary: lookups that are under way write into the old one.
        self._known = {}

    async def _find_key(self, header: str) -> Credential:
        scheme, _, token = header.partition(" ")
        parts = token.strip().split("_")
        if scheme.lower() != "bearer" or len(parts) != 3 or parts[0] != "cd":
            raise NotAuthenticated("Send the key as 'Authorization: Bearer cd_<id>_<secret>'.")
        _, key_id, secret = parts
        if "\x00" in token:
            raise NotAuthenticated("This API key is unknown, revoked or mistyped.")
        credential = await self.database.read(credentials.find_key_credential, key_id)
        expected_hash = credential.secret_hash if credential else ""
        if not hmac.compare_digest(hash_secret(secret), expected_hash) or credential is None:
            raise NotAuthenticated("This API key is unknown, revoked or mistyped.")
        return credential

    async def _find_session(self, token: str) -> Credential:
        credential = await self.database.read(
            credentials.find_session_credential, hash_secret(token)
        )
        if credential is None:
            raise NotAuthenticated("This session has ended; sign in again.")
        return credential

    def require_same_site(self, request: Request) -> None:
        """Raise CrossSite for a change that comes from another site's page: browsers send the
        cookie with it all the same."""
        origin = request.headers.get("origin")
        own_origins = {self.settings.base_url, f"{request.url.scheme}://{request.url.netloc}"}
        if origin is None or origin not in {_origin(url) for url in own_origins}:
            raise CrossSite("Changes made with a session must come from the desk's own pages.")

    def count_stranger(self, request: Request) -> None:
        """Count a request of nobody known, on the limit of the peer.  Raises RateLimited."""
        self._spend(request, self.name_peer(request))

    def count_feed(self, request: Request, feed: str, *, now: datetime) -> None:
        """Count a request for a feed at a private address, on the limit of the feed.  Raises
        RateLimited."""
        self._spend(request, f"feed:{feed}")
        self.used_feeds[feed] = now

    def charge(self, request: Request, cost: int) -> None:
        """Count the work that a request takes, in requests.  Raises RateLimited."""
        if cost > 0:
            context = context_of(request.scope)
            context.allowance = self.limiter.spend(context.limited_as, cost)

    def _spend(self, request: Request, caller: str) -> None:
        context = context_of(request.scope)
        context.limited_as = caller
        context.allowance = self.limiter.spend(caller)

    @staticmethod
    def name_peer(request: Request) -> str:
        """Return whom a limit counts: the peer's address, of IPv6 the network that one customer
        has."""
        host = request.client.host if request.client else "unknown"
        if ":" in host:
            with contextlib.suppress(ValueError):
                address = IPv6Address(host.partition("%")[0])
                ipv4_address = address.ipv4_mapped
                network = IPv6Network((int(address) >> 64 << 64, 64))
                host = str(network if ipv4_address is None else ipv4_address)
        return f"address:{host}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
