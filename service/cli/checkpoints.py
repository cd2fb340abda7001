"""Keep what a verification has found so far in a file: a line for each part.

A line is on the disk before the next is written.  One that was cut off, by `kill -9` or by a full
disk, is not read: its part is checked again.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from service.cli import shell

if TYPE_CHECKING:
    from service.verification.parts import Part, PartResult

FORMAT = "claimdesk verify 1"
NO_CHECKPOINT = "{path} is not what claimdesk verify --resume writes.  Name another file."
OTHER_DATABASE = (
    "{path} is of another database, or of another release: {origin}.  Name another file, or remove "
    "this one to begin anew."
)
IN_USE = "Another claimdesk verify is writing to {path}."


class Checkpoint:
    """A verification under way: its parts, and the results of those that are checked.

    `parts` is empty where none was begun.
    """

    def __init__(self, path: Path) -> None:
        self.parts: list[Part] = []
        self.results: dict[int, PartResult] = {}
        self.begun = ""
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> "Checkpoint":
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise shell.UsageError(f"{self._path}: {error.strerror}") from error
        self._file = os.fdopen(descriptor, "r+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise shell.UsageError(IN_USE.format(path=self._path)) from error
        self._read(self._file)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def begin(self, parts: "list[Part]") -> None:
        """Write what is going to be checked."""
        self.parts = parts
        self.begun = shell.read_clock().isoformat(timespec="seconds")
        descriptions = [[part.what, part.steps, part.low, part.high] for part in parts]
        self._write({**_describe_place(), "begun": self.begun, "parts": descriptions})

    def add(self, place: int, result: "PartResult") -> None:
        """Write what a part found."""
        plain = asdict(result)
        marked_count = result.counts.marked
        plain["counts"]["marked"] = [[*place, count] for place, count in marked_count.items()]
        self._write({"part": place, **plain})

    def remove(self) -> None:
        """Delete the file: everything is checked."""
        self._path.unlink()

    def _write(self, line: Mapping[str, object]) -> None:
        assert self._file is not None, "it is written within a with statement"
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self, file: TextIO) -> None:
        whole, newline, cut = file.read().rpartition("\n")
        lines = whole.split("\n") if newline else []
        if not lines:
            if cut and not cut.startswith("{"):
                raise shell.UsageError(NO_CHECKPOINT.format(path=self._path))
        else:
            try:
                self._take_lines([json.loads(line) for line in lines])
            except (ValueError, KeyError, TypeError) as error:
                raise shell.UsageError(NO_CHECKPOINT.format(path=self._path)) from error
        # What was cut off is written over.
        file.seek(len(f"{whole}{newline}".encode()))
        file.truncate()

    def _take_lines(self, lines: list[dict[str, Any]]) -> None:
        from service.verification.breaks import Break, Counts, Remark
        from service.verification.parts import Part, PartResult

        header, *rest = lines
        place = _describe_place()
        if header["format"] != FORMAT:
            raise ValueError("another format")
        origin = {name: header[name] for name in place}
        if origin != place:
            origin_text = ", ".join(f"{name} {value}" for name, value in origin.items())
            raise shell.UsageError(OTHER_DATABASE.format(path=self._path, origin=origin_text))
        self.begun = header["begun"]
        self.parts = [Part(*part) for part in header["parts"]]
        for line in rest:
            counts = Counts(**line["counts"])
            counts.marked = {
                (table, mark): count for table, mark, count in line["counts"]["marked"]
            }
            self.results[line["part"]] = PartResult(
                line["broken"],
                tuple(Break(**fields) for fields in line["breaks"]),
                tuple(Remark(**remark) for remark in line["remarks"]),
                counts,
            )


def _describe_place() -> dict[str, str]:
    """Return what the file must be of."""
    from service.store import migrate

    return {
        "format": FORMAT,
        "database": shell.describe_database(),
        "schema": str(migrate.find_head()),
        "release": shell.read_version(),
    }
