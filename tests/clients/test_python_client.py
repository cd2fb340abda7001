"""Others generate their clients from our document: so do we, and work with it over a socket."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.generated import DOCUMENT, PACKAGE, generate
from tests.faults.served import create_key, serve

JOURNEY = Path(__file__).with_name("journey.py")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the generated package lies; every warning is a failure."""
    folder = tmp_path_factory.mktemp("generated")
    generation = generate(folder)
    assert generation.returncode == 0, generation.stdout + generation.stderr
    assert (generation.stdout.strip(), generation.stderr) == (f"Generating {folder / PACKAGE}", "")
    return folder


def test_every_operation_is_generated(generated: Path) -> None:
    """openapi-python-client makes a module of each operation, under the operation's name."""
    document = json.loads(DOCUMENT.read_text())
    modules = [path.stem for path in (generated / PACKAGE / "api").glob("*/[!_]*.py")]
    assert sorted(modules) == sorted(
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    )


def test_generated_client_confirms_a_claim(
    generated: Path, database_url: str, tmp_path: Path
) -> None:
    """It records, links, proposes, approves, reads as of an instant, pages, and understands
    refusals, over a socket."""
    keys = [create_key(database_url, tmp_path, role)["key"] for role in ("checker", "editor")]
    with serve(database_url, tmp_path) as server:
        process = subprocess.run(
            [sys.executable, "-W", "error", JOURNEY, server.url, *keys],
            env=os.environ | {"PYTHONPATH": str(generated)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert process.returncode == 0, process.stderr
    assert process.stdout == "the journey ended well\n"
