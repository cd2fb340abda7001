"""Servers under measurement: start, wait for the first answer, ask, weigh, stop."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A process (and its children) serving on `port`. `cold_start`: seconds to its first answer."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], ready: str) -> None:
        self.port = free_port()
        self._named = " ".join(command)
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by stop()
        start = time.perf_counter()
        self._process = subprocess.Popen(
            [part.format(port=self.port) for part in command],
            env=os.environ | environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        try:
            self._await_answer(ready)
        except BaseException:
            self.stop()
            raise
        self.cold_start = time.perf_counter() - start

    def _await_answer(self, path: str) -> None:
        for _ in range(3000):
            if self._process.poll() is not None:
                raise RuntimeError(f"{self._named} ended at once:\n{self.log()}")
            try:
                self.ask("GET", path)
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise RuntimeError(f"{self._named} does not answer:\n{self.log()}")

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One request on a connection of its own: (status, headers, body)."""
        with Client(self.port) as client:
            return client.ask(method, path, headers, body)

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]

    def memory(self) -> dict[str, int]:
        """Bytes of proportional set size of all its processes: Pss, Pss_Anon, Pss_File."""
        totals = {"Pss": 0, "Pss_Anon": 0, "Pss_File": 0}
        for process in _descendants(self._process.pid):
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
                name, value = line.split(":")
                if name in totals:
                    totals[name] += int(value.split()[0]) * 1024
        return totals

    def cpu(self) -> float:
        """Seconds of processor time that its processes have had."""
        return read_processor_time(self._process.pid)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()


def read_processor_time(process: int) -> float:
    """Seconds of processor time that a process and its children have had."""
    ticks = 0
    for each in _descendants(process):
        fields = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _descendants(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *(descendant for child in children for descendant in _descendants(int(child)))]


class Client:
    """A kept-alive connection for preparation and checks; the load itself comes from wrk."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        self._connection.request(method, path, body, dict(headers or {}))
        response = self._connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
