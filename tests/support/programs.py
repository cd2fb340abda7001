"""Programs around Claimdesk, for tests of what stands before its database or takes its webhooks.

`python -m tests.support.programs` installs with apt what is missing, where we are root; it never
fails: a test that goes without one is skipped, and says which.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PACKAGES = {
    "pgbouncer": "pgbouncer",
    "haproxy": "haproxy",
    "etcd": "etcd-server",
    "patroni": "patroni",
    "patronictl": "patroni",
    "pg_ctl": "postgresql",
    "nats-server": "nats-server",
    "redis-server": "redis-server",
}
"""The programs, by the package of Debian's that has them."""
FOLDERS = ("/usr/sbin", "/usr/local/sbin")
"""Where Debian keeps some of them: not on everybody's path."""
APT_SECONDS = 600


def find_program(program: str) -> str | None:
    """The path of a program, if it is there."""
    if program == "pg_ctl":
        paths = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        return str(paths[-1]) if paths else shutil.which(program)
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(FOLDERS))


def require_programs(*programs: str) -> tuple[str, ...]:
    """The paths of these programs; skips the test where one is missing, and says so."""
    paths = [find_program(program) for program in programs]
    for program, path in zip(programs, paths, strict=True):
        if path is None:
            pytest.skip(f"not run: no {program} here (apt-get install {PACKAGES[program]})")
    return tuple(path for path in paths if path is not None)


def find_account() -> dict[str, Any]:
    """As whom to run them: several refuse root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise OSError("several of these programs refuse root, and there is no other account")


def grant_to_account(*paths: Path) -> None:
    """Let that account read and write there."""
    account = find_account()
    if account:
        for path in paths:
            os.chown(path, account["user"], account["group"])


def install_programs() -> list[str]:
    """Install what is missing, where we may; gives what is missing all the same."""
    missing = [program for program in PACKAGES if find_program(program) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        packages = sorted({PACKAGES[program] for program in missing})
        print(f"programs     from apt: {' '.join(packages)}", flush=True)
        # Nothing of theirs is to start: tests start their own.
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        ):
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    command,
                    env=quiet,
                    check=False,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=APT_SECONDS,
                )
        missing = [program for program in missing if find_program(program) is None]
    return missing


if __name__ == "__main__":
    lacking = install_programs()
    if lacking:
        print(f"programs     not here: {' '.join(lacking)}; their tests are not run")
