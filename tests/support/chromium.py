"""Chromium for the desk's tests: the system's, installed where we may, named where we may not.

`python -m tests.support.chromium` installs it with apt where it is missing and we are root, and
fails with the remedy where that does not help.  `CLAIMDESK_TEST_CHROMIUM` names another.
"""

import os
import shutil
import subprocess
import sys

ENVIRONMENT = "CLAIMDESK_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
REMEDY = f"""\
Tests of the desk need Chromium, and found none. Any one of these helps:
  - install it:  apt-get install chromium   (or: dnf install chromium, brew install chromium)
  - name it:     {ENVIRONMENT}=/path/to/chromium"""
OPTIONS = (
    "--no-sandbox",  # root, in containers
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
APT_SECONDS = 600


def find_chromium() -> str | None:
    """The path of a Chromium, if there is one."""
    named_path = os.environ.get(ENVIRONMENT)
    paths = [named_path] if named_path else [*map(shutil.which, NAMES), MAC]
    return next((path for path in paths if path and os.access(path, os.X_OK)), None)


def provide_chromium() -> str:
    """The path of a Chromium.  Raises RuntimeError with the remedy."""
    path = find_chromium()
    if path is None:
        raise RuntimeError(REMEDY)
    return path


def install_chromium() -> str:
    """`provide_chromium`, after an attempt to install it."""
    if (
        find_chromium() is None
        and hasattr(os, "geteuid")
        and os.geteuid() == 0
        and shutil.which("apt-get")
    ):
        print("chromium     from apt: the desk's tests need it", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
        ):
            subprocess.run(
                command, env=quiet, check=False, stdout=subprocess.DEVNULL, timeout=APT_SECONDS
            )
    return provide_chromium()


if __name__ == "__main__":
    try:
        install_chromium()
    except RuntimeError as error:
        sys.exit(str(error))
