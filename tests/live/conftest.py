"""A desk on a real socket: nothing else streams."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from service.cli.admission import Admission, App, Limits, Scope
from service.cli.connections import Connection
from service.config import Settings
from service.live.listeners import EventHub
from tests.support import desk as support
from tests.support.desk import Desk


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


class Served:
    """A desk whose application also answers on a socket."""

    def __init__(self, desk: Desk, server: uvicorn.Server, port: int) -> None:
        self.desk = desk
        self.server = server
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    @property
    def live(self) -> EventHub:
        live: EventHub = self.desk.app.state.services.live
        return live

    def client(self, name: str) -> httpx.AsyncClient:
        """A client with the key of this name, or of the public."""
        key = self.desk.keys.get(name)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30)


def skip_lifespan(app: App) -> App:
    """The same application, which somebody else starts and stops."""

    async def answer(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})

    return answer


@asynccontextmanager
async def run_server(settings: Settings) -> AsyncIterator[Served]:
    async with support.run_desk(settings) as desk, _run_listening_desk(desk) as server:
        yield server


@asynccontextmanager
async def run_server_beside(desk: Desk, **changes: Any) -> AsyncIterator[Served]:
    """Another process on the same database, with the same keys; `changes` are its settings."""
    async with (
        support.run_second_process(desk, **changes) as other,
        _run_listening_desk(other) as server,
    ):
        yield server


@asynccontextmanager
async def _run_listening_desk(desk: Desk) -> AsyncIterator[Served]:
    app = Admission(skip_lifespan(desk.app), Limits())
    config = uvicorn.Config(
        app, http=Connection, lifespan="on", ws="none", log_config=None, access_log=False
    )
    server = Server(config)
    with socket.socket() as listener:
        # Handed on to every connection: what a client does not read fills up soon.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await server.up.wait()
        yield Served(desk, server, listener.getsockname()[1])
        server.should_exit = True
        await task


@pytest.fixture
async def empty_served(settings: Settings) -> AsyncIterator[Served]:
    """A desk that lets the public read, and has nothing yet."""
    public = settings.model_copy(update={"public_read": True})
    async with run_server(public) as server:
        yield server


@pytest.fixture
async def live_server(empty_served: Served) -> Served:
    """The same with parties."""
    await empty_served.desk.record_parties()
    return empty_served
