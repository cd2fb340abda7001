"""Tests of the desk, run once more through a pgbouncer: in either mode they come out the same.

`make pooled` runs every test so.
"""

from collections.abc import Iterator

import pytest

from service.config import Settings
from tests.api.test_as_of import (
    test_statement_recorded_late_changes_no_earlier_answer as test_as_of,
)
from tests.api.test_idempotency import test_concurrent_retries_are_carried_out_once as test_retries
from tests.api.test_journey import (
    test_claim_is_confirmed_by_two_people_and_every_instant_is_kept as test_journey,
)
from tests.api.test_matrix import test_matrix_of_the_article_follows_the_rules as test_matrix
from tests.api.test_search import test_changed_claim_is_found_by_its_new_words as test_search
from tests.api.test_timeline import (
    test_timeline_of_the_article_is_complete_page_by_page as test_timeline,
)
from tests.record.test_tail import test_tail_misses_no_event_of_concurrent_writers as test_tail
from tests.store.test_transactions import (
    test_fifty_concurrent_deciders_lose_no_change as test_deciders,
)
from tests.store.test_transactions import test_readers_cannot_write as test_readers
from tests.support.pooler import Pooler
from tests.support.postgres import PostgresServer
from tests.verification.test_verification import test_seeded_desk_verifies as test_verify

__all__ = [
    "test_as_of",
    "test_deciders",
    "test_journey",
    "test_matrix",
    "test_readers",
    "test_retries",
    "test_search",
    "test_tail",
    "test_timeline",
    "test_verify",
]


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.fixture
def database_url(pooler: Pooler, postgres: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    """A database of the test's own, reached through the pooler."""
    url = postgres.create_database(template=migrated_postgres)
    yield pooler.url(url)
    postgres.drop_database(url)


@pytest.fixture
def settings(settings: Settings, pooler: Pooler) -> Settings:
    """In session mode an operator says so; transaction mode is found out."""
    mode = "session" if pooler.mode == "session" else "auto"
    return settings.model_copy(update={"database_pooler": mode})
