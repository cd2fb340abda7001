"""A pgbouncer of the test's own, in front of a PostgreSQL."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.support import programs

START_SECONDS = 10


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once something listens on `port`; fail with the log where the process has ended."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"{process.args!r} does not listen:\n{log.read_text()}")


class Pooler:
    """A pgbouncer in `mode` ("session" or "transaction") before the server of `server_url`.

    In transaction mode it has few connections, so that whoever takes one after another gets it from
    somebody else; in session mode it has one for each client.
    """

    def __init__(self, mode: str, server_url: str, **settings: str) -> None:
        (program,) = programs.require_programs("pgbouncer")
        self._program = program
        self.mode = mode
        self.port = find_free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="claimdesk-pgbouncer-", dir="/tmp"))
        self.log = self.folder / "log"
        self._settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": str(self.folder / "users"),
            "pool_mode": mode,
            "default_pool_size": "4" if mode == "transaction" else "60",
            "max_client_conn": "500",
            "server_login_retry": "1",
            **settings,
        }
        (self.folder / "users").write_text('"postgres" ""\n')
        self.log.touch()
        self.point_to(server_url)
        programs.grant_to_account(self.folder, *self.folder.iterdir())
        self.start()

    def point_to(self, server_url: str) -> None:
        """Write which server it leads to; `reload` tells it."""
        server = urlsplit(server_url)
        lines = ["[databases]", f"* = host={server.hostname} port={server.port} user=postgres"]
        lines += ["[pgbouncer]", *(f"{name} = {value}" for name, value in self._settings.items())]
        (self.folder / "ini").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, str(self.folder / "ini")],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                **programs.find_account(),
            )
        wait_for_port(self.port, self._process, self.log)

    def kill(self) -> None:
        """SIGKILL: every connection through it breaks."""
        self._process.kill()
        self._process.wait(timeout=10)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def url(self, database_url: str) -> str:
        """The address of a database, through this pooler."""
        parts = urlsplit(database_url)
        return urlunsplit(parts._replace(netloc=f"postgres@127.0.0.1:{self.port}"))

    def reload(self) -> None:
        """Have it read where it leads to."""
        self._process.send_signal(signal.SIGHUP)
