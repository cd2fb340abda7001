"""Tools that come from npm: installed for a test, and said loudly where they cannot be had."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

QUIET = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1")


def install(folder: Path, packages: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Install `packages` into `folder`, or skip the test and say so where nobody overlooks it."""
    missing = _install(folder, packages)
    if missing is not None:
        skip(packages, missing, capsys)


def skip(packages: tuple[str, ...], missing: str, capsys: pytest.CaptureFixture[str]) -> NoReturn:
    """Skip the test, and say so where nobody overlooks it."""
    words = f"NOT TRIED WITH {' AND '.join(packages)}: {missing}"
    with capsys.disabled():
        print(f"\n{words}", file=sys.stderr)
    pytest.skip(words)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """One of the tools that were installed there."""
    program = folder / "node_modules" / ".bin" / command[0]
    return subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _install(folder: Path, packages: tuple[str, ...]) -> str | None:
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            return f"there is no {tool} on the PATH"
    (folder / "package.json").write_text("{}")
    try:
        process = subprocess.run(
            ["npm", "install", *QUIET, *packages],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "npm install took longer than 300 s"
    return process.stderr[-500:] if process.returncode else None
