"""Files that commands read, and write whole or not at all; `-` stands for standard streams."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from service.cli import shell

STANDARD_STREAM = "-"


@contextmanager
def write_file(name: str, *, force: bool) -> Iterator[BinaryIO]:
    """Open a file to write.  It gets its name, whole and on the disk, when the block ends without
    an error; until then, and after an error, whatever had that name before is unchanged.

    Only its owner may read it: what a desk exports is not for everybody.  Raises UsageError if the
    name is taken, unless `force` is set.
    """
    if name == STANDARD_STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    _require_free(path, force=force)
    descriptor, unfinished_path = tempfile.mkstemp(
        prefix=f".{path.name}.", suffix=".part", dir=path.parent
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _move(Path(unfinished_path), path, force=force)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished_path)
    _sync(path.parent)


@contextmanager
def place_file(path: Path, *, force: bool) -> Iterator[Path]:
    """Like `write_file`, for a writer that wants a path: yields that of the unfinished file."""
    _require_free(path, force=force)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(descriptor)
    unfinished_path = Path(name)
    try:
        yield unfinished_path
        with unfinished_path.open("rb") as file:
            os.fsync(file.fileno())
        _move(unfinished_path, path, force=force)
    finally:
        with suppress(FileNotFoundError):
            unfinished_path.unlink()
    _sync(path.parent)


def _move(unfinished_path: Path, path: Path, *, force: bool) -> None:
    if force:
        unfinished_path.replace(path)
        return
    try:
        # Unlike a rename, a link replaces no file.
        os.link(unfinished_path, path)
    except FileExistsError:
        _require_free(path, force=False)
        raise
    except OSError:
        # A file system without links, such as that of a USB stick.
        _require_free(path, force=False)
        unfinished_path.replace(path)


def _require_free(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise shell.UsageError(f"{path} is a folder.")
    if not force and os.path.lexists(path):
        raise shell.UsageError(f"{path} is there already.  To overwrite it: --force")


def _sync(folder: Path) -> None:
    """Write the folder to the disk, so that the new name survives a crash."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def open_input(name: str) -> Iterator[BinaryIO]:
    """Open a file to read, with seeking: standard input is copied to a temporary file first."""
    if name != STANDARD_STREAM:
        if Path(name).is_dir():
            raise shell.UsageError(f"{name} is a folder.")
        with Path(name).open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.seek(0)
        yield copy


def measure_size(file: BinaryIO) -> int:
    """Return the size in bytes; the file is at its beginning afterwards."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size
