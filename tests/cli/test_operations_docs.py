"""docs/operations.md: every command in it is run, in its order, on a desk that has something."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run, RunJson

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
BLOCKS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(claimdesk [a-z][a-z -]*)`")


def list_commands() -> list[str]:
    return [line for block in BLOCKS.findall(PAGE.read_text()) for line in block.splitlines()]


def test_every_command_of_the_page_succeeds(
    run: Run, run_json: RunJson, migrated_database: str, database_kind: str
) -> None:
    if database_kind == "postgresql" and not shutil.which("pg_dump"):
        pytest.skip("not run: PostgreSQL's client programs are not installed")
    assert run("seed").exit_code == 0
    epochs = []
    for line in list_commands():
        name, *arguments = shlex.split(line)
        assert name == "claimdesk"
        result = run(*arguments)
        assert result.exit_code == 0, f"{line}: {result.stderr}"
        epochs.append(run_json("epoch", "show")["number"])
    # The restored copy, the restored desk (each from a backup of the first), and the one by hand.
    assert sorted(set(epochs)) == [1, 2, 3]
    assert run_json("epoch", "show")["webhooks_held"] is False


def test_every_command_named_in_the_text_exists(run: Run) -> None:
    for command in set(INLINE.findall(PAGE.read_text())):
        words = [word for word in command.split()[1:] if not word.startswith("-")]
        assert run(*words, "--help").exit_code == 0, command
