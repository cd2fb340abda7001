"""`claimdesk seed` and `claimdesk verify`: the record, filled and proved."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli import shell


def seed(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A seed file; without one, the article.")
    ] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Load a seed file.  Loading it again changes nothing."""


def verify(as_json: shell.AsJson = False) -> None:
    """Prove everything derived from the record; exit 1 and name the first break where it fails."""
