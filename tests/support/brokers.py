"""NATS and Redis as Debian has them, on loopback: started, killed, and read as consumers do."""

import asyncio
import signal
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import redis.asyncio
from nats.js.api import StreamConfig

from tests.support.pooler import find_free_port, wait_for_port
from tests.support.programs import require_programs

STREAM = "CLAIMS"


@dataclass(frozen=True)
class Message:
    """What a consumer reads: names in small letters."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Broker(ABC):
    """A broker of a test's own.  `options` are lines of its configuration."""

    program: str
    scheme: str
    tls_scheme: str
    format: str

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port = find_free_port()
        self.log = folder / f"{self.format}.log"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        (self._path,) = require_programs(self.program)

    def start(self) -> None:
        settings = self.folder / f"{self.format}.conf"
        settings.write_text("\n".join([*self._list_settings(), *self._options]))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._path, *self._list_arguments(settings)],
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for_port(self.port, self._process, self.log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def suspend(self) -> None:
        """It takes what is sent and does nothing, until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @abstractmethod
    def _list_settings(self) -> list[str]: ...

    @abstractmethod
    def _list_arguments(self, settings: Path) -> list[str]: ...

    @abstractmethod
    def url(self, name: str, *, user: str = "", port: int | None = None, tls: bool = False) -> str:
        """The address of a webhook to it; `user` with its password."""

    @abstractmethod
    async def create_stream(self, name: str) -> None:
        """Make it take what is appended to `name`."""

    @abstractmethod
    async def read(self, name: str) -> list[Message]:
        """Everything in the stream, in its order."""


class NatsServer(Broker):
    program = "nats-server"
    scheme, tls_scheme, format = "nats", "tls", "nats"

    def _list_settings(self) -> list[str]:
        return [f"listen: 127.0.0.1:{self.port}"]

    def _list_arguments(self, settings: Path) -> list[str]:
        return ["-c", str(settings)]

    def url(self, name: str, *, user: str = "", port: int | None = None, tls: bool = False) -> str:
        scheme = self.tls_scheme if tls else self.scheme
        return f"{scheme}://{user}{'@' if user else ''}127.0.0.1:{port or self.port}/{name}"

    async def create_stream(self, name: str) -> None:
        async with await nats.connect(f"nats://127.0.0.1:{self.port}") as client:
            config = StreamConfig(name=name.replace(".", "_").upper(), subjects=[name])
            await client.jetstream().add_stream(config)

    async def read(self, name: str) -> list[Message]:
        async with await nats.connect(f"nats://127.0.0.1:{self.port}") as client:
            stream = client.jetstream()
            name_of_stream = name.replace(".", "_").upper()
            count = (await stream.stream_info(name_of_stream)).state.last_seq
            messages = [
                await stream.get_msg(name_of_stream, number) for number in range(1, count + 1)
            ]
        return [
            Message(
                {key.lower(): value for key, value in (message.headers or {}).items()},
                message.data or b"",
            )
            for message in messages
        ]


class RedisServer(Broker):
    program = "redis-server"
    scheme, tls_scheme, format = "redis", "rediss", "redis"

    def _list_settings(self) -> list[str]:
        return [
            f"port {self.port}",
            "bind 127.0.0.1",
            "appendonly yes",
            "appendfsync always",
            f"dir {self.folder}",
        ]

    def _list_arguments(self, settings: Path) -> list[str]:
        return [str(settings)]

    def url(self, name: str, *, user: str = "", port: int | None = None, tls: bool = False) -> str:
        scheme = self.tls_scheme if tls else self.scheme
        place = f"{user}{'@' if user else ''}127.0.0.1:{port or self.port}"
        return f"{scheme}://{place}/3?stream={name}"

    async def create_stream(self, name: str) -> None:
        """Nothing to do: the first message makes it."""

    async def read(self, name: str) -> list[Message]:
        async with redis.asyncio.Redis(port=self.port, db=3) as client:
            entries: Any = await client.xrange(name)
        return [
            Message(
                {key.decode(): value.decode() for key, value in fields.items() if key != b"body"},
                fields[b"body"],
            )
            for _, fields in entries
        ]


class AnswerEater:
    """Stands before a broker and, while `eats`, keeps back what it answers to a message."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.eats = False
        self.eaten = asyncio.Event()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> "AnswerEater":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", self.broker.port)
        is_sent = asyncio.Event()
        for task in (
            asyncio.create_task(self._pass_on(reader, to_there, is_sent)),
            asyncio.create_task(self._answer(there, writer, is_sent)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply_sent: asyncio.Event
    ) -> None:
        try:
            while data := await reader.read(65536):
                if b"webhook-id" in data:
                    reply_sent.set()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply_sent: asyncio.Event
    ) -> None:
        try:
            while data := await reader.read(65536):
                if self.eats and reply_sent.is_set():
                    self.eaten.set()
                    continue
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


KINDS: dict[str, type[Broker]] = {"nats": NatsServer, "redis": RedisServer}
JETSTREAM = "jetstream { store_dir: jetstream }"


def build_broker(kind: str, folder: Path, *options: str) -> Broker:
    """A broker that keeps streams."""
    more = [JETSTREAM] if kind == "nats" else []
    return KINDS[kind](folder, *more, *options)
