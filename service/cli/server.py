"""Runs uvicorn for `claimdesk serve`, in one process or in several."""

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
"""Several processes get the factory by its name: each builds an application of its own."""
PROXIES = "CLAIMDESK_TRUSTED_PROXIES"
"""Tells the processes whose X-Forwarded-For is believed; empty: nobody's."""


def run(
    settings: Settings,
    listener: socket.socket,
    *,
    workers: int,
    proxy_headers: bool,
    greet: Callable[[], None],
) -> None:
    """Answer requests on `listener` until a signal comes.  Calls `greet` once it answers."""
    _raise_file_limit()
    trusted_proxies = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
    os.environ[PROXIES] = trusted_proxies if proxy_headers else ""
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
        # `create_application` adds it inside of Admission, for which trailers are no headers.
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
    # Each process reads its settings itself, and cannot know what the options changed.
    os.environ[f"{shell.PREFIX}BASE_URL"] = settings.base_url
    os.environ[f"{shell.PREFIX}DISPATCH"] = "on" if settings.dispatch else "off"
    # Connections wait here until the first worker answers, instead of being refused.
    listener.listen(config.backlog)
    supervisor = _Supervisor(config, listener, greet)
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise typer.Exit(shell.FAILED)
    if supervisor.interrupted:
        raise typer.Exit(shell.INTERRUPTED)


def _raise_file_limit() -> None:
    """Raise this process's limit of open files as far as the system allows.

    Every stream is an open file.  Once a shell's usual 1,024 are used up, no request is answered.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def create_application(settings: Settings | None = None) -> Admission:
    """Build the application of one server process, with the guard of its connections."""
    from service.app import create_app

    settings = settings or Settings()
    application: Any = create_app(settings)
    proxies = os.environ.get(PROXIES, "")
    if proxies:
        application = ProxyHeadersMiddleware(application, trusted_hosts=proxies)
    limits = admission.limit_from_settings(settings, proxies=proxies, files=_count_files())
    return Admission(application, limits)


def _count_files() -> int | None:
    """Return how many files this process may open; None if the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


class _Server(uvicorn.Server):
    """Calls `greet` once it answers."""

    def __init__(self, config: uvicorn.Config, greet: Callable[[], None]) -> None:
        super().__init__(config)
        self._greet = greet

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What was imported stays: the garbage collector need not look at it again.
        gc.freeze()
        gc.enable()
        if self.started:
            self._greet()


class _Supervisor(Multiprocess):
    """Calls `greet` once every worker answers."""

    def __init__(
        self, config: uvicorn.Config, listener: socket.socket, greet: Callable[[], None]
    ) -> None:
        super().__init__(config, [listener])
        self._greet = greet
        self.interrupted = False

    def init_processes(self) -> None:
        super().init_processes()
        starting: list[Any] = list(self.processes)
        while not self.signal_queue and all(process.process.is_alive() for process in starting):
            starting = [process for process in starting if not process.is_ready(timeout=1)]
            if not starting:
                self._greet()
                return
            time.sleep(0.05)

    def handle_int(self) -> None:
        self.interrupted = True
        super().handle_int()
