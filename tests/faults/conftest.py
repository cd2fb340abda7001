"""The stage of a fault, and how big a fault is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config import Settings
from tests.faults.stage import Stage

LONG = os.environ.get("CLAIMDESK_FAULTS") == "long"
"""`make faults`: the same tests, thousands of deliveries."""


@pytest.fixture
def long() -> bool:
    return LONG


@pytest.fixture
def stage(database_url: str, settings: Settings, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(database_url, tmp_path, settings)
    yield stage
    stage.close()
