"""`claimdesk webhooks listen` in a process of its own, and what it prints."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.cli.conftest import ROOT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Listener:
    """A receiver on a free port unless `--port` says which; gone when the block ends."""

    def __init__(self, *arguments: str, stdin: int | None = None, **settings: str) -> None:
        options = arguments if "--port" in arguments else ("--port", "0", *arguments)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("CLAIMDESK_")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "webhooks", "listen", *options],
            env=environment | {"PYTHONPATH": str(ROOT)} | settings,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_heed_interrupts if stdin is None else _on_terminal,
        )
        self.shown: list[str] = []
        self.noted: list[str] = []
        self._readers = [
            threading.Thread(target=_read, args=(self.process.stdout, self.shown)),
            threading.Thread(target=_read, args=(self.process.stderr, self.noted)),
        ]
        for reader in self._readers:
            reader.start()
        self.url = re.search(r"http://\S+[0-9]", self.note("Listening on"))[0]  # type: ignore[index]

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def note(self, words: str) -> str:
        """The line with these words on standard error, once it is there."""
        return self._wait_for_line(
            self.noted, lambda lines: next((x for x in lines if words in x), None)
        )

    def see(self, words: str) -> str:
        """The line with these words on standard output, once it is there."""
        return self._wait_for_line(
            self.shown, lambda lines: next((x for x in lines if words in x), None)
        )

    def line(self, number: int) -> Any:
        """The `number`th line of JSON, once it is there."""
        return json.loads(
            self._wait_for_line(
                self.shown, lambda lines: lines[number - 1] if lines[number - 1 :] else None
            )
        )

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and give the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            for reader in self._readers:
                reader.join(timeout=10)
            for pipe in (self.process.stdout, self.process.stderr):
                assert pipe is not None
                pipe.close()
        return code

    def _wait_for_line(self, lines: list[str], look: Callable[[list[str]], str | None]) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = look([COLOUR.sub("", line) for line in lines])
            if answer is not None:
                return answer
            if not self._readers[0].is_alive():
                break
            time.sleep(0.02)
        raise AssertionError(f"not in {lines}; noted: {self.noted}")


def _read(pipe: Any, lines: list[str]) -> None:
    for line in pipe:
        lines.append(line)


def _heed_interrupts() -> None:
    """A suite in the background of a shell ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _on_terminal() -> None:
    """Make standard input the terminal that this process belongs to."""
    import fcntl
    import termios

    _heed_interrupts()
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
