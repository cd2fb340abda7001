"""The README is true: its commands run, and print what it says they print."""

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
MARK = "--- next ---"


def session() -> list[tuple[str, str]]:
    """The commands of all console blocks in order, each with the output shown for it."""
    steps: list[tuple[str, str]] = []
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], ""))
            else:
                command, shown = steps[-1]
                steps[-1] = (command, shown + line + "\n")
    return steps


@pytest.fixture
def server(tmp_path: Path) -> object:
    """`claimdesk serve --seed` on an empty embedded database; gives its environment and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CLAIMDESK_")
    } | {"CLAIMDESK_DATABASE_URL": f"sqlite:///{tmp_path}/claimdesk.db"}
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


def test_the_session_prints_what_the_readme_says(
    server: tuple[dict[str, str], int], tmp_path: Path
) -> None:
    """From the seed article's C1 to its print line, in the very words of the README."""
    assert shutil.which("curl"), "install curl: the README speaks in it"
    environment, port = server
    steps = session()
    assert len(steps) > 20
    script = "\n".join(f"{command}\necho '{MARK}'" for command, _ in steps)
    script = script.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}")
    script = script.replace("$PWD/.venv/bin", str(Path(sys.executable).parent))
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    printed = done.stdout.split(f"{MARK}\n")[:-1]
    for (command, shown), output in zip(steps, printed, strict=True):
        assert output == shown, f"$ {command}\n{done.stderr[-2000:]}"


def test_the_configuration_table_is_complete() -> None:
    """Every setting is in the table with its default and meaning, and nothing else is."""
    shown = dict(re.findall(r"^\| `(CLAIMDESK_\w+)` \| `(.*?)` \|", README, re.MULTILINE))
    assert shown.keys() == {f"CLAIMDESK_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        assert str(field.description) in README, name


def test_what_the_map_names_is_there() -> None:
    """Every folder and file of the map exists."""
    for row in re.findall(r"^\| (`.*?) \| .* \| (.*?) ?\|$", README, re.MULTILINE):
        folders = [one for one in re.findall(r"`([\w/]+/)`", row[0]) if "/" in one]
        for folder in folders:
            assert (ROOT / folder).is_dir(), folder
        for file in re.findall(r"`([\w./]+\.py)`", row[1]):
            assert any((ROOT / folder / file).is_file() for folder in folders), file


def test_decisions_are_numbered_without_gaps() -> None:
    """Each page says what was decided and what was left."""
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
