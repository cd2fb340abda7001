"""Connections to PostgreSQL, straight or through a connection pooler, and to no standby.

A pooler (pgbouncer, Odyssey, …) is found by a difference: a server says at the greeting which of
its processes serves a connection, and a pooler makes that number up.  In transaction mode whoever
sends a transaction may get another server's process for it: nothing may be kept in a session, no
prepared statement, no setting, no LISTEN.  So each transaction brings its settings along, in the
round trip that begins it, and each statement is sent whole (docs/infrastructure.md).

A standby is refused, for reading too: it knows nothing of the locks by which the record's newest
part is told (`tail.py`), so a reader of events could pass over some.
"""

import socket
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.config import Pooler
from service.domain.errors import Unavailable
from service.store import releases
from service.store.failures import NO_PRIMARY

ENGINE_URL = "postgresql+asyncpg://"
"""For SQLAlchemy: where the server is, is the connector's to know."""
CONNECT_SECONDS = 10
SILENT_SECONDS = 20
"""A server that acknowledges nothing for so long is given up, as one whose machine lost power."""


def session_settings() -> dict[str, str]:
    """What every session of ours, or every transaction, is set to."""
    return {
        "jit": "off",
        # A worker that hangs inside a transaction must not hold claims locked for ever.
        "idle_in_transaction_session_timeout": "60000",
        "lock_timeout": "15000",
    }


def _tracked_settings(name: str | None = None) -> dict[str, str]:
    """What a pooler carries from one server's process to the next by itself."""
    return {"application_name": name or releases.application_name(), "timezone": "UTC"}


class WritingConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection through a pooler in transaction mode."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        """As asyncpg does it; BEGIN brings the settings of the transaction along."""
        if not query.startswith("BEGIN"):
            return str(await super().execute(query, *args, timeout=timeout))
        settings = "".join(
            f" SET LOCAL {name} = '{value}';" for name, value in session_settings().items()
        )
        return str(await super().execute(self._opening(query) + settings, timeout=timeout))

    def _opening(self, query: str) -> str:
        return query


class ReadingConnection(WritingConnection):
    """Likewise; its transactions change nothing."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        try:
            return await super().execute(query, *args, timeout=timeout)
        except asyncpg.FeatureNotSupportedError as error:
            if query.startswith("BEGIN"):
                raise Unavailable(NO_PRIMARY) from error
            raise

    def _opening(self, query: str) -> str:
        # A standby refuses the first of these, at no cost of a round trip.
        return query.replace("BEGIN", "BEGIN READ WRITE", 1) + " SET TRANSACTION READ ONLY;"


class Connector:
    """Makes connections to the PostgreSQL at `address`; `start` first."""

    def __init__(self, address: str, pooler: Pooler) -> None:
        self.address = address
        self.pooler = pooler
        self.guessed = False
        """Whether a pooler was found of which nobody has said in what mode it is."""

    async def start(self) -> None:
        """Find out whether there is a pooler, where nobody has said."""
        if self.pooler != "auto":
            return
        connection: Any = await self._connect(
            server_settings=_tracked_settings(), statement_cache_size=0
        )
        try:
            process = await connection.fetchval("SELECT pg_backend_pid()")
            self.guessed = process != connection.get_server_pid()
            self.pooler = "transaction" if self.guessed else "none"
        finally:
            await connection.close()

    @property
    def keeps_sessions(self) -> bool:
        """Whether what is set in a session, prepared or listened for is there afterwards."""
        return self.pooler != "transaction"

    def options(self, *, name: str | None = None, read_only: bool = False) -> dict[str, Any]:
        """How asyncpg connects."""
        options: dict[str, Any] = {
            "dsn": self.address,
            "timeout": CONNECT_SECONDS,
            "target_session_attrs": "primary",
            "server_settings": _tracked_settings(name),
        }
        if self.pooler == "none":
            options["server_settings"] |= _session_settings(read_only=read_only)
        elif self.pooler == "transaction":
            options["statement_cache_size"] = 0
            options["connection_class"] = ReadingConnection if read_only else WritingConnection
        return options

    async def connect(self, *, name: str | None = None, read_only: bool = False) -> Any:
        """A connection of asyncpg's.  Raises Unavailable where only standbys answer."""
        connection: Any = await self._connect(**self.options(name=name, read_only=read_only))
        try:
            await self.settle(connection, read_only=read_only)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def settle(self, connection: Any, *, read_only: bool) -> None:
        """Do what a new connection still needs."""
        give_up_in_silence(connection)
        if self.pooler == "session":
            settings = _session_settings(read_only=read_only)
            await connection.execute(
                "".join(f"SET {name} = '{value}';" for name, value in settings.items())
            )

    async def _connect(self, **options: Any) -> Any:
        options = {"dsn": self.address, "timeout": CONNECT_SECONDS, **options}
        try:
            return await asyncpg.connect(**{"target_session_attrs": "primary", **options})
        except asyncpg.TargetServerAttributeNotMatched as error:
            raise Unavailable(NO_PRIMARY) from error

    async def open_pool(self, *, most: int, reset: Any) -> asyncpg.Pool:
        """A pool of asyncpg's, of connections that only read."""

        async def settle(connection: Any) -> None:
            await self.settle(connection, read_only=True)

        try:
            pool = await asyncpg.create_pool(
                # Otherwise asyncpg makes one again by itself, and logs each time that it cannot.
                min_size=0,
                max_size=most,
                reset=reset,
                init=settle,
                command_timeout=60,
                **self.options(read_only=True),
            )
            async with pool.acquire():
                return pool
        except asyncpg.TargetServerAttributeNotMatched as error:
            raise Unavailable(NO_PRIMARY) from error

    def create_engine(self, *, read_only: bool = False, **options: Any) -> AsyncEngine:
        """An engine of SQLAlchemy's over `connect`."""

        async def connect() -> Any:
            return await self.connect(read_only=read_only)

        arguments: dict[str, Any] = {"async_creator_fn": connect}
        if not self.keeps_sessions:
            arguments |= {
                "prepared_statement_cache_size": 0,
                "prepared_statement_name_func": _name_no_statement,
            }
        engine = create_async_engine(
            ENGINE_URL,
            hide_parameters=True,  # an error is logged, what was sent is not
            connect_args=arguments,
            **options,
        )
        event.listen(engine.sync_engine, "checkout", _refuse_broken)
        event.listen(engine.sync_engine, "handle_error", _discard_where_read_only)
        return engine


def give_up_in_silence(connection: Any) -> None:
    """Have the system end a connection whose other end has vanished without a word: otherwise
    whoever waits on it would wait for a quarter of an hour."""
    found = connection._transport.get_extra_info("socket")  # asyncpg gives no other way to it
    if found is None or found.family not in (socket.AF_INET, socket.AF_INET6):
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", SILENT_SECONDS // 2),
        ("TCP_KEEPINTVL", SILENT_SECONDS // 4),
        ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", SILENT_SECONDS * 1000),
    ):
        if hasattr(socket, option):  # each system has its own
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _session_settings(*, read_only: bool) -> dict[str, str]:
    only = {"default_transaction_read_only": "on"} if read_only else {}
    return session_settings() | only


def _name_no_statement() -> str:
    """The name of a statement that the next one replaces."""
    return ""


def _refuse_broken(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool make another connection in place of one that broke while it lay there, and look
    at all others as it comes to them: what broke one, a failover say, broke them too."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the connection broke")


def _discard_where_read_only(context: Any) -> None:
    """Have the pool forget its connections to a server that takes no changes any more."""
    if getattr(context.original_exception, "sqlstate", None) == "25006":
        context.is_disconnect = True
