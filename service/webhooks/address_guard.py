"""Checks which addresses a webhook may reach: strangers give the URLs (SSRF).

`AddressGuard` holds the rules.  `GuardedBackend` applies them below HTTP, where a connection is
made: it resolves a name once, checks every address and connects to one of those very addresses, so
a name that resolves otherwise a moment later gains nothing.  Host, SNI and the certificate stay
those of the name.

The deny list is our own (IANA's special-purpose registries, RFC 6890): on Python 3.11
`ipaddress.is_global` holds for the NAT64 and 6to4 forms of 169.254.169.254, for multicast and for
fec0::/10.
"""

import asyncio
import ipaddress
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

import httpcore
import httpx

from service.webhooks import broker_addresses, mail_addresses
from service.webhooks.answer_stream import AnswerStream

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

DEFAULT_PORTS = {"http": 80, "https": 443, **broker_addresses.PORTS}
UNENCRYPTED = broker_addresses.PORTS.keys() - broker_addresses.ENCRYPTED
"""Schemes that are for networks of one's own.  `allow_http` decides about HTTP."""
URL_LENGTH = 2048
RESOLVE_SECONDS = 10.0

PUBLIC6 = ipaddress.IPv6Network("2000::/3")
DENIED: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local: the clouds' metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
            # Of IPv6 nothing outside 2000::/3 is public; inside it:
            "2001::/23",  # protocol assignments, Teredo
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: carries any IPv4 address
            "3fff::/20",  # documentation
        ),
    )
)

AUTHORITY = re.compile(r"[a-z]+://([^/?#]*)", re.IGNORECASE)
FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\s\\]")
NAME = re.compile(r"(?=.{1,253}\.?$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
NUMERIC = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?")
"""A last label that is a number: WHATWG and inet_aton read an IPv4 address from such a host."""


class AddressRefused(Exception):
    """The URL or its address may not be used; the message is a sentence for people."""


async def resolve_with_system(host: str, port: int) -> list[str]:
    """Resolve a name with getaddrinfo in a thread of its own.  Raises OSError or UnicodeError.

    The loop's executor has few threads (uvloop: four): a handful of names whose servers do not
    answer would stop every other resolution.  A daemon thread does not hold up the exit either.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(result: list[str] | Exception) -> None:
        if answer.done():  # nobody waits any more
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def look_up() -> None:
        result: list[str] | Exception
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            result = list(dict.fromkeys(str(info[4][0]) for info in infos))
        except Exception as error:
            result = error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=look_up, name="claimdesk-resolve", daemon=True).start()
    return await answer


class AddressGuard:
    """Holds the rules.  `allow_cidrs` opens ranges that are not public, `allow_http` plain HTTP."""

    def __init__(
        self,
        *,
        allow_http: bool = False,
        allow_cidrs: Sequence[Network] = (),
        resolve: Resolve = resolve_with_system,
    ) -> None:
        self._allow_http = allow_http
        self._allow_cidrs = tuple(allow_cidrs)
        self._resolve = resolve

    def check_url(self, url: str) -> httpx.URL:
        """Parse and check a URL; nothing is looked up.  Raises AddressRefused."""
        if len(url) > URL_LENGTH:
            raise AddressRefused(f"The URL is longer than {URL_LENGTH:,} characters.")
        if FORBIDDEN.search(url):
            raise AddressRefused("The URL contains a space, a control character or a backslash.")
        authority = AUTHORITY.match(url)
        if authority is None:
            raise AddressRefused("The URL must begin with https:// and a host.")
        is_broker = broker_addresses.is_broker(url.partition(":")[0])
        if "@" in authority[1] and not is_broker:
            raise AddressRefused("The URL must not contain a user name or password.")
        if authority[1].count("@") > 1:
            raise AddressRefused("An @ in a user name or password is written %40.")
        if "#" in url:
            raise AddressRefused("The URL must not contain a fragment (#).")
        port_text = authority[1].rpartition("@")[2].rpartition("]")[2].partition(":")[2]
        try:
            if port_text.strip(
                "0123456789"
            ):  # int() takes `+443`, `4_43` and any alphabet's digits
                raise ValueError("no port")
            parsed_url = httpx.URL(url)
            # `host` decodes punycode, which may be wrong in ways the parser does not look for.
            host, port, _ = parsed_url.raw_host.decode("ascii"), parsed_url.port, parsed_url.host
        except (httpx.InvalidURL, ValueError) as error:
            raise AddressRefused(
                "The URL is not valid: its host or port cannot be read."
            ) from error
        if parsed_url.scheme == "http" and not self._allow_http:
            raise AddressRefused(
                "The URL must begin with https://; for development, "
                "CLAIMDESK_WEBHOOK_ALLOW_HTTP=on allows http://."
            )
        if parsed_url.scheme not in DEFAULT_PORTS:
            raise AddressRefused("The URL must begin with https://.")
        if port is not None and not 0 < port < 65536:
            raise AddressRefused("The port of the URL must be between 1 and 65535.")
        if _parse_literal(host) is None and (not NAME.fullmatch(host) or NUMERIC.fullmatch(host)):
            raise AddressRefused(
                "The host of the URL is neither a name nor an address as usually written."
            )
        if is_broker:
            try:
                broker_addresses.parse_address(parsed_url, broker_addresses.find_credentials(url))
            except ValueError as error:
                raise AddressRefused(str(error)) from error
        return parsed_url

    async def check_address(self, url: str) -> None:
        """Check a URL and the present addresses of its host.  Raises AddressRefused.

        For an early answer only: each connection makes the same check again.  A mail goes to the
        operator's own server, whoever it is for.
        """
        if mail_addresses.is_mail(url):
            try:
                mail_addresses.parse_recipient(url)
            except ValueError as error:
                raise AddressRefused(str(error)) from error
            return
        parsed_url = self.check_url(url)
        host = parsed_url.raw_host.decode("ascii")
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                await self.resolve_addresses(
                    host,
                    parsed_url.port or DEFAULT_PORTS[parsed_url.scheme],
                    is_encrypted=parsed_url.scheme not in UNENCRYPTED,
                )
        except TimeoutError as error:
            raise AddressRefused(
                f"{host} could not be looked up within {RESOLVE_SECONDS:g} s."
            ) from error

    async def resolve_addresses(
        self, host: str, port: int, *, is_encrypted: bool = True
    ) -> list[str]:
        """Resolve `host` once, and return its addresses.  Raises AddressRefused if one of them is
        not allowed: brokers are reached without TLS in the networks of `allow_cidrs` only."""
        if _parse_literal(host) is not None:
            addresses = [host]
        else:
            try:
                addresses = await self._resolve(host, port)
            except (OSError, UnicodeError) as error:
                raise AddressRefused(f"{host} cannot be looked up.") from error
        if not addresses:
            raise AddressRefused(f"{host} has no address.")
        for address in addresses:
            if not self.is_permitted(address):
                raise AddressRefused(_describe_refusal(host, address))
            if not (is_encrypted or self._allow_http or self._is_own(address)):
                raise AddressRefused(
                    f"Without TLS {host} ({address}) is reached only in a network of yours: begin "
                    "the address with tls:// or rediss://, or name the network in "
                    "CLAIMDESK_WEBHOOK_ALLOW_CIDRS."
                )
        return addresses

    def is_permitted(self, address: str) -> bool:
        """Whether a literal address is public, or in one of `allow_cidrs`."""
        parsed_address = _parse_literal(address)
        if parsed_address is None:
            return False
        if self._is_own(address):
            return True
        if parsed_address.version == 6 and parsed_address not in PUBLIC6:
            return False
        return not any(parsed_address in network for network in DENIED)

    def _is_own(self, address: str) -> bool:
        """Whether a literal address is in one of `allow_cidrs`."""
        parsed_address = _parse_literal(address)
        return parsed_address is not None and any(
            parsed_address in network for network in self._allow_cidrs
        )


def _parse_literal(text: str) -> Address | None:
    """Return the address that `text` is, an IPv4-mapped one as IPv4; None with a scope id."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.scope_id is not None:
        return None
    return address.ipv4_mapped or address


def _describe_refusal(host: str, address: str) -> str:
    place = address if address == host else f"{host} is at {address}, which"
    parsed_address = _parse_literal(address)
    if parsed_address is None:
        return f"{place} is no address that webhooks may use."
    return (
        f"{place} is private or reserved. If it is yours, add "
        f"{parsed_address}/{parsed_address.max_prefixlen} to CLAIMDESK_WEBHOOK_ALLOW_CIDRS."
    )


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to permitted addresses only.  Raises AddressRefused, or as httpcore does."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 — httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Try the addresses in turn, each for its share of the remaining seconds."""
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        try:
            async with asyncio.timeout_at(end):
                addresses = await self._guard.resolve_addresses(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"looking up {host} took too long") from error
        failure: Exception | None = None
        for remaining, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            share = None if end is None else (end - loop.time()) / remaining
            try:
                return AnswerStream(
                    await self._backend.connect_tcp(
                        address, port, share, local_address, socket_options
                    )
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 — httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefused("Webhooks do not go to Unix sockets.")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)
