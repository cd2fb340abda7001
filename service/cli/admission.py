"""Limits the connections of `claimdesk serve`: how many, and for how long without a request.

`Admission` is the outermost ASGI application of a server process, and has the register of its
connections.  Every connection (`cli/connections.py`) finds it in the state of the ASGI lifespan,
which a server hands to each request.
"""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Protocol

import structlog

from service.config import Settings
from service.web.envelope import BODY_PENDING
from service.web.event_stream import CONNECTION

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
ADMISSION = "claimdesk.admission"
"""The key of the `Admission` in the state of the lifespan."""
SWEEP_SECONDS = 1.0
REPORT_SECONDS = 10.0
RESERVED_FILES = 96
"""Open files for other than clients: the database, webhooks, logs, libraries."""
log = structlog.get_logger("connections")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of each connection, and of their number."""

    address_bytes: int = 8 * 1024
    head_bytes: int = 32 * 1024
    """For a request line and header fields, and for a body's trailers and framing."""
    fields: int = 100
    pipelined: int = 64
    """Requests of one connection that wait for their answers."""
    head_seconds: float = 10
    body_seconds: float = 60
    idle_seconds: float = 80
    """A little more than uvicorn's keep-alive: this limit drops what does not close by then."""
    write_seconds: float = 60
    """A client that receives nothing of its answer for so long is dropped."""
    linger_seconds: float = 2
    """A refused client has so long to read why, while what it still sends is discarded."""
    connections: int = 4_096
    connections_each: int = 256
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Addresses of proxies, which carry many clients' requests: no limit per address."""


def limit_from_settings(settings: Settings, *, proxies: str, files: int | None) -> Limits:
    """Return the limits of a process that may open `files` files (None: unknown)."""
    connections = settings.connections
    if files is not None and files - RESERVED_FILES < connections:
        connections = max(files - RESERVED_FILES, files // 2)
        log.warning(
            "connections limited by open files",
            wanted=settings.connections,
            connections=connections,
            remedy="raise the limit of open files (ulimit -n, LimitNOFILE)",
        )
    return Limits(
        head_seconds=settings.head_seconds,
        body_seconds=settings.body_seconds + 5,
        connections=connections,
        connections_each=min(settings.connections_each, connections),
        proxies=parse_networks(proxies),
    )


def parse_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Parse addresses and networks between commas; `*` is every address, other words are none."""
    if text.strip() == "*":
        return (ip_network("0.0.0.0/0"), ip_network("::/0"))
    networks = []
    for part in text.split(","):
        try:
            networks.append(ip_network(part.strip(), strict=False))
        except ValueError:
            continue  # a host name or the path of a socket, which no address equals
    return tuple(networks)


class GuardedConnection(Protocol):
    """A connection, as the register needs it."""

    deadline: float
    address: str

    def expire(self) -> None:
        """End it: its deadline has passed."""

    def evict(self) -> None:
        """End it: others need its place, and no request on it waits for an answer."""


@dataclass(slots=True)
class _Share:
    """The connections of one address."""

    count: int = 0
    waiting: dict[GuardedConnection, None] = field(default_factory=dict)


class Admission:
    """Counts connections, makes room for new ones, and drops those past their deadline."""

    def __init__(self, app: App, limits: Limits) -> None:
        self.app = app
        self.limits = limits
        self.open: set[GuardedConnection] = set()
        self.lingering = 0
        """Connections that were refused and still read the answer."""
        self._waiting: dict[GuardedConnection, None] = {}
        """Connections without a request that waits for an answer, the longest idle first."""
        self._shares: dict[str, _Share] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._turned_away: dict[str, int] = {}
        self._reported_at = float("-inf")
        self._out_of_files = False

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            scope["state"][ADMISSION] = self
            self._sweep()
            try:
                await self.app(scope, receive, send)
            finally:
                if self._sweeper is not None:
                    self._sweeper.cancel()
            return
        connection = scope["state"][CONNECTION]
        head = connection.begin_answer()
        scope["state"][BODY_PENDING] = not head.complete
        # uvicorn appends trailers to this list: none of them may count as a header.
        scope["headers"] = scope["headers"][: head.fields]
        try:
            await self.app(scope, receive, send)
        finally:
            connection.finish_answer()

    # Connections.

    def admit(self, connection: GuardedConnection) -> bool:
        """Count a new connection; if all are in use, the longest idle one is dropped for it."""
        share = self._shares.get(connection.address)
        if share is None:
            share = self._shares[connection.address] = _Share()
        limits = self.limits
        if share.count >= limits.connections_each and not self._is_exempt(connection.address):
            if not self._evict(share.waiting, "address"):
                return False
        elif len(self.open) >= limits.connections and not self._evict(self._waiting, "all"):
            if not share.count:
                del self._shares[connection.address]
            return False
        self.open.add(connection)
        self._shares.setdefault(connection.address, share).count += 1
        self.wait(connection)
        return True

    def release(self, connection: GuardedConnection) -> None:
        """Forget a connection that has ended.  Does nothing if it was not admitted."""
        if connection not in self.open:
            return
        self.open.discard(connection)
        self.serve(connection)
        share = self._shares[connection.address]
        share.count -= 1
        if not share.count:
            del self._shares[connection.address]

    def wait(self, connection: GuardedConnection) -> None:
        """Note that no request on it waits for an answer."""
        if connection in self.open:
            self._waiting[connection] = None
            self._shares[connection.address].waiting[connection] = None

    def serve(self, connection: GuardedConnection) -> None:
        """Note that a request on it waits for an answer: it is not dropped for others."""
        self._waiting.pop(connection, None)
        share = self._shares.get(connection.address)
        if share is not None:
            share.waiting.pop(connection, None)

    def count_refusal(self, reason: str) -> None:
        """Count a client that was refused; a line in the log says how many, now and then."""
        self._turned_away[reason] = self._turned_away.get(reason, 0) + 1

    def _evict(self, waiting: dict[GuardedConnection, None], whose: str) -> bool:
        for connection in waiting:
            connection.evict()
            self.release(connection)
            self.count_refusal(f"gave way ({whose})")
            return True
        self.count_refusal(f"no room ({whose})")
        return False

    def _is_exempt(self, address: str) -> bool:
        if not self.limits.proxies:
            return False
        try:
            parsed_address = ip_address(address)
        except ValueError:
            return False
        return any(parsed_address in network for network in self.limits.proxies)

    # Every second.

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)
        now = loop.time()
        for connection in [each for each in self.open if each.deadline <= now]:
            connection.expire()
        self._check_open_files()
        if self._turned_away and now - self._reported_at >= REPORT_SECONDS:
            self._reported_at = now
            turned_away, self._turned_away = self._turned_away, {}
            log.warning("clients turned away", open=len(self.open), **turned_away)

    def _check_open_files(self) -> None:
        """Log when no file can be opened any more, and drop idle connections."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            if not self._out_of_files:
                self._out_of_files = True
                log.error(
                    "no file can be opened: new clients are not answered",
                    reason=os.strerror(error.errno),
                    connections=len(self.open),
                    remedy="raise the limit of open files (ulimit -n, LimitNOFILE)",
                )
            for _ in range(1 + len(self._waiting) // 4):
                if not self._evict(self._waiting, "open files"):
                    break
        else:
            if self._out_of_files:
                self._out_of_files = False
                log.warning("files can be opened again", connections=len(self.open))
