"""Private feeds in others' feed readers: `reader` from PyPI, and rss-parser from npm."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.external.npm import install, skip
from tests.faults.served import create_key, serve
from tests.support.desk import build_claim

HERE = Path(__file__).parent
# sgmllib is no part of Python any more, and feedparser, by which `reader` reads, asks for it.
PYTHON_READER = ("reader==3.*", "sgmllib3k==1.*")
NODE_READER = ("rss-parser@3",)
FIRST, SECOND = "Asserted: Two battalions left", "Asserted: The bridge is closed"


@contextmanager
def run_reader(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A reader that answers each line with a line."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_feed(process: subprocess.Popen[str]) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def install_python(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Install `reader` into an environment of its own; returns its Python."""
    python = folder / "env" / "bin" / "python"
    for command in (
        (sys.executable, "-m", "venv", str(folder / "env")),
        (str(python), "-m", "pip", "install", "--quiet", "--retries=1", *PYTHON_READER),
    ):
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        if process.returncode:
            skip(PYTHON_READER, process.stderr[-500:], capsys)
    return str(python)


def install_reader(kind: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Install a reader; returns the command that follows a feed with it."""
    if kind == "python":
        return [install_python(folder, capsys), str(HERE / "follow_feed.py")]
    install(folder, NODE_READER, capsys)
    shutil.copy(HERE / "follow_feed.cjs", folder)
    return ["node", str(folder / "follow_feed.cjs")]


def post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    answer_body: dict[str, Any] = answer.json()
    return answer_body


@pytest.mark.parametrize("kind", ["python", "node"])
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_reader_follows_a_private_feed_until_it_is_revoked(
    kind: str, tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has what is new the next time it looks; revoked, the feed is gone within a second."""
    command = install_reader(kind, tmp_path, capsys)
    key = create_key(database_url, tmp_path, "editor")["key"]
    with (
        serve(database_url, tmp_path) as server,
        httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {key}"}, timeout=30
        ) as client,
    ):
        post(client, "/v1/parties", {"slug": "belgrade", "name": "Belgrade", "kind": "government"})
        post(client, "/v1/stories", {"slug": "border", "title": "The border"})
        post(client, "/v1/claims", build_claim(story="border", text="Two battalions left"))
        feed = post(client, "/v1/me/feeds", {"story": "border"})
        address = f"{server.url}/feeds/{feed['url'].partition('/feeds/')[2]}"
        with run_reader(*command, address) as process:
            assert read_feed(process) == FIRST
            post(client, "/v1/claims", build_claim(story="border", text="The bridge is closed"))
            assert read_feed(process) == f"{SECOND} | {FIRST}"
            assert client.delete(f"/v1/me/feeds/{feed['id']}").status_code == 204
            revoked_at = time.monotonic()
            assert read_feed(process) == "gone"
            assert time.monotonic() - revoked_at < 1
