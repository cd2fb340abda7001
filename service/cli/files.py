"""Files that commands read and write: whole or not at all, and `-` for the standard streams."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from service.cli import shell

STANDARD = "-"


@contextmanager
def written(name: str, *, force: bool) -> Iterator[BinaryIO]:
    """A file to write.  It has its name, whole and on the disk, once this ends without an error;
    until then, and after an error, there is nothing under that name, or what was there before.

    Only its owner may read it: what a desk exports is not for everybody.  Stops where the name is
    taken and `force` does not say otherwise.
    """
    if name == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    _require_free(path, force=force)
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _place(Path(beside), path, force=force)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(beside)
    _sync(path.parent)


@contextmanager
def placed(path: Path, *, force: bool) -> Iterator[Path]:
    """Like `written`, for what is written by its path: gives that of the file to be."""
    _require_free(path, force=force)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        _place(beside, path, force=force)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
    _sync(path.parent)


def _place(beside: Path, path: Path, *, force: bool) -> None:
    if force:
        beside.replace(path)
        return
    try:
        # Unlike a rename, a link takes nobody's place.
        os.link(beside, path)
    except FileExistsError:
        _require_free(path, force=False)
        raise
    except OSError:
        # A file system without links, such as a stick's.
        _require_free(path, force=False)
        beside.replace(path)


def _require_free(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise shell.misused(f"{path} is a folder.")
    if not force and os.path.lexists(path):
        raise shell.misused(f"{path} is there already.  To overwrite it: --force")


def _sync(folder: Path) -> None:
    """Make the new name last as well."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """A file to read, from any place in it: standard input is kept in a temporary file first."""
    if name != STANDARD:
        if Path(name).is_dir():
            raise shell.misused(f"{name} is a folder.")
        with Path(name).open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.seek(0)
        yield kept


def size(file: BinaryIO) -> int:
    """In bytes; the file is at its beginning afterwards."""
    found = file.seek(0, os.SEEK_END)
    file.seek(0)
    return found
