"""Settings, refusals, versions, and how much a command imports."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli import shell
from tests.cli.conftest import ROOT, ReallyRun, Run, RunJson


def test_invalid_settings_are_named_by_their_variables(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMDESK_RATE_LIMIT", "plenty")
    monkeypatch.setenv("CLAIMDESK_FOUR_EYES", "sometimes")
    monkeypatch.setenv("CLAIMDESK_DATABASE_URL", "mysql://u:s3cret@h/desk")
    refusal = run("keys", "list")
    assert (refusal.exit_code, refusal.stdout) == (2, "")
    for expected in (
        "CLAIMDESK_RATE_LIMIT=plenty: ",
        "Requests per minute and caller, or `off`",
        "CLAIMDESK_FOUR_EYES=sometimes: ",
        "CLAIMDESK_DATABASE_URL: must be sqlite:///",
    ):
        assert expected in refusal.stderr
    assert "s3cret" not in refusal.stderr


def test_port_that_is_no_number_is_refused(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMDESK_DATABASE_URL", "postgresql://u@host:port/desk")
    refusal = run("keys", "list")
    assert refusal.exit_code == 2
    assert "CLAIMDESK_DATABASE_URL" in refusal.stderr


def test_settings_are_read_from_an_env_file(run_json: RunJson, folder: Path) -> None:
    (folder / ".env").write_text("CLAIMDESK_FOUR_EYES=off\n")
    rows = {row["variable"]: row for row in run_json("config")}
    assert rows["CLAIMDESK_FOUR_EYES"]["value"] is False
    assert rows["CLAIMDESK_FOUR_EYES"]["default"] is True
    assert rows["CLAIMDESK_FOUR_EYES"]["changed"]
    assert not rows["CLAIMDESK_PUBLIC_READ"]["changed"]


def test_config_does_not_print_the_password(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://u:p%40ss/w0rd@db.example:5432/desk?sslpassword=s3cret&x=1"
    monkeypatch.setenv("CLAIMDESK_DATABASE_URL", url)
    for arguments in (("config",), ("config", "--json")):
        output = run(*arguments).stdout
        assert "postgresql://u:***@db.example:5432/desk?sslpassword=***&x=1" in output
        assert "w0rd" not in output


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///claimdesk.db", "sqlite:///claimdesk.db"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:p@ss@h/d", "postgresql://u:***@h/d"),
        ("postgresql://h/d?user=u&password=p", "postgresql://h/d?user=u&password=***"),
    ],
)
def test_passwords_of_urls_are_masked(url: str, expected: str) -> None:
    assert shell.mask_password(url) == expected


def test_version_is_printed(run: Run) -> None:
    for arguments in (("version",), ("--version",)):
        assert run(*arguments).stdout == f"claimdesk {shell.read_version()}\n"


@pytest.mark.parametrize("arguments", [("nonsense",), ("keys", "create"), ("serve", "--port", "x")])
def test_misuse_exits_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    refusal = run(*arguments)
    assert (refusal.exit_code, refusal.stdout) == (2, "")


def test_unexpected_error_keeps_its_stack_trace(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cli.configuration.list_settings", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("config")


def test_interrupt_prints_no_stack_trace(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("service.cli.configuration.list_settings", interrupt)
    result = run("config")
    assert (result.exit_code, result.output) == (130, "")


def test_help_imports_nothing_heavy() -> None:
    """`claimdesk --help` takes an eighth of a second; with these it would take one."""
    program = "import sys, service.cli.commands as _; print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = {"alembic", "asyncio", "fastapi", "pydantic", "rich", "sqlalchemy", "uvicorn"}
    assert heavy.isdisjoint(process.stdout.split())


def test_command_runs_in_a_process_of_its_own(really_run: ReallyRun, folder: Path) -> None:
    creation = really_run("keys", "create", "--name", "k", "--role", "reader", "--json")
    assert (creation.returncode, creation.stderr) == (0, "")
    refusal = really_run("keys", "revoke", "nobodys")
    assert (refusal.returncode, refusal.stdout) == (1, "")
    assert refusal.stderr == "error: There is no key with this id.\n"


def test_closed_pipe_is_no_error(folder: Path, really_run: ReallyRun) -> None:
    """`claimdesk config | head -0` is no error to talk about."""
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "config"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=90) in {0, 1, -signal.SIGPIPE}
    assert b"Traceback" not in errors
