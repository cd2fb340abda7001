"""Checks that the database file that a process has open is still the one at its path.

SQLite keeps the files that it opened.  If somebody removes, renames or replaces them, it still
answers every commit with success, and what it wrote is lost with the process.  So their identity is
checked around every commit (three calls of stat, some microseconds) and twice a second.

A file that is overwritten keeps its identity.  Only a checkpoint writes to the main file, and it
counts that in shared memory (`-shm`).  A main file that changed without a checkpoint was changed
by somebody else: then its size, sampled pages, and events that were in it before are compared.
`touch` leaves them as they were; an older copy, or another desk's database, has others.

Files are read through SQLite's own descriptors only: closing another descriptor would drop the
locks that SQLite holds on the same file.
"""

import os
import sqlite3
import time
from collections import deque
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import structlog

from service.domain.errors import DatabaseReplaced

PAGE_BYTES, PAGES_SAMPLED = 4096, 128
TRIES, TRY_SECONDS = 3, 0.05
"""How often a file is compared before it counts as overwritten."""
SAMPLES = 16
"""How many events are remembered, to be looked for in a file that has changed."""
RESCUED = ".rescued-"
log = structlog.get_logger("database")
Identity = tuple[int, int]
"""Device and inode."""
Change = tuple[int, int]
"""When a file was changed, and its size then."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the files; if it `passes`, it is enough to put them back."""

    reason: str
    passes: bool


class FileGuard:
    """Guards the files of one database, for the process that has them open."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.fault: Fault | None = None
        self._rescued = False
        self._main = str(self.path)
        self._identities: dict[str, Identity] = {}
        self._descriptors: dict[str, int] = {}
        self._changed_at: Change | None = None
        self._checkpoint_state: bytes | None = None
        self._pages: str | None = None
        self._samples: deque[tuple[int, str]] = deque(maxlen=SAMPLES)

    def begin(self, before: Identity | None) -> None:
        """Remember the files that were opened.  `before` is the main file's identity before that:
        raises DatabaseReplaced if it was replaced in between."""
        for suffix in ("", "-wal", "-shm"):
            identity = identify(f"{self._main}{suffix}")
            if identity is not None:
                self._identities[f"{self._main}{suffix}"] = identity
        if before is not None and self._identities.get(self._main) != before:
            self.fault = Fault(f"{self.path} was replaced while it was opened", passes=False)
            self.require()
        self._changed_at = self._last_change()
        self._checkpoint_state = self._read_checkpoint_state()
        self._take_samples()

    def require(self) -> None:
        """Raise DatabaseReplaced if the files are not those that were opened."""
        if self.fault is None or self.fault.passes:
            self.fault = self.find_fault()
        if self.fault is None:
            self._rescued = False
        self.refuse_where_faulty()

    def refuse_where_faulty(self) -> None:
        """Raise DatabaseReplaced if a fault is known, without looking at the files."""
        if self.fault is not None:
            raise DatabaseReplaced(
                f"{self.fault.reason}. No change is taken, since it would be lost; see the "
                "server's log. Put the files back as they were, or restart the server."
            )

    def find_fault(self) -> Fault | None:
        """Compare the files with those that were opened.  Without any, there is no fault."""
        if not self._identities:
            return None
        change: Change | None = None
        for path, identity in self._identities.items():
            try:
                stat = os.stat(path)
            except OSError:
                return self._describe(path, "removed or renamed")
            if (stat.st_dev, stat.st_ino) != identity:
                return self._describe(path, "replaced by another file")
            change = change or (stat.st_mtime_ns, stat.st_size)  # of the main file, the first
        if change != self._changed_at:
            return self._explain_change(change)
        self._checkpoint_state = self._read_checkpoint_state()
        return None

    def _describe(self, path: str, event: str) -> Fault:
        reason = f"{path} was {event} while the server was running"
        return Fault(reason, passes=path == self._main)

    def _last_change(self) -> Change | None:
        try:
            stat = os.stat(self._main)
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size

    def _explain_change(self, change: Change | None) -> Fault | None:
        """Find out whether a checkpoint changed the main file; else return the fault."""
        checkpoint = self._read_checkpoint_state()
        fault = None
        if checkpoint is not None and checkpoint == self._checkpoint_state:
            fault = self._compare_content(checkpoint)
        if fault is None:
            self._changed_at, self._checkpoint_state = change, checkpoint
            self._take_samples()
        return fault

    def _compare_content(self, checkpoint: bytes) -> Fault | None:
        """Look for what was in a main file that changed without a checkpoint."""
        missing = None
        for _ in range(TRIES):
            missing = self._find_missing()
            if missing is None or self._read_checkpoint_state() != checkpoint:
                return None
            time.sleep(TRY_SECONDS)
        return Fault(
            f"{self.path} was overwritten while the server was running: {missing}", passes=False
        )

    def _find_missing(self) -> str | None:
        change = self._last_change()
        if change is None or self._changed_at is None or change[1] < self._changed_at[1]:
            return "it is shorter than it was"
        if self._digest_pages(change[1]) != self._pages:
            return "what stands in it is another database"
        try:
            with closing(self._connect_to_main()) as connection:
                for seq, digest in self._samples:
                    query = "SELECT hash FROM events WHERE seq = ?"
                    if connection.execute(query, (seq,)).fetchone() != (digest,):
                        return f"event {seq} is not in it any more"
        except sqlite3.DatabaseError as error:
            return str(error)
        return None

    def _take_samples(self) -> None:
        """Remember pages of the main file, and its newest event."""
        self._pages = self._digest_pages(self._changed_at[1] if self._changed_at else 0)
        # Without a table yet, or during a checkpoint, there is nothing to remember.
        with suppress(sqlite3.DatabaseError), closing(self._connect_to_main()) as connection:
            query = "SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1"
            row = connection.execute(query).fetchone()
            if row is not None and row not in self._samples:
                self._samples.append(row)

    def _digest_pages(self, size: int) -> str:
        """Return a digest of pages from all over the main file; of a small file, of all pages."""
        digest = sha256()
        step = max(PAGE_BYTES, size // PAGES_SAMPLED)
        for place in range(0, size, step):
            digest.update(self._read(self._main, PAGE_BYTES, place) or b"")
        return digest.hexdigest()

    def _connect_to_main(self) -> sqlite3.Connection:
        """Open a connection that sees the main file alone, without the write-ahead log."""
        place = f"{self.path.as_uri()}?mode=ro&immutable=1"
        return sqlite3.connect(place, uri=True)

    def _read_checkpoint_state(self) -> bytes | None:
        """Return how far the write-ahead log was copied into the main file: the log's salts and its
        counts of frames (sqlite.org/walformat.html, 2.1).  None if that cannot be read."""
        index = self._read(f"{self._main}-shm", 136)
        if index is None or len(index) < 136:
            return None
        return index[32:40] + index[96:100] + index[128:132]

    def _read(self, path: str, size: int, place: int = 0) -> bytes | None:
        """Read bytes of a file that SQLite has open, through SQLite's own descriptor."""
        identity = self._identities.get(path)
        descriptor = self._descriptors.get(path)
        if descriptor is None or _identify_opened(descriptor) != identity:
            matching = (each for each in _list_descriptors() if _identify_opened(each) == identity)
            descriptor = next(matching, None)
            if identity is None or descriptor is None:
                return None
            self._descriptors[path] = descriptor
        try:
            return os.pread(descriptor, size, place)
        except OSError:
            return None

    def rescue(self, connection: sqlite3.Connection) -> None:
        """Save what the process has open to where it can be found again; once.

        `connection` is an open one outside a transaction.  What was committed to the write-ahead
        log goes into the main file, wherever that is by now.  If the main file is no longer at its
        path and has no other name either, a copy is written beside it.
        """
        fault = self.fault
        if fault is None or self._rescued:
            return
        self._rescued = True
        log.error("the database is not at its place any more", reason=fault.reason)
        in_place = identify(self._main) == self._identities.get(self._main)
        wal = f"{self._main}-wal"
        current = identify(wal)
        if in_place and current is not None:
            if current == self._identities.get(wal):
                # The content is another: to add our pages would corrupt it.
                log.error(
                    "what was overwritten cannot be rescued; stop the server and run: claimdesk "
                    "restore FILE"
                )
            else:
                # Another process writes to the same file by now, with a log of its own.
                self._copy(connection)
            return
        self._checkpoint(connection)
        if in_place:
            return
        new_name = self._find_new_name()
        if new_name is not None:
            log.error(
                "the database file has another name now; all changes are in it", path=new_name
            )
            return
        self._copy(connection)

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        try:
            busy, pages, moved_pages = connection.execute(
                "PRAGMA wal_checkpoint(TRUNCATE)"
            ).fetchone()
        except sqlite3.Error as error:
            log.error("the write-ahead log could not be brought in", error=str(error))
            return
        log.error(
            "the write-ahead log was brought into the file that is open",
            complete=not busy,
            pages=pages,
            moved=moved_pages,
        )

    def _copy(self, connection: sqlite3.Connection) -> None:
        target = self.path.with_name(f"{self.path.name}{RESCUED}{os.getpid()}")
        try:
            # It replaces no file, and only its owner may read it.
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            with closing(sqlite3.connect(target)) as copy:
                connection.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
        except (OSError, sqlite3.Error) as error:
            log.error(
                "what the server holds could not be copied", path=str(target), error=str(error)
            )
            return
        log.error(
            "everything that was acknowledged was copied; move the copy to its place to go on",
            path=str(target),
        )

    def _find_new_name(self) -> str | None:
        """Return the name that the main file has now, if the system knows one (Linux)."""
        identity = self._identities.get(self._main)
        for descriptor in _list_descriptors():
            with suppress(OSError):
                if _identify_opened(descriptor) == identity and os.fstat(descriptor).st_nlink > 0:
                    return os.readlink(f"/proc/self/fd/{descriptor}")
        return None


def _list_descriptors() -> list[int]:
    """Return the descriptors that this process has open, if the system says so (Linux, macOS)."""
    try:
        return [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        return []


def _identify_opened(descriptor: int) -> Identity | None:
    try:
        stat = os.fstat(descriptor)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def identify(path: Path | str) -> Identity | None:
    """Return what tells a file from another of the same name; None if there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def find_rescued_copy(path: Path) -> Path | None:
    """Return the newest copy that a server left beside a database whose file was gone."""
    copies = path.parent.glob(f"{path.name}{RESCUED}*")
    return max(copies, key=lambda copy: copy.stat().st_mtime, default=None)
