"""Ways to run `claimdesk`, in this process or in one of its own, on a database of either kind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.cli import shell
from service.cli.commands import app
from tests.support.postgres import PostgresServer

ROOT = Path(__file__).parents[2]
Run = Callable[..., Result]
RunJson = Callable[..., Any]
ReallyRun = Callable[..., subprocess.CompletedProcess[str]]
Serve = Callable[..., "Served"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder, and no settings from outside."""
    for name in tuple(os.environ):
        if name.startswith("CLAIMDESK_") and name != "CLAIMDESK_TEST_DATABASE_URL":
            monkeypatch.delenv(name)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    shell.load_settings.cache_clear()
    yield folder
    shell.load_settings.cache_clear()


@pytest.fixture
def migrated_database(folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with the schema and nothing else, in the settings."""
    monkeypatch.setenv("CLAIMDESK_DATABASE_URL", database_url)
    return database_url


@pytest.fixture
def empty_postgresql(
    folder: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A PostgreSQL database without a schema, in the settings."""
    url = postgres.create_database()
    monkeypatch.setenv("CLAIMDESK_DATABASE_URL", url)
    yield url
    postgres.drop_database(url)


@pytest.fixture
def run(folder: Path) -> Run:
    """Run a command in this process."""

    def run(*arguments: str, stdin: str | None = None) -> Result:
        shell.load_settings.cache_clear()
        result = CliRunner().invoke(app, arguments, input=stdin, prog_name="claimdesk")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def run_json(run: Run) -> RunJson:
    """Run a command that succeeds, and give the one document that it prints."""

    def run_json(*arguments: str, stdin: str | None = None) -> Any:
        result = run(*arguments, "--json", stdin=stdin)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run_json


@pytest.fixture
def really_run(folder: Path) -> ReallyRun:
    """Run a command in a process of its own."""

    def really_run(
        *arguments: str, stdin: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "service.cli", *arguments],
            input=stdin,
            env=_build_environment() | variables,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    return really_run


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Served:
    """A `claimdesk serve` on a free port, and what it says."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "serve", "--port", "0", *arguments],
            env=_build_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # A suite that runs in the background of a shell ignores Ctrl-C, and so would its
            # children.
            preexec_fn=_heed_interrupts,
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def wait_for(self, words: str, *, seconds: float = 90) -> str:
        """The line with these words, once it was said."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in tuple(self.said):
                if words in line:
                    return line
            if not self._reader.is_alive():
                break
            time.sleep(0.02)
        raise AssertionError(f"{words!r} was not said in: {''.join(self.said)}")

    @property
    def address(self) -> str:
        return self.wait_for("Claimdesk ").rpartition(" on ")[2].strip()

    def get(self, path: str) -> tuple[int, bytes]:
        with urllib.request.urlopen(self.address + path, timeout=30) as response:
            return response.status, response.read()

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and give the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(timeout=90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._reader.join(timeout=10)
            assert self.process.stderr is not None
            self.process.stderr.close()
        return code

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Start servers, which are stopped at the end."""
    servers: list[Served] = []

    def serve(*arguments: str) -> Served:
        servers.append(Served(*arguments))
        return servers[-1]

    yield serve
    for process in servers:
        process.stop()


def _build_environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path}
