"""A client that openapi-python-client makes of our document."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "openapi" / "openapi.json"
TOOLS = Path(sys.executable).parent
PACKAGE = "claimdesk_client"


def generate(folder: Path) -> subprocess.CompletedProcess[str]:
    """Write the package into `folder`; whatever the generator warns of is an error."""
    return subprocess.run(
        [
            TOOLS / "openapi-python-client",
            "generate",
            f"--path={DOCUMENT}",
            f"--config={DOCUMENT.with_name('python-client.yaml')}",
            "--meta=none",
            f"--output-path={folder / PACKAGE}",
            "--fail-on-warning",
        ],
        cwd=folder,
        # It formats what it wrote with ruff.
        env=os.environ | {"PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
