"""README.md, docs/api.md and docs/rules.md are true: their commands print what the pages say."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from service.config import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
RULES = (ROOT / "docs" / "rules.md").read_text()
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
MARK = "--- next ---"


def list_steps() -> list[tuple[str, str]]:
    """List the commands of the console blocks, each with the output shown for it.

    The examples of docs/api.md go on from the README's tour, before anything falls.
    """
    tour, heading, fall = README.partition("## When what was printed falls\n")
    assert heading
    steps: list[tuple[str, str]] = []
    for block in re.findall(r"```console\n(.*?)```", tour + API + fall + RULES, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], ""))
            else:
                command, output = steps[-1]
                steps[-1] = (command, output + line + "\n")
    return steps


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> object:
    """Serve an empty embedded database with `claimdesk serve --seed`; its environment and port."""
    port = find_free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CLAIMDESK_")
    }
    # What shell 1 of the README exports.
    environment |= dict(re.findall(r"(CLAIMDESK_WEBHOOK_\w+)=(\S+)", README))
    environment["CLAIMDESK_DATABASE_URL"] = f"sqlite:///{tmp_path}/claimdesk.db"
    process = subprocess.Popen(
        [Path(sys.executable).parent / "claimdesk", "serve", "--seed", "--port", str(port)],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                    break
            except OSError:
                time.sleep(0.1)
        yield environment, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_commands_print_what_the_pages_say(
    server: tuple[dict[str, str], int], tmp_path: Path
) -> None:
    assert shutil.which("curl"), "install curl: the README speaks in it"
    environment, port = server
    steps = list_steps()
    assert len(steps) > 50
    script = "\n".join(f"{command}\necho '{MARK}'" for command, _ in steps)
    script = script.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}")
    script = script.replace("9001", str(find_free_port()))
    script = script.replace("$PWD/.venv/bin", str(Path(sys.executable).parent))
    script = script.replace("docs/pick.py", str(ROOT / "docs" / "pick.py"))
    process = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    outputs = process.stdout.split(f"{MARK}\n")[:-1]
    for (command, expected), output in zip(steps, outputs, strict=True):
        assert output == expected, f"$ {command}\n{process.stderr[-2000:]}"


def test_every_setting_is_in_the_table_with_its_meaning() -> None:
    rows = re.findall(r"^\| `(CLAIMDESK_\w+)` \| `(.*?)` \|", CONFIGURATION, re.MULTILINE)
    assert dict(rows).keys() == {f"CLAIMDESK_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        assert str(field.description) in CONFIGURATION, name


def test_files_that_the_map_names_exist() -> None:
    for row in re.findall(r"^\| (`.*?) \| .* \| (.*?) ?\|$", ARCHITECTURE, re.MULTILINE):
        folders = re.findall(r"`([\w/]+/)`", row[0])
        for folder in folders:
            assert (ROOT / folder).is_dir(), folder
        for file in re.findall(r"`([\w./]+\.py)`", row[1]):
            assert any((ROOT / folder / file).is_file() for folder in folders), file


def test_decisions_are_numbered_without_gaps() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
