"""Where the measurements keep what they use again: loaded desks, and programs that are not ours."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def folder() -> Path:
    """CLAIMDESK_BENCH_CACHE, or a folder of this account under /var/tmp."""
    named = os.environ.get("CLAIMDESK_BENCH_CACHE")
    return Path(named or f"/var/tmp/claimdesk-bench-{os.getuid()}").absolute()  # noqa: S108
