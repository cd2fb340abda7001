"""Loaded desks, kept for the next run: a PostgreSQL cluster of our own, SQLite files, a peer's own.

They are in `places.folder()`: CLAIMDESK_BENCH_CACHE, or /var/tmp/claimdesk-bench-<uid>. `--clear`
removes it. A desk is kept under its size, its seed and a digest of all the code that its rows come
from; loading it anew, after that code has changed, removes the old one.

Runs write. A small desk is therefore copied for each run; a large one (`COPIED`) is used as it is,
and grows by what the runs create.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pickle
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from service.store import migrate
from tests.bench import desk, peer_pocketbase
from tests.bench.desk import Desk
from tests.bench.places import ROOT, folder
from tests.bench.sample import Sample
from tests.bench.service_load import sqlite_path
from tests.support import postgres

COPIED = 100_000  # claims up to which every run gets its own copy
PLACES = {"sqlite": "{}.db", peer_pocketbase.KIND: "{}.pocketbase/data.db"}
"""The file of each kind of desk that is not PostgreSQL's; a peer has a folder to itself."""
_CODE = (
    "migrations/versions/*.py",
    "service/search/index/*.py",
    "service/store/*tables.py",
    "service/claims/documents.py",
    "service/record/canonical.py",
    "service/domain/*.py",
    "tests/bench/copies.py",
    "tests/bench/generate.py",
    "tests/bench/peer_pocketbase.py",
    "tests/bench/ref_schema.py",
    "tests/bench/sample.py",
    "tests/bench/service_load.py",
    "tests/bench/service_rows.py",
    "tests/bench/shapes.py",
    "tests/bench/words.py",
)
SHARED_BUFFERS = "1GB"


def version() -> str:
    """The schema's revision and a digest of the code that makes the rows."""
    digest = sha256()
    for pattern in _CODE:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return f"{migrate.find_head()}_{digest.hexdigest()[:10]}"


def clear() -> None:
    """Remove what is kept. Refuses where it is in use."""
    with _hold_lock(folder()):
        shutil.rmtree(folder())


@contextlib.contextmanager
def _hold_lock(place: Path) -> Iterator[None]:
    place.mkdir(mode=0o711, parents=True, exist_ok=True)
    if place.stat().st_uid != os.getuid():
        raise SystemExit(f"{place} is somebody else's: set CLAIMDESK_BENCH_CACHE")
    with (place / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"another run is using {place}") from None
        yield


@dataclass(frozen=True)
class Kept:
    """One loaded desk and how many bytes it takes in each database."""

    desk: Desk
    bytes: dict[str, int]


@dataclass
class Cache:
    """Open while a run lasts. `server`: PostgreSQL, where it is needed."""

    place: Path
    server: Server | None
    copies: list[str]

    def desk(self, claims: int, kinds: Sequence[str], seed: int, copy: str = "run") -> Kept:
        """A desk of that size, loaded now unless it is kept, in every kind of database; `copy`
        names the run's own copy of a small one, of which there may be several."""
        name = f"desk_{claims}_{seed}_{version()}"
        sample = self.place / f"{name}.sample"
        missing = [kind for kind in kinds if not self._has(kind, name)]
        if missing or not sample.exists():
            self._remove_older(name, claims, seed, missing)
            drawn_sample = self._load(name, claims, missing, seed)
            sample.write_bytes(pickle.dumps(drawn_sample))
        drawn_sample = pickle.loads(sample.read_bytes())  # noqa: S301 -- our own
        assert isinstance(drawn_sample, Sample)
        sizes = {kind: self._size(kind, name) for kind in kinds}
        urls = {
            kind: self._copy(kind, name, copy) if claims <= COPIED else self._url(kind, name)
            for kind in kinds
        }
        return Kept(Desk(claims, urls, drawn_sample), sizes)

    def close(self) -> None:
        for url in self.copies:
            self._remove(url)

    def _load(self, name: str, claims: int, kinds: list[str], seed: int) -> Sample:
        """Under another name until it is whole."""
        urls = {}
        for kind in kinds:
            unfinished_url = self._url(kind, f"loading_{name}")
            self._remove(unfinished_url)
            if kind == "postgresql":
                self._postgres.execute(f'CREATE DATABASE "loading_{name}" TEMPLATE template0')
            urls[kind] = unfinished_url
        with self._postgres.hurried() if "postgresql" in kinds else contextlib.nullcontext():
            drawn_sample = desk.fill(claims, urls, seed)
        for kind, url in urls.items():
            if kind == "postgresql":
                self._postgres.execute(f'ALTER DATABASE "loading_{name}" RENAME TO "{name}"')
            else:
                self._whole(url).rename(self._whole(self._url(kind, name)))
        return drawn_sample

    def _copy(self, kind: str, name: str, prefix: str) -> str:
        copy = f"{prefix}_{name}"
        url = self._url(kind, copy)
        self._remove(url)
        if kind == "postgresql":
            self._postgres.execute(
                f'CREATE DATABASE "{copy}" TEMPLATE "{name}" STRATEGY file_copy', "CHECKPOINT"
            )
        else:
            loaded = self._whole(self._url(kind, name))
            copying = shutil.copytree if loaded.is_dir() else shutil.copyfile
            copying(loaded, self._whole(url))
        self.copies.append(url)
        return url

    @property
    def _postgres(self) -> Server:
        assert self.server is not None
        return self.server

    def _url(self, kind: str, name: str) -> str:
        if kind in PLACES:
            return f"sqlite:///{self.place}/{PLACES[kind].format(name)}"
        return self._postgres.url(name)

    def _whole(self, url: str) -> Path:
        """The file, or the folder that it has to itself."""
        file = Path(sqlite_path(url))
        return file if file.parent == self.place else file.parent

    def _has(self, kind: str, name: str) -> bool:
        if kind in PLACES:
            return self._whole(self._url(kind, name)).exists()
        return name in self._postgres.databases()

    def _size(self, kind: str, name: str) -> int:
        if kind in PLACES:
            return Path(sqlite_path(self._url(kind, name))).stat().st_size
        return int(self._postgres.execute(f"SELECT pg_database_size('{name}')"))

    def _remove(self, url: str) -> None:
        if url.startswith("sqlite"):
            whole = self._whole(url)
            if whole.is_dir():
                shutil.rmtree(whole)
            for suffix in ("", "-wal", "-shm", "-journal"):
                Path(f"{whole}{suffix}").unlink(missing_ok=True)
        else:
            name = url.rsplit("/", 1)[1]
            self._postgres.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _remove_older(self, name: str, claims: int, seed: int, kinds: list[str]) -> None:
        """What other code has loaded of the same size and seed."""
        old = re.compile(rf"((loading|run\w*)_)?desk_{claims}_{seed}_")
        patterns = [PLACES[kind].partition("/")[0].format("*") for kind in kinds if kind in PLACES]
        paths = [path for pattern in (*patterns, "*.sample") for path in self.place.glob(pattern)]
        for path in paths:
            if old.match(path.name) and name not in path.name:
                self._remove(f"sqlite:///{path / 'data.db' if path.is_dir() else path}")
        if "postgresql" in kinds:
            for other in self._postgres.databases():
                if old.match(other) and name not in other:
                    self._remove(self._postgres.url(other))


@contextlib.contextmanager
def open_caches(kinds: Sequence[str]) -> Iterator[Cache]:
    place = folder()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_hold_lock(place))
        server = None
        if "postgresql" in kinds:
            server = Server(place)
            stack.callback(server.stop)
        cache = Cache(place, server, [])
        stack.callback(cache.close)
        yield cache


class Server:
    """PostgreSQL: the one that the environment names, or a cluster of our own that is kept."""

    def __init__(self, place: Path) -> None:
        self._cluster: _KeptCluster | None = None
        named_url = os.environ.get(postgres.ENVIRONMENT)
        if named_url:
            self._url, self.source = named_url, f"named by {postgres.ENVIRONMENT}"
            return
        tries: list[str] = []
        binaries = (*postgres._system_binaries(tries), *postgres._wheel_binaries(tries))
        for binaries_found, source in binaries:
            try:
                self._cluster = _KeptCluster(binaries_found, place)
            except (OSError, subprocess.SubprocessError) as error:
                tries.append(f"{source}: {error}\n{getattr(error, 'stdout', '') or ''}")
                continue
            self._url = self._cluster.url
            self.source = (
                f"PostgreSQL {self._cluster.version}, {binaries_found}, {SHARED_BUFFERS} shared"
            )
            return
        raise postgres.PostgresUnavailable(postgres.REMEDY + "\n".join(tries))

    def url(self, database: str) -> str:
        return f"{self._url.rsplit('/', 1)[0]}/{database}"

    def execute(self, *statements: str) -> str:
        return asyncio.run(desk.execute(self._url, *statements))

    def databases(self) -> list[str]:
        names = self.execute("SELECT json_agg(datname) FROM pg_database")
        return list(json.loads(names))

    @contextlib.contextmanager
    def hurried(self) -> Iterator[None]:
        """Not durable while a desk is loaded: a power cut would cost a reload."""
        if self._cluster is None:
            yield
            return
        changes = ("fsync", "full_page_writes", "synchronous_commit", "autovacuum")
        self.execute(*(f"ALTER SYSTEM SET {name} = off" for name in changes))
        self.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            self.execute(*(f"ALTER SYSTEM SET {name} = on" for name in changes))
            self.execute("SELECT pg_reload_conf()")
            self.execute("CHECKPOINT")
            os.sync()

    def stop(self) -> None:
        if self._cluster is not None:
            self._cluster.stop()


class _KeptCluster(postgres._Cluster):
    """The tests' throwaway cluster, durable, larger, and not thrown away."""

    def __init__(self, binaries: Path, place: Path) -> None:
        self._account = postgres._unprivileged_account()
        self._folder = place / f"postgresql-{binaries.parent.name}"
        self._folder.mkdir(exist_ok=True)
        if self._account is not None:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        shutil.rmtree(self._folder / "wheel", ignore_errors=True)  # copied anew where needed
        self._binaries = self._reachable(binaries)
        self.version = self._call("postgres", "--version").split("(PostgreSQL)")[-1].split()[0]
        if not (self._folder / "data" / "PG_VERSION").exists():
            shutil.rmtree(self._folder / "data", ignore_errors=True)
            self._initialise()
            with (self._folder / "data" / "postgresql.conf").open("a") as settings:
                settings.write(
                    "max_wal_size = '8GB'\ncheckpoint_timeout = '15min'\n"
                    "effective_cache_size = '8GB'\n"
                )
        self._guard = self._start_guard()
        try:
            self._start_on_free_port(durable=True)
        except BaseException:
            self.stop()
            raise

    def _start_on_free_port(self, *, durable: bool) -> None:
        super()._start_on_free_port(durable=durable)
        with (self._folder / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"shared_buffers = '{SHARED_BUFFERS}'\n")
        self.restart(immediate=False)

    def _start_guard(self) -> subprocess.Popen[bytes]:
        """Stops the server when we end in whatever way, and leaves its folder."""
        control = [str(self._binaries / "pg_ctl"), "-D", str(self._folder / "data")]
        listening, self._guard_pipe = os.pipe()
        script = 'trap \'\' HUP INT TERM; cat >/dev/null; cd /; exec "$0" "$@"'
        try:
            return subprocess.Popen(
                ["/bin/sh", "-c", script, *control, *["-m", "fast", "-w", "-t", "120", "stop"]],
                stdin=listening,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                **self._as_account(),
            )
        finally:
            os.close(listening)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._guard_pipe)
        self._guard.wait(timeout=180)
