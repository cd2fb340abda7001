"""Connections to PostgreSQL, direct or through a connection pooler: to a primary, or for a replica
(`replica.py`) to a standby.

A pooler (pgbouncer, Odyssey, …) is recognised by a difference: a server says at the greeting which
of its processes serves a connection, and a pooler makes that number up.  In transaction mode each
transaction may run in another process of the server, so that nothing may be kept in a session: no
prepared statement, no setting, no LISTEN.  Each transaction then brings its settings along, in the
round trip that begins it, and each statement is sent whole (docs/infrastructure.md).

In place of a primary a standby is refused, for reading too: it knows nothing of the locks that
protect the record's newest events (`tail.py`), so a reader of events could miss some.
"""

import socket
from typing import Any
from weakref import WeakSet

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.config import Pooler
from service.domain.errors import Unavailable
from service.store import releases
from service.store.failures import NO_PRIMARY, NO_STANDBY

Options = dict[str, Any]
"""Arguments of asyncpg's functions."""
ENGINE_URL = "postgresql+asyncpg://"
"""What SQLAlchemy is given: only the connector knows where the server is."""
CONNECT_SECONDS = 10
STANDBY_SECONDS = 3
"""For a connection to a standby, new or free: then the primary answers in its place."""
SILENT_SECONDS = 20
"""A connection whose server acknowledges nothing for so long is given up."""


def build_session_settings(*, read_only: bool = False) -> dict[str, str]:
    """Return the settings of every session, or through a pooler of every transaction."""
    settings = {
        "jit": "off",
        # A worker that hangs inside a transaction must not hold claims locked for ever.
        "idle_in_transaction_session_timeout": "60000",
        "lock_timeout": "15000",
    }
    return settings | ({"default_transaction_read_only": "on"} if read_only else {})


def _build_tracked_settings(name: str | None = None) -> dict[str, str]:
    """Return the settings that a pooler carries from one process to the next by itself."""
    return {"application_name": name or releases.build_application_name(), "timezone": "UTC"}


class WritingConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection through a pooler in transaction mode."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        """Execute as asyncpg does; with BEGIN, also set the settings of the transaction."""
        if not query.startswith("BEGIN"):
            return str(await super().execute(query, *args, timeout=timeout))
        settings = "".join(
            f" SET LOCAL {name} = '{value}';" for name, value in build_session_settings().items()
        )
        return str(await super().execute(self._build_begin(query) + settings, timeout=timeout))

    def _build_begin(self, query: str) -> str:
        return query


class ReadingConnection(WritingConnection):
    """A connection through a pooler in transaction mode, whose transactions change nothing."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        try:
            return await super().execute(query, *args, timeout=timeout)
        except asyncpg.FeatureNotSupportedError as error:
            if query.startswith("BEGIN"):
                raise Unavailable(NO_PRIMARY) from error
            raise

    def _build_begin(self, query: str) -> str:
        # A standby refuses READ WRITE, which costs no round trip of its own.
        return query.replace("BEGIN", "BEGIN READ WRITE", 1) + " SET TRANSACTION READ ONLY;"


class Connector:
    """Makes connections to the PostgreSQL at `address`, a primary or a `standby`; `start` it
    first."""

    def __init__(self, address: str, pooler: Pooler, *, standby: bool = False) -> None:
        self.address = address
        self.pooler = pooler
        self.standby = standby
        self._server: Options = {"target_session_attrs": "standby" if standby else "primary"}
        self._refusal = NO_STANDBY if standby else NO_PRIMARY
        self._patience = STANDBY_SECONDS if standby else CONNECT_SECONDS
        self._connections: WeakSet[Any] = WeakSet()
        self._has_ended = False
        self.guessed = False
        """Whether a pooler was found, and no setting says in which mode it is."""

    async def start(self) -> None:
        """Find out whether there is a pooler, if the setting says `auto`."""
        if self.pooler != "auto":
            return
        connection: Any = await self._connect(
            server_settings=_build_tracked_settings(), statement_cache_size=0
        )
        try:
            process = await connection.fetchval("SELECT pg_backend_pid()")
            self.guessed = process != connection.get_server_pid()
            self.pooler = "transaction" if self.guessed else "none"
        finally:
            await connection.close()

    @property
    def keeps_sessions(self) -> bool:
        """Whether settings, prepared statements and LISTEN outlast a transaction."""
        return self.pooler != "transaction"

    def build_options(self, *, name: str | None = None, read_only: bool = False) -> Options:
        """Return the arguments of `asyncpg.connect`."""
        options: Options = {
            "dsn": self.address,
            "timeout": self._patience,
            **self._server,
            "server_settings": _build_tracked_settings(name),
        }
        if self.pooler == "none":
            options["server_settings"] |= build_session_settings(read_only=read_only)
        elif self.pooler == "transaction":
            options["statement_cache_size"] = 0
            # On a standby a transaction changes nothing anyway.
            only_reads = read_only and not self.standby
            options["connection_class"] = ReadingConnection if only_reads else WritingConnection
        return options

    async def connect(self, *, name: str | None = None, read_only: bool = False) -> Any:
        """Open a connection of asyncpg's.  Raises Unavailable if no such server answers."""
        connection: Any = await self._connect(**self.build_options(name=name, read_only=read_only))
        try:
            await self.configure_connection(connection, read_only=read_only)
        except BaseException:
            connection.terminate()
            raise
        self._connections.add(connection)
        return connection

    def terminate(self) -> None:
        """End every connection that `connect` opened, and open none any more: what waits for one
        fails at once."""
        self._has_ended = True
        for connection in tuple(self._connections):
            connection.terminate()

    async def configure_connection(self, connection: Any, *, read_only: bool) -> None:
        """Set up a new connection."""
        limit_silence(connection)
        if self.pooler == "session":
            settings = build_session_settings(read_only=read_only)
            await connection.execute(
                "".join(f"SET {name} = '{value}';" for name, value in settings.items())
            )

    async def _connect(self, **options: Any) -> Any:
        options = {"dsn": self.address, "timeout": self._patience, **self._server, **options}
        if self._has_ended:
            raise asyncpg.InterfaceError("the connections to this server were ended")
        try:
            return await asyncpg.connect(**options)
        except asyncpg.TargetServerAttributeNotMatched as error:
            raise Unavailable(self._refusal) from error

    async def open_pool(self, *, size: int, reset: Any) -> asyncpg.Pool:
        """Open a pool of asyncpg's, of connections that only read."""

        async def configure(connection: Any) -> None:
            await self.configure_connection(connection, read_only=True)

        try:
            pool = await asyncpg.create_pool(
                # With more, asyncpg reconnects by itself, and logs each time that it cannot.
                min_size=0,
                max_size=size,
                reset=reset,
                init=configure,
                command_timeout=60,
                connect=self._connect_for_pool,
                **self.build_options(read_only=True),
            )
            async with pool.acquire():
                return pool
        except asyncpg.TargetServerAttributeNotMatched as error:
            raise Unavailable(self._refusal) from error

    async def _connect_for_pool(self, *_: Any, **options: Any) -> Any:
        return await self._connect(**options)

    def create_engine(self, *, read_only: bool = False, **options: Any) -> AsyncEngine:
        """Create an engine of SQLAlchemy's whose connections come from `connect`."""

        async def connect() -> Any:
            return await self.connect(read_only=read_only)

        arguments: Options = {"async_creator_fn": connect}
        if not self.keeps_sessions:
            arguments |= {
                "prepared_statement_cache_size": 0,
                "prepared_statement_name_func": _name_no_statement,
            }
        engine = create_async_engine(
            ENGINE_URL,
            hide_parameters=True,  # errors are logged, but not what was sent
            connect_args=arguments,
            **options,
        )
        event.listen(engine.sync_engine, "checkout", _refuse_broken)
        event.listen(engine.sync_engine, "handle_error", _discard_where_read_only)
        return engine


def limit_silence(connection: Any) -> None:
    """Let the system end a connection whose server has vanished: otherwise its user would wait for
    a quarter of an hour."""
    transport_socket = connection._transport.get_extra_info(
        "socket"
    )  # asyncpg gives no other way to it
    if transport_socket is None or transport_socket.family not in (socket.AF_INET, socket.AF_INET6):
        return
    transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", SILENT_SECONDS // 2),
        ("TCP_KEEPINTVL", SILENT_SECONDS // 4),
        ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", SILENT_SECONDS * 1000),
    ):
        if hasattr(socket, option):  # systems differ in which they have
            transport_socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _name_no_statement() -> str:
    """Return the empty name, under which each prepared statement replaces the one before."""
    return ""


def _refuse_broken(connection: Any, _record: object, _proxy: object) -> None:
    """Let the pool replace a connection that broke while it was idle, and check all others before
    they are used: what broke one, such as a failover, may have broken them too."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the connection broke")


def _discard_where_read_only(context: Any) -> None:
    """Let the pool drop its connections to a server that takes no changes any more."""
    if getattr(context.original_exception, "sqlstate", None) == "25006":
        context.is_disconnect = True
