"""`claimdesk policy`: whether a second person approves what is printed."""

from enum import StrEnum
from typing import Annotated

import typer

from service.cli import databases, shell


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


def policy(
    four_eyes: Annotated[
        Switch | None,
        typer.Option("--four-eyes", help="Whether a second person approves what is printed."),
    ] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Say what the desk's policy is, or change it.  It holds at once, in every process."""
    from service.accounts import policy as commands
    from service.domain.access import SYSTEM

    if four_eyes is not None:
        databases.write(
            commands.change_four_eyes,
            on=four_eyes is Switch.ON,
            actor=SYSTEM,
            now=shell.read_clock(),
        )
    is_needed = databases.read(commands.needs_second_person)
    if as_json:
        shell.print_json({"four_eyes": is_needed})
    elif is_needed:
        typer.echo("A second person approves what is printed.")
    else:
        typer.echo("One person alone decides what is printed: no second person is asked.")
