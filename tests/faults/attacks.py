"""What strangers send to wear a server down, over raw sockets; and what it costs the server.

`python -m tests.faults.attacks URL PID` runs each attack for two seconds against a server that
already answers, and prints its memory before and after, and the longest that a well-behaved
client waited for /healthz meanwhile.
"""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

HEAD = b"GET /healthz HTTP/1.1\r\nHost: desk\r\n"
POST = b"POST /v1/claims HTTP/1.1\r\nHost: desk\r\nContent-Type: application/json\r\n"


class Target:
    """A server, by its address and process."""

    def __init__(self, url: str, pid: int) -> None:
        parts = urlsplit(url)
        self.host, self.port, self.pid = parts.hostname or "", parts.port or 80, pid

    def connect(self, timeout: float = 10) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=timeout)

    def send(self, data: bytes, timeout: float = 10) -> bytes:
        """All that comes back until the server closes."""
        with closing(self.connect(timeout)) as connection:
            with suppress(OSError):
                connection.sendall(data)
            return read_all(connection)

    def memory(self) -> float:
        """Megabytes that the process holds."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    @contextmanager
    def well_behaved(self) -> Iterator[list[float]]:
        """A client that asks for /healthz every 10 ms; the seconds that each answer took."""
        took: list[float] = []
        is_over = threading.Event()

        def ask() -> None:
            connection = None
            while not is_over.wait(0.01):
                began = time.perf_counter()
                try:
                    connection = connection or self.connect(5)
                    connection.sendall(HEAD + b"\r\n")
                    answer = b""
                    while not answer.endswith(b"}"):
                        part = connection.recv(65536)
                        if not part:
                            raise OSError("not served")
                        answer += part
                except OSError:
                    if connection is not None:
                        connection.close()
                    connection = None
                    took.append(5.0)
                else:
                    took.append(time.perf_counter() - began)
            if connection is not None:
                connection.close()

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        try:
            yield took
        finally:
            is_over.set()
            thread.join(10)


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side ends, or drops, the connection."""
    parts = []
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def read_status(answer: bytes) -> int:
    """The status of the first answer; 0 where there was none."""
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 2 and words[0].startswith(b"HTTP/1.") else 0


def pour(target: Target, opening: bytes, piece: bytes, *, seconds: float, limit: int) -> int:
    """Send `opening`, then `piece` again and again until the server has enough of it.

    Gives how many bytes the server's side took.
    """
    byte_count, ends = 0, time.monotonic() + seconds
    with closing(target.connect(1)) as connection, suppress(OSError):
        connection.sendall(opening)
        while byte_count < limit and time.monotonic() < ends:
            connection.sendall(piece)
            byte_count += len(piece)
    return byte_count


def send_endless_lines(target: Target) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (i, b"v" * 20) for i in range(2_000))
    pour(target, HEAD, lines, seconds=2, limit=200_000_000)


def send_long_header(target: Target) -> None:
    pour(target, HEAD + b"X-Long: ", b"a" * 262_144, seconds=10, limit=100_000_000)


def send_long_address(target: Target) -> None:
    pour(target, b"GET /", b"a" * 262_144, seconds=5, limit=20_000_000)


def send_endless_trailers(target: Target) -> None:
    opening = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    lines = b"".join(b"X-%d: %s\r\n" % (i, b"v" * 20) for i in range(2_000))
    pour(target, opening, lines, seconds=2, limit=200_000_000)


def send_pipelined(target: Target) -> None:
    """Requests by the thousand in one go, from 50 connections, which read no answer."""
    requests = (b"GET /healthz HTTP/1.1\r\nHost: d\r\n\r\n") * 20_000
    connections = hold(target, 50, b"")
    for connection in connections:
        connection.settimeout(0.2)
        with suppress(OSError):
            connection.sendall(requests)
    time.sleep(1)
    for connection in connections:
        connection.close()


def send_half_bodies(target: Target) -> None:
    """Two hundred bodies, each of which lacks its last bytes; none has a key."""
    head = POST.replace(b"/v1/claims", b"/intake") + b"Content-Length: 1500000\r\n\r\n"
    connections = hold(target, 200, head)
    for connection in connections:
        connection.settimeout(0.2)
        with suppress(OSError):
            connection.sendall(b"a" * 1_400_000)
    time.sleep(1)
    for connection in connections:
        connection.close()


def hold(target: Target, count: int, beginning: bytes) -> list[socket.socket]:
    """So many connections that have sent a beginning."""
    connections = []
    for _ in range(count):
        with suppress(OSError):
            connection = target.connect(10)
            connections.append(connection)
            connection.sendall(beginning)
    return connections


ATTACKS: dict[str, Callable[[Target], None]] = {
    "endless header lines": send_endless_lines,
    "one header of 100 MB": send_long_header,
    "an address of 20 MB": send_long_address,
    "endless trailers": send_endless_trailers,
    "a million pipelined requests": send_pipelined,
    "200 bodies that do not end": send_half_bodies,
}


def measure(target: Target) -> None:
    """Run each attack once and print what it cost."""
    for name, attack in ATTACKS.items():
        before = target.memory()
        peak = [before]
        is_over = threading.Event()

        def watch(peak: list[float] = peak, is_over: threading.Event = is_over) -> None:
            while not is_over.wait(0.02):
                peak.append(target.memory())

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        with target.well_behaved() as took:
            attack(target)
        is_over.set()
        watcher.join()
        print(
            f"{name:30} +{max(peak) - before:6.1f} MB at most, +{target.memory() - before:6.1f} MB "
            f"after; the longest wait {max(took, default=0) * 1000:7.1f} ms"
        )


if __name__ == "__main__":
    measure(Target(sys.argv[1], int(sys.argv[2])))
