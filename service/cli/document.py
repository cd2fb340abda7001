"""`claimdesk openapi`: prints, writes or checks the OpenAPI document."""

import difflib
import json
from pathlib import Path
from typing import Annotated

import typer

from service.cli import shell

SHOWN_LINES = 40


def print_openapi(
    write: Annotated[Path | None, typer.Option(metavar="PATH", help="Write it there.")] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Compare it with what is there; exit 1 if it differs."),
    ] = None,
) -> None:
    """Print the OpenAPI document of the API, or write it, or compare it with the one kept."""
    if write is not None and check is not None:
        raise shell.UsageError("Give --write or --check, not both.")
    text = _render_document()
    if write is not None:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text(text, encoding="utf-8")
        shell.print_note(f"{write} is written.")
    elif check is not None:
        _compare(check, text)
    else:
        typer.echo(text, nl=False)


def _render_document() -> str:
    from service.app import create_app
    from service.config import Settings

    # Defaults whatever the environment says: the document is the same everywhere.
    app = create_app(Settings.model_construct())
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def _compare(path: Path, text: str) -> None:
    written_text = path.read_text(encoding="utf-8") if path.exists() else ""
    if written_text == text:
        return
    lines = list(
        difflib.unified_diff(
            written_text.splitlines(), text.splitlines(), str(path), "the app", lineterm="", n=2
        )
    )
    for line in lines[:SHOWN_LINES]:
        typer.echo(line)
    if len(lines) > SHOWN_LINES:
        typer.echo(f"… and {len(lines) - SHOWN_LINES} more lines")
    shell.fail(f"{path} is not what the app says.  Run: make openapi")
