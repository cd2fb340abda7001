"""A progress bar for commands that take long."""

import sys
import time
from typing import TYPE_CHECKING

from service.cli import databases, shell

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressBar:
    """Shows progress, on a terminal only, and not if it is `quiet`."""

    AFTER_SECONDS = 1.0

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what = what
        self._quiet = quiet
        self._began = time.monotonic()
        self._progress: Progress | None = None

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, count: int, total: int) -> None:
        """Show how much is done.  Raises CommandError if the command was interrupted, which ends
        the thread that reads."""
        if databases.interruption.is_set():
            raise shell.CommandError("interrupted", code=shell.INTERRUPTED)
        if self._quiet or not sys.stderr.isatty():
            return
        if time.monotonic() < self._began + self.AFTER_SECONDS:
            return
        if self._progress is None:
            self._progress = _start_progress(self._what)
        self._progress.update(self._progress.task_ids[0], completed=count, total=total)


def _start_progress(what: str) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    progress = Progress(
        what,
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    progress.add_task(what)
    progress.start()
    return progress
