"""docs/scaling.md names commands that exist, with the options that it gives them."""

import re
import shlex
from pathlib import Path

from tests.bench.__main__ import parse_options
from tests.cli.conftest import Run

PAGE = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
BLOCKS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(claimdesk [a-z][a-z -]*)`")


def test_every_command_of_the_page_exists(run: Run) -> None:
    """None is run: they serve until they are ended, or need a desk on PostgreSQL."""
    lines = {line for block in BLOCKS.findall(PAGE) for line in block.splitlines()}
    lines |= set(INLINE.findall(PAGE))
    assert lines >= {"claimdesk serve --no-dispatch", "claimdesk dispatch", "claimdesk backup"}
    for line in lines:
        if line.startswith("make bench "):
            [arguments] = shlex.split(line)[2:]
            assert parse_options(shlex.split(arguments.removeprefix("ARGS="))).claims, line
            continue
        result = run(*shlex.split(line)[1:], "--help")
        assert result.exit_code == 0, line


def test_page_is_short() -> None:
    assert len(PAGE.splitlines()) < 150
