"""`claimdesk` as an operator starts it: real processes on real sockets, killed and signalled."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.support.processes import ForkedProcess, run_to_end

CLAIMDESK = str(Path(sys.executable).with_name("claimdesk"))
GREETING = re.compile(r" on (http://\S+)")
DELIVERING = re.compile(r"(delivers webhooks)")
RUN_ON = "\nfrom service.cli import main\nmain()\n"
START_SECONDS = 60


class Started:
    """A `claimdesk …` that runs until it is ended; its output is in `output`.

    `prelude` is Python that the process runs first: it stands in for what of the outside world a
    test cannot have without being root, or shortens a wait that no setting shortens. With `is_new`
    nothing of the service is imported before it.
    """

    def __init__(
        self,
        database_url: str,
        folder: Path,
        *command: str,
        ready: re.Pattern[str],
        prelude: str = "",
        is_new: bool = False,
        **settings: str,
    ) -> None:
        self._log = folder / f"{command[0]}-{time.monotonic_ns()}.log"
        self._log.touch()
        self.process: ForkedProcess | subprocess.Popen[bytes]
        surroundings = build_environment(database_url, **settings)
        began = time.perf_counter()
        # Workers of a server are spawned, which asks for a main module that can be found again.
        if is_new or "--workers" in command:
            start = [sys.executable, "-c", prelude + RUN_ON] if prelude else [CLAIMDESK]
            with self._log.open("wb") as log:
                self.process = subprocess.Popen(
                    [*start, *command],
                    cwd=folder,
                    env=surroundings,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        else:
            self.process = ForkedProcess(
                command, folder=folder, environment=surroundings, output=self._log, prelude=prelude
            )
        try:
            self.greeting = self._greeted(ready)
        except BaseException:
            self.kill()
            raise
        self.seconds = time.perf_counter() - began
        """From the start of the process to the first answer it can give."""

    @property
    def output(self) -> str:
        return self._log.read_text()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """To the whole group: the process and what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL to the server and its workers: nothing of theirs runs any more."""
        self.signal(signal.SIGKILL)
        self.process.wait(timeout=30)

    def terminate(self) -> None:
        self.process.terminate()

    def wait(self, seconds: float = 30) -> int:
        return self.process.wait(timeout=seconds)

    def _greeted(self, ready: re.Pattern[str]) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            match = ready.search(self.output)
            if match:
                return match[1]
            if not self.alive:
                break
            time.sleep(0.01)
        raise AssertionError(f"{self.process.args!r} did not start:\n{self.output}")


class Served(Started):
    """One `claimdesk serve`, answering at `url`."""

    def __init__(
        self,
        database_url: str,
        folder: Path,
        *options: str,
        prelude: str = "",
        is_new: bool = False,
        **settings: str,
    ) -> None:
        command = ("serve", "--port", "0", *options)
        super().__init__(
            database_url,
            folder,
            *command,
            ready=GREETING,
            prelude=prelude,
            is_new=is_new,
            **settings,
        )
        self.url = self.greeting


class Worker(Started):
    """One `claimdesk dispatch`; `figure` reads what it counts."""

    def __init__(
        self, database_url: str, folder: Path, *, prelude: str = "", **settings: str
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        command = ("dispatch", "--metrics-port", str(self._port))
        super().__init__(
            database_url,
            folder,
            *command,
            ready=DELIVERING,
            prelude=prelude,
            is_new=False,
            **settings,
        )

    def figure(self, name: str) -> float:
        """The value of a metric, named as Prometheus shows it."""
        text = httpx.get(f"http://127.0.0.1:{self._port}/metrics").text
        line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
        return float(line.rpartition(" ")[2])


def build_environment(database_url: str, **settings: str) -> dict[str, str]:
    """The environment of a process that works on this database, and nothing else of Claimdesk."""
    values = {
        name: value for name, value in os.environ.items() if not name.startswith("CLAIMDESK_")
    }
    return values | {
        "CLAIMDESK_DATABASE_URL": database_url,
        "CLAIMDESK_RATE_LIMIT": "off",
        "CLAIMDESK_LOG_LEVEL": "error",
        **settings,
    }


@contextmanager
def serve(
    database_url: str, folder: Path, *options: str, prelude: str = "", **settings: str
) -> Iterator[Served]:
    """A server that is gone afterwards, whatever happens."""
    server = Served(database_url, folder, *options, prelude=prelude, is_new=False, **settings)
    try:
        yield server
    finally:
        server.kill()


def run_command(
    database_url: str, folder: Path, *command: str, prelude: str = ""
) -> subprocess.CompletedProcess[str]:
    """`claimdesk COMMAND` run to its end, after `prelude`."""
    return run_to_end(command, folder, build_environment(database_url), prelude)


def create_key(database_url: str, folder: Path, role: str) -> dict[str, Any]:
    """A person's API key, as `claimdesk keys create --json` prints it; another each time."""
    name = f"{role} {secrets.token_hex(4)}"
    email = f"{name.replace(' ', '.')}@example.org"
    for command in (
        ("users", "create", "--name", name, "--role", role, "--email", email, "--json"),
        ("keys", "create", "--name", name, "--role", role, "--user", email, "--json"),
    ):
        creation = run_command(database_url, folder, *command)
        assert creation.returncode == 0, creation.stderr
    key: dict[str, Any] = json.loads(creation.stdout)
    return key
