"""`claimdesk serve`, for real."""

import re
import signal
import socket
import sqlite3
from pathlib import Path

import pytest

from service.cli import serving
from tests.cli.conftest import ReallyRun, Run, RunJson, Serve


def test_serve_migrates_answers_and_stops(serve: Serve, folder: Path) -> None:
    server = serve()
    assert server.get("/healthz")[0] == 200
    assert (folder / "claimdesk.db").exists()
    assert server.stop() == 130
    # Two lines from us; nothing from the libraries, no stack trace.
    assert "Claimdesk" in server.said[0]
    database = f"Its database is the file {(folder / 'claimdesk.db').resolve()} "
    assert server.said[1:] == [f"{database}(another: CLAIMDESK_DATABASE_URL)\n"]


def test_sigterm_stops_the_server_cleanly(serve: Serve) -> None:
    server = serve()
    server.get("/healthz")
    assert server.stop(signal.SIGTERM) in {0, -signal.SIGTERM}
    assert not any("Traceback" in line for line in server.said)


@pytest.mark.usefixtures("migrated_database")
def test_serve_works_on_both_databases(serve: Serve) -> None:
    assert serve("--no-dispatch").get("/readyz")[0] == 200


def test_start_names_a_database_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMDESK_DATABASE_URL", "postgresql://u:s3cret@db.example/desk")
    place = serving.describe_place()
    assert place.startswith("Its database is postgresql://u:***@db.example/desk ")
    assert "s3cret" not in place


@pytest.mark.usefixtures("migrated_database")
def test_serve_runs_several_workers(serve: Serve) -> None:
    server = serve("--workers", "2")
    address = server.address
    for _ in range(10):
        assert server.get("/healthz")[0] == 200
    assert address.startswith("http://127.0.0.1:")
    assert server.stop() == 130
    assert not any("Traceback" in line for line in server.said)


def test_first_start_loads_the_seed_and_every_start_prints_a_link(
    serve: Serve, run_json: RunJson
) -> None:
    first = serve("--seed")
    assert "The article is loaded." in first.wait_for("article")
    link = re.search(r"http://\S+/sign-in/[\w-]{43}", first.wait_for("Sign in"))
    assert link is not None
    assert link[0].startswith(first.address)
    first.stop()
    (user,) = run_json("users", "list")
    assert (user["email"], user["name"], user["role"]) == ("desk@localhost", "Desk", "admin")

    second = serve("--seed")
    second_output = second.wait_for("Sign in")
    assert link[0].rpartition("/")[2] not in second_output
    assert not any("article" in line for line in second.said)
    second.stop()
    assert len(run_json("users", "list")) == 1


@pytest.mark.usefixtures("migrated_database")
def test_link_is_for_the_first_active_administrator(
    serve: Serve, run: Run, run_json: RunJson
) -> None:
    for name in ("b", "a"):
        run("users", "create", "--email", f"{name}@desk", "--name", name, "--role", "admin")
    run("users", "disable", "b@desk")
    server = serve("--seed")
    assert "article" in server.wait_for("article")
    server.wait_for("Sign in")
    assert len(run_json("users", "list")) == 2


def test_sign_in_link_begins_with_the_base_url(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMDESK_BASE_URL", "https://desk.example")
    assert "https://desk.example/sign-in/" in serve("--seed").wait_for("Sign in")


def test_port_in_use_is_one_line(run: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refusal = run("serve", "--port", port)
    assert (refusal.exit_code, refusal.stdout) == (1, "")
    assert refusal.stderr.count("\n") == 1
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use" in refusal.stderr


@pytest.mark.parametrize("command", ["serve", "dispatch"])
def test_lease_shorter_than_an_attempt_is_refused_at_the_start(
    really_run: ReallyRun, folder: Path, command: str
) -> None:
    """An attempt that may take as long as its lease would be sent twice: refused at the start, with
    the setting's name, before any database is touched."""
    settings = {"WEBHOOK_TIMEOUT_SECONDS": "15", "WEBHOOK_LEASE_SECONDS": "15"}
    more = {f"CLAIMDESK_{name}": value for name, value in settings.items()}
    refusal = really_run(command, **more)
    assert refusal.returncode != 0
    assert "CLAIMDESK_WEBHOOK_TIMEOUT_SECONDS must be less than the lease" in refusal.stderr
    assert "Traceback" not in refusal.stderr
    assert not (folder / "claimdesk.db").exists()


def test_unknown_host_is_reported(run: Run) -> None:
    refusal = run("serve", "--host", "nowhere.invalid")
    assert refusal.exit_code == 2
    assert "nowhere.invalid" in refusal.stderr


def test_printed_addresses_can_be_opened() -> None:
    from service.cli.serving import _build_address

    assert _build_address("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert _build_address("0.0.0.0", 80) == "http://127.0.0.1:80"  # noqa: S104
    assert _build_address("::", 80) == "http://[::1]:80"
    assert _build_address("fe80::1", 80) == "http://[fe80::1]:80"
    assert _build_address("desk.example", 80) == "http://desk.example:80"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_worker_that_cannot_start_ends_the_server(
    serve: Serve, folder: Path, run: Run, workers: str
) -> None:
    run("db", "upgrade")
    connection = sqlite3.connect("claimdesk.db")
    with connection:
        connection.execute("DROP TABLE installation")
    connection.close()
    server = serve("--workers", workers)
    assert server.process.wait(timeout=90) == 1
    assert any("installation" in line for line in server.said)
