"""Two PostgreSQL servers that Patroni looks after, with etcd, and haproxy in front of them."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import asyncpg

from tests.support import programs
from tests.support.pooler import find_free_port, wait_for_port

START_SECONDS = 60
SCOPE = "claimdesk"
DYNAMIC = {
    # The least that Patroni takes.
    "ttl": 20,
    "loop_wait": 1,
    "retry_timeout": 3,
    "synchronous_mode": True,
    "postgresql": {
        "use_pg_rewind": True,
        "parameters": {"shared_buffers": "32MB", "wal_log_hints": "on", "max_connections": 100},
    },
}


class Member:
    """One Patroni with its PostgreSQL."""

    def __init__(self, name: str, cluster: "Cluster") -> None:
        self.name = name
        self.port = find_free_port()
        self.api = find_free_port()
        self.log = cluster.folder / f"{name}.log"
        self.config = cluster.folder / f"{name}.json"  # JSON is YAML
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] | None = None
        account = {"username": "postgres"}
        self.config.write_text(
            json.dumps(
                {
                    "scope": SCOPE,
                    "name": name,
                    "restapi": {
                        "listen": f"127.0.0.1:{self.api}",
                        "connect_address": f"127.0.0.1:{self.api}",
                    },
                    "etcd3": {"hosts": [f"127.0.0.1:{cluster.etcd_port}"]},
                    "bootstrap": {
                        "dcs": DYNAMIC,
                        "initdb": [{"encoding": "UTF8"}, {"auth": "trust"}],
                    },
                    "postgresql": {
                        "listen": f"127.0.0.1:{self.port}",
                        "connect_address": f"127.0.0.1:{self.port}",
                        "data_dir": str(cluster.folder / name),
                        "bin_dir": str(cluster.binaries),
                        "pgpass": str(cluster.folder / f"{name}.pass"),
                        "authentication": dict.fromkeys(
                            ("superuser", "replication", "rewind"), account
                        ),
                        "parameters": {"unix_socket_directories": str(cluster.folder)},
                        "pg_hba": [
                            "local all all trust",
                            "host all all 127.0.0.1/32 trust",
                            "host replication all 127.0.0.1/32 trust",
                        ],
                    },
                }
            )
        )

    def start(self) -> None:
        self._process = self._cluster.spawn("patroni", str(self.config), log=self.log)
        wait_for_port(self.api, self._process, self.log)

    def kill(self) -> None:
        """SIGKILL to Patroni and to its server, as when a machine is gone."""
        pid_file = self._cluster.folder / self.name / "postmaster.pid"
        postmaster = int(pid_file.read_text().split()[0])
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=10)
        os.kill(postmaster, signal.SIGSTOP)
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for process in (postmaster, *map(int, children)):
            os.kill(process, signal.SIGKILL)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()  # it stops its server too
            self._process.wait(timeout=30)

    def describe(self) -> dict[str, Any]:
        """What its REST interface says; empty where it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/patroni", timeout=2) as reply:
                answer: dict[str, Any] = json.loads(reply.read())
                return answer
        except OSError as error:
            body = getattr(error, "read", lambda: b"{}")()
            return dict(json.loads(body or b"{}"))


class Cluster:
    """etcd, two members, haproxy at `url`."""

    def __init__(self) -> None:
        _, control, _, _ = programs.require_programs("etcd", "pg_ctl", "patroni", "haproxy")
        self.binaries = Path(control).parent
        self.folder = Path(tempfile.mkdtemp(prefix="claimdesk-patroni-", dir="/tmp"))
        programs.grant_to_account(self.folder)
        self.etcd_port = find_free_port()
        self.port = find_free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self.members = [Member(name, self) for name in ("north", "south")]
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Through haproxy."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def addresses(self) -> str:
        places = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        return f"postgresql://postgres@{places}/postgres?target_session_attrs=read-write"

    def find_leader(self) -> Member | None:
        leaders = [
            member
            for member in self.members
            if (description := member.describe()).get("role") in ("master", "primary")
            and description.get("state") == "running"
        ]
        return leaders[0] if len(leaders) == 1 else None

    def wait_for_leader(self, *, other_than: Member | None = None) -> Member:
        deadline = time.monotonic() + START_SECONDS
        while (leader := self.find_leader()) is None or leader is other_than:
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.1)
        return leader

    def wait_for_sync_standby(self) -> None:
        """Return once there is a standby that every commit waits for."""
        deadline = time.monotonic() + START_SECONDS
        while not any(member.describe().get("sync_standby") for member in self.members):
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.1)

    def switch_over(self, leader: Member, candidate: Member) -> None:
        """As an operator does it."""
        (program,) = programs.require_programs("patronictl")
        process = subprocess.run(
            [
                *(program, "-c", str(leader.config), "switchover", SCOPE, "--force"),
                *("--leader", leader.name, "--candidate", candidate.name),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
            env=self._environment(),
        )
        assert process.returncode == 0, process.stdout + process.stderr

    def logs(self) -> str:
        return "\n".join(
            f"--- {log.name}\n{log.read_text()[-3000:]}" for log in self.folder.glob("*.log")
        )

    def spawn(self, program: str, *arguments: str, log: Path) -> "subprocess.Popen[bytes]":
        (path,) = programs.require_programs(program)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [path, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self._environment(),
                **programs.find_account(),
            )
        self._processes.append(process)
        return process

    def close(self) -> None:
        for member in self.members:
            member.close()
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait(timeout=10)
        for name in (member.name for member in self.members):
            pid_file = self.folder / name / "postmaster.pid"
            if pid_file.exists():
                subprocess.run(
                    [self.binaries / "pg_ctl", "-D", pid_file.parent, "-m", "immediate", "stop"],
                    check=False,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    **programs.find_account(),
                )
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        peers = find_free_port()
        client, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{peers}"
        log = self.folder / "etcd.log"
        etcd = self.spawn(
            "etcd",
            *("--data-dir", str(self.folder / "etcd")),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", f"default={peer}"),
            log=log,
        )
        wait_for_port(self.etcd_port, etcd, log)
        self.members[0].start()
        self.wait_for_leader()
        self.members[1].start()
        self.wait_for_sync_standby()
        self._start_proxy()

    def _start_proxy(self) -> None:
        lines = [
            "defaults",
            "  mode tcp",
            "  timeout connect 1s",
            "  timeout client 1h",
            "  timeout server 1h",
            "  timeout check 1s",
            "listen postgresql",
            f"  bind 127.0.0.1:{self.port}",
            "  option httpchk OPTIONS /primary",
            "  http-check expect status 200",
            "  default-server inter 300ms fall 2 rise 1 on-marked-down shutdown-sessions",
        ]
        lines += [
            f"  server {member.name} 127.0.0.1:{member.port} check port {member.api}"
            for member in self.members
        ]
        config = self.folder / "haproxy.cfg"
        config.write_text("\n".join(lines) + "\n")
        log = self.folder / "haproxy.log"
        wait_for_port(self.port, self.spawn("haproxy", "-f", str(config), log=log), log)
        # At first it takes both for primaries.
        in_a_row, deadline = 0, time.monotonic() + START_SECONDS
        while in_a_row < 4:
            assert time.monotonic() < deadline, self.logs()
            in_a_row = 0 if asyncio.run(_is_standby(self.url)) else in_a_row + 1
            time.sleep(0.1)

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.defpath + ":/usr/sbin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}


async def _is_standby(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("SELECT pg_is_in_recovery()"))
    finally:
        await connection.close()
