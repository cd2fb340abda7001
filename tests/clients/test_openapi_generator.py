"""openapi-generator makes clients of our document in three languages; the Python one works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.openapi_generator import PACKAGE, generate_client, list_complaints
from tests.faults.served import create_key, serve

JOURNEY = Path(__file__).with_name("generated_journey.py")
IMPORT_ALL = f"""
import importlib, pkgutil, {PACKAGE}
for module in pkgutil.walk_packages({PACKAGE}.__path__, "{PACKAGE}."):
    importlib.import_module(module.name)
"""


@pytest.fixture(scope="module")
def python_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the generated Python package."""
    folder = tmp_path_factory.mktemp("python-client")
    generation = generate_client("python", folder)
    assert generation.returncode == 0, generation.stdout + generation.stderr
    assert list_complaints(generation.stdout + generation.stderr) == []
    return folder


def run_python(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("language", ["typescript-fetch", "java"])
def test_client_is_generated_without_complaint(language: str, tmp_path: Path) -> None:
    generation = generate_client(language, tmp_path)
    assert generation.returncode == 0, generation.stdout + generation.stderr
    assert list_complaints(generation.stdout + generation.stderr) == []
    (claims_api,) = tmp_path.rglob("ClaimsApi.*[!d]")
    signature = {"typescript-fetch": "Promise<ClaimView>", "java": "ClaimView createClaim("}
    assert signature[language] in claims_api.read_text()


def test_every_generated_python_module_can_be_imported(python_client: Path) -> None:
    import_run = run_python(python_client, "-c", IMPORT_ALL)
    assert import_run.returncode == 0, import_run.stderr


def test_generated_python_client_confirms_a_claim(
    python_client: Path, database_url: str, tmp_path: Path
) -> None:
    keys = [create_key(database_url, tmp_path, role)["key"] for role in ("checker", "editor")]
    with serve(database_url, tmp_path) as server:
        process = run_python(python_client, JOURNEY, server.url, *keys)
    assert process.returncode == 0, process.stderr
    assert process.stdout == "the journey ended well\n"
