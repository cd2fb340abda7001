"""The stage of a fault."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config import Settings
from tests.faults.stage import Stage


@pytest.fixture
def stage(database_url: str, settings: Settings, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(database_url, tmp_path, settings)
    yield stage
    stage.close()
