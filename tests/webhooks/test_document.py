"""docs/webhooks.md is true: its events, figures, numbers and commands, and both its receivers."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from prometheus_client import CollectorRegistry
from typer.core import TyperGroup
from typing_extensions import get_type_hints

from service.api import webhook_events
from service.claims.webhook_body_views import AboutView, BodyClaimView, BodyLinkView
from service.claims.webhook_examples import find_body, summarize
from service.cli import webhooks
from service.config import Settings
from service.domain import backoff
from service.domain.webhooks import IN_FLIGHT, OVERLAP_HOURS, TIMEOUT_S, EventType, make_secret
from service.webhooks import delivery, dispatcher, exchanges, http_transport, retention, signatures
from service.webhooks.meters import Meters
from tests.support.desk import build_claim
from tests.support.processes import run_to_end

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
DOCUMENT = (ROOT / "docs" / "webhooks.md").read_text()
README = (ROOT / "README.md").read_text().partition("## Webhooks\n")[2].partition("\n## ")[0]
CLAIMDESK = Path(sys.executable).parent / "claimdesk"
TEXT = "Gen. Milan Mojsilović: „vraćeno u normalu“ 🕊"
PACKAGE = "standardwebhooks@1"

Environment = dict[str, str]


def find_blocks(language: str, text: str = DOCUMENT) -> list[str]:
    """Return the code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_every_option_of_every_command_is_named() -> None:
    group = typer.main.get_command(webhooks.app)
    assert isinstance(group, TyperGroup)
    options = {
        option
        for command in group.commands.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    }
    assert len(options) > 20
    assert sorted(option for option in options if option not in DOCUMENT) == []


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """What the document's first block exports, on a database of its own."""
    values = {
        name: value for name, value in os.environ.items() if not name.startswith("CLAIMDESK_")
    }
    settings = re.findall(r"(CLAIMDESK_\w+)=(\S+)", find_blocks("sh")[0])
    assert len(settings) == 2
    return (
        values | dict(settings) | {"CLAIMDESK_DATABASE_URL": f"sqlite:///{tmp_path}/claimdesk.db"}
    )


@contextmanager
def run_process(
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


def render_events() -> str:
    """Render the table of events as the document has it."""
    lines = ["| `type` | When | `data`, besides |", "|---|---|---|"]
    for kind in EventType:
        view = find_body(kind).view
        fields = ", ".join(f"`{name}`" for name in get_type_hints(view))
        lines.append(f"| `{kind}` | {summarize(kind)} | {fields} |")
    return "\n".join(lines)


def render_retries() -> str:
    """Render the table of retries as the document has it."""
    lines = ["| Attempt | After the one before |", "|---|---|", "| 1 | at once |"]
    for number, seconds in enumerate(backoff.SCHEDULE, start=2):
        unit = next(unit for unit in ((3600, "h"), (60, "min"), (1, "s")) if seconds >= unit[0])
        lines.append(f"| {number} | {seconds // unit[0]} {unit[1]} |")
    return "\n".join(lines)


def render_metrics() -> str:
    """Render the table of figures as the document has it."""
    registry = CollectorRegistry()
    Meters(registry)
    lines = ["| Figure | Type | Meaning |", "|---|---|---|"]
    for metric in registry.collect():
        name = metric.name + ("_total" if metric.type == "counter" else "")
        lines.append(f"| `{name}` | {metric.type} | {metric.documentation} |")
    return "\n".join(lines)


@pytest.mark.parametrize("render", [render_events, render_retries, render_metrics])
def test_tables_are_those_of_the_code(render: Callable[[], str]) -> None:
    table = f"\n{render()}\n"
    assert table in DOCUMENT, f"docs/webhooks.md is to have this table:\n{table}"


def test_schedule_is_the_default_in_the_table_of_settings() -> None:
    default = ",".join(map(str, backoff.SCHEDULE))
    row = f"| `CLAIMDESK_WEBHOOK_SCHEDULE` | `{default}` |"
    assert row in CONFIGURATION, f"docs/configuration.md is to have this row: {row}"


def test_example_is_that_of_the_openapi_document() -> None:
    (example,) = find_blocks("json")
    name = webhook_events.build_name(EventType.CLAIM_STATUS_CHANGED)
    assert json.loads(example) == webhook_events.EXAMPLES[name]


def test_common_fields_are_those_of_the_views() -> None:
    for view in (AboutView, BodyClaimView, BodyLinkView):
        for name in get_type_hints(view):
            assert f"`{name}`" in DOCUMENT, name


@pytest.mark.parametrize(
    "words",
    [
        f"for {http_transport.BODY_SECONDS:g} second at most",
        f"{exchanges.BODY_BYTES // 1024} KiB of it are kept",
        f"for {delivery.RETRY_AFTER / timedelta(hours=1):g} hour at most",
        f"{TIMEOUT_S} seconds at most",
        f"for {backoff.HOLD / timedelta(hours=1):g} hour after the first attempt",
        f"After {backoff.BREAKER_FAILURES} failures in a row",
        f"nothing for {backoff.BREAKER_FIRST.total_seconds():g} seconds",
        f"up to {backoff.BREAKER_MOST / timedelta(minutes=1):g} minutes",
        f"only fails for {backoff.GIVE_UP.days} days",
        f"Delivered ones are deleted after {retention.DELIVERED_KEPT.days} days",
        f"dead letters after {retention.DEAD_KEPT.days}",
        f"waits for it, for {retention.DEAD_KEPT.days} days",
        f"`max_in_flight` ({IN_FLIGHT})",
        f"`overlap_hours` ({OVERLAP_HOURS})",
        f"`CLAIMDESK_WEBHOOK_SLOTS` ({Settings().webhook_slots})",
        f"at most {dispatcher.ENDPOINT_SHARE:.0%}",
        f"`CLAIMDESK_WEBHOOK_LEASE_SECONDS` ({Settings().webhook_lease_seconds:g})",
        f"{signatures.TOLERANCE_SECONDS // 60} minutes off",
        f"{backoff.JITTER:.0%} longer or shorter",
        f"| {' or '.join(map(str, backoff.BUSY))} with `Retry-After` |",
        f"| {backoff.GONE} | The endpoint is disabled.",
    ],
)
def test_numbers_are_those_of_the_code(words: str) -> None:
    assert words in DOCUMENT, f"docs/webhooks.md is to say: {words}"


def test_readme_begins_as_the_document_does() -> None:
    assert find_blocks("sh", README) == find_blocks("sh")[:2]


def test_commands_of_the_document_succeed(environment: Environment, tmp_path: Path) -> None:
    """Each command of the operators' block succeeds, in their order."""
    run_claimdesk(environment, tmp_path, "db", "upgrade")
    webhook = delivery_id = ""
    chats, brokers, operators = find_blocks("sh")[2:5]
    wide_environment = environment | {"CLAIMDESK_WEBHOOK_ALLOW_CIDRS": "10.1.0.5/32"}
    for block in (chats, brokers):
        (create,) = (line for line in block.splitlines() if line.startswith("claimdesk"))
        run_claimdesk(wide_environment, tmp_path, *shlex.split(create, comments=True)[1:])
        (created_webhook,) = json.loads(
            run_claimdesk(wide_environment, tmp_path, "webhooks", "list", "--json")
        )
        run_claimdesk(wide_environment, tmp_path, "webhooks", "remove", created_webhook["id"])
    for line in operators.splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "claimdesk"
        # A literal address is looked up nowhere.
        values = {"ID": webhook, "DELIVERY": delivery_id}
        arguments = [
            values.get(word, word).replace("cms.example.org", "93.184.215.14") for word in words[1:]
        ]
        run_claimdesk(environment, tmp_path, *arguments)
        if words[2] == "create":
            (endpoint,) = json.loads(
                run_claimdesk(environment, tmp_path, "webhooks", "list", "--json")
            )
            webhook = endpoint["id"]
        if words[2] == "ping":
            deliveries = run_claimdesk(
                environment, tmp_path, "webhooks", "deliveries", webhook, "--json"
            )
            (ping,) = json.loads(deliveries)
            delivery_id = ping["id"]


def run_claimdesk(environment: Environment, folder: Path, *arguments: str) -> str:
    """What a command that succeeds prints."""
    process = run_to_end(arguments, folder, environment)
    assert process.returncode == 0, process.stderr
    return process.stdout


def wait_for_listener(port: int) -> None:
    """Wait until somebody listens there."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"nothing listens on port {port}")


def post_signed(port: int, secret: str, signed: bytes, content: bytes, *, age: int = 0) -> int:
    """Send a body with our signature of another, or of itself; gives the status."""
    headers = signatures.build_headers([secret], "evt_1", int(time.time()) - age, signed)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", content, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def prove_receiver(
    receiver: list[str | Path], port: int, folder: Path, environment: Environment
) -> None:
    """Hold an example, which listens on `port`, against what a server really sends it.

    It takes a ping and a claim of the record, in the alphabets of the world; it refuses them
    changed, signed with another secret, or old.
    """
    receiver_url = f"http://127.0.0.1:{port}"
    created_webhook = json.loads(
        run_claimdesk(environment, folder, "webhooks", "create", receiver_url, "--json")
    )
    webhook, secret = created_webhook["id"], created_webhook["secret"]
    admin = ("keys", "create", "--name", "Test", "--role", "admin", "--json")
    key = json.loads(run_claimdesk(environment, folder, *admin))["key"]
    with (
        run_process([CLAIMDESK, "serve", "--port", "0"], folder, environment) as wait_for_line,
        run_process(receiver, folder, environment | {"SECRET": secret}) as read_printed,
    ):
        address = wait_for_line("Claimdesk ").rpartition(" on ")[2]

        def call(path: str, body: Any = None) -> Any:
            content = None if body is None else json.dumps(body).encode()
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            request = urllib.request.Request(f"{address}/v1/{path}", content, headers)
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)

        wait_for_listener(port)
        ping = call(f"webhooks/{webhook}/ping", {})
        assert ping["id"] in read_printed("webhook.ping")
        call("parties", {"slug": "belgrade", "name": "Belgrade"})
        call("claims", build_claim(text=TEXT))
        line = read_printed("claim.created")
        deadline = time.monotonic() + 30
        while True:
            delivery, *rest = call(f"webhooks/{webhook}/deliveries")["items"]
            if {each["state"] for each in (delivery, *rest)} == {"delivered"}:
                break
            assert time.monotonic() < deadline, (delivery, rest)
            time.sleep(0.1)
        assert delivery["id"] in line
        assert [each["id"] for each in rest] == [ping["id"]]
        body = call(f"webhooks/{webhook}/deliveries/{delivery['id']}")["body"].encode()
        assert TEXT.encode() in body

        assert post_signed(port, secret, body, body) == 204
        assert post_signed(port, secret, body, body.replace(b"asserted", b"confirmed")) == 401
        assert post_signed(port, secret, body, body + b" ") == 401
        assert post_signed(port, make_secret(), body, body) == 401
        assert post_signed(port, secret, body, body, age=400) == 401


def test_first_commands_end_in_a_verified_ping(environment: Environment, tmp_path: Path) -> None:
    """The four commands as the document has them, ports apart, end in a verified ping."""
    lines = [line.partition("#")[0].split() for line in find_blocks("sh")[1].splitlines()]
    serve, listen, create, ping = [[str(CLAIMDESK), *line[1:]] for line in lines]
    assert [line[1] for line in (listen, create, ping)] == ["webhooks"] * 3
    port = find_free_port()
    with run_process([*serve, "--port", "0"], tmp_path, environment) as wait_for_line:
        wait_for_line("Claimdesk ")
        # Where nobody can paste it, the secret is in the variable; tests/cli pastes it.
        address = create[3].replace("9000", str(port))
        secret = run_claimdesk(environment, tmp_path, *create[1:3], address).strip()
        (webhook,) = json.loads(run_claimdesk(environment, tmp_path, "webhooks", "list", "--json"))
        settings = environment | {"CLAIMDESK_WEBHOOK_SECRET": secret}
        with run_process([*listen, "--port", str(port)], tmp_path, settings) as process:
            process("Listening on")
            assert ping[3] == "ID"
            run_claimdesk(environment, tmp_path, *ping[1:3], webhook["id"])
            process("webhook.ping")
            assert process("  id ").endswith("verified")
            assert "unverified" not in process("  id ")


def test_receiver_in_python_verifies_what_is_sent(environment: Environment, tmp_path: Path) -> None:
    """The Python example verifies what we send and refuses what was changed, is another's or is
    old."""
    (example,) = find_blocks("python")
    port = find_free_port()
    assert example.count("9000") == 1
    program = tmp_path / "receiver.py"
    program.write_text(example.replace("9000", str(port)))
    prove_receiver([sys.executable, program], port, tmp_path, environment)


def test_receiver_in_node_verifies_what_is_sent(
    environment: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Node example does as the Python one.  Where Node or the package cannot be had, it is
    not tried, and the run's summary says so."""
    (example,) = find_blocks("js")
    port = find_free_port()
    assert example.count("9000") == 1
    missing = _install_package(tmp_path)
    if missing is not None:
        words = f"THE NODE RECEIVER OF docs/webhooks.md WAS NOT TRIED: {missing}"
        with capsys.disabled():
            print(f"\n{words}", file=sys.stderr)
        pytest.skip(words)
    program = tmp_path / "receiver.mjs"
    program.write_text(example.replace("9000", str(port)))
    prove_receiver(["node", program], port, tmp_path, environment)


def _install_package(folder: Path) -> str | None:
    """Install the published library with npm; gives why that cannot be."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            return f"there is no {tool} on the PATH"
    (folder / "package.json").write_text("{}")
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
    try:
        process = subprocess.run(
            ["npm", "install", *options, "--fetch-retries=1", PACKAGE],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"npm install {PACKAGE} took longer than 90 s"
    return f"npm install {PACKAGE}: {process.stderr[-500:]}" if process.returncode else None
