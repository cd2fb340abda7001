"""uvicorn as `claimdesk serve` runs it."""

import gc
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import typer
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.supervisors import Multiprocess

from service.cli import admission, shell
from service.cli.admission import Admission
from service.cli.connections import Connection
from service.config import Settings

OPEN_FILES = 65_536
FACTORY = "service.cli.server:create_application"
"""By name where there are several processes: each builds its own."""
PROXIES = "CLAIMDESK_TRUSTED_PROXIES"
"""How the processes learn whose X-Forwarded-For is believed; empty: nobody's."""


def run(
    settings: Settings,
    listener: socket.socket,
    *,
    workers: int,
    proxy_headers: bool,
    greet: Callable[[], None],
) -> None:
    """Answer requests on `listener` until a signal comes; `greet` once requests are answered."""
    _allow_connections()
    trusted = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
    os.environ[PROXIES] = trusted if proxy_headers else ""
    config = uvicorn.Config(
        create_application(settings) if workers == 1 else FACTORY,
        factory=workers > 1,
        workers=workers,
        loop="auto" if sys.platform == "win32" else "uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # Ours, inside of Admission: trailers are not headers.
        proxy_headers=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=20,
        timeout_keep_alive=75,
    )
    if workers == 1:
        server = _Server(config, greet)
        try:
            server.run(sockets=[listener])
        except SystemExit as stop:
            # What went wrong was logged.
            raise typer.Exit(shell.FAILED) from stop
        return
    from service.web import logs

    logs.configure_logging(settings)
    # Each process reads its settings itself; it cannot know what was settled on here.
    os.environ[f"{shell.PREFIX}BASE_URL"] = settings.base_url
    os.environ[f"{shell.PREFIX}DISPATCH"] = "on" if settings.dispatch else "off"
    # Calls wait here instead of being refused until the first worker answers.
    listener.listen(config.backlog)
    supervisor = _Supervisor(config, listener, greet)
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise typer.Exit(shell.FAILED)
    if supervisor.interrupted:
        raise typer.Exit(shell.INTERRUPTED)


def _allow_connections() -> None:
    """Ask the system for as many open files as it gives without asking: every stream is one, and
    where a shell's usual 1,024 are used up, no request is answered any more."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def create_application(settings: Settings | None = None) -> Admission:
    """The application of one server process, behind the book of its connections."""
    from service.app import create_app

    settings = settings or Settings()
    application: Any = create_app(settings)
    proxies = os.environ.get(PROXIES, "")
    if proxies:
        application = ProxyHeadersMiddleware(application, trusted_hosts=proxies)
    limits = admission.limit_from_settings(settings, proxies=proxies, files=_count_files())
    return Admission(application, limits)


def _count_files() -> int | None:
    """How many files this process may open; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


class _Server(uvicorn.Server):
    """Greets once it answers."""

    def __init__(self, config: uvicorn.Config, greet: Callable[[], None]) -> None:
        super().__init__(config)
        self._greet = greet

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What was imported stays: collections need not look at it again.
        gc.freeze()
        gc.enable()
        if self.started:
            self._greet()


class _Supervisor(Multiprocess):
    """Greets once every worker answers."""

    def __init__(
        self, config: uvicorn.Config, listener: socket.socket, greet: Callable[[], None]
    ) -> None:
        super().__init__(config, [listener])
        self._greet = greet
        self.interrupted = False

    def init_processes(self) -> None:
        super().init_processes()
        waiting: list[Any] = list(self.processes)
        while not self.signal_queue and all(process.process.is_alive() for process in waiting):
            waiting = [process for process in waiting if not process.is_ready(timeout=1)]
            if not waiting:
                self._greet()
                return
            time.sleep(0.05)

    def handle_int(self) -> None:
        self.interrupted = True
        super().handle_int()
