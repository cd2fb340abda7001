"""`claimdesk seed` and `claimdesk verify`: the record, filled and proved."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import databases, shell

if TYPE_CHECKING:
    from rich.progress import Progress


def seed(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A seed file (TOML); without one, the article."),
    ] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Load a seed file.  Loading it again changes nothing."""
    from service.commands import accounts, seeds

    path = file or seeds.default_file()
    plan = seeds.parse(path.read_bytes())
    report = databases.write(seeds.load, plan=plan, actor=accounts.SYSTEM, now=shell.now())
    if as_json:
        shell.print_json({"created": report.created, "unchanged": report.unchanged})
        return
    kinds = {kind: None for counted in (report.created, report.unchanged) for kind in counted}
    shell.print_table(
        ("kind", "created", "unchanged"),
        [
            {
                "kind": kind,
                "created": report.created.get(kind, 0),
                "unchanged": report.unchanged.get(kind, 0),
            }
            for kind in kinds
        ],
        empty=f"There is nothing in {path}.",
    )


def verify(as_json: shell.AsJson = False) -> None:
    """Prove everything derived from the record; exit 1 and name the first break where it fails."""
    from service.commands import verification

    with _Bar() as bar:
        report = databases.read(verification.verify, progress=bar.show)
    if as_json:
        shell.print_json(asdict(report))
    elif report.ok:
        typer.echo(f"Everything holds: {report.claims} claims, {report.events} events.")
    if report.first_break is None:
        return
    first = report.first_break
    event = "" if first.event is None else f", event {first.event}"
    shell.fail(
        f"The record does not hold: {report.broken} breaks in {report.claims} claims.  The first:\n"
        f"  claim {first.claim}{event}: {first.what}\n"
        f"  expected: {first.expected}\n"
        f"  found:    {first.found}"
    )


class _Bar:
    """A progress bar for a person who would otherwise wonder."""

    AFTER_SECONDS = 1.0

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._progress: Progress | None = None

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, done: int, total: int) -> None:
        """Called from the thread that reads; ends it where the command was interrupted."""
        if databases.interrupted.is_set():
            raise shell.Stopped("interrupted", code=shell.INTERRUPTED)
        if not sys.stderr.isatty() or time.monotonic() < self._began + self.AFTER_SECONDS:
            return
        if self._progress is None:
            self._progress = _progress()
        self._progress.update(self._progress.task_ids[0], completed=done, total=total)


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    progress = Progress(
        "claims",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    progress.add_task("claims")
    progress.start()
    return progress
