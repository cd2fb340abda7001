"""docs/security.md: its commands run, and its tables say what the code does."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.accounts import session_commands, sign_in_commands
from service.config import Settings
from service.domain import access, disclosure
from service.domain.access import Action, Audience, Role
from service.domain.account_bounds import LONGEST_PASSWORD, SHORTEST_PASSWORD
from service.store.paging import MAX_LIMIT
from service.web import callers, envelope, password_checks, passwords, sessions
from tests.cli.conftest import Run

TEXT = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
BLOCKS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(claimdesk [a-z][a-z -]*)`")


def read_table(heading: str) -> Iterator[list[str]]:
    """The rows of the table whose head begins with `heading`."""
    _, _, rest = TEXT.partition(f"\n| {heading} |")
    _, _, body = rest.partition("|\n|---")
    for line in body.splitlines()[1:]:
        if not line.startswith("|"):
            return
        yield [cell.strip().strip("`") for cell in line.strip("|").split("|")]


def test_every_command_of_the_page_succeeds(
    run: Run, migrated_database: str, database_kind: str
) -> None:
    if database_kind == "postgresql" and not shutil.which("pg_dump"):
        pytest.skip("not run: PostgreSQL's client programs are not installed")
    assert run("seed").exit_code == 0
    admin = ("--email", "root@example.org", "--name", "Root", "--role", "admin")
    assert run("users", "create", *admin).exit_code == 0
    for line in [line for block in BLOCKS.findall(TEXT) for line in block.splitlines()]:
        name, *arguments = shlex.split(line)
        assert name == "claimdesk"
        result = run(*arguments)
        assert result.exit_code == 0, f"{line}: {result.output}"
    for command in set(INLINE.findall(TEXT)):
        assert run(*command.split()[1:], "--help").exit_code == 0, command


def test_roles_may_do_what_the_table_says() -> None:
    rows = list(read_table("Action"))
    assert [row[0] for row in rows] == [action.value for action in Action]
    for action, *cells in rows:
        roles = {role for role, cell in zip(Role, cells, strict=True) if cell == "yes"}
        assert roles == access.PERMISSIONS[Action(action)], action


def test_fields_are_withheld_as_the_table_says() -> None:
    words = {"readers": Audience.READER, "the desk": Audience.DESK}
    withheld = {"actor": disclosure.ACTOR, **disclosure.CLAIM_FIELDS, **disclosure.LINK_FIELDS}
    for fields in disclosure.EVENT_FIELDS.values():
        withheld |= {path.rpartition(".")[2]: lowest for path, lowest in fields.items()}
    assert {field: words[reader] for field, reader in read_table("Field")} == withheld


def test_limits_are_those_of_the_settings() -> None:
    for _, variable, value in read_table("Limit"):
        field = Settings.model_fields[variable.removeprefix("CLAIMDESK_").lower()]
        assert float(value) == field.default, variable


def test_figures_in_the_text_are_those_of_the_code() -> None:
    tries = [int(value) for _, value in read_table("Tries at a password")]
    assert tries == [
        password_checks.TRIES_A_MINUTE,
        password_checks.TRIES_AN_ADDRESS,
        password_checks.TRIES_AN_ACCOUNT,
    ]
    assert [name for name, _ in read_table("Cookie")] == [
        callers.COOKIE,
        sessions.VISIT,
        sessions.DEVICE,
    ]
    hours = int(sign_in_commands.LINK_LIFETIME.total_seconds()) // 3600
    for sentence in (
        f"have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD:,} characters",
        f"takes at most {passwords.MOST_TRIES} tries at once and keeps {passwords.RESERVED} of",
        f"signs its user in once, within {hours} hours",
        f"**Sessions** last {session_commands.SESSION_LIFETIME.days} days",
        f"a known one, for {sessions.DEVICE_SECONDS // 86_400} days",
        f"within {['no', 'one'][int(callers.TRUSTED_SECONDS)]} second in others",
        f"A body has at most {envelope.MAX_BODY // 1024} KiB",
        f"has at most {MAX_LIMIT} items",
    ):
        assert sentence in TEXT
