"""`claimdesk …`: what an operator types.

Each module is a group of commands.  Nothing heavy is imported before a command needs it, so that
`claimdesk --help` answers at once and a server's start is not spent on what it does not use.
"""

import sys


def main() -> None:
    try:
        from service.cli.commands import app

        app(prog_name="claimdesk")
    except KeyboardInterrupt:
        # Inside a command, typer does the same.
        sys.exit(130)
