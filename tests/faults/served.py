"""`claimdesk` as an operator starts it: real processes on real sockets, killed and signalled."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CLAIMDESK = str(Path(sys.executable).with_name("claimdesk"))
GREETING = re.compile(r" on (http://\S+)")
START_SECONDS = 60


class Served:
    """One `claimdesk serve`, answering at `url`; its output is in `output`."""

    def __init__(self, database_url: str, folder: Path, *options: str, **settings: str) -> None:
        self._log = folder / f"serve-{time.monotonic_ns()}.log"
        began = time.perf_counter()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [CLAIMDESK, "serve", "--port", "0", *options],
                cwd=folder,
                env=environment(database_url, **settings),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self.url = self._address()
        except BaseException:
            self.kill()
            raise
        self.seconds = time.perf_counter() - began
        """From the start of the process to the first answer it can give."""

    @property
    def output(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        """SIGKILL to the server and its workers: nothing of theirs runs any more."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def terminate(self) -> None:
        self.process.terminate()

    def wait(self, seconds: float = 30) -> int:
        return self.process.wait(timeout=seconds)

    def _address(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            found = GREETING.search(self.output)
            if found:
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"claimdesk serve did not start:\n{self.output}")


def environment(database_url: str, **settings: str) -> dict[str, str]:
    """The environment of a process that works on this database, and nothing else of Claimdesk."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMDESK_")}
    return kept | {
        "CLAIMDESK_DATABASE_URL": database_url,
        "CLAIMDESK_RATE_LIMIT": "off",
        "CLAIMDESK_LOG_LEVEL": "error",
        **settings,
    }


@contextmanager
def serving(database_url: str, folder: Path, *options: str, **settings: str) -> Iterator[Served]:
    """A server that is gone afterwards, whatever happens."""
    server = Served(database_url, folder, *options, **settings)
    try:
        yield server
    finally:
        server.kill()


def run(database_url: str, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """`claimdesk COMMAND` run to its end."""
    return subprocess.run(
        [CLAIMDESK, *command],
        cwd=folder,
        env=environment(database_url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def key(database_url: str, folder: Path, role: str) -> dict[str, Any]:
    """An API key as `claimdesk keys create --json` prints it."""
    made = run(database_url, folder, "keys", "create", "--name", role, "--role", role, "--json")
    assert made.returncode == 0, made.stderr
    printed: dict[str, Any] = json.loads(made.stdout)
    return printed
