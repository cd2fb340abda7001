"""The README's section on webhooks is true: its first minute, and both its receivers, for real."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from service.domain.webhooks import make_secret
from service.webhooks import signatures
from tests.support.desk import claim_body

ROOT = Path(__file__).parent.parent
SECTION = (ROOT / "README.md").read_text().partition("## Webhooks\n")[2].partition("\n## ")[0]
CLAIMDESK = Path(sys.executable).parent / "claimdesk"
TEXT = "Gen. Milan Mojsilović: „vraćeno u normalu“ 🕊"
PACKAGE = "standardwebhooks@1"

Environment = dict[str, str]


def blocks(language: str) -> list[str]:
    """The section's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """What the section's first block exports, on a database of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMDESK_")}
    settings = re.findall(r"(CLAIMDESK_\w+)=(\S+)", blocks("sh")[0])
    assert len(settings) == 2
    return kept | dict(settings) | {"CLAIMDESK_DATABASE_URL": f"sqlite:///{tmp_path}/claimdesk.db"}


@contextmanager
def running(
    command: list[str | Path], folder: Path, environment: Environment
) -> Iterator[Callable[[str], str]]:
    """A process in the background; gives a way to wait for a line that it prints."""
    log = folder / f"{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def wait_for(words: str) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for line in log.read_text().splitlines():
                if words in line:
                    return line
            if process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"{words!r} was not printed by {command}:\n{log.read_text()}")

    try:
        yield wait_for
    finally:
        process.terminate()
        process.wait(30)


def claimdesk(environment: Environment, folder: Path, *arguments: str) -> str:
    """What a command that succeeds prints."""
    done = subprocess.run(
        [CLAIMDESK, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def listening(port: int) -> None:
    """Wait until somebody listens there."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"nothing listens on port {port}")


def post(port: int, secret: str, signed: bytes, sent: bytes, *, age: int = 0) -> int:
    """Send a body with our signature of another, or of itself; gives the status."""
    headers = signatures.build_headers([secret], "evt_1", int(time.time()) - age, signed)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", sent, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def prove(receiver: list[str | Path], port: int, folder: Path, environment: Environment) -> None:
    """Hold an example, which listens on `port`, against what a server really sends it.

    It takes a ping and a claim of the record, in the alphabets of the world; it refuses them
    changed, signed with another secret, or old.
    """
    here = f"http://127.0.0.1:{port}"
    made = json.loads(claimdesk(environment, folder, "webhooks", "create", here, "--json"))
    webhook, secret = made["id"], made["secret"]
    admin = ("keys", "create", "--name", "Test", "--role", "admin", "--json")
    key = json.loads(claimdesk(environment, folder, *admin))["key"]
    with (
        running([CLAIMDESK, "serve", "--port", "0"], folder, environment) as said,
        running(receiver, folder, environment | {"SECRET": secret}) as printed,
    ):
        address = said("Claimdesk ").rpartition(" on ")[2]

        def call(path: str, body: Any = None) -> Any:
            content = None if body is None else json.dumps(body).encode()
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            request = urllib.request.Request(f"{address}/v1/{path}", content, headers)
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)

        listening(port)
        ping = call(f"webhooks/{webhook}/ping", {})
        assert ping["id"] in printed("webhook.ping")
        call("parties", {"slug": "belgrade", "name": "Belgrade"})
        call("claims", claim_body(text=TEXT))
        line = printed("claim.created")
        deadline = time.monotonic() + 30
        while True:
            created, *rest = call(f"webhooks/{webhook}/deliveries")["items"]
            if {one["state"] for one in (created, *rest)} == {"delivered"}:
                break
            assert time.monotonic() < deadline, (created, rest)
            time.sleep(0.1)
        assert created["id"] in line
        assert [one["id"] for one in rest] == [ping["id"]]
        body = call(f"webhooks/{webhook}/deliveries/{created['id']}")["body"].encode()
        assert TEXT.encode() in body

        assert post(port, secret, body, body) == 204
        assert post(port, secret, body, body.replace(b"asserted", b"confirmed")) == 401
        assert post(port, secret, body, body + b" ") == 401
        assert post(port, make_secret(), body, body) == 401
        assert post(port, secret, body, body, age=400) == 401


def test_the_first_verified_event_within_a_minute(environment: Environment, tmp_path: Path) -> None:
    """The four commands as the README has them, ports apart, end in a verified ping."""
    lines = [line.partition("#")[0].split() for line in blocks("sh")[1].splitlines()]
    serve, listen, create, ping = [[str(CLAIMDESK), *line[1:]] for line in lines]
    assert [line[1] for line in (listen, create, ping)] == ["webhooks"] * 3
    port = free_port()
    with running([*serve, "--port", "0"], tmp_path, environment) as said:
        said("Claimdesk ")
        # Where nobody can paste it, the secret is in the variable; tests/cli pastes it.
        address = create[3].replace("9000", str(port))
        secret = claimdesk(environment, tmp_path, *create[1:3], address).strip()
        (made,) = json.loads(claimdesk(environment, tmp_path, "webhooks", "list", "--json"))
        settings = environment | {"CLAIMDESK_WEBHOOK_SECRET": secret}
        with running([*listen, "--port", str(port)], tmp_path, settings) as shown:
            shown("Listening on")
            assert ping[3] == "ID"
            claimdesk(environment, tmp_path, *ping[1:3], made["id"])
            shown("webhook.ping")
            assert shown("  id ").endswith("verified")
            assert "unverified" not in shown("  id ")


def test_the_receiver_in_python(environment: Environment, tmp_path: Path) -> None:
    """The Python example verifies what we send and refuses what was changed, is another's or is
    old."""
    (example,) = blocks("python")
    port = free_port()
    assert example.count("9000") == 1
    program = tmp_path / "receiver.py"
    program.write_text(example.replace("9000", str(port)))
    prove([sys.executable, program], port, tmp_path, environment)


def test_the_receiver_in_node(
    environment: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Node example does as the Python one.  Where Node or the package cannot be had, it is
    not tried, and the run's summary says so."""
    (example,) = blocks("js")
    port = free_port()
    assert example.count("9000") == 1
    missing = _install_package(tmp_path)
    if missing is not None:
        words = f"THE README'S NODE RECEIVER WAS NOT TRIED: {missing}"
        with capsys.disabled():
            print(f"\n{words}", file=sys.stderr)
        pytest.skip(words)
    program = tmp_path / "receiver.mjs"
    program.write_text(example.replace("9000", str(port)))
    prove(["node", program], port, tmp_path, environment)


def _install_package(folder: Path) -> str | None:
    """Install the published library with npm; gives why that cannot be."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            return f"there is no {tool} on the PATH"
    (folder / "package.json").write_text("{}")
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
    try:
        done = subprocess.run(
            ["npm", "install", *options, "--fetch-retries=1", PACKAGE],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"npm install {PACKAGE} took longer than 90 s"
    return f"npm install {PACKAGE}: {done.stderr[-500:]}" if done.returncode else None
