"""Fixtures: a board of endpoints and deliveries on each kind of database, and a dispatcher's
log."""

from datetime import UTC, datetime

import pytest
import structlog
from structlog.stdlib import BoundLogger
from structlog.testing import LogCapture

from service.store.engine import Database
from service.webhooks import dispatcher
from tests.webhooks.board import Board


@pytest.fixture
def board(database: Database) -> Board:
    return Board(database)


@pytest.fixture
def live_board(database: Database) -> Board:
    """A board whose clock is the real one, as a running dispatcher needs."""
    board = Board(database)
    board.now = datetime.now(UTC)
    return board


@pytest.fixture
def dispatcher_log(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    """What the dispatcher logs."""
    capture = LogCapture()
    logger = structlog.wrap_logger(None, processors=[capture], wrapper_class=BoundLogger)
    monkeypatch.setattr(dispatcher, "log", logger)
    return capture
