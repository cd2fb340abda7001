"""The OpenAPI document in the hands of others' tools: `make check-external`."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.generated import DOCUMENT
from tests.clients.openapi_generator import generate_client
from tests.external.npm import install, run
from tests.faults.served import create_key, serve

TYPESCRIPT = ("openapi-typescript@7", "typescript@5")
REDOCLY = ("@redocly/cli@2",)
PROGRAM = Path(__file__).with_name("program.ts")
# What has a default may be left out of what is sent; the tool takes it for always there.
OPTIONAL = "--default-non-nullable=false"
FETCH_JOURNEY = Path(__file__).with_name("fetch_journey.ts")
COMPILED = ("--strict", "--target", "es2022", "--module", "commonjs", "--outDir", "out")
STRICT = ("--noEmit", "--strict", "--noUncheckedIndexedAccess", "--target", "es2022")


def test_typescript_types_compile_and_reject_a_wrong_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """openapi-typescript makes types with which a program compiles, and a wrong one does not."""
    install(tmp_path, TYPESCRIPT, capsys)
    generation = run(
        tmp_path, "openapi-typescript", OPTIONAL, str(DOCUMENT), "-o", "claimdesk.d.ts"
    )
    assert generation.returncode == 0, generation.stderr
    shutil.copy(PROGRAM, tmp_path)
    check = run(tmp_path, "tsc", *STRICT, PROGRAM.name)
    assert check.returncode == 0, check.stdout


def test_typescript_client_records_and_reads_a_claim(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """openapi-generator's typescript-fetch client compiles, and works against a server."""
    install(tmp_path, ("typescript@5", "@types/node@20"), capsys)
    generation = generate_client("typescript-fetch", tmp_path / "client")
    assert generation.returncode == 0, generation.stdout + generation.stderr
    shutil.copy(FETCH_JOURNEY, tmp_path)
    compilation = run(tmp_path, "tsc", *COMPILED, FETCH_JOURNEY.name)
    assert compilation.returncode == 0, compilation.stdout
    checker = create_key(database_url, tmp_path, "checker")["key"]
    with serve(database_url, tmp_path) as server:
        process = subprocess.run(
            ["node", tmp_path / "out" / "fetch_journey.js", server.url, checker],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (process.returncode, process.stdout) == (0, "the journey ended well\n"), process.stderr


def test_redocly_finds_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Redocly's strict rules hold, but for those that openapi/redocly.yaml gives a reason for."""
    install(tmp_path, REDOCLY, capsys)
    rules = DOCUMENT.with_name("redocly.yaml")
    report = run(tmp_path, "redocly", "lint", f"--config={rules}", str(DOCUMENT))
    assert report.returncode == 0, report.stdout + report.stderr
    assert "Your API description is valid" in report.stdout + report.stderr
