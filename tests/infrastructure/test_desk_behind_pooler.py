"""Tests of the desk, run once more through a pgbouncer: in either mode they come out the same.

`make pooled` runs every test so.
"""

from collections.abc import Iterator

import pytest

from service.config import Settings
from tests.api.test_as_of import test_a_late_arrival_changes_no_earlier_answer as test_as_of
from tests.api.test_idempotency import test_many_at_once_are_carried_out_once as test_retries
from tests.api.test_journey import (
    test_from_claim_to_confirmation_with_what_was_known_at_each_instant as test_journey,
)
from tests.api.test_matrix import test_the_article_read_carefully as test_matrix
from tests.api.test_search import test_changed_claim_is_found_by_its_new_words as test_search
from tests.api.test_timeline import test_the_article as test_timeline
from tests.record.test_tail import test_tail_misses_no_event_of_concurrent_writers as test_tail
from tests.store.test_transactions import (
    test_fifty_concurrent_deciders_lose_no_change as test_deciders,
)
from tests.store.test_transactions import test_readers_cannot_write as test_readers
from tests.support.pooler import Pooler
from tests.support.postgres import PostgresServer
from tests.verification.test_verification import test_the_seeded_desk_is_in_order as test_verify

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
