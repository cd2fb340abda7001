"""A PostgreSQL with a synchronous standby, each at an address that it keeps."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg

from tests.support import programs
from tests.support.pooler import find_free_port

START_SECONDS = 30


class Node:
    """One of the two servers."""

    def __init__(self, folder: Path, name: str) -> None:
        (control,) = programs.require_programs("pg_ctl")
        self._binaries = Path(control).parent
        self.name = name
        self.data = folder / name
        self.log = folder / f"{name}.log"
        self.port = find_free_port()
        self._folder = folder
        self._frozen: list[int] = []

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def initialise(self) -> None:
        self._call("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8")
        self._configure()

    def follow(self, primary: "Node") -> None:
        """Become a standby of `primary`, with what it has now; what was here before is gone."""
        shutil.rmtree(self.data, ignore_errors=True)
        place = f"host=127.0.0.1 port={primary.port} user=postgres application_name={self.name}"
        self._call(
            "pg_basebackup", "-d", place, "-R", "--checkpoint=fast", "-X", "stream", "--no-sync"
        )
        self._configure()
        self.start()

    def start(self) -> None:
        self._control("-l", str(self.log), "-w", "-t", str(START_SECONDS), "start")

    def stop(self) -> None:
        """As an operator does it: whoever is connected is cut off."""
        self._control("-m", "fast", "-w", "stop")

    def kill(self) -> None:
        """SIGKILL to the server and all its processes: nothing is said to anybody."""
        postmaster, *children = self.freeze()
        for process in (postmaster, *children):
            os.kill(process, signal.SIGKILL)
        for process in children:
            while Path(f"/proc/{process}").exists():
                time.sleep(0.01)

    def freeze(self) -> list[int]:
        """Let the server say nothing any more, without an end.  Returns its processes."""
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGSTOP)
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        self._frozen = [postmaster, *map(int, children)]
        for process in self._frozen[1:]:
            os.kill(process, signal.SIGSTOP)
        return self._frozen

    def thaw(self) -> None:
        for process in reversed(self._frozen):
            os.kill(process, signal.SIGCONT)

    def promote(self) -> None:
        """Have the standby take changes.  It waits for no standby of its own then."""
        self._control("-w", "promote")

    def wait_for(self, standby: "Node | None") -> None:
        """Acknowledge nothing that this standby has not written down; None: wait for nobody."""
        names = "" if standby is None else standby.name
        self.run(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.run("SELECT pg_reload_conf()")
        if standby is None:
            return
        deadline = time.monotonic() + START_SECONDS
        while not self.run("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"):
            assert time.monotonic() < deadline, "no standby is in step"
            time.sleep(0.05)

    def run(self, sql: str) -> list[Any]:
        async def fetch() -> list[Any]:
            connection = await asyncpg.connect(self.url)
            try:
                return list(await connection.fetch(sql))
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def remove(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self._spawn("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop", check=False)

    def _configure(self) -> None:
        (self.data / "postgresql.conf").write_text(
            f"port = {self.port}\n"
            "listen_addresses = '127.0.0.1'\n"
            "unix_socket_directories = ''\n"
            "max_connections = 100\n"
            "shared_buffers = '32MB'\n"
            "wal_retrieve_retry_interval = '100ms'\n"
            "timezone = 'UTC'\n"
        )

    def _control(self, *arguments: str) -> None:
        self._call("pg_ctl", *arguments)

    def _call(self, program: str, *arguments: str) -> None:
        self._spawn(program, "-D", str(self.data), *arguments, check=True)

    def _spawn(self, program: str, *arguments: str, check: bool) -> None:
        process = subprocess.run(
            [str(self._binaries / program), *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            cwd=self._folder,
            env={"PATH": os.defpath, "HOME": str(self._folder), "LC_ALL": "C", "TZ": "UTC"},
            **programs.find_account(),
        )
        if check and process.returncode:
            log = self.log.read_text() if self.log.exists() else ""
            raise AssertionError(f"{program} {arguments}: {process.stdout}\n{log}")


class Pair:
    """`first` is the primary, `second` its synchronous standby."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="claimdesk-pair-", dir="/tmp"))
        programs.grant_to_account(self.folder)
        self.first, self.second = Node(self.folder, "north"), Node(self.folder, "south")
        try:
            self.first.initialise()
            self.first.start()
            self._follow(self.second, self.first)
        except BaseException:
            self.close()
            raise

    @property
    def addresses(self) -> str:
        """An address that names both."""
        places = ",".join(f"127.0.0.1:{node.port}" for node in (self.first, self.second))
        return f"postgresql://postgres@{places}/postgres?target_session_attrs=read-write"

    def promote_second(self) -> None:
        self.second.run("ALTER SYSTEM SET synchronous_standby_names = ''")
        self.second.promote()

    def swap(self) -> None:
        """The primary is the first again, after a failover."""
        self.first, self.second = self.second, self.first

    def return_first(self) -> None:
        """The old primary comes back at its address, as a standby."""
        self._follow(self.first, self.second)

    def close(self) -> None:
        for node in (self.first, self.second):
            node.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _follow(self, standby: Node, primary: Node) -> None:
        standby.follow(primary)
        primary.wait_for(standby)
